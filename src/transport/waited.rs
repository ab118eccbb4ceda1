//! A socket that the thread which drives its connection waits for itself, with no reactor in between.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConnection;
use socket2::SockRef;

use super::hand::{Hand, Reading};

/// No wait takes longer: signals' handlers have their turn then, and clocks are looked at.
const WAIT: Duration = Duration::from_millis(50);

/// A socket that blocks, and the TLS session on it.
#[derive(Debug)]
pub struct Waited {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
    hand: Arc<Hand>,
    /// It had no room for what was to be written last.
    is_full: bool,
}

impl Waited {
    /// A socket that was connected elsewhere.
    ///
    /// # Errors
    /// Where the system does not let it wait.
    pub fn new(socket: TcpStream, tls: Option<ClientConnection>, hand: Arc<Hand>) -> io::Result<Self> {
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(WAIT))?;
        Ok(Self {
            socket,
            tls: tls.map(Box::new),
            hand,
            is_full: false,
        })
    }

    /// Reads as far as it may.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where nothing came or may be read, and what the system or TLS says.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self {
            socket,
            tls,
            hand,
            is_full,
        } = self;
        let mut incoming = Incoming {
            socket,
            hand,
            is_full: *is_full,
        };
        let Some(tls) = tls else {
            return incoming.read(buffer);
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
            let count = tls.read_tls(&mut incoming)?;
            let processed = tls.process_new_packets();
            // An alert, or an answer of the handshake's kind. If it cannot be written, what came is worth more.
            while tls.wants_write() && tls.write_tls(&mut Outgoing(socket)).is_ok() {}
            processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            if count == 0 {
                return tls.reader().read(buffer);
            }
        }
    }

    /// Writes what there is room for, and waits for nothing.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where there is none, and what the system says.
    pub fn write(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        if self.tls.is_none() {
            let written = send(&self.socket, parts);
            return self.noted(written);
        }
        self.flush()?;
        let Some(tls) = &mut self.tls else { return Ok(0) };
        let count = tls.writer().write_vectored(parts)?;
        match self.flush() {
            // It is written before what comes next.
            Err(error) if !is_pause(&error) => Err(error),
            _ => Ok(count),
        }
    }

    /// Writes what TLS has still to write.
    ///
    /// # Errors
    /// As for [`Waited::write`].
    pub fn flush(&mut self) -> io::Result<()> {
        while let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
            let written = tls.write_tls(&mut Outgoing(&self.socket));
            self.noted(written)?;
        }
        Ok(())
    }

    fn noted(&mut self, written: io::Result<usize>) -> io::Result<usize> {
        let was_full = std::mem::replace(&mut self.is_full, written.as_ref().is_err_and(is_pause));
        if was_full && !self.is_full {
            self.hand.go_on();
        }
        written
    }

    /// Tells the server that nothing more is said.
    pub fn shut_down(&self) {
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}

/// The reading side.
struct Incoming<'a> {
    socket: &'a TcpStream,
    hand: &'a Hand,
    is_full: bool,
}

impl Read for Incoming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let may = self.hand.may_read();
        let read = match may {
            Reading::Nothing => Err(io::ErrorKind::WouldBlock.into()),
            Reading::Await if !self.is_full => self.socket.read(buffer),
            Reading::Await => {
                wait_for_either(self.socket);
                receive(self.socket.as_raw_fd(), buffer, false)
            }
            Reading::Look => receive(self.socket.as_raw_fd(), buffer, false),
        };
        // Whether there is more is not asked, but of one that writes: its answer may end the need to.
        let next = if self.is_full && may != Reading::Nothing {
            Reading::Look
        } else {
            Reading::Nothing
        };
        self.hand.let_read(next);
        match &read {
            Ok(_) => self.hand.go_on(),
            Err(_) => self.hand.want_to_read(),
        }
        read
    }
}

/// The writing side.
struct Outgoing<'a>(&'a TcpStream);

impl Write for Outgoing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        send(self.0, &[io::IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        send(self.0, parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Whether it goes on after that: nothing came in time, there was no room, or a signal came.
pub fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// Waits until there is something to read or room to write, or for a while.
#[expect(unsafe_code, reason = "the standard library does not wait for both")]
fn wait_for_either(socket: &TcpStream) {
    let mut poll = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLIN | libc::POLLOUT,
        revents: 0,
    };
    let millis = libc::c_int::try_from(WAIT.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: the pointer is to one of them.
    unsafe { libc::poll(&raw mut poll, 1, millis) };
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
/// The socket itself is set so that it raises no signal.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// Writes what there is room for, without waiting for more.
fn send(socket: &TcpStream, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
    SockRef::from(socket).send_vectored_with_flags(parts, SEND_FLAGS)
}

/// What has come, without waiting for it; if it is only a `peek`, it is there to be read afterwards.
#[expect(unsafe_code, reason = "the standard library's sockets wait always or never")]
fn receive(socket: RawFd, buffer: &mut [u8], peek: bool) -> io::Result<usize> {
    let flags = if peek { libc::MSG_PEEK } else { 0 };
    // SAFETY: the pointer is to so many bytes.
    let count = unsafe {
        libc::recv(
            socket,
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            flags | libc::MSG_DONTWAIT,
        )
    };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Whether nothing has come on an idle connection, not even its end.
pub fn is_silent(socket: RawFd) -> bool {
    matches!(receive(socket, &mut [0], true), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

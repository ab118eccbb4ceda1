//! A connection that the thread which waits for it drives itself: hyper over a socket that blocks, with nothing in between.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, LOCATION};
use hyper::rt;
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Url;
use rustls::ClientConnection;
use rustls::pki_types::ServerName;
use socket2::SockRef;
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::{
    Answer, ConnectProbe, MAX_HEADERS, POOL_IDLE, Source, TCP_KEEPALIVE, Transport, answered, classify, classify_other,
    is_followed,
};
use crate::error::Error;
use crate::exchange::Request;
use crate::lock::lock;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// No wait takes longer: signals' handlers have their turn then, and clocks are looked at.
const WAIT: Duration = Duration::from_millis(50);

/// Nothing is read.
const NOT: u8 = 0;
/// What has come is read, once.
const LOOK: u8 = 1;
/// What comes next is read, once, and waited for.
const AWAIT: u8 = 2;

/// What hyper's side of the connection is told, and what it tells.
#[derive(Debug, Default)]
struct Signs {
    may_read: AtomicU8,
    /// More was asked for than had come.
    wants_to_read: AtomicBool,
    has_read: AtomicBool,
    /// The socket had no room for all that was to be written.
    wants_to_write: AtomicBool,
}

/// The connection of one lane. Requests that need a proxy go out by reqwest.
#[derive(Debug)]
pub struct Direct {
    transport: Arc<Transport>,
    base_is_tls: bool,
    live: Mutex<Option<Live>>,
    signs: Arc<Signs>,
    pool: OnceLock<reqwest::Client>,
}

#[derive(Debug)]
struct Live {
    origin: Origin,
    send: http1::SendRequest<reqwest::Body>,
    connection: Pin<Box<http1::Connection<Wire, reqwest::Body>>>,
    socket: Arc<TcpStream>,
    used: Instant,
}

#[derive(Debug, PartialEq, Eq)]
struct Origin {
    is_tls: bool,
    host: String,
    port: Option<u16>,
    /// How requests name it.
    header: HeaderValue,
}

impl Origin {
    fn of(url: &Url) -> Result<Self, Failed> {
        let host = url.host_str().unwrap_or_default();
        let header = match url.port() {
            Some(port) => HeaderValue::from_str(&format!("{host}:{port}")),
            None => HeaderValue::from_str(host),
        };
        Ok(Self {
            is_tls: is_tls(url),
            host: host.to_owned(),
            port: url.port(),
            header: header?,
        })
    }

    fn has(&self, url: &Url) -> bool {
        is_tls(url) == self.is_tls && url.port() == self.port && url.host_str() == Some(&self.host)
    }
}

fn is_tls(url: &Url) -> bool {
    url.scheme() == "https"
}

impl Direct {
    /// Nothing is connected yet. `None` where there is no such connection.
    #[must_use]
    pub fn new(transport: &Arc<Transport>, base_is_tls: bool) -> Option<Self> {
        Some(Self {
            transport: Arc::clone(transport),
            base_is_tls,
            live: Mutex::default(),
            signs: Arc::default(),
            pool: OnceLock::new(),
        })
    }

    /// Sends a request and brings the head of its reply, if whoever drives this [drives](Self::turn) the connection too.
    ///
    /// # Errors
    /// [`Error::Connection`], or [`Error::Configuration`] where a certificate is of no use.
    pub async fn execute(&self, request: &Request, probe: &Arc<ConnectProbe>, proxied: bool) -> Result<Answer, Error> {
        if proxied {
            return self.execute_pooled(request).await;
        }
        let mut response = self.execute_at(&request.url, request, probe).await?;
        let mut visited = Vec::new();
        while response.status().is_redirection() {
            let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let last = visited.last().unwrap_or(&request.url);
            let Some(next) = location.and_then(|to| last.join(to).ok()) else {
                break;
            };
            if visited.is_empty() {
                visited.push(request.url.clone());
            }
            if !is_followed(response.status(), &visited, &next) {
                break;
            }
            drop(response);
            // The connection is told.
            tokio::task::yield_now().await;
            response = self.execute_at(&next, request, probe).await?;
            visited.push(next);
        }
        Ok(response)
    }

    async fn execute_at(&self, url: &Url, request: &Request, probe: &ConnectProbe) -> Result<Answer, Error> {
        let failed = |error: Failed| classify_other(&*error);
        let mut outgoing = outgoing(url, request).map_err(failed)?;
        if self.has_usable(url) {
            match self.send(outgoing).await {
                Ok(response) => return Ok(response),
                Err((error, None)) => return Err(failed(error)),
                // The server had closed the connection and seen nothing of this request.
                Err((_, Some(unsent))) => outgoing = unsent,
            }
        }
        probe.begin();
        let live = self.connect(url).await?;
        probe.end();
        *lock(&self.live) = Some(live);
        self.send(outgoing).await.map_err(|(error, _)| failed(error))
    }

    async fn send(&self, mut request: Sent) -> Result<Answer, (Failed, Option<Sent>)> {
        let sending = lock(&self.live).as_mut().map(|live| {
            request
                .headers_mut()
                .entry(HOST)
                .or_insert_with(|| live.origin.header.clone());
            live.send.try_send_request(request)
        });
        let Some(sending) = sending else {
            return Err(("the connection was closed here".into(), None));
        };
        match sending.await {
            Ok(response) => Ok(response.map(Source::Direct)),
            Err(mut error) => {
                let unsent = error.take_message();
                Err((error.into_error().into(), unsent))
            }
        }
    }

    async fn execute_pooled(&self, request: &Request) -> Result<Answer, Error> {
        let pool = if let Some(pool) = self.pool.get() {
            pool
        } else {
            let made = self.transport.client(self.base_is_tls)?;
            self.pool.get_or_init(|| made)
        };
        let sent = pool.execute(request.to_reqwest()).await;
        sent.map(answered).map_err(|error| classify(&error, true))
    }

    /// Whether there is a connection to there that can be used again. That the server has closed it, or has sent what
    /// nobody asked for, is noticed.
    fn has_usable(&self, url: &Url) -> bool {
        let mut live = lock(&self.live);
        let usable = live.take_if(|live| {
            !(live.origin.has(url)
                && live.send.is_ready()
                && live.used.elapsed() < POOL_IDLE
                && is_silent(&live.socket))
        });
        drop(usable);
        live.is_some()
    }

    async fn connect(&self, url: &Url) -> Result<Live, Error> {
        let tls = is_tls(url).then(|| self.transport.tls(true)).transpose()?;
        let connecting = async {
            let origin = Origin::of(url)?;
            let mut connector = HttpConnector::new();
            connector.set_nodelay(true);
            connector.set_keepalive(Some(TCP_KEEPALIVE));
            connector.enforce_http(false);
            let mut socket = connector.call(url.as_str().parse()?).await?.into_inner();
            let tls = match tls {
                Some(config) => {
                    let name = ServerName::try_from(origin.host.trim_matches(['[', ']']).to_owned())?;
                    let connector = TlsConnector::from(Arc::new(config));
                    let (bare, tls) = connector.connect(name, socket).await?.into_inner();
                    socket = bare;
                    Some(Box::new(tls))
                }
                None => None,
            };
            self.signs.wants_to_read.store(false, Ordering::Relaxed);
            self.signs.wants_to_write.store(false, Ordering::Relaxed);
            let socket = socket.into_std()?;
            socket.set_nonblocking(false)?;
            socket.set_read_timeout(Some(WAIT))?;
            let socket = Arc::new(socket);
            let wire = Wire {
                socket: Arc::clone(&socket),
                tls,
                signs: Arc::clone(&self.signs),
            };
            let (send, connection) = http1::Builder::new().max_headers(MAX_HEADERS).handshake(wire).await?;
            Ok::<_, Failed>(Live {
                origin,
                send,
                connection: Box::pin(connection),
                socket,
                used: Instant::now(),
            })
        };
        connecting.await.map_err(|error| classify_other(&*error))
    }

    /// Closes the connection, whatever it is waiting for.
    pub fn close(&self) {
        let live = lock(&self.live).take();
        drop(live);
    }

    /// Drives the connection as far as it comes without reading.
    pub fn turn(&self, context: &mut Context<'_>) {
        let mut live = lock(&self.live);
        let ended = live.take_if(|live| live.connection.as_mut().poll(context).is_ready());
        drop(live);
        drop(ended);
    }

    /// Whether there is a connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        lock(&self.live).is_some()
    }

    /// Whether a reply is under way on it.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        let live = lock(&self.live);
        live.as_ref().is_some_and(|live| !live.send.is_ready())
    }

    /// Whether nothing can be done for that reply but wait for more of it, or for room to write.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.is_in_use() && self.signs.wants_to_read.load(Ordering::Relaxed)
    }

    /// Waits until something has come, or there is room for what is still to be written, or for a while; whether one of
    /// these has happened.
    pub fn wait(&self, context: &mut Context<'_>) -> bool {
        if !self.signs.wants_to_write.swap(false, Ordering::Relaxed) {
            return self.read(context, AWAIT);
        }
        let socket = lock(&self.live).as_ref().map(|live| Arc::clone(&live.socket));
        let is_ready = socket.is_some_and(|socket| becomes_ready(&socket));
        self.read(context, LOOK) || is_ready
    }

    /// Reads what has come; whether there was something.
    pub fn look(&self, context: &mut Context<'_>) -> bool {
        self.read(context, LOOK)
    }

    fn read(&self, context: &mut Context<'_>, may: u8) -> bool {
        self.signs.has_read.store(false, Ordering::Relaxed);
        self.signs.may_read.store(may, Ordering::Relaxed);
        self.turn(context);
        self.signs.may_read.store(NOT, Ordering::Relaxed);
        let read = self.signs.has_read.load(Ordering::Relaxed);
        if read && let Some(live) = lock(&self.live).as_mut() {
            live.used = Instant::now();
        }
        read
    }
}

type Sent = hyper::Request<reqwest::Body>;

fn outgoing(url: &Url, request: &Request) -> Result<Sent, Failed> {
    let mut outgoing = hyper::Request::new(request.body.clone().map_or_else(reqwest::Body::default, Into::into));
    *outgoing.method_mut() = request.method.clone();
    *outgoing.uri_mut() = match url.query() {
        Some(query) => format!("{}?{query}", url.path()).parse()?,
        None => url.path().parse()?,
    };
    outgoing.headers_mut().clone_from(&request.headers);
    Ok(outgoing)
}

/// Whether nothing has come on an idle connection, not even its end.
fn is_silent(socket: &TcpStream) -> bool {
    matches!(received(socket, &mut [0], true), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Waits until there is something to read or room to write, or for a while; whether there is.
#[expect(unsafe_code, reason = "the standard library does not wait for both")]
fn becomes_ready(socket: &TcpStream) -> bool {
    let mut poll = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLIN | libc::POLLOUT,
        revents: 0,
    };
    let millis = libc::c_int::try_from(WAIT.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: the pointer is to one of them.
    unsafe { libc::poll(&raw mut poll, 1, millis) > 0 }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
/// The socket itself is set so that it raises no signal.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const SEND_FLAGS: libc::c_int = libc::MSG_DONTWAIT;

/// Writes what there is room for, without waiting for more.
fn sent(socket: &TcpStream, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
    SockRef::from(socket).send_vectored_with_flags(parts, SEND_FLAGS)
}

/// What has come, without waiting for it; if it is only a `peek`, it is there to be read afterwards.
#[expect(unsafe_code, reason = "the standard library's sockets wait always or never")]
fn received(socket: &TcpStream, buffer: &mut [u8], peek: bool) -> io::Result<usize> {
    let flags = if peek { libc::MSG_PEEK } else { 0 };
    // SAFETY: the pointer is to so many bytes.
    let count = unsafe {
        libc::recv(
            socket.as_raw_fd(),
            buffer.as_mut_ptr().cast(),
            buffer.len(),
            flags | libc::MSG_DONTWAIT,
        )
    };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// What hyper reads from and writes to.
#[derive(Debug)]
struct Wire {
    socket: Arc<TcpStream>,
    tls: Option<Box<ClientConnection>>,
    signs: Arc<Signs>,
}

/// The socket's reading side.
struct Incoming<'a> {
    socket: &'a TcpStream,
    waits: bool,
}

impl Read for Incoming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.waits {
            let mut socket = self.socket;
            socket.read(buffer)
        } else {
            received(self.socket, buffer, false)
        }
    }
}

/// The socket's writing side.
struct Outgoing<'a>(&'a TcpStream);

impl Write for Outgoing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        sent(self.0, &[io::IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        sent(self.0, parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Wire {
    /// Reads as far as it may.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(tls) = &mut self.tls {
            loop {
                match tls.reader().read(buffer) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    read => return read,
                }
                let count = tls.read_tls(&mut self.signs.incoming(&self.socket)?)?;
                self.signs.has_read.store(true, Ordering::Relaxed);
                let processed = tls.process_new_packets();
                // An alert, or an answer of the handshake's kind. If it cannot be written, what came is worth more.
                while tls.wants_write() && tls.write_tls(&mut Outgoing(&self.socket)).is_ok() {}
                processed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                if count == 0 {
                    return tls.reader().read(buffer);
                }
            }
        }
        let count = self.signs.incoming(&self.socket)?.read(buffer)?;
        self.signs.has_read.store(true, Ordering::Relaxed);
        Ok(count)
    }

    fn write(&mut self, parts: &[io::IoSlice<'_>]) -> io::Result<usize> {
        if self.tls.is_none() {
            return sent(&self.socket, parts);
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

    fn flush(&mut self) -> io::Result<()> {
        while let Some(tls) = self.tls.as_mut().filter(|tls| tls.wants_write()) {
            tls.write_tls(&mut Outgoing(&self.socket))?;
        }
        Ok(())
    }

    fn written<T>(&self, outcome: io::Result<T>) -> Poll<io::Result<T>> {
        let written = polled(outcome);
        if written.is_pending() {
            self.signs.wants_to_write.store(true, Ordering::Relaxed);
        }
        written
    }
}

impl Signs {
    /// The socket to be read from, if it may be now.
    fn incoming<'a>(&self, socket: &'a TcpStream) -> io::Result<Incoming<'a>> {
        let may = self.may_read.load(Ordering::Relaxed);
        if may == NOT {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // Whether there is more is not asked.
        self.may_read.store(NOT, Ordering::Relaxed);
        Ok(Incoming {
            socket,
            waits: may == AWAIT,
        })
    }
}

/// Whether it goes on after that: nothing came in time, there was no room, or a signal came.
fn is_pause(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

fn polled<T>(outcome: io::Result<T>) -> Poll<io::Result<T>> {
    match outcome {
        Err(error) if is_pause(&error) => Poll::Pending,
        other => Poll::Ready(other),
    }
}

impl rt::Read for Wire {
    #[expect(unsafe_code, reason = "hyper's buffer may not be initialised")]
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        mut buffer: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        // SAFETY: bytes are only written to it, and so many are said to be initialised as were.
        let free = unsafe { buffer.as_mut() };
        // SAFETY: the same bytes; a socket does not read what it writes to.
        let free = unsafe { std::slice::from_raw_parts_mut(free.as_mut_ptr().cast::<u8>(), free.len()) };
        let read = self.read(free);
        self.signs.wants_to_read.store(read.is_err(), Ordering::Relaxed);
        polled(read.map(|count| {
            // SAFETY: so many were written.
            unsafe { buffer.advance(count) };
        }))
    }
}

impl rt::Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, _context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = self.write(&[io::IoSlice::new(bytes)]);
        self.written(outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = self.flush();
        self.written(outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = self.socket.shutdown(Shutdown::Write);
        Poll::Ready(Ok(()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = self.write(parts);
        self.written(outcome)
    }
}

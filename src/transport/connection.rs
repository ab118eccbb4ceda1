//! One HTTP/1.1 connection, which whoever waits for a reply on it drives: hyper, and no task of its own.

use std::future::poll_fn;
use std::io;
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response, rt};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use reqwest::Url;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio::task::yield_now;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::hand::{Hand, Reading};
#[cfg(unix)]
use super::waited::{Waited, is_pause, is_silent};
use super::{MAX_HEADERS, TCP_KEEPALIVE};

/// What is read at once at the most; the head of a reply has to fit into one or two of these. hyper's own, 400 KiB, reads no faster, and what is left
/// of such buffers lies between all other memory.
const MAX_READ: usize = 64 << 10;
/// Between two questions to a peer that does not answer, and how many there are: reqwest's.
const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);
const TCP_KEEPALIVE_RETRIES: u32 = 3;
/// How long a peer may leave unacknowledged what was sent to it: reqwest's.
#[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);

/// What an attempt failed with.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// A request as it is sent.
pub type Sent = Request<reqwest::Body>;

/// A connection. Dropping it closes it.
#[derive(Debug)]
pub struct Connection {
    origin: Origin,
    send: http1::SendRequest<reqwest::Body>,
    /// Until it has ended. Dropped, it answers what was sent to it since.
    driver: Option<Box<http1::Connection<Wire, reqwest::Body>>>,
    alarm: Arc<Alarm>,
    /// The alarm's, which the driver is polled with.
    waker: Waker,
    hand: Option<Arc<Hand>>,
    #[cfg(unix)]
    socket: RawFd,
    used: Instant,
}

/// Wakes whoever drives a connection, but not for what they do to it themselves: hyper's ends of one connection wake
/// each other, and here one task polls them all. What happens on the socket is told by the thread that polls that task,
/// and so never while it is quiet.
#[derive(Debug, Default)]
struct Alarm {
    task: AtomicWaker,
    is_quiet: AtomicBool,
}

impl Alarm {
    fn quietly<T>(&self, work: impl FnOnce() -> T) -> T {
        self.is_quiet.store(true, Ordering::Relaxed);
        let done = work();
        self.is_quiet.store(false, Ordering::Relaxed);
        done
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_quiet.load(Ordering::Relaxed) {
            self.task.wake();
        }
    }
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

/// Whether TLS is spoken there.
pub fn is_tls(url: &Url) -> bool {
    url.scheme() == "https"
}

impl Connection {
    /// Connects, on the runtime that drives this. With a `hand`, the socket is then taken out of the runtime.
    ///
    /// # Errors
    /// What the system, TLS or the address says.
    pub async fn open(url: Url, tls: Option<rustls::ClientConfig>, hand: Option<Arc<Hand>>) -> Result<Self, Failed> {
        let origin = Origin::of(&url)?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_keepalive(Some(TCP_KEEPALIVE));
        connector.set_keepalive_interval(Some(TCP_KEEPALIVE_INTERVAL));
        connector.set_keepalive_retries(Some(TCP_KEEPALIVE_RETRIES));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        connector.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT));
        connector.enforce_http(false);
        let socket = connector.call(url.as_str().parse()?).await?.into_inner();
        #[cfg(unix)]
        let descriptor = socket.as_raw_fd();
        let way = match tls {
            Some(config) => {
                let name = ServerName::try_from(origin.host.trim_matches(['[', ']']).to_owned())?;
                let connector = TlsConnector::from(Arc::new(config));
                Way::Tls(Box::new(TokioIo::new(connector.connect(name, socket).await?)))
            }
            None => Way::Plain(TokioIo::new(socket)),
        };
        let way = match &hand {
            Some(hand) => way.waited(hand)?,
            None => way,
        };
        let wire = Wire {
            way,
            is_broken: false,
            reads: 0,
        };
        let (send, driver) = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_READ)
            .handshake(wire)
            .await?;
        let alarm = Arc::<Alarm>::default();
        Ok(Self {
            origin,
            send,
            driver: Some(Box::new(driver)),
            waker: Arc::clone(&alarm).into(),
            alarm,
            hand,
            #[cfg(unix)]
            socket: descriptor,
            used: Instant::now(),
        })
    }

    /// Whether it goes there.
    pub fn goes_to(&self, url: &Url) -> bool {
        self.origin.has(url)
    }

    /// Whether the last reply has been read to its end, so that another request can be sent.
    pub fn is_ready(&self) -> bool {
        self.driver.is_some() && self.send.is_ready()
    }

    /// Whether nothing was heard of it for so long.
    pub fn is_idle_for(&self, time: Duration) -> bool {
        self.used.elapsed() >= time
    }

    /// Whether nothing has come since the last reply. That the server has closed it, or has sent what nobody asked for, is
    /// noticed.
    pub fn is_silent(&mut self) -> bool {
        #[cfg(unix)]
        let is_silent = self.driver.is_some() && is_silent(self.socket);
        #[cfg(not(unix))]
        let is_silent = self.drive(&mut Context::from_waker(Waker::noop())).is_pending();
        is_silent
    }

    /// Drives it as far as it comes; ready when it has ended.
    pub fn drive(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(driver) = &mut self.driver else {
            return Poll::Ready(());
        };
        self.alarm.task.register(context.waker());
        let ended = Pin::new(driver).poll(&mut Context::from_waker(&self.waker)).map(drop);
        if ended.is_ready() {
            self.driver = None;
        }
        ended
    }

    /// What is polled here wakes nobody: it is to be driven after that in any case.
    pub fn quietly<T>(&self, poll: impl FnOnce() -> T) -> T {
        self.alarm.quietly(poll)
    }

    /// Drives it without reading what comes next, after a reply has come to its end.
    pub fn settle(&mut self, context: &mut Context<'_>) {
        if let Some(hand) = &self.hand {
            hand.let_read(Reading::Nothing);
        }
        self.used = Instant::now();
        let _ = self.drive(context);
    }

    /// Sends a request and brings the head of its reply.
    ///
    /// # Errors
    /// What it failed with, and the request where the server has seen nothing of it.
    pub async fn send(&mut self, mut request: Sent) -> Result<Response<Incoming>, (Failed, Option<Sent>)> {
        request
            .headers_mut()
            .entry(HOST)
            .or_insert_with(|| self.origin.header.clone());
        // Who waited for it while it was idle is not to be woken.
        poll_fn(|context| Poll::Ready(self.drive(context).is_ready())).await;
        let requests = &mut self.send;
        let sending = self.alarm.quietly(|| requests.try_send_request(request));
        let mut sending = pin!(unconstrained(sending));
        let sent = poll_fn(|context| {
            let driven = self.drive(context);
            // Only the driver brings it further, and that one has just been polled.
            let sent = sending.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            debug_assert!(
                sent.is_ready() || driven.is_pending(),
                "hyper answers when its connection ends"
            );
            sent
        });
        sent.await.map_err(|mut error| {
            let unsent = error.take_message();
            (error.into_error().into(), unsent)
        })
    }
}

/// What hyper reads from and writes to.
#[derive(Debug)]
struct Wire {
    way: Way,
    /// The server takes no more: what it may have said before that is still to be read, and how it ended after that.
    is_broken: bool,
    /// Reads since others had their turn.
    reads: u32,
}

/// Reads of a flood that amounts to nothing before others have their turn.
const READS_AT_A_STRETCH: u32 = 8;

#[derive(Debug)]
enum Way {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
    #[cfg(unix)]
    Waited(Waited),
}

impl Way {
    #[cfg(unix)]
    fn waited(self, hand: &Arc<Hand>) -> io::Result<Self> {
        let (socket, tls) = match self {
            Self::Plain(socket) => (socket.into_inner(), None),
            Self::Tls(stream) => {
                let (socket, tls) = stream.into_inner().into_inner();
                (socket, Some(tls))
            }
            Self::Waited(_) => return Ok(self),
        };
        Waited::new(socket.into_std()?, tls, Arc::clone(hand)).map(Self::Waited)
    }

    #[cfg(not(unix))]
    fn waited(self, _hand: &Arc<Hand>) -> io::Result<Self> {
        Ok(self)
    }
}

#[cfg(unix)]
fn polled<T>(outcome: io::Result<T>) -> Poll<io::Result<T>> {
    match outcome {
        Err(error) if is_pause(&error) => Poll::Pending,
        other => Poll::Ready(other),
    }
}

impl Wire {
    /// Where the server takes no more, its answer may have come before: it is read first, and ends the connection.
    fn written<T>(&mut self, outcome: Poll<io::Result<T>>, context: &Context<'_>) -> Poll<io::Result<T>> {
        match outcome {
            Poll::Ready(Err(error)) if is_refusal(&error) => {
                self.is_broken = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            other => other,
        }
    }
}

/// Whether the server has closed the connection, or has no wish for more.
fn is_refusal(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
    )
}

impl rt::Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reads >= READS_AT_A_STRETCH {
            self.reads = 0;
            // Ready when clocks have been looked at.
            let _ = pin!(yield_now()).poll(context);
            return Poll::Pending;
        }
        let read = match &mut self.way {
            Way::Plain(socket) => Pin::new(socket).poll_read(context, buffer),
            Way::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
            #[cfg(unix)]
            Way::Waited(waited) => polled(read(waited, buffer)),
        };
        self.reads = if read.is_ready() { self.reads + 1 } else { 0 };
        read
    }
}

#[cfg(unix)]
#[expect(unsafe_code, reason = "hyper's buffer may not be initialised")]
fn read(waited: &mut Waited, mut buffer: rt::ReadBufCursor<'_>) -> io::Result<()> {
    // SAFETY: bytes are only written to it, and so many are said to be initialised as were.
    let free = unsafe { buffer.as_mut() };
    // SAFETY: the same bytes; a socket does not read what it writes to.
    let free = unsafe { std::slice::from_raw_parts_mut(free.as_mut_ptr().cast::<u8>(), free.len()) };
    let count = waited.read(free)?;
    // SAFETY: so many were written.
    unsafe { buffer.advance(count) };
    Ok(())
}

impl rt::Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.as_mut().poll_write_vectored(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_broken {
            return Poll::Pending;
        }
        let outcome = match &mut self.way {
            Way::Plain(socket) => Pin::new(socket).poll_flush(context),
            Way::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
            #[cfg(unix)]
            Way::Waited(waited) => polled(waited.flush()),
        };
        self.written(outcome, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Plain(socket) => Pin::new(socket).poll_shutdown(context),
            Way::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
            #[cfg(unix)]
            Way::Waited(waited) => {
                waited.shut_down();
                Poll::Ready(Ok(()))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.is_broken {
            return Poll::Pending;
        }
        let outcome = match &mut self.way {
            Way::Plain(socket) => Pin::new(socket).poll_write_vectored(context, parts),
            Way::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(context, parts),
            #[cfg(unix)]
            Way::Waited(waited) => polled(waited.write(parts)),
        };
        self.written(outcome, context)
    }
}

//! The connections that the calls of one runtime, or of one thread, take in turn.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::LOCATION;
use reqwest::Url;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::connection::{Connection, Failed, Sent, is_tls};
use super::hand::Hand;
use super::source::{Answer, Source, answer_of};
use super::{ConnectProbe, POOL_IDLE, Transport, classify, classify_other, is_followed};
use crate::error::Error;
use crate::exchange::Request;
use crate::lock::lock;

/// How long it may take to connect where no call waits for it any more.
const LEFT_CONNECT: Duration = Duration::from_secs(10);

/// Connections over which HTTP/1.1 is spoken, each driven by the call that uses it. What needs a proxy goes out by reqwest.
#[derive(Debug)]
pub struct Pool {
    transport: Arc<Transport>,
    base_is_tls: bool,
    /// Where a thread drives its calls by hand.
    hand: Option<Arc<Hand>>,
    /// The newest last.
    idle: Mutex<Vec<Connection>>,
    /// Calls that have one made, and take one that is given back before.
    waiting: AtomicUsize,
    given_back: Notify,
    /// Connections that are made for no call in particular.
    left_connects: Mutex<JoinSet<()>>,
    /// Who sees to the idle ones.
    watcher: OnceLock<Waker>,
    proxied: OnceLock<reqwest::Client>,
}

impl Pool {
    /// Connections that are driven by a thread's `hand`, or by whatever runtime their calls are. Nothing is connected yet.
    #[must_use]
    pub fn new(transport: &Arc<Transport>, base_is_tls: bool, hand: Option<Arc<Hand>>) -> Arc<Self> {
        Arc::new(Self {
            transport: Arc::clone(transport),
            base_is_tls,
            hand,
            idle: Mutex::default(),
            waiting: AtomicUsize::new(0),
            given_back: Notify::new(),
            left_connects: Mutex::default(),
            watcher: OnceLock::new(),
            proxied: OnceLock::new(),
        })
    }

    /// Sends a request and brings the head of its reply.
    ///
    /// # Errors
    /// [`Error::Connection`], or [`Error::Configuration`] where a certificate or a proxy's address is of no use.
    pub async fn execute(
        self: &Arc<Self>,
        request: &Request,
        probe: &Arc<ConnectProbe>,
        proxied: bool,
    ) -> Result<Answer, Error> {
        if proxied {
            return probe.watch(self.execute_proxied(request)).await;
        }
        let mut answer = self.execute_at(&request.url, request, probe).await?;
        let mut visited = Vec::new();
        while answer.status().is_redirection() {
            let location = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let last = visited.last().unwrap_or(&request.url);
            let Some(next) = location.and_then(|to| last.join(to).ok()) else {
                break;
            };
            if visited.is_empty() {
                visited.push(request.url.clone());
            }
            if !is_followed(answer.status(), &visited, &next) {
                break;
            }
            answer.into_body().finish();
            answer = self.execute_at(&next, request, probe).await?;
            visited.push(next);
        }
        Ok(answer)
    }

    async fn execute_at(self: &Arc<Self>, url: &Url, request: &Request, probe: &ConnectProbe) -> Result<Answer, Error> {
        let failed = |error: Failed| classify_other(&*error);
        let mut outgoing = outgoing(url, request).map_err(failed)?;
        loop {
            let (mut held, is_new) = match self.take(url) {
                Some(held) => (held, false),
                None => self.connect(url, probe).await?,
            };
            match held.connection.send(outgoing).await {
                Ok(response) => {
                    let held = Some(held);
                    return Ok(response.map(|body| Source::Direct(Reply { body, held })));
                }
                // The server had closed the connection and seen nothing of this request.
                Err((_, Some(unsent))) if !is_new => outgoing = unsent,
                Err((error, _)) => return Err(failed(error)),
            }
        }
    }

    async fn execute_proxied(&self, request: &Request) -> Result<Answer, Error> {
        let client = if let Some(client) = self.proxied.get() {
            client
        } else {
            let made = self.transport.client(self.base_is_tls)?;
            self.proxied.get_or_init(|| made)
        };
        let sent = client.execute(request.to_reqwest()).await;
        sent.map(answer_of).map_err(|error| classify(&error, true))
    }

    /// An idle connection to there that can be used again.
    fn take(self: &Arc<Self>, url: &Url) -> Option<Held> {
        loop {
            let mut connection = {
                let mut idle = lock(&self.idle);
                let at = idle.iter().rposition(|connection| connection.goes_to(url))?;
                idle.remove(at)
            };
            if !connection.is_idle_for(POOL_IDLE) && connection.is_silent() {
                return Some(Held::new(self, connection));
            }
        }
    }

    /// A connection to there: a new one, unless one is given back before that is made. Whether it is new.
    async fn connect(self: &Arc<Self>, url: &Url, probe: &ConnectProbe) -> Result<(Held, bool), Error> {
        let tls = is_tls(url).then(|| self.transport.tls(true)).transpose()?;
        let _waiting = Counted::new(&self.waiting);
        probe.begin();
        let mut connecting = Box::pin(Connection::open(url.clone(), tls, self.hand.clone()));
        tokio::select! {
            biased;
            made = &mut connecting => {
                let connection = made.map_err(|error| classify_other(&*error))?;
                probe.end();
                Ok((Held::new(self, connection), true))
            }
            held = self.next_given_back(url) => {
                probe.leave();
                self.leave_to_connect(connecting);
                Ok((held, false))
            }
        }
    }

    /// Has a connection made that no call waits for any more: the server was asked already, and the next one needs it.
    fn leave_to_connect(
        self: &Arc<Self>,
        connecting: Pin<Box<impl Future<Output = Result<Connection, Failed>> + Send + 'static>>,
    ) {
        let pool = Arc::downgrade(self);
        let mut connects = lock(&self.left_connects);
        while connects.try_join_next().is_some() {}
        connects.spawn(async move {
            let connected = tokio::time::timeout(LEFT_CONNECT, connecting).await;
            if let (Ok(Ok(connection)), Some(pool)) = (connected, pool.upgrade()) {
                Held::new(&pool, connection).give_back(&mut Context::from_waker(Waker::noop()));
            }
        });
    }

    async fn next_given_back(self: &Arc<Self>, url: &Url) -> Held {
        loop {
            self.given_back.notified().await;
            if let Some(held) = self.take(url) {
                return held;
            }
        }
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = lock(&self.idle);
        idle.push(connection);
        let aged = |connection: &mut Connection| connection.is_idle_for(POOL_IDLE);
        if idle.first_mut().is_some_and(aged) {
            close_if(idle, aged);
        } else {
            drop(idle);
        }
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.given_back.notify_one();
        }
    }

    /// Closes the connections that no call has.
    pub fn close_idle(&self) {
        lock(&self.left_connects).abort_all();
        close_if(lock(&self.idle), |_| true);
    }

    /// Has the runtime that this is called in close what is idle when its server does.
    pub fn watch_idle(self: &Arc<Self>) {
        let watch = Watch(Arc::downgrade(self));
        let mut timer = Box::pin(tokio::time::sleep(POOL_IDLE));
        tokio::spawn(poll_fn(move |context| {
            while timer.as_mut().poll(context).is_ready() {
                timer.set(tokio::time::sleep(POOL_IDLE));
            }
            let Some(pool) = watch.0.upgrade() else {
                return Poll::Ready(());
            };
            pool.watcher.get_or_init(|| context.waker().clone());
            close_if(lock(&pool.idle), |connection| {
                connection.is_idle_for(POOL_IDLE) || connection.drive(context).is_ready()
            });
            Poll::Pending
        }));
    }

    /// Whether a call went out by a proxy.
    pub fn has_proxied(&self) -> bool {
        self.proxied.get().is_some()
    }
}

/// Closes the connections of which that is true.
fn close_if(mut idle: MutexGuard<'_, Vec<Connection>>, is_over: impl FnMut(&mut Connection) -> bool) {
    let over: Vec<_> = idle.extract_if(.., is_over).collect();
    drop(idle);
    drop(over);
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Nobody has to watch any more.
        if let Some(watcher) = self.watcher.take() {
            watcher.wake();
        }
    }
}

/// Dropped with its runtime, which the connections belong to.
struct Watch(Weak<Pool>);

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(pool) = self.0.upgrade() {
            pool.close_idle();
        }
    }
}

/// One more, for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection in use. Dropping it closes the connection.
#[derive(Debug)]
struct Held {
    connection: Connection,
    pool: Arc<Pool>,
}

impl Held {
    fn new(pool: &Arc<Pool>, connection: Connection) -> Self {
        Self {
            connection,
            pool: Arc::clone(pool),
        }
    }

    /// The reply has come to its end.
    fn give_back(self, context: &mut Context<'_>) {
        let Self { mut connection, pool } = self;
        match pool.watcher.get() {
            // What happens to it next wakes who sees to the idle ones.
            Some(watcher) => connection.settle(&mut Context::from_waker(watcher)),
            None => connection.settle(context),
        }
        if connection.is_ready() {
            pool.give_back(connection);
        }
    }
}

/// The body of a reply, which drives its connection. Dropped before its end, it closes that.
#[derive(Debug)]
pub struct Reply {
    body: Incoming,
    held: Option<Held>,
}

impl Reply {
    /// The next frame, or `None` at the end: the connection is then there for others.
    pub fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        let mut may_drive = true;
        loop {
            // Only the driver brings more.
            let body = &mut self.body;
            let poll = || Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
            let frame = match &self.held {
                Some(held) => held.connection.quietly(poll),
                None => poll(),
            };
            if let Poll::Ready(frame) = frame {
                if !matches!(frame, Some(Ok(_)))
                    && let Some(held) = self.held.take()
                {
                    held.give_back(context);
                }
                return Poll::Ready(frame);
            }
            let driven = self
                .held
                .as_mut()
                .filter(|_| may_drive)
                .map(|held| held.connection.drive(context));
            may_drive = false;
            match driven {
                None => return Poll::Pending,
                Some(Poll::Ready(())) => self.held = None,
                Some(Poll::Pending) => {}
            }
        }
    }

    /// The body itself.
    pub fn body(&self) -> &Incoming {
        &self.body
    }
}

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

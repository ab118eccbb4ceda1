//! The connections of a client: lanes for callers that block, one background thread for event loops.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Notify, oneshot};
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

use crate::error::Error;
use crate::exchange::{Call, Request};
use crate::process::PerProcess;
use crate::retry::Budget;
use crate::stream::{DRAIN_TIME, Leftover};
use crate::transport::{HttpVersion, Transport, TransportConfig};

/// Idle lanes that are kept, at the most; each holds four file descriptors.
const IDLE_LANES: usize = 64;
/// Turns of a runtime that let a connection's own task see what has become of its socket.
const TURNS: usize = 4;

/// The connections of one client and of those derived from it.
#[derive(Debug)]
pub struct Session {
    transport: Transport,
    base_is_tls: bool,
    lanes: PerProcess<Arc<Lanes>>,
    shared: PerProcess<Mutex<Option<Vec<Line>>>>,
    may_be_proxied: bool,
    multiplexes: bool,
    closed: AtomicBool,
}

/// What a client's end must end too: an open stream.
pub trait Abort: Send + Sync {
    /// Gives up the connection, from whatever thread.
    fn abort(&self);
}

/// A connection pool, and how many calls use it.
#[derive(Debug, Clone)]
pub struct Line {
    /// The pool.
    pub http: reqwest::Client,
    /// Where calls share a connection: the first one makes it, and the others wait until it has.
    pub gate: Option<Arc<Gate>>,
    /// Each call holds a clone.
    users: Arc<()>,
}

/// Closed until there is a first connection.
#[derive(Debug, Default)]
pub struct Gate {
    is_open: AtomicBool,
    first: tokio::sync::Mutex<()>,
}

impl Gate {
    /// Passes at once, or waits for the call that makes the connection; `Some` makes the caller that call.
    pub async fn pass(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if self.is_open.load(Ordering::Acquire) {
            return None;
        }
        let first = self.first.lock().await;
        (!self.is_open.load(Ordering::Acquire)).then_some(first)
    }

    /// There is a connection.
    pub fn open(&self) {
        self.is_open.store(true, Ordering::Release);
    }
}

impl Line {
    fn new(http: reqwest::Client, multiplexes: bool) -> Self {
        Self {
            http,
            gate: multiplexes.then(Arc::default),
            users: Arc::default(),
        }
    }

    fn has_room(&self) -> bool {
        Arc::strong_count(&self.users) <= STREAMS_A_CONNECTION
    }
}

/// Lets any thread end another one's wait: a stream's own end, or the client's.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    waker: AtomicWaker,
}

impl Stop {
    /// Asks the waiting thread, now or when it next waits, to stop.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether [`Stop::ask`] was called.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Resolves when [`Stop::ask`] was called. One may wait for it at a time.
    pub fn asked(&self) -> impl Future<Output = ()> + '_ {
        poll_fn(|context| self.poll_asked(context))
    }

    /// Whether [`Stop::ask`] was called; if not, the task is woken when it is.
    pub fn poll_asked(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_asked() {
            return Poll::Ready(());
        }
        self.waker.register(context.waker());
        // It may have been asked before the waker stood there.
        if self.is_asked() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Abort for Stop {
    fn abort(&self) {
        self.ask();
    }
}

/// Calls that share one HTTP/2 connection, at the most: servers allow 100 or a little more, and what is beyond their
/// limit would wait for the others' end.
const STREAMS_A_CONNECTION: usize = 100;
/// Streams that are remembered before those that are gone are looked for.
const REMEMBERED_STREAMS: usize = 64;
/// How long a call waits for the rest of the one before it, so that both can use one connection.
const DRAIN_WAIT: Duration = Duration::from_millis(50);

#[derive(Default)]
struct Lanes {
    idle: Mutex<Vec<Lane>>,
    open: Mutex<Vec<Weak<dyn Abort>>>,
    draining: Draining,
    budget: Arc<Budget>,
}

/// How many replies are being drained on the background thread.
#[derive(Debug, Default)]
pub struct Draining {
    count: AtomicUsize,
    done: Notify,
}

impl Draining {
    /// Reads the rest of a reply for its connection's sake.
    pub async fn drain(&self, mut leftover: Leftover) {
        self.count.fetch_add(1, Ordering::AcqRel);
        leftover.drain().await;
        drop(leftover);
        // The connection's own task puts it back when it has its turn.
        tokio::task::yield_now().await;
        self.count.fetch_sub(1, Ordering::AcqRel);
        self.done.notify_waiters();
    }

    async fn settle(&self) {
        let done = self.done.notified();
        if self.count.load(Ordering::Acquire) > 0 {
            // In time or not, the call goes on: at worst on a connection of its own.
            drop(tokio::time::timeout(DRAIN_WAIT, done).await);
        }
    }
}

impl Session {
    /// A session of this configuration; nothing is connected yet.
    #[must_use]
    pub fn new(config: TransportConfig, base_is_tls: bool) -> Self {
        let multiplexes = config.http != HttpVersion::Http1;
        let transport = Transport::new(config);
        Self {
            may_be_proxied: transport.may_be_proxied(),
            transport,
            base_is_tls,
            lanes: PerProcess::new(),
            shared: PerProcess::new(),
            multiplexes,
            closed: AtomicBool::new(false),
        }
    }

    /// Whether calls may share a connection, which then has to be driven whoever waits: on the background thread.
    #[must_use]
    pub fn multiplexes(&self) -> bool {
        self.multiplexes
    }

    /// Whether [`Session::close`] was called.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Refuses further calls, closes the idle connections and gives up the open streams.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Some(shared) = self.shared.get() {
            let idle = lock(shared).take();
            drop(idle);
        }
        if let Some(lanes) = self.lanes.get() {
            let idle = std::mem::take(&mut *lock(&lanes.idle));
            drop(idle);
            let open = std::mem::take(&mut *lock(&lanes.open));
            for stream in open.iter().filter_map(Weak::upgrade) {
                stream.abort();
            }
        }
    }

    /// A call's own `Stop`, which the client's end asks too.
    #[must_use]
    pub fn stop(&self) -> Arc<Stop> {
        let stop = Arc::new(Stop::default());
        let remembered: Weak<dyn Abort> = Arc::<Stop>::downgrade(&stop);
        self.remember(remembered);
        stop
    }

    /// Remembers a call or an open stream, to be given up when the client is closed.
    pub fn remember(&self, stream: Weak<dyn Abort>) {
        let Some(lanes) = self.lanes.get() else { return };
        let mut open = lock(&lanes.open);
        if open.len() >= REMEMBERED_STREAMS && open.len() == open.capacity() {
            open.retain(|stream| stream.strong_count() > 0);
        }
        open.push(stream);
        drop(open);
        if self.is_closed() {
            self.close();
        }
    }

    /// A lane of one's own: an idle one with its open connection, or a new one.
    ///
    /// # Errors
    /// [`Error::Closed`], [`Error::Configuration`], or [`Error::Connection`] where the system refuses another runtime.
    pub fn lane(&self) -> Result<Lane, Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        let idle = lock(&self.lanes()?.idle).pop();
        if let Some(lane) = idle {
            lane.settle();
            return Ok(lane);
        }
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name("tokstream-dns")
            .build()
            .map_err(|e| no_runtime(&e))?;
        Ok(Lane {
            runtime: Some(runtime),
            line: Line::new(self.transport.client(self.base_is_tls)?, false),
            budget: Arc::clone(&self.lanes()?.budget),
            slices: Mutex::new(None),
            leftover: Mutex::new(None),
        })
    }

    /// Takes a lane back whose call has come to a proper end.
    pub fn give_back(&self, lane: Lane) {
        if self.is_closed() {
            return;
        }
        lane.turn();
        let Some(lanes) = self.lanes.get() else { return };
        if lane.is_drained() {
            lanes.keep(lane);
        } else if let Ok(handle) = background() {
            lanes.keep(lane);
            let lanes = Arc::downgrade(lanes);
            handle.spawn(async move {
                tokio::time::sleep(DRAIN_TIME).await;
                if let Some(lanes) = lanes.upgrade() {
                    lanes.give_up_leftovers();
                }
            });
        }
    }

    /// A call on the background thread's connections.
    ///
    /// # Errors
    /// As for [`Session::lane`].
    pub fn background_call(&self, request: Arc<Request>) -> Result<(Call, Handle), Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        let budget = Arc::clone(&self.lanes()?.budget);
        let handle = background()?;
        let line = self.line(handle)?;
        let proxied = self.is_proxied(&request);
        Ok((Call::new(request, line, proxied, budget), handle.clone()))
    }

    /// The pool for one more call on the background thread.
    fn line(&self, handle: &Handle) -> Result<Line, Error> {
        let lines = self
            .shared
            .get_or_try_make(|| Ok::<_, Error>(Mutex::new(Some(Vec::new()))))?;
        let mut lines = lock(lines);
        let lines = lines.as_mut().ok_or(Error::Closed)?;
        if let Some(line) = lines.iter().find(|line| !self.multiplexes || line.has_room()) {
            return Ok(line.clone());
        }
        let _inside = handle.enter();
        let line = Line::new(self.transport.client(self.base_is_tls)?, self.multiplexes);
        lines.push(line.clone());
        Ok(line)
    }

    /// Brings the background thread's idle connections up to date before a call: what closed or sent something that
    /// nobody asked for is noticed, and the rests of replies are waited for a moment.
    pub async fn settle(&self) {
        turn().await;
        if let Some(lanes) = self.lanes.get() {
            lanes.draining.settle().await;
        }
    }

    /// Reads the rest of a reply on the background thread.
    pub async fn drain(&self, leftover: Leftover) {
        if let Some(lanes) = self.lanes.get() {
            lanes.draining.drain(leftover).await;
        }
    }

    fn lanes(&self) -> Result<&Arc<Lanes>, Error> {
        self.lanes.get_or_try_make(|| Ok(Arc::default()))
    }

    fn is_proxied(&self, request: &Request) -> bool {
        self.may_be_proxied && self.transport.is_proxied(&request.url)
    }

    /// A call on a lane.
    #[must_use]
    pub fn lane_call(&self, lane: &Lane, request: Arc<Request>) -> Call {
        let proxied = self.is_proxied(&request);
        Call::new(request, lane.line.clone(), proxied, Arc::clone(&lane.budget))
    }
}

impl Lanes {
    fn keep(&self, lane: Lane) {
        let mut idle = lock(&self.idle);
        if idle.len() < IDLE_LANES {
            idle.push(lane);
        }
    }

    /// Drops the idle lanes whose last reply has had its time to end and has not: their connections are of no more use.
    fn give_up_leftovers(&self) {
        let ended: Vec<Lane> = {
            let mut idle = lock(&self.idle);
            let (ended, kept) = std::mem::take(&mut *idle)
                .into_iter()
                .partition(Lane::has_overdue_leftover);
            *idle = kept;
            ended
        };
        drop(ended);
    }
}

impl fmt::Debug for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lanes").finish_non_exhaustive()
    }
}

/// A runtime and the connections on it, lent to one call at a time and driven by the thread that waits for it: no
/// other thread has to be woken for a token.
///
/// Dropping a lane closes its connections at once, whatever they are waiting for.
#[derive(Debug)]
pub struct Lane {
    runtime: Option<Runtime>,
    line: Line,
    budget: Arc<Budget>,
    /// Cuts waits into slices. It runs on from one wait to the next: to set it anew for each would cost more than a token.
    slices: Mutex<Option<Pin<Box<Sleep>>>>,
    /// The rest of the last reply, and when it was left.
    leftover: Mutex<Option<(Leftover, Instant)>>,
}

impl Lane {
    /// Drives this lane until `work` is done, on the calling thread.
    pub fn block_on<F: Future>(&self, work: F) -> Option<F::Output> {
        Some(self.runtime.as_ref()?.block_on(work))
    }

    /// Drives this lane until `work` is done or `stop` is asked, or for about the time of a `slice`.
    pub fn drive<F: Future>(&self, work: Pin<&mut F>, stop: &Stop, slice: Duration) -> Turn<F::Output> {
        let mut work = work;
        let driven = self.block_on(async {
            let mut slices = lock(&self.slices).take();
            let turn = poll_fn(|context| {
                if let Poll::Ready(done) = work.as_mut().poll(context) {
                    return Poll::Ready(Turn::Done(done));
                }
                if stop.poll_asked(context).is_ready() {
                    return Poll::Ready(Turn::Stopped);
                }
                let timer = slices.get_or_insert_with(|| Box::pin(tokio::time::sleep(slice)));
                // Its own budget: bytes that amount to nothing would use up the common one, and no slice would ever end.
                let mut ended = pin!(unconstrained(timer.as_mut()));
                ended.as_mut().poll(context).map(|()| Turn::Slice)
            })
            .await;
            if let (Turn::Slice, Some(timer)) = (&turn, &mut slices) {
                timer.as_mut().reset(tokio::time::Instant::now() + slice);
            }
            *lock(&self.slices) = slices;
            turn
        });
        driven.unwrap_or(Turn::Stopped)
    }

    /// Leaves the rest of a body to be drained before the lane's next call.
    pub fn leave(&self, leftover: Leftover) {
        *lock(&self.leftover) = Some((leftover, Instant::now()));
    }

    /// Whether the last reply has come to its end; reads what has come of the rest, and waits for nothing.
    fn is_drained(&self) -> bool {
        let mut place = lock(&self.leftover);
        let Some((leftover, _)) = place.as_mut() else {
            return true;
        };
        let ended = self.block_on(async {
            tokio::select! {
                biased;
                _ = leftover.drain() => true,
                () = turn() => false,
            }
        });
        if ended == Some(true) {
            *place = None;
        }
        place.is_none()
    }

    fn has_overdue_leftover(&self) -> bool {
        lock(&self.leftover)
            .as_ref()
            .is_some_and(|(_, left)| left.elapsed() >= DRAIN_TIME)
    }

    /// Lets the connection's task run without waiting for anything.
    fn turn(&self) {
        self.block_on(turn());
    }

    /// Brings the lane up to date after idle time: closed connections are noticed, a rest that has come is drained.
    fn settle(&self) {
        let leftover = lock(&self.leftover).take();
        if let Some((mut leftover, _)) = leftover {
            // A rest that does not come is not waited for: dropping it closes that connection.
            self.block_on(async { drop(tokio::time::timeout(DRAIN_WAIT, leftover.drain()).await) });
        }
        self.turn();
    }
}

/// How driving a lane ended.
pub enum Turn<T> {
    /// The work is done.
    Done(T),
    /// Somebody asked to stop.
    Stopped,
    /// The slice is over.
    Slice,
}

/// Lets the sockets be looked at and the connections' own tasks run, without waiting for anything.
pub async fn turn() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waits for no look-up of a host's name that is still under way on a helper thread.
            runtime.shutdown_background();
        }
    }
}

struct Background {
    handle: Handle,
    /// Dropped, it ends the thread.
    _stop: oneshot::Sender<()>,
}

static BACKGROUND: PerProcess<Background> = PerProcess::new();

/// The runtime of this process's background thread. The thread never touches Python and dies with the process.
fn background() -> Result<&'static Handle, Error> {
    let background = BACKGROUND.get_or_try_make(|| {
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name("tokstream-dns")
            .build()
            .map_err(|e| no_runtime(&e))?;
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name("tokstream".into())
            .spawn(move || {
                // Either way the process is done with this thread.
                drop(runtime.block_on(stopped));
                runtime.shutdown_background();
            })
            .map_err(|e| no_runtime(&e))?;
        Ok::<_, Error>(Background { handle, _stop: stop })
    })?;
    Ok(&background.handle)
}

fn no_runtime(error: &std::io::Error) -> Error {
    Error::Connection {
        cause: crate::error::Cause::Other,
        detail: format!("the system refuses the resources for another connection: {error}"),
    }
}

/// A lock is held only for a moment and never across code that can panic halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! The connections of a client: lanes for callers that block, a guest for each event loop, and one background thread for all else.

mod background;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod guest;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[path = "no_guest.rs"]
mod guest;
mod home;
mod lane;
mod line;
mod relay;
mod stop;

use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Notify;

pub use background::background;
use background::runtime;
pub use guest::Guest;
pub use home::{Home, Presence, WeakHome};
use lane::Use;
pub use lane::{Lane, Turn, turn};
pub use line::{Gate, Line};
pub use relay::Runner;
pub use stop::Stop;

use crate::error::Error;
use crate::exchange::{Call, Request};
use crate::lock::lock;
use crate::process::PerProcess;
use crate::retry::Budget;
use crate::stream::{DRAIN_TIME, Leftover};
use crate::transport::{HttpVersion, Pool, Transport, TransportConfig};

/// Idle lanes that are kept, at the most; each holds four file descriptors.
const IDLE_LANES: usize = 64;

/// Lanes in use at which further calls go to the background thread. A call alone is cheapest where its own thread drives
/// it; many at once are cheapest where one thread looks after all their sockets.
const CROWD: usize = 8;

/// The connections of one client and of those derived from it.
#[derive(Debug)]
pub struct Session {
    transport: Arc<Transport>,
    base_is_tls: bool,
    lanes: PerProcess<Arc<Lanes>>,
    shared: PerProcess<Mutex<Option<Vec<Shared>>>>,
    may_be_proxied: bool,
    multiplexes: bool,
    closed: AtomicBool,
}

/// What a client's end must end too: an open stream.
pub trait Abort: Send + Sync {
    /// Gives up the connection, from whatever thread.
    fn abort(&self);
}

/// Waits, where a guest is driven, until all that happened before has been fetched: a timer that has run out says nothing
/// before that.
pub async fn looked() {
    while guest::looks() {
        tokio::task::yield_now().await;
    }
    if guest::drives() {
        // What was fetched has its turn, too.
        let mut had_turn = false;
        poll_fn(|context| {
            if std::mem::replace(&mut had_turn, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

/// How long a call waits for the rest of the one before it, so that both can use one connection.
const DRAIN_WAIT: Duration = Duration::from_millis(50);

/// Streams that are remembered before those that are gone are looked for.
const REMEMBERED_STREAMS: usize = 64;

/// A pool that the calls of one home share.
#[derive(Debug)]
struct Shared {
    home: WeakHome,
    line: Line,
}

#[derive(Default)]
struct Lanes {
    idle: Mutex<Vec<Lane>>,
    used: Arc<AtomicUsize>,
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
        let _under_way = UnderWay::begin(self);
        leftover.drain().await;
        drop(leftover);
        // Where a task of its own drives the connection, that one puts it back when it has its turn.
        tokio::task::yield_now().await;
    }

    async fn settle(&self) {
        let done = self.done.notified();
        if self.count.load(Ordering::Acquire) > 0 {
            // In time or not, the call goes on: at worst on a connection of its own.
            drop(tokio::time::timeout(DRAIN_WAIT, done).await);
        }
    }
}

/// One reply that is being drained, until it is or is given up.
struct UnderWay<'a>(&'a Draining);

impl<'a> UnderWay<'a> {
    fn begin(draining: &'a Draining) -> Self {
        draining.count.fetch_add(1, Ordering::AcqRel);
        Self(draining)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::AcqRel);
        self.0.done.notify_waiters();
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
            transport: Arc::new(transport),
            base_is_tls,
            lanes: PerProcess::new(),
            shared: PerProcess::new(),
            multiplexes,
            closed: AtomicBool::new(false),
        }
    }

    /// Whether a blocking call is left to the background thread: where calls may share a connection, which then has to be
    /// driven whoever waits, and in a crowd.
    #[must_use]
    pub fn leaves_to_background(&self) -> bool {
        let used = self.lanes.get().map_or(0, |lanes| lanes.used.load(Ordering::Relaxed));
        self.multiplexes || used >= CROWD
    }

    /// Whether calls may share a connection, which then has to be driven whoever waits, on the background thread.
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
        let homes = self.give_up_lines();
        if let Some(lanes) = self.lanes.get() {
            let idle = std::mem::take(&mut *lock(&lanes.idle));
            drop(idle);
            let open = std::mem::take(&mut *lock(&lanes.open));
            for stream in open.iter().filter_map(Weak::upgrade) {
                stream.abort();
            }
        }
        urge(&homes);
    }

    /// Drops the shared pools, and returns where their connections are driven.
    fn give_up_lines(&self) -> Vec<WeakHome> {
        let shared = self.shared.get().and_then(|shared| lock(shared).take());
        let homes = shared.into_iter().flatten().map(|shared| {
            shared.line.close_idle();
            shared.home
        });
        homes.collect()
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
        let lanes = self.lanes()?;
        let idle = lock(&lanes.idle).pop();
        let mut lane = if let Some(lane) = idle {
            lane.settle();
            lane
        } else {
            // Elsewhere no socket can be relied on after a wait without success.
            let hand = cfg!(unix).then(Arc::default);
            let pool = Pool::new(&self.transport, self.base_is_tls, hand.clone());
            Lane::new(runtime()?, Line::single(pool), hand, Arc::clone(&lanes.budget))
        };
        lane.used = Some(Use::begin(&lanes.used));
        Ok(lane)
    }

    /// Takes a lane back whose call has come to a proper end. Its connection is brought up to date when it is lent again.
    pub fn give_back(&self, lane: Lane) {
        if self.is_closed() {
            return;
        }
        let Some(lanes) = self.lanes.get() else { return };
        if lane.is_drained() {
            lanes.keep(lane);
        } else if let Ok(home) = background() {
            lanes.keep(lane);
            let lanes = Arc::downgrade(lanes);
            home.handle().spawn(async move {
                tokio::time::sleep(DRAIN_TIME).await;
                if let Some(lanes) = lanes.upgrade() {
                    lanes.give_up_leftovers();
                }
            });
        }
        // The client may have been closed meanwhile.
        if self.is_closed() {
            self.close();
        }
    }

    /// A call on the connections of a home.
    ///
    /// # Errors
    /// As for [`Session::lane`].
    pub fn shared_call(&self, home: &Home, request: Arc<Request>) -> Result<Call, Error> {
        if self.is_closed() {
            return Err(Error::Closed);
        }
        let budget = Arc::clone(&self.lanes()?.budget);
        let line = self.line(home)?;
        let proxied = self.is_proxied(&request);
        Ok(Call::new(request, line, proxied, budget))
    }

    /// The pool for one more call at home there.
    fn line(&self, home: &Home) -> Result<Line, Error> {
        let shared = self
            .shared
            .get_or_try_make(|| Ok::<_, Error>(Mutex::new(Some(Vec::new()))))?;
        let usable = |shared: &&Shared| shared.home.is(home) && (!self.multiplexes || shared.line.has_room());
        if let Some(shared) = lock(shared).as_ref().ok_or(Error::Closed)?.iter().find(usable) {
            return Ok(shared.line.clone());
        }
        // Outside of the lock: certificates are read from files.
        let fresh = {
            let _inside = home.handle().enter();
            if self.multiplexes {
                Line::shared(self.transport.client(self.base_is_tls)?)
            } else {
                let pool = Pool::new(&self.transport, self.base_is_tls, None);
                pool.watch_idle();
                Line::single(pool)
            }
        };
        let mut gone = Vec::new();
        let mut shared = lock(shared);
        let lines = shared.as_mut().ok_or(Error::Closed)?;
        // Another thread may have made one meanwhile.
        if let Some(shared) = lines.iter().find(usable) {
            return Ok(shared.line.clone());
        }
        gone.extend(lines.extract_if(.., |shared| shared.home.is_gone()));
        lines.push(Shared {
            home: home.downgrade(),
            line: fresh.clone(),
        });
        drop(shared);
        drop(gone);
        Ok(fresh)
    }

    /// Brings a home's idle connections up to date before a call: what closed or sent something that
    /// nobody asked for is noticed, and the rests of replies are waited for a moment.
    pub async fn settle(&self, home: &Home) {
        if self.multiplexes && home.guest().is_none() {
            turn().await;
        }
        if let Some(lanes) = self.lanes.get() {
            lanes.draining.settle().await;
        }
    }

    /// Reads the rest of a reply for its connection's sake.
    pub async fn drain(&self, leftover: Leftover, home: &Home) {
        let Some(lanes) = self.lanes.get() else { return };
        let mut draining = pin!(lanes.draining.drain(leftover));
        let mut is_late = false;
        poll_fn(|context| {
            let drained = draining.as_mut().poll(context);
            if drained.is_pending() && !std::mem::replace(&mut is_late, true) {
                // Whether or not its event loop goes on, it is given up in time.
                home.urge_later(DRAIN_TIME);
            }
            drained
        })
        .await;
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

impl Drop for Session {
    /// The idle connections go at once; calls that are still under way come to their end.
    fn drop(&mut self) {
        urge(&self.give_up_lines());
    }
}

/// Has what was asked of these homes happen now.
fn urge(homes: &[WeakHome]) {
    homes.iter().filter_map(WeakHome::upgrade).for_each(|home| home.urge());
}

impl Lanes {
    fn keep(&self, mut lane: Lane) {
        lane.used = None;
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

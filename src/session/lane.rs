//! A connection of one's own for a call that blocks.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinError;
use tokio::task::coop::unconstrained;
use tokio::time::Sleep;

use super::DRAIN_WAIT;
use super::line::Line;
use super::stop::Stop;
use crate::lock::lock;
use crate::retry::Budget;
use crate::stream::{DRAIN_TIME, Leftover};
use crate::transport::{Hand, Reading};

/// Turns of a runtime that let a task see what has become of its socket: in one the socket is looked at, in the next the
/// task runs. Each costs a system call.
const TURNS: usize = 2;

/// Reads for the rest of a reply, at the most: there is no more in it than a few.
const DRAIN_LOOKS: usize = 64;

/// A connection of its own, lent to one call at a time and driven by the thread that waits for it: no other thread has to
/// be woken for a token.
///
/// While a reply is under way the thread reads from the socket itself, which is what its wait consists of. To connect, to
/// sleep before another attempt, and for what goes out by reqwest it drives a runtime. Clocks are looked at after each slice.
///
/// Dropping a lane closes its connections at once, whatever they are waiting for.
#[derive(Debug)]
pub struct Lane {
    runtime: Option<Runtime>,
    pub(super) line: Line,
    pub(super) budget: Arc<Budget>,
    /// What its connection is told, where the thread waits for the socket itself.
    hand: Option<Arc<Hand>>,
    /// Whether something woke the work that is driven by hand.
    woken: Arc<Woken>,
    /// Cuts the runtime's waits into slices. It runs on from one wait to the next: to set it anew for each would cost more than a token.
    slices: Mutex<Option<Pin<Box<Sleep>>>>,
    /// When the clocks were last looked at.
    ticked: Mutex<Instant>,
    /// The rest of the last reply, and when it was left.
    leftover: Mutex<Option<(Leftover, Instant)>>,
    /// While it is lent.
    pub(super) used: Option<Use>,
}

/// Counts a lane that is lent.
#[derive(Debug)]
pub struct Use(Arc<AtomicUsize>);

impl Use {
    pub(super) fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lane {
    pub(super) fn new(runtime: Runtime, line: Line, hand: Option<Arc<Hand>>, budget: Arc<Budget>) -> Self {
        Self {
            runtime: Some(runtime),
            line,
            budget,
            hand,
            woken: Arc::default(),
            slices: Mutex::new(None),
            ticked: Mutex::new(Instant::now()),
            leftover: Mutex::new(None),
            used: None,
        }
    }

    /// Drives this lane until `work` is done, on the calling thread.
    fn block_on<F: Future>(&self, work: F) -> Option<F::Output> {
        Some(self.runtime.as_ref()?.block_on(work))
    }

    /// Drives this lane until `work` is done or `stop` is asked, or for about the time of a `slice`.
    pub fn drive<F: Future>(&self, mut work: Pin<&mut F>, stop: &Stop, slice: Duration) -> Turn<F::Output> {
        loop {
            if let Some(turn) = self.drive_by_hand(work.as_mut(), stop, slice) {
                return turn;
            }
            if let Some(turn) = self.drive_runtime(work.as_mut(), stop, slice) {
                return turn;
            }
        }
    }

    /// Polls the work and, when it can go no further, lets its connection wait for its socket. `None` when it waits for
    /// something else, which takes the runtime.
    fn drive_by_hand<F: Future>(&self, mut work: Pin<&mut F>, stop: &Stop, slice: Duration) -> Option<Turn<F::Output>> {
        let (hand, runtime) = (self.hand.as_ref()?, self.runtime.as_ref()?);
        let waker = Waker::from(Arc::clone(&self.woken));
        let mut context = Context::from_waker(&waker);
        // A wait that begins shortly before this goes beyond it.
        let ends = *lock(&self.ticked) + slice / 2;
        let inside = runtime.enter();
        WANTS_A_LOOK.set(false);
        self.woken.take();
        let mut may_read = Reading::Nothing;
        loop {
            hand.begin(may_read);
            if let Poll::Ready(done) = work.as_mut().poll(&mut context) {
                return Some(Turn::Done(done));
            }
            if stop.is_asked() {
                return Some(Turn::Stopped);
            }
            let is_woken = self.woken.take();
            if !is_woken && !hand.wants_to_read() {
                return None;
            }
            let has_waited = may_read == Reading::Await;
            if has_waited && !hand.has_gone_on() || Instant::now() > ends {
                drop(inside);
                // Clocks that have run out wake the work, which is asked when it is driven again.
                runtime.block_on(tokio::task::yield_now());
                *lock(&self.ticked) = Instant::now();
                return Some(Turn::Slice);
            }
            may_read = match (is_woken, WANTS_A_LOOK.take()) {
                (true, true) => Reading::Look,
                (true, false) => Reading::Nothing,
                (false, _) => Reading::Await,
            };
        }
    }

    /// The same on the runtime; `None` when it goes on by hand.
    fn drive_runtime<F: Future>(&self, mut work: Pin<&mut F>, stop: &Stop, slice: Duration) -> Option<Turn<F::Output>> {
        self.block_on(async {
            let mut slices = lock(&self.slices).take();
            let turn = poll_fn(|context| {
                if let Some(hand) = &self.hand {
                    hand.begin(Reading::Nothing);
                }
                if let Poll::Ready(done) = work.as_mut().poll(context) {
                    return Poll::Ready(Some(Turn::Done(done)));
                }
                if stop.poll_asked(context).is_ready() {
                    return Poll::Ready(Some(Turn::Stopped));
                }
                if self.hand.as_ref().is_some_and(|hand| hand.wants_to_read()) {
                    return Poll::Ready(None);
                }
                let timer = slices.get_or_insert_with(|| Box::pin(tokio::time::sleep(slice)));
                // Its own budget: bytes that amount to nothing would use up the common one, and no slice would ever end.
                let mut ended = pin!(unconstrained(timer.as_mut()));
                ended.as_mut().poll(context).map(|()| Some(Turn::Slice))
            })
            .await;
            if let (Some(Turn::Slice), Some(timer)) = (&turn, &mut slices) {
                timer.as_mut().reset(tokio::time::Instant::now() + slice);
            }
            *lock(&self.slices) = slices;
            turn
        })
        .unwrap_or(Some(Turn::Stopped))
    }

    /// Runs the `work` of a call as it is cheapest where that is driven: where it is proxied, as a task of the runtime.
    pub async fn run<F>(&self, is_proxied: bool, work: F) -> F::Output
    where
        F: Future<Output: Send> + Send + 'static,
    {
        if is_proxied { as_task(work).await } else { work.await }
    }

    /// Drives `work` to its end.
    fn finish(&self, work: impl Future) {
        let (mut work, stop) = (pin!(work), Stop::default());
        while matches!(self.drive(work.as_mut(), &stop, DRAIN_WAIT), Turn::Slice) {}
    }

    /// Leaves the rest of a body to be drained before the lane's next call.
    pub fn leave(&self, leftover: Leftover) {
        *lock(&self.leftover) = Some((leftover, Instant::now()));
    }

    /// Whether the last reply has come to its end; reads what has come of the rest, and waits for nothing.
    pub(super) fn is_drained(&self) -> bool {
        let mut place = lock(&self.leftover);
        let Some((leftover, _)) = place.as_mut() else {
            return true;
        };
        if self.has_drained(leftover) {
            *place = None;
            // Where its bounds were reached, this closes its connection.
            self.turn();
        }
        place.is_none()
    }

    fn has_drained(&self, leftover: &mut Leftover) -> bool {
        let mut draining = pin!(leftover.drain());
        if let (Some(hand), Some(runtime)) = (&self.hand, &self.runtime) {
            let _inside = runtime.enter();
            let mut context = Context::from_waker(Waker::noop());
            for _ in 0..DRAIN_LOOKS {
                hand.begin(Reading::Look);
                if draining.as_mut().poll(&mut context).is_ready() {
                    return true;
                }
                if !hand.has_gone_on() {
                    break;
                }
            }
            if !self.line.has_tasks() {
                return false;
            }
        }
        let ended = self.block_on(async {
            tokio::select! {
                biased;
                _ = draining => true,
                () = turn() => false,
            }
        });
        ended == Some(true)
    }

    pub(super) fn has_overdue_leftover(&self) -> bool {
        lock(&self.leftover)
            .as_ref()
            .is_some_and(|(_, left)| left.elapsed() >= DRAIN_TIME)
    }

    /// Lets the tasks of connections go on without waiting for anything.
    fn turn(&self) {
        if self.line.has_tasks() {
            self.block_on(turn());
        }
    }

    /// Brings the lane up to date after idle time: closed connections are noticed, a rest that has come is drained.
    pub(super) fn settle(&self) {
        let leftover = lock(&self.leftover).take();
        if let Some((mut leftover, _)) = leftover {
            // A rest that does not come is not waited for: dropping it closes that connection.
            let draining = async { drop(tokio::time::timeout(DRAIN_WAIT, leftover.drain()).await) };
            self.finish(draining);
        }
        self.turn();
    }
}

thread_local! {
    /// Work that is driven by hand lets the socket be looked at.
    static WANTS_A_LOOK: Cell<bool> = const { Cell::new(false) };
}

/// Whether something was woken.
#[derive(Debug, Default)]
struct Woken(AtomicBool);

impl Woken {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` as a task of the runtime that drives this: it and the connection's task wake each other without a system call.
///
/// The task begins when this is first polled. Begun on no runtime, it would have to wake its own by a system call.
async fn as_task<F>(work: F) -> F::Output
where
    F: Future<Output: Send> + Send + 'static,
{
    match tokio::spawn(work).await.map_err(JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The runtime is gone, and nobody drives this.
        Err(Err(_)) => std::future::pending().await,
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
        WANTS_A_LOOK.set(true);
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

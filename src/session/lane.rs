//! A runtime of one's own for a call that blocks.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
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

/// Turns of a runtime that let a connection's own task see what has become of its socket: in one the socket is looked
/// at, in the next the task runs. Each costs a system call.
const TURNS: usize = 2;

/// A runtime and the connections on it, lent to one call at a time and driven by the thread that waits for it: no
/// other thread has to be woken for a token.
///
/// Dropping a lane closes its connections at once, whatever they are waiting for.
#[derive(Debug)]
pub struct Lane {
    runtime: Option<Runtime>,
    pub(super) line: Line,
    pub(super) budget: Arc<Budget>,
    /// Cuts waits into slices. It runs on from one wait to the next: to set it anew for each would cost more than a token.
    slices: Mutex<Option<Pin<Box<Sleep>>>>,
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
    pub(super) fn new(runtime: Runtime, line: Line, budget: Arc<Budget>) -> Self {
        Self {
            runtime: Some(runtime),
            line,
            budget,
            slices: Mutex::new(None),
            leftover: Mutex::new(None),
            used: None,
        }
    }

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
    pub(super) fn is_drained(&self) -> bool {
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
            // Where its bounds were reached, this closes its connection.
            self.turn();
        }
        place.is_none()
    }

    pub(super) fn has_overdue_leftover(&self) -> bool {
        lock(&self.leftover)
            .as_ref()
            .is_some_and(|(_, left)| left.elapsed() >= DRAIN_TIME)
    }

    /// Lets the connection's task run without waiting for anything.
    pub(super) fn turn(&self) {
        self.block_on(turn());
    }

    /// Brings the lane up to date after idle time: closed connections are noticed, a rest that has come is drained.
    pub(super) fn settle(&self) {
        let leftover = lock(&self.leftover).take();
        if let Some((mut leftover, _)) = leftover {
            // A rest that does not come is not waited for: dropping it closes that connection.
            self.block_on(async { drop(tokio::time::timeout(DRAIN_WAIT, leftover.drain()).await) });
        }
        self.turn();
    }
}

/// Runs `work` as a task of the lane that drives this: it and the connection's task wake each other without a system call.
///
/// The task begins when this is first polled. Begun on no lane, it would have to wake its own by a system call.
pub async fn as_task<F>(work: F) -> F::Output
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

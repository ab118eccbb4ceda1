//! Ticks of an event loop that waits: looks at its guest's clocks, and moments in which a signal is seen.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::running::running_loop;
use super::waker::LoopWaker;
use crate::lock::lock;
use crate::py::once::intern;

/// A signal that comes in the moment in which an event loop goes to wait is seen when something else wakes the loop.
const TICK: Duration = Duration::from_millis(200);
/// While nothing comes, clocks are looked at as often as this.
const QUIET_TICK: Duration = Duration::from_millis(25);
/// After something has come, they are looked at with it.
const BUSY_TICK: Duration = Duration::from_millis(50);
/// A Jupyter kernel's signal handler cancels the cell's task, but never wakes the event loop.
const JUPYTER_TICK: Duration = Duration::from_millis(100);

/// The ticks of a waker, which is called each time.
#[derive(Debug)]
pub struct Ticks {
    /// Whether one is to come.
    go_on: AtomicBool,
    /// The time between ticks for the signals' sake, on the thread that their handlers run on.
    for_signals: Option<Duration>,
    next: Mutex<Option<Next>>,
}

/// The next tick: its handle in the loop, which refers to the waker, and when it is due.
#[derive(Debug)]
struct Next {
    handle: Py<PyWeakrefReference>,
    due: Instant,
}

impl Ticks {
    /// Those of a waker that is made on this thread.
    ///
    /// # Errors
    /// What Python raises when asked which thread this is.
    pub fn new(py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            go_on: AtomicBool::new(false),
            for_signals: tick_for_signals(py)?,
            next: Mutex::default(),
        })
    }

    /// Something is waited for: begins the ticks, if they have not begun and something needs them.
    ///
    /// # Errors
    /// What the loop raises.
    pub fn begin(&self, waker: &Bound<'_, LoopWaker>, event_loop: &Bound<'_, PyAny>, for_clocks: bool) -> PyResult<()> {
        if (for_clocks || self.for_signals.is_some()) && !self.go_on.swap(true, Ordering::AcqRel) {
            return self.next(waker, event_loop, self.time(for_clocks));
        }
        Ok(())
    }

    /// A tick has come: has the next one come, unless nothing is waited for.
    ///
    /// # Errors
    /// What the loop raises.
    pub fn again(
        &self,
        waker: &Bound<'_, LoopWaker>,
        event_loop: &Bound<'_, PyAny>,
        for_clocks: bool,
        goes_on: bool,
    ) -> PyResult<()> {
        self.go_on.store(goes_on, Ordering::Release);
        if goes_on {
            return self.next(waker, event_loop, self.time(for_clocks));
        }
        Ok(())
    }

    fn time(&self, for_clocks: bool) -> Duration {
        if for_clocks {
            QUIET_TICK
        } else {
            self.for_signals.unwrap_or(TICK)
        }
    }

    /// Has the next tick come after this time.
    fn next(&self, waker: &Bound<'_, LoopWaker>, event_loop: &Bound<'_, PyAny>, after: Duration) -> PyResult<()> {
        let py = waker.py();
        let tick = waker.getattr(intern!(py, "_tick"))?;
        let handle = event_loop
            .call_method1(intern!(py, "call_later"), (after.as_secs_f64(), tick, event_loop))
            // A signal's handler may raise anywhere: the next wait then begins the ticks anew.
            .inspect_err(|_| self.go_on.store(false, Ordering::Release))?;
        // It cannot be put off where the loop's handles have no weak references.
        let next = PyWeakrefReference::new(&handle).ok().map(|handle| Next {
            handle: handle.unbind(),
            due: Instant::now() + after,
        });
        let before = std::mem::replace(&mut *lock(&self.next), next);
        drop(before);
        Ok(())
    }

    /// Puts a tick off that would come soon, since the clocks were looked at just now: to be woken for it alone would cost more.
    ///
    /// # Errors
    /// What the loop raises.
    pub fn postpone(&self, waker: &Bound<'_, LoopWaker>) -> PyResult<()> {
        let soon = Instant::now() + QUIET_TICK;
        self.move_next(waker, |due| due <= soon, BUSY_TICK)
    }

    /// Has the clocks of a call looked at that has begun among others which need no such looks.
    ///
    /// # Errors
    /// What the loop raises.
    pub fn hasten(&self, waker: &Bound<'_, LoopWaker>) -> PyResult<()> {
        let late = Instant::now() + BUSY_TICK;
        self.move_next(waker, |due| due > late, QUIET_TICK)
    }

    fn move_next(
        &self,
        waker: &Bound<'_, LoopWaker>,
        is_it: impl Fn(Instant) -> bool,
        after: Duration,
    ) -> PyResult<()> {
        let py = waker.py();
        let next = lock(&self.next).take_if(|next| is_it(next.due));
        let handle = next.and_then(|next| next.handle.bind(py).upgrade());
        let Some(handle) = handle.filter(|_| self.go_on.load(Ordering::Acquire)) else {
            return Ok(());
        };
        self.next(waker, &running_loop(py)?, after)?;
        handle.call_method0(intern!(py, "cancel")).map(drop)
    }

    /// Shows the collector what it holds.
    ///
    /// # Errors
    /// The collector's own.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // What is locked is in use, and not to be collected.
        if let Ok(next) = self.next.try_lock()
            && let Some(next) = &*next
        {
            visit.call(&next.handle)?;
        }
        Ok(())
    }

    /// Lets go of what it holds.
    pub fn clear(&self) {
        let next = lock(&self.next).take();
        drop(next);
    }
}

/// How often the loop of this thread is to be woken while something is waited for, so that Ctrl-C is seen; never where
/// the handlers of signals do not run.
fn tick_for_signals(py: Python<'_>) -> PyResult<Option<Duration>> {
    let threading = py.import(intern!(py, "threading"))?;
    let main = threading.call_method0(intern!(py, "main_thread"))?;
    if !threading.call_method0(intern!(py, "current_thread"))?.is(&main) {
        return Ok(None);
    }
    let modules = py.import(intern!(py, "sys"))?.getattr(intern!(py, "modules"))?;
    let is_jupyter = modules.contains(intern!(py, "ipykernel"))?;
    Ok(Some(if is_jupyter { JUPYTER_TICK } else { TICK }))
}

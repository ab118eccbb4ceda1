//! Calls whose one result is awaited.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;

use super::awaitable::{Awaitable, Operation, Pause};
use super::bell::Waiter;
use super::running::Running;
use super::turns;
use crate::lock::lock;
use crate::py::begun::Begun;

/// A place where one result is left.
pub struct Slot<T> {
    state: Mutex<(Option<T>, Option<Waiter>)>,
}

impl<T> Slot<T> {
    /// An empty place.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new((None, None)),
        })
    }

    /// Leaves the result and wakes who waits for it.
    pub fn put(&self, value: T) {
        let waiter = {
            let mut state = lock(&self.state);
            state.0 = Some(value);
            state.1.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// Takes the result; if there is none, `waiter` is woken when it comes.
    pub fn take(&self, waiter: Option<Waiter>) -> Option<T> {
        let mut state = lock(&self.state);
        if state.0.is_none() {
            state.1 = waiter;
        }
        state.0.take()
    }
}

/// Begins a call that leaves its result in this place.
pub type Start<T> = Box<dyn FnOnce(&Running<'_>, Arc<Slot<T>>) -> PyResult<Begun> + Send>;
/// Makes a call's result what the caller gets.
pub type Finish<T> = Box<dyn FnOnce(Python<'_>, T) -> PyResult<Py<PyAny>> + Send>;

/// A call whose one result is awaited. It begins when it is first awaited, like any coroutine.
pub struct Pending<T> {
    start: Mutex<Option<Start<T>>>,
    /// Whether it has stood in line to begin.
    stood_in_line: AtomicBool,
    slot: Arc<Slot<T>>,
    task: Mutex<Option<Begun>>,
    finish: Mutex<Option<Finish<T>>>,
}

impl<T: Send + 'static> Pending<T> {
    /// A call that has not begun.
    #[must_use]
    pub fn new(start: Start<T>, finish: Finish<T>) -> Self {
        Self {
            start: Mutex::new(Some(start)),
            stood_in_line: AtomicBool::new(false),
            slot: Slot::new(),
            task: Mutex::new(None),
            finish: Mutex::new(Some(finish)),
        }
    }
}

impl<T: Send + 'static> Operation for Pending<T> {
    fn poll(&self, running: &Running<'_>, waiter: Option<Waiter>) -> PyResult<Option<Py<PyAny>>> {
        let start = lock(&self.start).take();
        if let Some(start) = start {
            let task = start(running, Arc::clone(&self.slot))?;
            *lock(&self.task) = Some(task);
        }
        let Some(value) = self.slot.take(waiter) else {
            return Ok(None);
        };
        let finish = lock(&self.finish).take();
        finish.map(|finish| finish(running.py(), value)).transpose()
    }

    fn cancel(&self) {
        // What they hold goes now: a task that was cancelled may be kept.
        let begun = (lock(&self.start).take(), lock(&self.finish).take());
        drop(begun);
        let task = lock(&self.task).take();
        if let Some(task) = task {
            task.give_up();
        }
        // A result that came too late is dropped with all it holds.
        drop(self.slot.take(None));
    }

    fn pause(&self) -> Pause {
        let has_begun = lock(&self.start).is_none();
        if has_begun || self.stood_in_line.load(Ordering::Relaxed) || !turns::is_full() {
            return Pause::None;
        }
        self.stood_in_line.store(true, Ordering::Relaxed);
        Pause::Line
    }
}

/// A result that is at hand.
pub struct Ready(pub Mutex<Option<PyResult<Py<PyAny>>>>);

impl Ready {
    /// An awaitable that is done.
    #[must_use]
    pub fn awaitable(outcome: PyResult<Py<PyAny>>) -> Awaitable {
        Awaitable::new(Self(Mutex::new(Some(outcome))))
    }
}

impl Operation for Ready {
    fn poll(&self, _running: &Running<'_>, _waiter: Option<Waiter>) -> PyResult<Option<Py<PyAny>>> {
        lock(&self.0).take().transpose()
    }

    fn cancel(&self) {}
}

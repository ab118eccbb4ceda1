//! A coroutine in all that asyncio asks of one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyStopIteration};
use pyo3::ffi;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::bell::Waiter;
use super::running::Running;
use super::wait::Wait;
use super::waker::LoopWaker;
use crate::lock::lock;

/// What an awaitable waits for.
pub trait Operation: Send + Sync {
    /// The result if there is one; otherwise `waiter`, if given, is woken when it is worth asking again.
    ///
    /// # Errors
    /// What the operation failed with.
    fn poll(&self, running: &Running<'_>, waiter: Option<Waiter>) -> PyResult<Option<Py<PyAny>>>;

    /// Nobody waits for it any more.
    fn cancel(&self);

    /// What others should have first: what never waits would hold the event loop up.
    fn pause(&self) -> Pause {
        Pause::None
    }
}

/// What an operation lets others have before it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Nothing.
    None,
    /// One turn of the event loop.
    Turn,
    /// As many turns as the loop wants for those that wait before it.
    Line,
}

/// A coroutine in all that asyncio asks of one, driven by an [`Operation`].
#[pyclass(frozen, module = "tokstream._tokstream")]
pub struct Awaitable {
    operation: Box<dyn Operation>,
    stage: AtomicU8,
    /// Where it stands in the waker's list while it waits.
    place: Mutex<Option<Place>>,
    /// The last wait, which can be used again.
    wait: Mutex<Option<Py<Wait>>>,
}

/// A waker, and the number in its list.
type Place = (Py<LoopWaker>, u64);

fn leave(place: Option<Place>) {
    if let Some((waker, id)) = place {
        waker.get().forget(id);
    }
}

/// Not begun.
const IDLE: u8 = 0;
/// It has let the loop have a turn, and goes on after that.
const YIELDING: u8 = 1;
/// It has a place in the waker's list.
const WAITING: u8 = 2;
/// It has returned, raised or been given up.
const OVER: u8 = 3;

/// What a step of a coroutine gives.
enum Step {
    /// Something to wait for.
    Yield(Py<PyAny>),
    /// The result.
    Return(Py<PyAny>),
}

/// Raises the `StopIteration` with which a coroutine returns `value`, as coroutines in C do: its type and value
/// alone, from which no exception object is made where nobody looks at it. The caller returns null.
#[expect(
    unsafe_code,
    reason = "what PyErr can raise is an exception object: the dearest part of a ready result"
)]
fn stop_iteration(py: Python<'_>, value: Py<PyAny>) -> PyResult<()> {
    let bound = value.bind(py);
    // Of these Python would make arguments, or the exception itself.
    if bound.is_instance_of::<PyTuple>() || bound.is_instance_of::<PyBaseException>() {
        return Err(PyStopIteration::new_err((value,)));
    }
    // SAFETY: both are valid objects, and the interpreter is attached.
    unsafe { ffi::PyErr_SetObject(py.get_type::<PyStopIteration>().as_ptr(), bound.as_ptr()) };
    Ok(())
}

/// What `await` asks for an iterator, which is the object itself, and for a step: a result is handed over without a
/// `StopIteration`.
#[expect(
    unsafe_code,
    reason = "PyO3 has no name for one slot, and fills the other with a call of Rust"
)]
pub fn add_slots(py: Python<'_>) {
    let class = py.get_type::<Awaitable>().as_type_ptr();
    // SAFETY: it is a living type.
    let slots = unsafe { (*class).tp_as_async };
    // SAFETY: a type made at run time has room for these slots, and nobody else has seen this one yet.
    if let Some(slots) = unsafe { slots.as_mut() } {
        slots.am_send = Some(send_slot);
        slots.am_await = Some(ffi::PyObject_SelfIter);
    }
}

#[expect(unsafe_code, reason = "the interpreter calls it")]
unsafe extern "C" fn send_slot(
    object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: the interpreter is attached when it calls.
    let py = unsafe { Python::assume_attached() };
    // SAFETY: its argument lives as long as the call.
    let object = unsafe { Borrowed::from_ptr(py, object) };
    // A panic must not leave this function: it would end the process.
    let step = catch_unwind(AssertUnwindSafe(|| object.cast::<Awaitable>()?.get().step(py)))
        .unwrap_or_else(|_| Err(PanicException::new_err("a step of a call panicked")));
    let (sent, value) = match step {
        Ok(Step::Yield(value)) => (ffi::PySendResult::PYGEN_NEXT, value.into_ptr()),
        Ok(Step::Return(value)) => (ffi::PySendResult::PYGEN_RETURN, value.into_ptr()),
        Err(error) => {
            error.restore(py);
            (ffi::PySendResult::PYGEN_ERROR, std::ptr::null_mut())
        }
    };
    // SAFETY: this is the caller's place for it.
    unsafe { *result = value };
    sent
}

#[expect(unsafe_code, reason = "only the interpreter knows")]
fn is_held_once(object: &Py<Awaitable>) -> bool {
    // SAFETY: the pointer is of a living object.
    unsafe { ffi::Py_REFCNT(object.as_ptr()) == 1 }
}

/// The awaitables of one iteration: a finished one that nobody holds any more serves again.
#[derive(Default)]
pub struct Reused(Mutex<Option<Py<Awaitable>>>);

impl Reused {
    /// An awaitable of the operation that `make` makes, which is the same each time.
    ///
    /// # Errors
    /// Where Python has no memory for it.
    pub fn next<O: Operation + 'static>(&self, py: Python<'_>, make: impl FnOnce() -> O) -> PyResult<Py<Awaitable>> {
        let mut last = lock(&self.0);
        if let Some(last) = last.as_ref()
            && is_held_once(last)
            && last.get().renew()
        {
            return Ok(last.clone_ref(py));
        }
        let fresh = Py::new(py, Awaitable::new(make()))?;
        let before = last.replace(fresh.clone_ref(py));
        // Dropping it may run Python code.
        drop(last);
        drop(before);
        Ok(fresh)
    }

    /// Shows the collector what it holds.
    ///
    /// # Errors
    /// The collector's own.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // What is locked is in use, and not to be collected.
        self.0.try_lock().map_or(Ok(()), |last| visit.call(&*last))
    }

    /// Lets go of what it holds.
    pub fn clear(&self) {
        let last = lock(&self.0).take();
        drop(last);
    }
}

impl Awaitable {
    /// An awaitable of `operation`.
    #[must_use]
    pub fn new(operation: impl Operation + 'static) -> Self {
        Self {
            operation: Box::new(operation),
            stage: AtomicU8::new(IDLE),
            place: Mutex::new(None),
            wait: Mutex::new(None),
        }
    }

    /// Makes one that is over as good as new, for the next result of the same operation.
    fn renew(&self) -> bool {
        let renewed = self
            .stage
            .compare_exchange(OVER, IDLE, Ordering::AcqRel, Ordering::Relaxed);
        renewed.is_ok()
    }

    fn step(&self, py: Python<'_>) -> PyResult<Step> {
        match self.stage.load(Ordering::Acquire) {
            OVER => return Err(PyRuntimeError::new_err("cannot reuse already awaited coroutine")),
            // Its wait is not over, so this is not the task that waits for it.
            WAITING if lock(&self.wait).as_ref().is_some_and(|wait| wait.get().is_pending()) => {
                return Err(PyRuntimeError::new_err("coroutine is being awaited already"));
            }
            _ => {}
        }
        let pause = self.operation.pause();
        if pause == Pause::Turn {
            self.enter(YIELDING);
            // asyncio takes a bare yield as a wish to be called again after everybody else.
            return Ok(Step::Yield(py.None()));
        }
        let running = Running::on(py);
        if pause == Pause::None
            && let Some(outcome) = self.operation.poll(&running, None).transpose()
        {
            return self.over(outcome);
        }
        let begun = self.begin_wait(&running);
        // What was begun and cannot be waited for is given up: a signal's handler may raise anywhere.
        let (wait, waiter) = begun.inspect_err(|_| self.give_up())?;
        if pause == Pause::Line {
            waiter.wake();
            return Ok(Step::Yield(wait.into_any()));
        }
        if let Some(outcome) = self.operation.poll(&running, Some(waiter)).transpose() {
            return self.over(outcome);
        }
        Ok(Step::Yield(wait.into_any()))
    }

    /// Something for the task to wait for, and who ends that.
    fn begin_wait(&self, running: &Running<'_>) -> PyResult<(Py<Wait>, Waiter)> {
        let py = running.py();
        let (event_loop, waker) = running.waker()?;
        let last = lock(&self.wait).take();
        let wait = match last {
            Some(last) if last.get().renew(event_loop) => last,
            _ => Py::new(py, Wait::new(event_loop.clone().unbind()))?,
        };
        *lock(&self.wait) = Some(wait.clone_ref(py));
        let (id, waiter) = LoopWaker::begin(waker.bind(py), event_loop, wait.clone_ref(py))?;
        self.wait_at(waker.clone_ref(py), id);
        Ok((wait, waiter))
    }

    fn over(&self, outcome: PyResult<Py<PyAny>>) -> PyResult<Step> {
        self.enter(OVER);
        outcome.map(Step::Return)
    }

    /// Takes a place in a waker's list.
    fn wait_at(&self, waker: Py<LoopWaker>, id: u64) {
        let before = {
            // Who finds it waiting finds its place, too.
            let mut place = lock(&self.place);
            self.stage.store(WAITING, Ordering::Release);
            place.replace((waker, id))
        };
        leave(before);
    }

    /// Comes to another stage than waiting, and returns whether it was under way.
    fn enter(&self, stage: u8) -> bool {
        let before = self.stage.swap(stage, Ordering::AcqRel);
        if before == WAITING {
            let place = lock(&self.place).take();
            leave(place);
        }
        matches!(before, WAITING | YIELDING)
    }

    fn cancel(&self) {
        // What was never begun has nothing to end.
        if self.enter(OVER) {
            self.operation.cancel();
        }
    }

    fn give_up(&self) {
        self.enter(OVER);
        self.operation.cancel();
    }
}

#[pymethods]
impl Awaitable {
    fn __await__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        match self.step(py)? {
            Step::Yield(value) => Ok(Some(value)),
            Step::Return(value) => stop_iteration(py, value).map(|()| None),
        }
    }

    fn send(&self, py: Python<'_>, _value: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        match self.step(py)? {
            Step::Yield(value) => Ok(value),
            Step::Return(value) => Err(PyStopIteration::new_err((value,))),
        }
    }

    #[pyo3(signature = (kind, value=None, traceback=None))]
    fn throw(
        &self,
        kind: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
        traceback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let _ = traceback;
        self.cancel();
        Err(PyErr::from_value(value.unwrap_or(kind).clone()))
    }

    fn close(&self) {
        self.cancel();
    }

    /// A task refers to what it awaits, and that to the task.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // What is locked is in use, and not to be collected.
        if let Ok(place) = self.place.try_lock()
            && let Some((waker, _)) = &*place
        {
            visit.call(waker)?;
        }
        if let Ok(wait) = self.wait.try_lock()
            && let Some(wait) = &*wait
        {
            visit.call(wait)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        self.cancel();
        let wait = lock(&self.wait).take();
        drop(wait);
    }
}

impl Drop for Awaitable {
    fn drop(&mut self) {
        self.cancel();
    }
}

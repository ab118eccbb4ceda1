//! What a task of asyncio waits for: a future in all that a task asks of one, and nothing more.

use std::sync::Mutex;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use smallvec::SmallVec;

use crate::lock::lock;
use crate::py::once::intern;

/// A future of one task, resolved on the loop's own thread.
///
/// It differs from asyncio's own in that it steps the task at once, where that would have the loop do so in its next
/// turn, and in that it can be used again.
#[pyclass(frozen, module = "tokstream._tokstream")]
#[derive(Debug)]
pub struct Wait {
    event_loop: Py<PyAny>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    outcome: Outcome,
    /// Set by who yields it, cleared by the task that has understood.
    blocking: bool,
    /// The task's wake-up and its context; only tools add others.
    callbacks: Callbacks,
    /// What was said when it was cancelled.
    message: Option<Py<PyAny>>,
    /// More than one has asked to be told: one of them may still have to look.
    is_shared: bool,
}

/// A callback, and the context that it is called in.
type Callback = (Py<PyAny>, Option<Py<PyAny>>);
type Callbacks = SmallVec<[Callback; 1]>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Pending,
    Done,
    Cancelled,
}

impl Wait {
    /// A wait that has begun.
    #[must_use]
    pub fn new(event_loop: Py<PyAny>) -> Self {
        Self {
            event_loop,
            state: Mutex::new(State {
                outcome: Outcome::Pending,
                blocking: true,
                callbacks: Callbacks::new(),
                message: None,
                is_shared: false,
            }),
        }
    }

    /// Begins anew, where it has come to its end, one task was told so, and it belongs to this loop.
    pub fn renew(&self, event_loop: &Bound<'_, PyAny>) -> bool {
        let mut state = lock(&self.state);
        let usable = state.outcome == Outcome::Done && !state.is_shared && self.event_loop.is(event_loop);
        if usable {
            state.outcome = Outcome::Pending;
            state.blocking = true;
        }
        usable
    }

    /// Whether it has not come to its end.
    pub fn is_pending(&self) -> bool {
        lock(&self.state).outcome == Outcome::Pending
    }

    /// The event loop.
    pub fn event_loop<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.event_loop.bind(py).clone()
    }

    /// Ends it and steps whoever waits. Runs on the loop's thread, in no task.
    ///
    /// A loop that `nests` may be run again by a task, before this returns: no callback of its own, such as this one, may
    /// then be under way, so whoever waits is stepped in the loop's next turn.
    ///
    /// # Errors
    /// What ends the loop: `KeyboardInterrupt` and `SystemExit`.
    pub fn resolve(slf: &Bound<'_, Self>, nests: bool) -> PyResult<()> {
        let py = slf.py();
        let Some(callbacks) = slf.get().end(Outcome::Done) else {
            return Ok(());
        };
        for (callback, context) in callbacks {
            if nests {
                Self::call_soon(slf, &callback, context.as_ref())?;
                continue;
            }
            match context {
                Some(context) => context.call_method1(py, intern!(py, "run"), (callback, slf))?,
                None => callback.call1(py, (slf,))?,
            };
        }
        Ok(())
    }

    fn end(&self, outcome: Outcome) -> Option<Callbacks> {
        let mut state = lock(&self.state);
        if state.outcome != Outcome::Pending {
            return None;
        }
        state.outcome = outcome;
        Some(std::mem::take(&mut state.callbacks))
    }

    fn call_soon(slf: &Bound<'_, Self>, callback: &Py<PyAny>, context: Option<&Py<PyAny>>) -> PyResult<()> {
        let py = slf.py();
        let options = PyDict::new(py);
        if let Some(context) = context {
            options.set_item(intern!(py, "context"), context)?;
        }
        let call_soon = slf.get().event_loop.bind(py).getattr(intern!(py, "call_soon"))?;
        call_soon.call((callback, slf), Some(&options)).map(drop)
    }

    fn asyncio_error(py: Python<'_>, name: &str, message: Option<Py<PyAny>>) -> PyErr {
        let class = py
            .import(intern!(py, "asyncio"))
            .and_then(|asyncio| asyncio.getattr(name));
        let made = class.and_then(|class| match message {
            Some(message) => class.call1((message,)),
            None => class.call0(),
        });
        match made {
            Ok(error) => PyErr::from_value(error),
            Err(error) => error,
        }
    }
}

#[pymethods]
impl Wait {
    #[getter]
    fn _asyncio_future_blocking(&self) -> bool {
        lock(&self.state).blocking
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, blocking: bool) {
        lock(&self.state).blocking = blocking;
    }

    #[getter]
    fn _loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.event_loop.clone_ref(py)
    }

    fn get_loop(&self, py: Python<'_>) -> Py<PyAny> {
        self.event_loop.clone_ref(py)
    }

    #[pyo3(signature = (callback, /, *, context=None))]
    fn add_done_callback(slf: &Bound<'_, Self>, callback: Py<PyAny>, context: Option<Py<PyAny>>) -> PyResult<()> {
        {
            let mut state = lock(&slf.get().state);
            if state.outcome == Outcome::Pending {
                state.is_shared |= !state.callbacks.is_empty();
                state.callbacks.push((callback, context));
                return Ok(());
            }
        }
        Self::call_soon(slf, &callback, context.as_ref())
    }

    fn remove_done_callback(slf: &Bound<'_, Self>, callback: &Bound<'_, PyAny>) -> PyResult<usize> {
        let callbacks = std::mem::take(&mut lock(&slf.get().state).callbacks);
        let before = callbacks.len();
        let mut kept = Vec::with_capacity(before);
        for (one, context) in callbacks {
            if !one.bind(slf.py()).eq(callback)? {
                kept.push((one, context));
            }
        }
        let removed = before - kept.len();
        lock(&slf.get().state).callbacks.extend(kept);
        Ok(removed)
    }

    #[pyo3(signature = (msg=None))]
    fn cancel(slf: &Bound<'_, Self>, msg: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let Some(callbacks) = slf.get().end(Outcome::Cancelled) else {
            return Ok(false);
        };
        // By the message others tell whose cancellation it is.
        lock(&slf.get().state).message = msg.map(|msg| msg.clone().unbind());
        // Within the turn of whoever cancels: the task has to wait for one of its own.
        for (callback, context) in &callbacks {
            Self::call_soon(slf, callback, context.as_ref())?;
        }
        Ok(true)
    }

    fn cancelled(&self) -> bool {
        lock(&self.state).outcome == Outcome::Cancelled
    }

    fn done(&self) -> bool {
        !self.is_pending()
    }

    fn result(&self, py: Python<'_>) -> PyResult<()> {
        let outcome = lock(&self.state).outcome;
        match outcome {
            Outcome::Done => Ok(()),
            Outcome::Cancelled => {
                let message = lock(&self.state).message.as_ref().map(|message| message.clone_ref(py));
                Err(Self::asyncio_error(py, "CancelledError", message))
            }
            Outcome::Pending => Err(Self::asyncio_error(py, "InvalidStateError", None)),
        }
    }

    fn exception(&self, py: Python<'_>) -> PyResult<()> {
        self.result(py)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        // What is locked is in use, and not to be collected.
        if let Ok(state) = self.state.try_lock() {
            for (callback, context) in &state.callbacks {
                visit.call(callback)?;
                visit.call(context)?;
            }
            visit.call(&state.message)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let mut state = lock(&self.state);
        let before = (std::mem::take(&mut state.callbacks), state.message.take());
        // Dropped outside of the lock: this may run Python code.
        drop(state);
        drop(before);
    }
}

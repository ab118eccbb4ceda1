//! Which event loop runs on a thread, and its waker.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::waker::LoopWaker;
use crate::lock::lock;
use crate::process::generation;
use crate::py::once::kept;

/// By a loop's address: the loop and its waker, which the loop itself keeps alive.
type Wakers = Mutex<HashMap<usize, (Py<PyWeakrefReference>, Py<PyWeakrefReference>)>>;

/// The process that does it, for a task may fork, the loop and its waker.
type Steps = (u32, Py<PyAny>, Py<LoopWaker>);

thread_local! {
    static STEPPING: RefCell<Option<Steps>> = const { RefCell::new(None) };
}

/// A loop that steps tasks on this thread, which therefore need not ask which one runs, for as long as this lives.
pub struct Stepping;

impl Stepping {
    /// This loop, with its waker, begins to step tasks.
    #[must_use]
    pub fn of(event_loop: Bound<'_, PyAny>, waker: &Bound<'_, LoopWaker>) -> Self {
        STEPPING.set(Some((generation(), event_loop.unbind(), waker.clone().unbind())));
        Self
    }
}

impl Drop for Stepping {
    fn drop(&mut self) {
        let over = STEPPING.take();
        // Outside of the cell: this may run Python code.
        drop(over);
    }
}

/// The event loop that runs on this thread.
///
/// # Errors
/// `RuntimeError` where there is none.
pub fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static RUNNING: OnceLock<Py<PyAny>> = OnceLock::new();
    let running = kept(&RUNNING, || {
        Ok::<_, PyErr>(py.import("asyncio")?.getattr("get_running_loop")?.unbind())
    })?;
    running.bind(py).call0()
}

/// The event loop that runs on this thread, looked up when it is first asked for, and once: with each look Python asks
/// the system which process this is.
pub struct Running<'py> {
    py: Python<'py>,
    found: OnceCell<(Bound<'py, PyAny>, Py<LoopWaker>)>,
}

impl<'py> Running<'py> {
    /// Not looked up yet.
    #[must_use]
    pub fn on(py: Python<'py>) -> Self {
        Self {
            py,
            found: OnceCell::new(),
        }
    }

    /// The interpreter.
    #[must_use]
    pub fn py(&self) -> Python<'py> {
        self.py
    }

    /// The loop and its waker.
    ///
    /// # Errors
    /// `RuntimeError` where no loop runs.
    pub fn waker(&self) -> PyResult<&(Bound<'py, PyAny>, Py<LoopWaker>)> {
        if let Some(found) = self.found.get() {
            return Ok(found);
        }
        let stepping = STEPPING.with_borrow(|stepping| {
            let (process, event_loop, waker) = stepping.as_ref()?;
            (*process == generation()).then(|| (event_loop.bind(self.py).clone(), waker.clone_ref(self.py)))
        });
        let found = match stepping {
            Some(found) => found,
            None => waker_of_running_loop(self.py)?,
        };
        Ok(self.found.get_or_init(|| found))
    }
}

fn waker_of_running_loop(py: Python<'_>) -> PyResult<(Bound<'_, PyAny>, Py<LoopWaker>)> {
    static WAKERS: OnceLock<Wakers> = OnceLock::new();
    let event_loop = running_loop(py)?;
    let wakers = WAKERS.get_or_init(Wakers::default);
    let key = event_loop.as_ptr() as usize;
    let known = lock(wakers)
        .get(&key)
        .map(|(seen, waker)| (seen.clone_ref(py), waker.clone_ref(py)));
    if let Some((seen, waker)) = known {
        // Another loop may have come to lie where one that is gone was.
        let is_same = seen.bind(py).upgrade().is_some_and(|seen| seen.is(&event_loop));
        if let Some(waker) = waker.bind(py).upgrade().filter(|_| is_same) {
            return Ok((event_loop, waker.cast_into::<LoopWaker>()?.unbind()));
        }
    }
    let waker = LoopWaker::of(&event_loop)?;
    let seen = PyWeakrefReference::new(&event_loop)?.unbind();
    let weak = PyWeakrefReference::new(waker.as_any())?.unbind();
    let mut gone = Vec::new();
    {
        let mut wakers = lock(wakers);
        let dead: Vec<usize> = wakers
            .iter()
            .filter(|(_, (seen, _))| seen.bind(py).upgrade().is_none())
            .map(|(key, _)| *key)
            .collect();
        gone.extend(dead.iter().filter_map(|key| wakers.remove(key)));
        gone.extend(wakers.insert(key, (seen, weak)));
    }
    // Dropped outside of the lock: this runs Python's destructors.
    drop(gone);
    Ok((event_loop, waker.unbind()))
}

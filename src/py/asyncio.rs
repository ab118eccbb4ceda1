//! The asyncio surface: awaitables that a background thread completes, and one watched pipe per event loop that wakes it.
//!
//! The background thread never touches Python: it leaves a result where the awaitable finds it and writes a byte.

use std::collections::HashMap;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;

use pyo3::exceptions::{PyBaseException, PyNotImplementedError, PyRuntimeError, PyStopIteration};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple, PyWeakrefMethods, PyWeakrefReference};
use tokio::task::AbortHandle;

/// A lock is held only for a moment and never while Python code runs.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The side of an event loop's waker that other threads hold.
#[derive(Debug)]
pub struct Bell {
    ready: Mutex<Vec<u64>>,
    /// Whether a byte is in the pipe: there is never more than one, so that writing cannot block.
    rung: AtomicBool,
    pipe: PipeWriter,
}

impl Bell {
    fn ring(&self, id: u64) {
        lock(&self.ready).push(id);
        if !self.rung.swap(true, Ordering::AcqRel) {
            // The loop may be gone, and nobody then waits.
            let _ = (&self.pipe).write(&[1]);
        }
    }
}

/// Who waits for what the background thread does.
#[derive(Debug)]
pub enum Waiter {
    /// An event loop, for one of its futures.
    Future(Arc<Bell>, u64),
    /// A thread that is parked.
    Thread(Thread),
}

impl Waiter {
    /// Wakes who waits. Any thread may.
    pub fn wake(self) {
        match self {
            Self::Future(bell, id) => bell.ring(id),
            Self::Thread(thread) => thread.unpark(),
        }
    }
}

/// An event loop's waker: a pipe that the loop watches, and the futures that wait.
#[pyclass(frozen, module = "tokstream._tokstream")]
#[derive(Debug)]
pub struct LoopWaker {
    bell: Arc<Bell>,
    reader: PipeReader,
    futures: Mutex<HashMap<u64, Py<PyAny>>>,
    next_id: AtomicU64,
    ticks: AtomicBool,
}

#[pymethods]
impl LoopWaker {
    /// The pipe is readable: completes the futures that are ready. Runs on the loop's thread.
    fn _ring(&self, py: Python<'_>) -> PyResult<()> {
        let mut byte = [0];
        let _ = py.detach(|| (&self.reader).read(&mut byte));
        self.answer(py)
    }

    /// Serves a loop that cannot watch a pipe, from a thread of its own.
    fn _serve(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let answer = slf.getattr(intern!(py, "_answer"))?;
        let mut reader = &slf.get().reader;
        let mut byte = [0];
        while py.detach(|| reader.read(&mut byte)).is_ok_and(|count| count > 0) {
            if event_loop
                .call_method1(intern!(py, "call_soon_threadsafe"), (&answer,))
                .is_err()
            {
                break;
            }
        }
        Ok(())
    }

    fn _answer(&self, py: Python<'_>) -> PyResult<()> {
        self.answer(py)
    }

    /// Wakes the loop every now and then while something is waited for.
    fn _tick(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let waits = !lock(&slf.get().futures).is_empty();
        slf.get().ticks.store(waits, Ordering::Release);
        if waits {
            Self::tick_later(slf, event_loop)?;
        }
        Ok(())
    }
}

impl LoopWaker {
    fn answer(&self, py: Python<'_>) -> PyResult<()> {
        // Before the list is taken: what is added after it is taken rings again.
        self.bell.rung.store(false, Ordering::Release);
        let ready = std::mem::take(&mut *lock(&self.bell.ready));
        for id in ready {
            let future = lock(&self.futures).remove(&id);
            let Some(future) = future else { continue };
            let future = future.bind(py);
            if !future.call_method0(intern!(py, "done"))?.is_truthy()? {
                future.call_method1(intern!(py, "set_result"), (py.None(),))?;
            }
        }
        Ok(())
    }

    fn tick_later(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let tick = slf.getattr(intern!(py, "_tick"))?;
        event_loop
            .call_method1(intern!(py, "call_later"), (JUPYTER_TICK_SECONDS, tick, event_loop))
            .map(drop)
    }

    fn new() -> PyResult<Self> {
        let (reader, pipe) = std::io::pipe()?;
        Ok(Self {
            bell: Arc::new(Bell {
                ready: Mutex::default(),
                rung: AtomicBool::new(false),
                pipe,
            }),
            reader,
            futures: Mutex::default(),
            next_id: AtomicU64::new(0),
            ticks: AtomicBool::new(false),
        })
    }

    /// Has `event_loop` watch the pipe.
    #[cfg(unix)]
    fn watch(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        use std::os::fd::AsRawFd;
        let py = slf.py();
        let ring = slf.getattr(intern!(py, "_ring"))?;
        let fd = slf.get().reader.as_raw_fd();
        match event_loop.call_method1(intern!(py, "add_reader"), (fd, ring)) {
            Err(error) if error.is_instance_of::<PyNotImplementedError>(py) => Self::serve(slf, event_loop),
            other => other.map(drop),
        }
    }

    #[cfg(not(unix))]
    fn watch(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::serve(slf, event_loop)
    }

    fn serve(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let options = PyDict::new(py);
        options.set_item("target", slf.getattr(intern!(py, "_serve"))?)?;
        options.set_item("args", (event_loop,))?;
        options.set_item("name", "tokstream-waker")?;
        options.set_item("daemon", true)?;
        let thread = py
            .import(intern!(py, "threading"))?
            .getattr(intern!(py, "Thread"))?
            .call((), Some(&options))?;
        thread.call_method0(intern!(py, "start")).map(drop)
    }
}

/// A Jupyter kernel's signal handler cancels the cell's task, but does not wake the event loop, which would notice only when
/// something else does.
const JUPYTER_TICK_SECONDS: f64 = 0.1;

fn in_jupyter(py: Python<'_>) -> PyResult<bool> {
    static MODULES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let modules = MODULES.get_or_try_init(py, || Ok::<_, PyErr>(py.import("sys")?.getattr("modules")?.unbind()))?;
    modules.bind(py).contains(intern!(py, "ipykernel"))
}

type Wakers = Mutex<HashMap<usize, (Py<PyWeakrefReference>, Py<LoopWaker>)>>;

/// The waker of the running event loop, and the loop.
fn waker_of_running_loop(py: Python<'_>) -> PyResult<(Bound<'_, PyAny>, Py<LoopWaker>)> {
    static RUNNING: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static WAKERS: PyOnceLock<Wakers> = PyOnceLock::new();
    let running = RUNNING.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("asyncio")?.getattr("get_running_loop")?.unbind())
    })?;
    let event_loop = running.bind(py).call0()?;
    let wakers = WAKERS.get_or_init(py, Wakers::default);
    let key = event_loop.as_ptr() as usize;
    let known = lock(wakers)
        .get(&key)
        .map(|(seen, waker)| (seen.clone_ref(py), waker.clone_ref(py)));
    if let Some((seen, waker)) = known {
        // Another loop may have come to lie where one that is gone was.
        if seen.bind(py).upgrade().is_some_and(|seen| seen.is(&event_loop)) {
            return Ok((event_loop, waker));
        }
    }
    let waker = Py::new(py, LoopWaker::new()?)?;
    LoopWaker::watch(waker.bind(py), &event_loop)?;
    let seen = PyWeakrefReference::new(&event_loop)?.unbind();
    let mut gone = Vec::new();
    {
        let mut wakers = lock(wakers);
        let dead: Vec<usize> = wakers
            .iter()
            .filter(|(_, (seen, _))| seen.bind(py).upgrade().is_none())
            .map(|(key, _)| *key)
            .collect();
        gone.extend(dead.iter().filter_map(|key| wakers.remove(key)));
        gone.extend(wakers.insert(key, (seen, waker.clone_ref(py))));
    }
    // Dropped outside of the lock: this runs Python's destructors.
    drop(gone);
    Ok((event_loop, waker))
}

/// What an awaitable waits for.
pub trait Operation: Send + Sync {
    /// The result if there is one; otherwise `waiter`, if given, is woken when it is worth asking again.
    ///
    /// # Errors
    /// What the operation failed with.
    fn poll(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Option<Py<PyAny>>>;

    /// Nobody waits for it any more.
    fn cancel(&self);

    /// Whether the event loop should have a turn first: what is always ready never yields otherwise.
    fn lets_others_run(&self) -> bool {
        false
    }
}

/// A coroutine in all that asyncio asks of one, driven by an [`Operation`].
#[pyclass(frozen, module = "tokstream._tokstream")]
pub struct Awaitable {
    operation: Box<dyn Operation>,
    state: Mutex<State>,
}

enum State {
    Idle,
    Waiting(Py<LoopWaker>, u64),
    Over,
}

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
    unsafe { pyo3::ffi::PyErr_SetObject(py.get_type::<PyStopIteration>().as_ptr(), bound.as_ptr()) };
    Ok(())
}

#[expect(unsafe_code, reason = "only the interpreter knows")]
fn is_held_once(object: &Py<Awaitable>) -> bool {
    // SAFETY: the pointer is of a living object.
    unsafe { pyo3::ffi::Py_REFCNT(object.as_ptr()) == 1 }
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
}

impl Awaitable {
    /// An awaitable of `operation`.
    #[must_use]
    pub fn new(operation: impl Operation + 'static) -> Self {
        Self {
            operation: Box::new(operation),
            state: Mutex::new(State::Idle),
        }
    }

    /// Makes one that is over as good as new, for the next result of the same operation.
    fn renew(&self) -> bool {
        let mut state = lock(&self.state);
        let over = matches!(*state, State::Over);
        if over {
            *state = State::Idle;
        }
        over
    }

    fn step(&self, py: Python<'_>) -> PyResult<Step> {
        match &*lock(&self.state) {
            State::Over => return Err(PyRuntimeError::new_err("cannot reuse already awaited coroutine")),
            // Its future is not done, so this is not the task that waits for it.
            State::Waiting(waker, id) if lock(&waker.get().futures).contains_key(id) => {
                return Err(PyRuntimeError::new_err("coroutine is being awaited already"));
            }
            State::Waiting(..) | State::Idle => {}
        }
        if self.operation.lets_others_run() {
            // asyncio takes a bare yield as a wish to be called again after everybody else.
            return Ok(Step::Yield(py.None()));
        }
        let polled = self.operation.poll(py, None);
        if let Some(outcome) = polled.transpose() {
            return self.over(outcome);
        }
        let (event_loop, waker) = waker_of_running_loop(py)?;
        let future = event_loop.call_method0(intern!(py, "create_future"))?;
        let loop_waker = waker.get();
        let id = loop_waker.next_id.fetch_add(1, Ordering::Relaxed);
        lock(&loop_waker.futures).insert(id, future.clone().unbind());
        if in_jupyter(py)? && !loop_waker.ticks.swap(true, Ordering::AcqRel) {
            LoopWaker::tick_later(waker.bind(py), &event_loop)?;
        }
        let waiter = Waiter::Future(Arc::clone(&loop_waker.bell), id);
        self.forget_waiting();
        *lock(&self.state) = State::Waiting(waker, id);
        if let Some(outcome) = self.operation.poll(py, Some(waiter)).transpose() {
            return self.over(outcome);
        }
        // What asyncio's own future does when it is awaited.
        future.setattr(intern!(py, "_asyncio_future_blocking"), true)?;
        Ok(Step::Yield(future.unbind()))
    }

    fn over(&self, outcome: PyResult<Py<PyAny>>) -> PyResult<Step> {
        self.forget_waiting();
        *lock(&self.state) = State::Over;
        outcome.map(Step::Return)
    }

    fn forget_waiting(&self) {
        let before = std::mem::replace(&mut *lock(&self.state), State::Idle);
        if let State::Waiting(waker, id) = before {
            let future = lock(&waker.get().futures).remove(&id);
            drop(future);
        }
    }

    fn cancel(&self) {
        let was_waiting = matches!(*lock(&self.state), State::Waiting(..));
        self.forget_waiting();
        *lock(&self.state) = State::Over;
        // What was never begun has nothing to end.
        if was_waiting {
            self.operation.cancel();
        }
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
}

impl Drop for Awaitable {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// A place where the background thread leaves one result.
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

/// Begins a call on the background thread: the place where its result will be, and how to end it.
pub type Start<T> = Box<dyn FnOnce(Arc<Slot<T>>) -> PyResult<AbortHandle> + Send>;
/// Makes a call's result what the caller gets.
pub type Finish<T> = Box<dyn Fn(Python<'_>, T) -> PyResult<Py<PyAny>> + Send + Sync>;

/// A call whose one result is awaited. It begins when it is first awaited, like any coroutine.
pub struct Pending<T> {
    start: Mutex<Option<Start<T>>>,
    slot: Arc<Slot<T>>,
    task: Mutex<Option<AbortHandle>>,
    finish: Finish<T>,
}

impl<T: Send + 'static> Pending<T> {
    /// A call that has not begun.
    #[must_use]
    pub fn new(start: Start<T>, finish: Finish<T>) -> Self {
        Self {
            start: Mutex::new(Some(start)),
            slot: Slot::new(),
            task: Mutex::new(None),
            finish,
        }
    }
}

impl<T: Send + 'static> Operation for Pending<T> {
    fn poll(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Option<Py<PyAny>>> {
        let start = lock(&self.start).take();
        if let Some(start) = start {
            let task = start(Arc::clone(&self.slot))?;
            *lock(&self.task) = Some(task);
        }
        match self.slot.take(waiter) {
            Some(value) => (self.finish)(py, value).map(Some),
            None => Ok(None),
        }
    }

    fn cancel(&self) {
        lock(&self.start).take();
        let task = lock(&self.task).take();
        if let Some(task) = task {
            task.abort();
        }
        // A result that came too late is dropped with all it holds.
        drop(self.slot.take(None));
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
    fn poll(&self, _py: Python<'_>, _waiter: Option<Waiter>) -> PyResult<Option<Py<PyAny>>> {
        lock(&self.0).take().transpose()
    }

    fn cancel(&self) {}
}

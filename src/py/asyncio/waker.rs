//! What an event loop watches: the descriptor of a runtime that it drives, and a pipe by which the background thread wakes it.

use std::collections::HashMap;
use std::io::{PipeReader, PipeWriter, Read, Write};
use std::iter;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::Thread;
use std::time::{Duration, Instant};

use pyo3::exceptions::PyNotImplementedError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyWeakrefMethods, PyWeakrefReference};

use super::turns;
use super::wait::Wait;
use crate::error::Error;
use crate::lock::lock;
use crate::py::once::{intern, kept};
use crate::session::{Home, Runner, WeakHome, background};

/// The side of an event loop's waker that other threads hold.
#[derive(Debug)]
pub struct Bell {
    ready: Mutex<Vec<u64>>,
    /// Whether a byte is in the pipe: there is never more than one, so that writing cannot block.
    rung: AtomicBool,
    pipe: PipeWriter,
    /// The loop is to drive its guest again.
    comes_back: AtomicBool,
    /// What the loop drives itself.
    home: OnceLock<WeakHome>,
}

impl Bell {
    /// Has nothing written into the pipe until [`Bell::let_go`] or an answer: the loop's own thread is at work.
    fn hold(&self) {
        self.rung.store(true, Ordering::Release);
    }

    /// Ends that, and rings for what was rung for meanwhile.
    fn let_go(&self) {
        self.rung.store(false, Ordering::Release);
        if !lock(&self.ready).is_empty() {
            self.sound();
        }
    }

    fn ring(&self, id: u64) {
        lock(&self.ready).push(id);
        self.sound();
    }

    /// Rings for those that had their turn before all others.
    fn ring_again(&self, ids: impl Iterator<Item = u64>) {
        lock(&self.ready).splice(..0, ids);
        self.sound();
    }

    fn sound(&self) {
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
    /// A thread that waits again and again, and is woken in its turn.
    Runner(Runner),
}

impl Waiter {
    /// Whether both are one waiting thread.
    #[must_use]
    pub fn is_the_thread_of(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Runner(one), Self::Runner(other)) if one.is(other))
    }

    /// Whether it is an event loop that does not drive what is at home there.
    #[must_use]
    pub fn is_elsewhere(&self, home: &Home) -> bool {
        match self {
            Self::Future(bell, _) => !bell.home.get().is_some_and(|own| own.is(home)),
            Self::Thread(_) | Self::Runner(_) => false,
        }
    }

    /// Wakes who waits. Any thread may.
    pub fn wake(self) {
        match self {
            Self::Future(bell, id) => bell.ring(id),
            Self::Thread(thread) => thread.unpark(),
            Self::Runner(runner) => runner.wake(),
        }
    }
}

/// An event loop's waker: what the loop watches, and the futures that wait.
#[pyclass(frozen, weakref, module = "tokstream._tokstream")]
#[derive(Debug)]
pub struct LoopWaker {
    bell: Arc<Bell>,
    reader: PipeReader,
    waits: Mutex<HashMap<u64, Py<Wait>>>,
    next_id: AtomicU64,
    ticks: AtomicBool,
    /// The time between ticks, on the thread that signals' handlers run on.
    tick: Option<Duration>,
    /// What the loop drives itself.
    home: OnceLock<Home>,
    /// Whether tasks are being told what a look at the sockets has brought.
    looked: AtomicBool,
    /// The next tick.
    next_tick: Mutex<Option<NextTick>>,
}

/// The next tick: its handle in the loop, which refers to the waker, and when it is due.
#[derive(Debug)]
struct NextTick {
    handle: Py<PyWeakrefReference>,
    due: Instant,
}

#[pymethods]
impl LoopWaker {
    /// The pipe is readable: completes the futures that are ready. Runs on the loop's thread.
    fn _ring(slf: &Bound<'_, Self>) -> PyResult<()> {
        // It does not block, and so needs not let go of the interpreter. More than one byte is there where the loop was
        // told what it had been rung for before it came to the pipe.
        let _ = (&slf.get().reader).read(&mut [0; 64]);
        let answered = slf.get().answer(slf.py());
        if slf.get().bell.comes_back.swap(false, Ordering::AcqRel) {
            Self::watch_guest(slf, &running_loop(slf.py())?)?;
        }
        answered
    }

    fn _answer(&self, py: Python<'_>) -> PyResult<()> {
        self.answer(py)
    }

    /// The guest's descriptor is readable: drives it, and completes the futures that are ready.
    fn _look(slf: &Bound<'_, Self>) -> PyResult<()> {
        let looked = Self::look(slf);
        Self::postpone_tick(slf)?;
        looked
    }

    /// Wakes the loop every now and then while something is waited for, and lets the guest look at its clocks.
    fn _tick(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        let is_busy = this.is_busy();
        let goes_on = is_busy || !lock(&this.waits).is_empty();
        this.ticks.store(goes_on, Ordering::Release);
        if goes_on {
            let after = if is_busy { QUIET_TICK } else { this.tick.unwrap_or(TICK) };
            Self::tick_later(slf, event_loop, after)?;
        }
        if is_busy { Self::look(slf) } else { Ok(()) }
    }

    /// The loop refers to its waker, and what waits to the loop.
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // What is locked is in use, and not to be collected.
        if let Ok(waits) = self.waits.try_lock() {
            for wait in waits.values() {
                visit.call(wait)?;
            }
        }
        if let Ok(next) = self.next_tick.try_lock()
            && let Some(next) = &*next
        {
            visit.call(&next.handle)?;
        }
        Ok(())
    }

    fn __clear__(&self) {
        let waits = std::mem::take(&mut *lock(&self.waits));
        let next_tick = lock(&self.next_tick).take();
        drop((waits, next_tick));
    }
}

/// Watches the pipe of a loop that cannot, on a thread of its own, for as long as there are a loop and its waker.
#[pyclass(frozen, module = "tokstream._tokstream")]
struct Watcher {
    reader: PipeReader,
    event_loop: Py<PyWeakrefReference>,
    waker: Py<PyWeakrefReference>,
}

#[pymethods]
impl Watcher {
    fn _watch(&self, py: Python<'_>) -> PyResult<()> {
        let mut bytes = [0; 64];
        // The pipe ends with the waker.
        while py
            .detach(|| (&self.reader).read(&mut bytes))
            .is_ok_and(|count| count > 0)
        {
            let (event_loop, waker) = (self.event_loop.bind(py).upgrade(), self.waker.bind(py).upgrade());
            let (Some(event_loop), Some(waker)) = (event_loop, waker) else {
                break;
            };
            let answer = waker.getattr(intern!(py, "_answer"))?;
            let told = event_loop.call_method1(intern!(py, "call_soon_threadsafe"), (answer,));
            if told.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Makes the classes that no module shows.
pub fn make_classes(py: Python<'_>) {
    py.get_type::<LoopWaker>();
    py.get_type::<Watcher>();
}

impl Drop for LoopWaker {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.is_left();
        }
    }
}

impl LoopWaker {
    /// Begins a wait: `wait` ends when the waiter is woken.
    ///
    /// # Errors
    /// What the loop raises.
    pub fn begin(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>, wait: Py<Wait>) -> PyResult<(u64, Waiter)> {
        let this = slf.get();
        let id = this.next_id.fetch_add(1, Ordering::Relaxed);
        lock(&this.waits).insert(id, wait);
        let has_guest = this.home.get().is_some();
        if (has_guest || this.tick.is_some()) && !this.ticks.swap(true, Ordering::AcqRel) {
            let after = if has_guest {
                QUIET_TICK
            } else {
                this.tick.unwrap_or(TICK)
            };
            Self::tick_later(slf, event_loop, after)?;
        }
        Ok((id, Waiter::Future(Arc::clone(&this.bell), id)))
    }

    /// Drives the guest, and completes the futures that are ready.
    fn look(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (this, py) = (slf.get(), slf.py());
        let Some(home) = this.home.get() else { return Ok(()) };
        let Some(guest) = home.guest() else { return Ok(()) };
        if !home.is_usable() {
            // This is another process than the one that the loop began in.
            running_loop(py)?.call_method1(intern!(py, "remove_reader"), (guest.descriptor(),))?;
            return this.answer(py);
        }
        if guest.is_aside() {
            return this.answer(py);
        }
        this.bell.hold();
        let is_hogged = py.detach(|| guest.look());
        this.looked.store(true, Ordering::Relaxed);
        let answered = this.answer(py);
        this.looked.store(false, Ordering::Relaxed);
        if is_hogged {
            this.set_aside(py, home)?;
        }
        answered
    }

    /// Whether a call is under way in the guest, whose clocks have to be looked at.
    fn is_busy(&self) -> bool {
        self.home.get().is_some_and(|home| home.calls() > 0)
    }

    /// Nobody waits for it any more.
    pub fn forget(&self, id: u64) {
        let wait = lock(&self.waits).remove(&id);
        drop(wait);
    }

    /// Has a helper thread drive the guest, in which something would hold the loop up.
    fn set_aside(&self, py: Python<'_>, home: &Home) -> PyResult<()> {
        let Some(guest) = home.guest().filter(|guest| guest.set_aside()) else {
            return Ok(());
        };
        let (driven, bell) = (home.clone(), Arc::clone(&self.bell));
        let helper = std::thread::Builder::new().name("tokstream-aside".into());
        let started = helper.spawn(move || {
            if let Some(guest) = driven.guest() {
                guest.drive_aside();
            }
            bell.comes_back.store(true, Ordering::Release);
            let _ = (&bell.pipe).write(&[1]);
        });
        if started.is_err() {
            // The loop goes on with it.
            guest.take_back();
            return Ok(());
        }
        running_loop(py)?
            .call_method1(intern!(py, "remove_reader"), (guest.descriptor(),))
            .map(drop)
    }

    /// Has `start` begin a call where those of this loop are driven.
    ///
    /// # Errors
    /// What the loop raises. In it what `start` failed with, and where the system refuses the background thread.
    pub fn begin_call<T: Send>(
        slf: &Bound<'_, Self>,
        start: impl FnOnce(&Home, bool) -> Result<T, Error> + Send,
    ) -> PyResult<Result<T, Error>> {
        let (this, py) = (slf.get(), slf.py());
        let is_alone = lock(&this.waits).len() < COMPANY;
        let is_free = |home: &&Home| is_alone && home.is_usable() && home.calls() < COMPANY;
        let Some(home) = this.home.get().filter(is_free) else {
            return Ok(py.detach(|| start(background()?, false)));
        };
        Self::hasten_tick(slf)?;
        let looked = this.looked.load(Ordering::Relaxed);
        this.bell.hold();
        let started = py.detach(|| start(home, looked));
        this.bell.let_go();
        Ok(started)
    }

    fn answer(&self, py: Python<'_>) -> PyResult<()> {
        // Before the list is taken: what is added after it is taken rings again.
        self.bell.rung.store(false, Ordering::Release);
        let mut ready = std::mem::take(&mut *lock(&self.bell.ready)).into_iter();
        let mut nests = None;
        let began = Instant::now();
        while let Some(id) = ready.next() {
            if began.elapsed() > STRETCH {
                self.bell.ring_again(iter::once(id).chain(ready));
                return Ok(());
            }
            turns::begin();
            let wait = lock(&self.waits).remove(&id);
            let Some(wait) = wait else { continue };
            let wait = wait.bind(py);
            let nests = match nests {
                Some(nests) => nests,
                None => *nests.insert(nests_within_itself(&wait.get().event_loop(py))?),
            };
            if let Err(error) = Wait::resolve(wait, nests) {
                // An exit or an interrupt. The others have not been told yet.
                self.bell.ring_again(ready);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Has the next tick come after this time.
    fn tick_later(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>, after: Duration) -> PyResult<()> {
        let (this, py) = (slf.get(), slf.py());
        let tick = slf.getattr(intern!(py, "_tick"))?;
        let handle = event_loop
            .call_method1(intern!(py, "call_later"), (after.as_secs_f64(), tick, event_loop))
            // A signal's handler may raise anywhere: the next wait then begins the ticks anew.
            .inspect_err(|_| this.ticks.store(false, Ordering::Release))?;
        // It cannot be put off where the loop's handles have no weak references.
        let next = PyWeakrefReference::new(&handle).ok().map(|handle| NextTick {
            handle: handle.unbind(),
            due: Instant::now() + after,
        });
        let before = std::mem::replace(&mut *lock(&this.next_tick), next);
        drop(before);
        Ok(())
    }

    /// Puts a tick off that would come soon, since the clocks were looked at just now: to be woken for it alone would cost more.
    fn postpone_tick(slf: &Bound<'_, Self>) -> PyResult<()> {
        let soon = Instant::now() + QUIET_TICK;
        Self::move_tick(slf, |due| due <= soon, BUSY_TICK)
    }

    /// Has the clocks of a call looked at that has begun among others which need no such looks.
    fn hasten_tick(slf: &Bound<'_, Self>) -> PyResult<()> {
        let late = Instant::now() + BUSY_TICK;
        Self::move_tick(slf, |due| due > late, QUIET_TICK)
    }

    fn move_tick(slf: &Bound<'_, Self>, is_it: impl Fn(Instant) -> bool, after: Duration) -> PyResult<()> {
        let (this, py) = (slf.get(), slf.py());
        let next = lock(&this.next_tick).take_if(|next| is_it(next.due));
        let handle = next.and_then(|next| next.handle.bind(py).upgrade());
        let Some(handle) = handle.filter(|_| this.ticks.load(Ordering::Acquire)) else {
            return Ok(());
        };
        Self::tick_later(slf, &running_loop(py)?, after)?;
        handle.call_method0(intern!(py, "cancel")).map(drop)
    }

    fn new(py: Python<'_>) -> PyResult<Self> {
        let (reader, pipe) = std::io::pipe()?;
        Ok(Self {
            bell: Arc::new(Bell {
                ready: Mutex::default(),
                rung: AtomicBool::new(false),
                pipe,
                comes_back: AtomicBool::new(false),
                home: OnceLock::new(),
            }),
            reader,
            waits: Mutex::default(),
            next_id: AtomicU64::new(0),
            ticks: AtomicBool::new(false),
            tick: tick_for_signals(py)?,
            home: OnceLock::new(),
            looked: AtomicBool::new(false),
            next_tick: Mutex::default(),
        })
    }

    /// Has `event_loop` watch the pipe.
    #[cfg(unix)]
    fn watch(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        use std::os::fd::AsRawFd;
        let py = slf.py();
        let ring = slf.getattr(intern!(py, "_ring"))?;
        let fd = slf.get().reader.as_raw_fd();
        #[expect(unsafe_code, reason = "the standard library's pipes always block")]
        // SAFETY: the descriptor is open, and the call takes no pointer.
        let _ = unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) };
        match event_loop.call_method1(intern!(py, "add_reader"), (fd, ring)) {
            Err(error) if error.is_instance_of::<PyNotImplementedError>(py) => {
                #[expect(unsafe_code, reason = "as above")]
                // SAFETY: as above.
                let _ = unsafe { libc::fcntl(fd, libc::F_SETFL, 0) };
                Self::serve(slf, event_loop)
            }
            other => {
                other?;
                Self::invite(slf, event_loop)
            }
        }
    }

    /// Has `event_loop` drive a runtime, where there can be one.
    #[cfg(unix)]
    fn invite(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Some(home) = slf.py().detach(Home::of_a_loop) {
            let _ = slf.get().bell.home.set(home.downgrade());
            let _ = slf.get().home.set(home);
        }
        Self::watch_guest(slf, event_loop)
    }

    /// Has `event_loop` watch the guest's descriptor.
    fn watch_guest(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let Some(guest) = slf.get().home.get().and_then(Home::guest) else {
            return Ok(());
        };
        let look = slf.getattr(intern!(py, "_look"))?;
        event_loop
            .call_method1(intern!(py, "add_reader"), (guest.descriptor(), look))
            .map(drop)
    }

    #[cfg(not(unix))]
    fn watch(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        Self::serve(slf, event_loop)
    }

    fn serve(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let watcher = Watcher {
            reader: slf.get().reader.try_clone()?,
            event_loop: PyWeakrefReference::new(event_loop)?.unbind(),
            waker: PyWeakrefReference::new(slf.as_any())?.unbind(),
        };
        let options = PyDict::new(py);
        options.set_item("target", Bound::new(py, watcher)?.getattr(intern!(py, "_watch"))?)?;
        options.set_item("name", "tokstream-waker")?;
        options.set_item("daemon", true)?;
        let thread = py
            .import(intern!(py, "threading"))?
            .getattr(intern!(py, "Thread"))?
            .call((), Some(&options))?;
        // A loop that watches it holds its waker itself.
        event_loop.setattr(intern!(py, "_tokstream_waker"), slf)?;
        thread.call_method0(intern!(py, "start")).map(drop)
    }
}

/// A signal that comes in the moment in which an event loop goes to wait is seen when something else wakes the loop.
const TICK: Duration = Duration::from_millis(200);
/// While nothing comes, clocks are looked at as often as this.
const QUIET_TICK: Duration = Duration::from_millis(25);
/// After something has come, they are looked at with it.
const BUSY_TICK: Duration = Duration::from_millis(50);
/// A Jupyter kernel's signal handler cancels the cell's task, but never wakes the event loop.
const JUPYTER_TICK: Duration = Duration::from_millis(100);

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

/// How long those are stepped at a stretch for whom something has come: the loop has other work.
const STRETCH: Duration = Duration::from_millis(1);

/// Calls under way, or tasks that wait, at which a loop leaves further calls to the background thread. One alone costs least
/// where the loop drives it; several at once, where another thread gathers what has come for them.
const COMPANY: usize = 2;

/// By a loop's address: the loop and its waker, which the loop itself keeps alive.
type Wakers = Mutex<HashMap<usize, (Py<PyWeakrefReference>, Py<PyWeakrefReference>)>>;

/// Whether nest-asyncio lets this loop be run again within itself.
fn nests_within_itself(event_loop: &Bound<'_, PyAny>) -> PyResult<bool> {
    static MODULE: OnceLock<Py<PyModule>> = OnceLock::new();
    let (py, mark) = (event_loop.py(), intern!(event_loop.py(), "_nest_patched"));
    let asyncio = kept(&MODULE, || Ok::<_, PyErr>(py.import("asyncio")?.unbind()))?;
    // It marks the module before it marks a loop. To find no attribute of a loop costs an exception.
    Ok(asyncio.bind(py).dict().contains(mark)? && event_loop.hasattr(mark)?)
}

fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static RUNNING: OnceLock<Py<PyAny>> = OnceLock::new();
    let running = kept(&RUNNING, || {
        Ok::<_, PyErr>(py.import("asyncio")?.getattr("get_running_loop")?.unbind())
    })?;
    running.bind(py).call0()
}

/// The waker of the running event loop, and the loop.
///
/// # Errors
/// `RuntimeError` where no loop runs.
pub fn waker_of_running_loop(py: Python<'_>) -> PyResult<(Bound<'_, PyAny>, Py<LoopWaker>)> {
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
    let waker = Bound::new(py, LoopWaker::new(py)?)?;
    LoopWaker::watch(&waker, &event_loop)?;
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

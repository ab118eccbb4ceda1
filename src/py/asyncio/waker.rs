//! What an event loop watches: the descriptor of a runtime that it drives, and a pipe by which the background thread wakes it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::io::{PipeReader, Read};
use std::iter;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use pyo3::exceptions::PyNotImplementedError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyWeakrefMethods, PyWeakrefReference};

use super::bell::{Bell, Waiter};
use super::running::{Stepping, running_loop};
use super::ticks::Ticks;
use super::turns;
use super::wait::Wait;
use crate::error::Error;
use crate::lock::lock;
use crate::py::once::{intern, kept};
use crate::session::{Home, background};

/// An event loop's waker: what the loop watches, and the futures that wait.
#[pyclass(frozen, weakref, module = "tokstream._tokstream")]
#[derive(Debug)]
pub struct LoopWaker {
    bell: Arc<Bell>,
    reader: PipeReader,
    waits: Mutex<HashMap<u64, Py<Wait>, BuildHasherDefault<Spread>>>,
    next_id: AtomicU64,
    ticks: Ticks,
    /// What the loop drives itself.
    home: OnceLock<Home>,
    /// Whether tasks are being told what a look at the sockets has brought.
    looked: AtomicBool,
}

/// Hashes numbers that count up.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write_u64(&mut self, number: u64) {
        // 2⁶⁴ by the golden ratio: neighbours come to lie far apart.
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[pymethods]
impl LoopWaker {
    /// The pipe is readable: completes the futures that are ready. Runs on the loop's thread.
    fn _ring(slf: &Bound<'_, Self>) -> PyResult<()> {
        // It does not block, and so needs not let go of the interpreter. More than one byte is there where the loop was
        // told what it had been rung for before it came to the pipe.
        let _ = (&slf.get().reader).read(&mut [0; 64]);
        slf.get().bell.heard();
        let answered = Self::answer(slf);
        if slf.get().bell.guest_comes_back() {
            Self::watch_guest(slf, &running_loop(slf.py())?)?;
        }
        answered
    }

    fn _answer(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().bell.heard();
        Self::answer(slf)
    }

    /// The guest's descriptor is readable: drives it, and completes the futures that are ready.
    fn _look(slf: &Bound<'_, Self>) -> PyResult<()> {
        let looked = Self::look(slf);
        slf.get().ticks.postpone(slf)?;
        looked
    }

    /// Wakes the loop every now and then while something is waited for, and lets the guest look at its clocks.
    fn _tick(slf: &Bound<'_, Self>, event_loop: &Bound<'_, PyAny>) -> PyResult<()> {
        let this = slf.get();
        let is_busy = this.is_busy();
        let goes_on = is_busy || !lock(&this.waits).is_empty();
        this.ticks.again(slf, event_loop, is_busy, goes_on)?;
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
        self.ticks.traverse(&visit)
    }

    fn __clear__(&self) {
        let waits = std::mem::take(&mut *lock(&self.waits));
        drop(waits);
        self.ticks.clear();
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
        let ticking = this.ticks.begin(slf, event_loop, this.home.get().is_some());
        ticking.inspect_err(|_| this.forget(id))?;
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
            return Self::answer(slf);
        }
        if guest.is_aside() {
            return Self::answer(slf);
        }
        let held = this.bell.hold();
        let is_hogged = py.detach(|| guest.look());
        this.looked.store(true, Ordering::Relaxed);
        let answered = Self::answer(slf);
        this.looked.store(false, Ordering::Relaxed);
        drop(held);
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
            bell.ring_for_guest();
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
        this.ticks.hasten(slf)?;
        let looked = this.looked.load(Ordering::Relaxed);
        let _held = this.bell.hold();
        Ok(py.detach(|| start(home, looked)))
    }

    /// Completes the futures that are ready, and those that become so meanwhile.
    fn answer(slf: &Bound<'_, Self>) -> PyResult<()> {
        let (this, py) = (slf.get(), slf.py());
        // Nobody need write into the pipe for what is found here.
        let _held = this.bell.hold();
        let (mut nests, mut _stepping) = (None, None);
        let (began, stretch) = (Instant::now(), turns::stretch());
        loop {
            let ready = this.bell.take();
            if ready.is_empty() {
                turns::end_line();
                return Ok(());
            }
            let mut ready = ready.into_iter();
            while let Some(id) = ready.next() {
                if began.elapsed() > stretch {
                    this.bell.ring_again(iter::once(id).chain(ready));
                    return Ok(());
                }
                turns::begin();
                let wait = lock(&this.waits).remove(&id);
                let Some(wait) = wait else { continue };
                let wait = wait.bind(py);
                let nests = if let Some(nests) = nests {
                    nests
                } else {
                    let event_loop = wait.get().event_loop(py);
                    let found = *nests.insert(nests_within_itself(&event_loop)?);
                    _stepping = (!found).then(|| Stepping::of(event_loop, slf));
                    found
                };
                if let Err(error) = Wait::resolve(wait, nests) {
                    // An exit or an interrupt. The others have not been told yet.
                    this.bell.ring_again(ready);
                    return Err(error);
                }
            }
        }
    }

    /// A new one, which this loop watches.
    ///
    /// # Errors
    /// What the loop raises, and where the system refuses a pipe.
    pub fn of<'py>(event_loop: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        let waker = Bound::new(event_loop.py(), Self::new(event_loop.py())?)?;
        Self::watch(&waker, event_loop)?;
        Ok(waker)
    }

    fn new(py: Python<'_>) -> PyResult<Self> {
        let (reader, pipe) = std::io::pipe()?;
        Ok(Self {
            bell: Arc::new(Bell::new(pipe)),
            reader,
            waits: Mutex::default(),
            next_id: AtomicU64::new(0),
            ticks: Ticks::new(py)?,
            home: OnceLock::new(),
            looked: AtomicBool::new(false),
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
            slf.get().bell.is_of(&home);
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

/// Calls under way, or tasks that wait, at which a loop leaves further calls to the background thread. One alone costs least
/// where the loop drives it; several at once, where another thread gathers what has come for them.
const COMPANY: usize = 2;

/// Whether nest-asyncio, or what is like it, lets this loop be run again within itself.
fn nests_within_itself(event_loop: &Bound<'_, PyAny>) -> PyResult<bool> {
    static PLAIN: OnceLock<Option<Py<PyAny>>> = OnceLock::new();
    let py = event_loop.py();
    let (mark, run) = (intern!(py, "_nest_patched"), intern!(py, "run_until_complete"));
    let plain = kept(&PLAIN, || {
        let base = py.import("asyncio")?.getattr("BaseEventLoop")?;
        let is_marked = base.hasattr(mark)?;
        Ok::<_, PyErr>((!is_marked).then(|| base.getattr(run)).transpose()?.map(Bound::unbind))
    })?;
    // Whoever lets it do so gives it another method. To find no mark costs an exception.
    if let Some(plain) = plain
        && event_loop.get_type().getattr(run)?.is(plain)
    {
        return Ok(false);
    }
    event_loop.hasattr(mark)
}

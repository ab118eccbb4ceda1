//! A runtime that is a guest of somebody else's event loop: driven on that loop's thread whenever its descriptor is readable.
//!
//! Tokio waits on an epoll instance and does not say which. It is found by its content, and the loop watches a
//! duplicate of it. To drive the runtime without waiting, and to leave it when nothing is left to do, a bell of our
//! own is rung in that epoll instance. Events are fetched one at a time and in the order in which they happened: when
//! the bell comes while all tasks wait, all that happened before it has been fetched and worked off.

#![expect(unsafe_code, reason = "descriptors are made and looked for by system calls")]

use std::cell::Cell;
use std::fs::File;
use std::future::poll_fn;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

use crate::lock::lock;
use crate::process::InProcess;

/// How long it is driven at a stretch, if tasks can go on for so long: event loops have other work.
const STRETCH: Duration = Duration::from_millis(2);
/// Tasks that are driven between two looks at the time, each of which is one at the sockets: a call alone waits before it.
const TASKS_A_LOOK: u32 = 4;
/// A stretch this long had a single task that would not end: a server sends without a pause what amounts to nothing.
const HOGGED: Duration = Duration::from_millis(100);
/// How long a helper thread waits for something to happen.
const ASIDE_WAIT_MILLIS: i32 = 25;
/// As often it finds nothing that never rests, before the event loop has it back.
const ASIDE_RESTS: u32 = 20;
/// There is always a timer that runs out no later than this: one that runs out before all others wakes the runtime by a
/// system call.
const KEEPER: Duration = Duration::from_secs(1);
/// Descriptors above its own among which a new epoll instance is looked for; it is nearly always a few below.
const HIGHER_DESCRIPTORS: RawFd = 256;

/// A runtime that somebody else's event loop drives.
#[derive(Debug)]
pub struct Guest {
    driven: Mutex<Option<InProcess<Driven>>>,
    epoll: OwnedFd,
    drive: Arc<Drive>,
    /// A helper thread drives it.
    aside: AtomicBool,
}

#[derive(Debug)]
struct Driven {
    runtime: Runtime,
    bell: AsyncFd<File>,
}

/// What the runtime's hook and the future that drives it share.
#[derive(Debug)]
struct Drive {
    stage: AtomicU8,
    waker: Mutex<Option<Waker>>,
    bell: File,
    /// The bell was rung for the loop, and has not been fetched: it stands before what happened since.
    is_early: AtomicBool,
}

/// Nobody drives it.
const OUT: u8 = 0;
/// Tasks run. The bell has been rung.
const WORK: u8 = 1;
/// All tasks wait, and one event is fetched.
const REST: u8 = 2;

thread_local! {
    /// Whether this thread drives a guest.
    static DRIVES: Cell<bool> = const { Cell::new(false) };
    static LOOKS: Cell<bool> = const { Cell::new(false) };
}

/// Whether a guest that this thread drives has not yet fetched all that happened before.
///
/// A timer that has run out says nothing then: after a pause of the event loop, what came in time may be fetched after it.
#[must_use]
pub fn looks() -> bool {
    LOOKS.get()
}

/// Whether this thread drives a guest.
#[must_use]
pub fn drives() -> bool {
    DRIVES.get()
}

impl Drive {
    fn ring(&self) {
        // A counter that is full has been rung.
        let _ = (&self.bell).write(&1_u64.to_ne_bytes());
    }

    /// No task can go on. While it is driven this must not wait: it has the driving future asked, after one more look.
    fn before_park(&self) {
        if self.stage.load(Ordering::Relaxed) == WORK {
            self.stage.store(REST, Ordering::Relaxed);
            if let Some(waker) = &*lock(&self.waker) {
                waker.wake_by_ref();
            }
        }
    }

    /// Rings the bell and drives what can go on, until all tasks wait or the stretch is over; whether it was.
    async fn rest(&self, bell: &AsyncFd<File>, ends: Instant) -> bool {
        self.stage.store(WORK, Ordering::Relaxed);
        self.ring();
        // Clocks are looked at together with the sockets: what they woke has its turn in another round.
        let mut has_clocks = LOOKS.get();
        poll_fn(|context| {
            let mut rung = is_rung(bell, context);
            if rung && self.is_early.swap(false, Ordering::Relaxed) {
                rung = false;
                self.ring();
            }
            let looked = rung && LOOKS.replace(false);
            match self.stage.load(Ordering::Relaxed) {
                REST if rung && !std::mem::take(&mut has_clocks) => return Poll::Ready(false),
                REST => {
                    self.stage.store(WORK, Ordering::Relaxed);
                    if rung {
                        self.ring();
                    } else {
                        has_clocks = false;
                    }
                }
                // What waits for the look goes on in any case.
                _ if rung && !looked && ends <= Instant::now() => return Poll::Ready(true),
                _ if rung => {
                    // What the clocks woke has its turn before all tasks wait.
                    has_clocks = false;
                    self.ring();
                }
                _ => {}
            }
            Poll::Pending
        })
        .await
    }
}

impl Guest {
    /// A new one, or none where the system lacks what it needs.
    #[must_use]
    pub fn new() -> Option<(Self, Handle)> {
        let bell = eventfd()?;
        let drive = Arc::new(Drive {
            stage: AtomicU8::new(OUT),
            waker: Mutex::default(),
            bell: bell.try_clone().ok()?,
            is_early: AtomicBool::new(false),
        });
        let hook = Arc::clone(&drive);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name("tokstream-dns")
            .event_interval(TASKS_A_LOOK)
            .max_io_events_per_busy_tick(1)
            .on_thread_park(move || hook.before_park())
            .build()
            .ok()?;
        let inside = runtime.enter();
        let epoll = find_epoll(&watched(eventfd()?)?)?;
        let bell = watched(bell)?;
        drop(inside);
        let guest = Self {
            driven: Mutex::new(None),
            epoll,
            drive,
            aside: AtomicBool::new(false),
        };
        let handle = runtime.handle().clone();
        *lock(&guest.driven) = Some(InProcess::new(Driven { runtime, bell }));
        guest.begin(
            async {
                loop {
                    tokio::time::sleep(KEEPER).await;
                }
            },
            true,
        )?;
        Some((guest, handle))
    }

    /// The descriptor that is readable when it is to be driven.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Looks at the sockets and the clocks and drives all that can go on. Whether it took far too long: it is then better
    /// driven [aside](Self::drive_aside).
    ///
    /// Any thread may that drives nothing else.
    pub fn look(&self) -> bool {
        self.drive(true, || ()).is_some_and(|((), took)| took > HOGGED)
    }

    /// Begins a task and drives it until it waits, after a look at the sockets if they were not `looked` at.
    ///
    /// `None` in another process, and when it was shut.
    pub fn begin<F>(&self, task: F, looked: bool) -> Option<JoinHandle<F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let mut begun = None;
        if !looked {
            self.look();
        }
        self.drive(false, || begun = Some(tokio::spawn(task)))?;
        begun
    }

    /// To be driven by a helper thread from now on; whether it was not before.
    pub fn set_aside(&self) -> bool {
        !self.aside.swap(true, Ordering::AcqRel)
    }

    /// Whether a helper thread drives it.
    #[must_use]
    pub fn is_aside(&self) -> bool {
        self.aside.load(Ordering::Acquire)
    }

    /// Drives it on a helper thread until nothing in it would hold an event loop up.
    pub fn drive_aside(&self) {
        let mut rests = 0;
        self.drive_while(|took| {
            rests = if took < STRETCH { rests + 1 } else { 0 };
            rests < ASIDE_RESTS
        });
        self.take_back();
    }

    /// Drives it on a helper thread for as long as it `goes_on`, which is told how long a stretch took that was over.
    pub fn drive_while(&self, mut goes_on: impl FnMut(Duration) -> bool) {
        loop {
            self.wait(ASIDE_WAIT_MILLIS);
            match self.drive(true, || ()) {
                Some(((), took)) if goes_on(took) => {}
                Some(_) | None => break,
            }
        }
    }

    /// No helper thread drives it any more.
    pub fn take_back(&self) {
        self.aside.store(false, Ordering::Release);
    }

    /// Waits until it is to be driven, or for some time.
    fn wait(&self, millis: i32) -> bool {
        let mut poll = libc::pollfd {
            fd: self.descriptor(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: the pointer is to one of them.
        unsafe { libc::poll(&raw mut poll, 1, millis) == 1 }
    }

    /// Has `start` start something and drives all that can go on.
    ///
    /// Returns what was started, and how long it took where tasks could go on when the stretch was over.
    fn drive<T>(&self, look: bool, start: impl FnOnce() -> T) -> Option<(T, Duration)> {
        let mut driven = lock(&self.driven);
        let Driven { runtime, bell } = driven.as_mut()?.get_mut()?;
        let drive = &self.drive;
        let began = Instant::now();
        DRIVES.set(true);
        LOOKS.set(look);
        let (started, is_over) = runtime.block_on(async {
            let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
            *lock(&drive.waker) = Some(waker);
            let started = start();
            (started, drive.rest(bell, began + STRETCH).await)
        });
        DRIVES.set(false);
        drive.stage.store(OUT, Ordering::Relaxed);
        // It refers to the runtime, which refers to this.
        let waker = lock(&drive.waker).take();
        drop(waker);
        if is_over {
            // The loop's next turn for it begins at once.
            drive.is_early.store(true, Ordering::Relaxed);
            drive.ring();
            return Some((started, began.elapsed()));
        }
        Some((started, Duration::ZERO))
    }

    /// Drives it, unless somebody does or this thread drives something else.
    pub fn urge(&self) {
        if !DRIVES.get() && !self.is_aside() && Handle::try_current().is_err() {
            self.look();
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // In another process somebody may have held the lock when it began.
        let driven = self.driven.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Driven { runtime, bell }) = driven.and_then(InProcess::into_inner) else {
            return;
        };
        drop(bell);
        let before = DRIVES.replace(true);
        // Waits for no look-up of a host's name that is still under way on a helper thread.
        runtime.shutdown_background();
        DRIVES.set(before);
    }
}

/// Whether the bell has been heard; if not, the task is woken when it is.
fn is_rung(bell: &AsyncFd<File>, context: &mut Context<'_>) -> bool {
    let mut rung = false;
    while let Poll::Ready(ready) = bell.poll_read_ready(context) {
        rung = true;
        let Ok(mut ready) = ready else { break };
        ready.clear_ready();
    }
    rung
}

fn eventfd() -> Option<File> {
    // SAFETY: the call takes no pointer.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    // SAFETY: it is a descriptor that nobody else has.
    (descriptor >= 0).then(|| unsafe { File::from_raw_fd(descriptor) })
}

/// Has the runtime that this is called in watch it.
fn watched(file: File) -> Option<AsyncFd<File>> {
    // SAFETY: the descriptor is the file's until it is dropped, which goes together with this.
    unsafe { AsyncFd::register_with_interest(file, Interest::READABLE) }.ok()
}

/// The epoll instance of the runtime that watches `probe`: of all descriptors the one that it can be taken out of.
fn find_epoll(probe: &AsyncFd<File>) -> Option<OwnedFd> {
    let own = probe.as_raw_fd();
    let higher = own + 1..own + HIGHER_DESCRIPTORS;
    let found = (0..own).rev().chain(higher).find(|&candidate| {
        // SAFETY: the call takes no pointer for this operation. Where the candidate is no epoll instance, or another
        // one, it fails and changes nothing.
        unsafe { libc::epoll_ctl(candidate, libc::EPOLL_CTL_DEL, own, std::ptr::null_mut()) == 0 }
    })?;
    // SAFETY: the call takes no pointer.
    let copy = unsafe { libc::fcntl(found, libc::F_DUPFD_CLOEXEC, 0) };
    // SAFETY: it is a descriptor that nobody else has.
    (copy >= 0).then(|| unsafe { OwnedFd::from_raw_fd(copy) })
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn guest() -> Guest {
        let (guest, _) = Guest::new().unwrap();
        drive(&guest, || ());
        guest
    }

    fn is_readable(guest: &Guest) -> bool {
        guest.wait(0)
    }

    fn drive<T>(guest: &Guest, start: impl FnOnce() -> T) -> T {
        let (begun, _) = guest.drive(true, start).unwrap();
        while is_readable(guest) {
            guest.look();
        }
        begun
    }

    #[test]
    fn what_is_begun_runs_until_it_waits() {
        let guest = guest();
        let (send, receive) = tokio::sync::oneshot::channel::<u8>();
        let task = drive(&guest, || tokio::spawn(async { receive.await.unwrap() }));
        assert!(!task.is_finished());
        assert!(!is_readable(&guest));
        // From outside, as a helper thread would.
        send.send(1).unwrap();
        assert!(is_readable(&guest));
        guest.look();
        assert!(task.is_finished());
        assert!(!is_readable(&guest));
    }

    #[test]
    fn a_socket_makes_the_descriptor_readable() {
        let guest = guest();
        let (here, there) = std::os::unix::net::UnixStream::pair().unwrap();
        here.set_nonblocking(true).unwrap();
        let reading = async move {
            let mut here = tokio::net::UnixStream::from_std(here).unwrap();
            let mut all = Vec::new();
            here.read_to_end(&mut all).await.unwrap();
            here.write_all(&all).await.unwrap_err();
            all.len()
        };
        let task = drive(&guest, || tokio::spawn(reading));
        for _ in 0..100 {
            (&there).write_all(&[0; 10]).unwrap();
            assert!(is_readable(&guest));
            guest.look();
            assert!(!is_readable(&guest));
        }
        drop(there);
        guest.look();
        assert!(task.is_finished());
    }

    #[test]
    fn what_has_come_on_many_sockets_is_worked_off() {
        let guest = guest();
        let reading = |_| {
            let (here, there) = std::os::unix::net::UnixStream::pair().unwrap();
            here.set_nonblocking(true).unwrap();
            let reading = async move {
                let mut here = tokio::net::UnixStream::from_std(here).unwrap();
                here.read_u8().await.unwrap()
            };
            (guest.begin(reading, false).unwrap(), there)
        };
        let (tasks, there): (Vec<_>, Vec<_>) = (0..200).map(reading).unzip();
        drive(&guest, || ());
        for mut there in &there {
            there.write_all(&[1]).unwrap();
        }
        drive(&guest, || ());
        assert!(tasks.iter().all(JoinHandle::is_finished));
        assert!(!is_readable(&guest));
    }

    #[test]
    fn many_tasks_that_wake_each_other_come_to_rest() {
        let guest = guest();
        let (send, mut receive) = tokio::sync::mpsc::channel::<u32>(1);
        let sum = drive(&guest, || {
            for number in 0..1000 {
                let send = send.clone();
                tokio::spawn(async move { send.send(number).await });
            }
            drop(send);
            tokio::spawn(async move {
                let mut sum = 0;
                while let Some(number) = receive.recv().await {
                    sum += number;
                    tokio::task::yield_now().await;
                }
                sum
            })
        });
        assert!(sum.is_finished());
    }

    #[test]
    fn timers_run_out_when_it_is_driven() {
        let guest = guest();
        let task = drive(&guest, || tokio::spawn(tokio::time::sleep(Duration::from_millis(5))));
        std::thread::sleep(Duration::from_millis(10));
        guest.look();
        guest.look();
        assert!(task.is_finished());
    }

    #[test]
    fn what_never_rests_is_left_in_time() {
        let guest = guest();
        let endless = async {
            loop {
                tokio::task::consume_budget().await;
            }
        };
        let task = guest.begin(endless, false).unwrap();
        for _ in 0..3 {
            // There is more to do.
            assert!(is_readable(&guest));
            guest.look();
        }
        task.abort();
        guest.look();
        guest.look();
        assert!(!is_readable(&guest));
    }

    #[test]
    fn two_do_not_mix() {
        let (one, other) = (guest(), guest());
        let (send, receive) = tokio::sync::oneshot::channel::<()>();
        let task = drive(&one, || tokio::spawn(receive));
        send.send(()).unwrap();
        assert!(is_readable(&one));
        assert!(!is_readable(&other));
        other.look();
        assert!(!task.is_finished());
    }
}

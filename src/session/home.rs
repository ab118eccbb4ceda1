//! Where calls are driven that share connections.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::Duration;

use tokio::runtime::Handle;

use super::background;
use super::background::Inbox;
use super::guest::Guest;
use crate::error::Error;
use crate::lock::lock;
use crate::process::{PerProcess, generation};

/// Homes without a loop that are kept, at the most.
const LEFT_HOMES: usize = 8;
/// Clocks are no finer than this.
const TICK: Duration = Duration::from_millis(10);
static LEFT: PerProcess<Mutex<Vec<Home>>> = PerProcess::new();

/// A runtime that is driven whoever waits: by the background thread, or by an event loop whose guest it is.
#[derive(Debug, Clone)]
pub struct Home(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    handle: Handle,
    guest: Option<Guest>,
    /// The background thread's.
    inbox: Option<Arc<Inbox>>,
    presence: Arc<()>,
    generation: u32,
    /// A helper thread drives it too.
    has_stand_in: AtomicBool,
}

/// A home that may be gone.
#[derive(Debug, Clone)]
pub struct WeakHome(Weak<Inner>);

/// A call under way.
#[derive(Debug)]
pub struct Presence(#[expect(dead_code, reason = "held, to be counted")] Arc<()>);

impl Home {
    /// The background thread, which begins what is left there.
    pub(super) fn in_background(handle: Handle, inbox: Arc<Inbox>) -> Self {
        Self::new(handle, None, Some(inbox))
    }

    fn new(handle: Handle, guest: Option<Guest>, inbox: Option<Arc<Inbox>>) -> Self {
        let presence = Arc::default();
        Self(Arc::new(Inner {
            handle,
            guest,
            inbox,
            presence,
            generation: generation(),
            has_stand_in: AtomicBool::new(false),
        }))
    }

    /// One for an event loop, or none where the system lacks what it needs.
    ///
    /// Where a loop is gone, the next one has its connections.
    #[must_use]
    pub fn of_a_loop() -> Option<Self> {
        let left = LEFT.get().and_then(|left| {
            let mut left = lock(left);
            let quiet = left.iter().rposition(|home| home.calls() == 0);
            let usable = quiet.or_else(|| left.iter().rposition(|home| !home.is_aside()));
            usable.map(|index| left.swap_remove(index))
        });
        left.or_else(|| {
            let (guest, handle) = Guest::new()?;
            Some(Self::new(handle, Some(guest), None))
        })
    }

    /// The event loop is gone: the connections are kept for the next one, and what is under way is driven to its end.
    pub fn is_left(self) {
        if !self.is_usable() {
            return;
        }
        self.urge();
        if self.calls() > 0 {
            self.call_stand_in();
        }
        self.keep();
    }

    fn keep(self) {
        let Ok(left) = LEFT.get_or_try_make(|| Ok::<_, Infallible>(Mutex::default()));
        let mut left = lock(left);
        if left.len() < LEFT_HOMES {
            left.push(self);
        }
    }

    /// Has a helper thread drive what is under way, since its event loop may not go on.
    pub fn call_stand_in(&self) {
        if self.guest().is_none() || self.0.has_stand_in.swap(true, Ordering::AcqRel) {
            return;
        }
        let home = self.clone();
        let helper = thread::Builder::new().name("tokstream-aside".into());
        let started = helper.spawn(move || {
            if let Some(guest) = home.guest() {
                guest.drive_while(|_| home.calls() > 0);
            }
            home.0.has_stand_in.store(false, Ordering::Release);
            // One may have come to need it that still saw it at work.
            if home.calls() > 0 {
                home.call_stand_in();
            }
        });
        if started.is_err() {
            self.0.has_stand_in.store(false, Ordering::Release);
        }
    }

    /// Whether it was made in this process.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.0.generation == generation()
    }

    /// Its runtime.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.0.handle
    }

    /// What an event loop drives, which looks at its sockets before each call.
    #[must_use]
    pub fn guest(&self) -> Option<&Guest> {
        self.0.guest.as_ref()
    }

    fn is_aside(&self) -> bool {
        self.guest().is_some_and(Guest::is_aside)
    }

    /// Begins a task that `make` makes. An event loop drives it at once, and looks at its sockets before if they were not
    /// `looked` at.
    ///
    /// # Errors
    /// [`Error::Closed`] in another process than its own.
    pub fn begin<F>(&self, make: impl FnOnce() -> F + Send + 'static, looked: bool) -> Result<(), Error>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        match (self.guest(), &self.0.inbox) {
            (Some(guest), _) if !guest.is_aside() => return guest.begin(make(), looked).map(drop).ok_or(Error::Closed),
            // The task's own memory is then that thread's.
            (None, Some(inbox)) => inbox.leave(Box::new(|| drop(tokio::spawn(make())))),
            _ => drop(self.handle().spawn(make())),
        }
        Ok(())
    }

    /// Has what was asked of its calls happen now, even if its event loop does not go on.
    pub fn urge(&self) {
        if let Some(guest) = self.guest().filter(|_| self.is_usable()) {
            guest.urge();
        }
    }

    /// Has its clocks looked at after this time, even if its event loop does not go on.
    pub fn urge_later(&self, after: Duration) {
        if self.guest().is_none() {
            return;
        }
        let home = self.downgrade();
        if let Ok(background) = background() {
            background.handle().spawn(async move {
                tokio::time::sleep(after + TICK).await;
                tokio::task::spawn_blocking(move || home.upgrade().as_ref().and_then(Self::guest).map(Guest::look));
            });
        }
    }

    /// A call begins.
    #[must_use]
    pub fn presence(&self) -> Presence {
        Presence(Arc::clone(&self.0.presence))
    }

    /// Calls that are under way.
    #[must_use]
    pub fn calls(&self) -> usize {
        Arc::strong_count(&self.0.presence) - 1
    }

    /// A reference that does not keep it.
    #[must_use]
    pub fn downgrade(&self) -> WeakHome {
        WeakHome(Arc::downgrade(&self.0))
    }
}

impl WeakHome {
    pub(super) fn upgrade(&self) -> Option<Home> {
        self.0.upgrade().map(Home)
    }

    pub(super) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }

    /// Whether it is this one.
    #[must_use]
    pub fn is(&self, home: &Home) -> bool {
        std::ptr::eq(self.0.as_ptr(), Arc::as_ptr(&home.0))
    }
}

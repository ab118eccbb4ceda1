//! What other threads hold of an event loop: a bell, and for whom they ring it.

use std::io::{PipeWriter, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::Thread;

use crate::lock::lock;
use crate::session::{Home, Runner, WeakHome};

/// The side of an event loop's waker that other threads hold.
#[derive(Debug)]
pub struct Bell {
    /// Whose turn it is.
    ready: Mutex<Vec<u64>>,
    /// Whether a byte is in the pipe, or none is needed: there are never many, so that writing cannot block.
    rung: AtomicBool,
    pipe: PipeWriter,
    /// The loop is to drive its guest again.
    comes_back: AtomicBool,
    /// What the loop drives itself.
    home: OnceLock<WeakHome>,
}

impl Bell {
    /// One that writes into this pipe.
    #[must_use]
    pub fn new(pipe: PipeWriter) -> Self {
        Self {
            ready: Mutex::default(),
            rung: AtomicBool::new(false),
            pipe,
            comes_back: AtomicBool::new(false),
            home: OnceLock::new(),
        }
    }

    /// What the loop drives itself is at home there.
    pub fn is_of(&self, home: &Home) {
        let _ = self.home.set(home.downgrade());
    }

    /// For whom it was rung, whose turn it now is.
    pub fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *lock(&self.ready))
    }

    /// Rings for the guest, which the loop is to drive again.
    pub fn ring_for_guest(&self) {
        self.comes_back.store(true, Ordering::Release);
        let _ = (&self.pipe).write(&[1]);
    }

    /// Whether it was rung for the guest since this was last asked.
    pub fn guest_comes_back(&self) -> bool {
        self.comes_back.swap(false, Ordering::AcqRel)
    }

    /// The byte has been taken out of the pipe.
    pub fn heard(&self) {
        self.rung.store(false, Ordering::Release);
    }

    /// Has nothing written into the pipe for as long as the result lives: the loop's own thread is at work, and looks
    /// for whom it was rung.
    #[must_use]
    pub fn hold(&self) -> Held<'_> {
        let was_rung = self.rung.swap(true, Ordering::AcqRel);
        Held((!was_rung).then_some(self))
    }

    fn ring(&self, id: u64) {
        lock(&self.ready).push(id);
        self.sound();
    }

    /// Rings for those that had their turn before all others.
    pub fn ring_again(&self, ids: impl Iterator<Item = u64>) {
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

/// A bell that is held, by who held it first. What nobody has looked for meanwhile is rung for after that.
#[derive(Debug)]
pub struct Held<'a>(Option<&'a Bell>);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(bell) = self.0 {
            bell.heard();
            if !lock(&bell.ready).is_empty() {
                bell.sound();
            }
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

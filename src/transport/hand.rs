//! What a thread that drives its call by hand lets the call's connection do, and what it is told.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// What may be read of a socket while a call is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Reading {
    /// Nothing.
    Nothing,
    /// What has come, once.
    Look,
    /// What comes next, once, and the socket waits for it: the thread sleeps there.
    Await,
}

/// Between a connection and the thread that drives it.
#[derive(Debug, Default)]
pub struct Hand {
    may_read: AtomicU8,
    /// More was to be read than could be.
    wants_to_read: AtomicBool,
    has_gone_on: AtomicBool,
}

impl Hand {
    /// The call is polled next, and so much may be read meanwhile.
    pub fn begin(&self, may_read: Reading) {
        self.let_read(may_read);
        self.wants_to_read.store(false, Ordering::Relaxed);
        self.has_gone_on.store(false, Ordering::Relaxed);
    }

    /// Whether the connection asked for more than could be read since.
    #[must_use]
    pub fn wants_to_read(&self) -> bool {
        self.wants_to_read.load(Ordering::Relaxed)
    }

    /// Whether anything was read since, or written that had to wait.
    #[must_use]
    pub fn has_gone_on(&self) -> bool {
        self.has_gone_on.load(Ordering::Relaxed)
    }

    pub(super) fn may_read(&self) -> Reading {
        let may_read = self.may_read.load(Ordering::Relaxed);
        [Reading::Look, Reading::Await]
            .into_iter()
            .find(|reading| *reading as u8 == may_read)
            .unwrap_or(Reading::Nothing)
    }

    pub(super) fn let_read(&self, may_read: Reading) {
        self.may_read.store(may_read as u8, Ordering::Relaxed);
    }

    pub(super) fn want_to_read(&self) {
        self.wants_to_read.store(true, Ordering::Relaxed);
    }

    pub(super) fn go_on(&self) {
        self.has_gone_on.store(true, Ordering::Relaxed);
    }
}

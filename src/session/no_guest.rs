//! Where no runtime can be the guest of an event loop: its descriptor is found on Linux alone.

use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// There is none.
#[derive(Debug)]
pub enum Guest {}

/// Nothing is driven by an event loop.
#[must_use]
pub fn looks() -> bool {
    false
}

/// Nothing is driven by an event loop.
#[must_use]
pub fn drives() -> bool {
    false
}

impl Guest {
    /// None.
    #[must_use]
    pub fn new() -> Option<(Self, Handle)> {
        None
    }

    /// What an event loop would watch.
    #[must_use]
    pub fn descriptor(&self) -> i32 {
        match *self {}
    }

    /// Nothing is driven.
    pub fn look(&self) -> bool {
        match *self {}
    }

    /// Nothing is driven.
    pub fn set_aside(&self) -> bool {
        match *self {}
    }

    /// Nothing is driven.
    #[must_use]
    pub fn is_aside(&self) -> bool {
        match *self {}
    }

    /// Nothing is driven.
    pub fn drive_while(&self, _goes_on: impl FnMut(Duration) -> bool) {
        match *self {}
    }

    /// Nothing is driven.
    pub fn take_back(&self) {
        match *self {}
    }

    /// Nothing is driven.
    pub fn drive_aside(&self) {
        match *self {}
    }

    /// Nothing is begun.
    pub fn begin<F>(&self, _task: F, _looked: bool) -> Option<JoinHandle<F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        match *self {}
    }

    /// Nothing is driven.
    pub fn urge(&self) {
        match *self {}
    }
}

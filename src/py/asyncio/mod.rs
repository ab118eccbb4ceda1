//! The asyncio surface: awaitables, and what an event loop watches to complete them.
//!
//! A loop drives a call alone itself, several at once are driven by the background thread. Neither touches Python there: a
//! result is left where the awaitable finds it, and the background thread writes a byte.
//!
//! Who wakes whom: what comes on a connection wakes the runtime's task that reads it. That one wakes the [`Waiter`] which
//! the reader has left in the stream's feed, or in the call's slot, and so rings the loop's bell. The [`LoopWaker`], which
//! the loop calls for that, ends the [`Wait`] of each for whom it was rung; that steps the task of asyncio which awaits it,
//! and the task asks its [`Awaitable`] again.

mod awaitable;
mod bell;
mod pending;
mod running;
mod ticks;
mod turns;
mod wait;
mod waker;

use pyo3::prelude::*;

pub use awaitable::{Awaitable, Operation, Pause, Reused, add_slots};
pub use bell::Waiter;
pub use pending::{Finish, Pending, Ready, Slot};
pub use running::Running;
use wait::Wait;
pub use waker::LoopWaker;

/// Makes the classes that no module shows.
pub fn make_classes(py: Python<'_>) {
    py.get_type::<Wait>();
    waker::make_classes(py);
}

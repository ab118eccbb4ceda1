//! The asyncio surface: awaitables, and what an event loop watches to complete them.
//!
//! A loop drives a call alone itself, several at once are driven by the background thread. Neither touches Python there: a
//! result is left where the awaitable finds it, and the background thread writes a byte.

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

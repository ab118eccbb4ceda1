//! The blocking surface: a call is driven on the thread that waits for it, with the interpreter released.

use std::future::Future;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use super::asyncio::Waiter;
use crate::session::{Lane, Runner, Stop, Turn};

/// A signal's handler runs within this time; Ctrl-C feels immediate up to about 100 ms.
pub const SIGNAL_SLICE: Duration = Duration::from_millis(50);

/// Parks the thread until `poll` has something to return; it is asked again whenever the waiter it was given is woken. A
/// `runner` is woken in its turn.
///
/// # Errors
/// What a signal's handler raises, `KeyboardInterrupt` above all.
pub fn wait_for<T>(py: Python<'_>, runner: Option<&Runner>, mut poll: impl FnMut(Waiter) -> Option<T>) -> PyResult<T> {
    loop {
        let waiter = runner
            .cloned()
            .map_or_else(|| Waiter::Thread(thread::current()), Waiter::Runner);
        if let Some(found) = poll(waiter) {
            return Ok(found);
        }
        py.detach(|| match runner {
            Some(runner) => runner.wait(SIGNAL_SLICE),
            None => thread::park_timeout(SIGNAL_SLICE),
        });
        py.check_signals()?;
    }
}

/// Drives `work` on `lane` until it is done, or until `stop` is asked (then `None`).
///
/// # Errors
/// What a signal's handler raises, `KeyboardInterrupt` above all.
pub fn drive<F>(py: Python<'_>, lane: &Lane, stop: &Stop, work: F) -> PyResult<Option<F::Output>>
where
    F: Future + Send,
    F::Output: Send,
{
    let mut work = pin!(work);
    loop {
        match py.detach(|| lane.drive(work.as_mut(), stop, SIGNAL_SLICE)) {
            Turn::Done(done) => return Ok(Some(done)),
            // Handlers are Python code and may use this client: they run outside of the runtime.
            Turn::Slice => py.check_signals()?,
            Turn::Stopped => return Ok(None),
        }
    }
}

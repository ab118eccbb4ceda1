//! How much an event loop does before it has its turn: how many calls begin, and how long tasks are told what has come.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Calls that begin in one turn of a loop without having stood in line for it; each takes some ten microseconds.
const CALLS_A_TURN: u32 = 32;

/// How long tasks are told at a stretch what has come for them: the loop has other work.
const STRETCH: Duration = Duration::from_millis(1);
/// The same while calls stand in line: the turn in which so many began has just held the loop up.
const STRETCH_OF_A_LINE: Duration = Duration::from_micros(500);
/// So long after the last one came, a line is over, whatever else there is to tell.
const LINE: Duration = Duration::from_millis(20);

thread_local! {
    /// Calls that have begun on this thread since its loop told a task something.
    static BEGUN: Cell<u32> = const { Cell::new(0) };
    /// When the last call came to stand in line for the turns of this thread's loop.
    static LINED_UP: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Whether a call is to stand in line for the loop's next turn; if not, it begins now.
pub fn is_full() -> bool {
    let begun = BEGUN.get();
    let is_full = begun >= CALLS_A_TURN;
    if is_full {
        LINED_UP.set(Some(Instant::now()));
    } else {
        BEGUN.set(begun + 1);
    }
    is_full
}

/// The loop of this thread has had its turn.
pub fn begin() {
    BEGUN.set(0);
}

/// How long tasks may be told at a stretch.
pub fn stretch() -> Duration {
    let is_lined_up = LINED_UP.get().is_some_and(|last| last.elapsed() < LINE);
    if is_lined_up { STRETCH_OF_A_LINE } else { STRETCH }
}

/// Nobody stands in line any more.
pub fn end_line() {
    LINED_UP.set(None);
}

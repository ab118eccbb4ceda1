//! How many calls begin before an event loop has its turn.

use std::cell::Cell;

/// Calls that begin in one turn of a loop without having stood in line for it; each takes some ten microseconds.
const CALLS_A_TURN: u32 = 32;

thread_local! {
    /// Calls that have begun on this thread since its loop told a task something.
    static BEGUN: Cell<u32> = const { Cell::new(0) };
}

/// Whether a call is to stand in line for the loop's next turn; if not, it begins now.
pub fn is_full() -> bool {
    let begun = BEGUN.get();
    let is_full = begun >= CALLS_A_TURN;
    if !is_full {
        BEGUN.set(begun + 1);
    }
    is_full
}

/// The loop of this thread has had its turn.
pub fn begin() {
    BEGUN.set(0);
}

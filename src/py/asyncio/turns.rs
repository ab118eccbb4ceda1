//! How many calls begin in one turn of an event loop.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Calls that begin in one turn; each takes some ten microseconds.
const CALLS_A_TURN: u32 = 128;

thread_local! {
    /// The number of a turn of the loop that runs on this thread, and how many calls have begun in it. It is told from
    /// the one before only where there were too many for one.
    static TURN: Cell<(u64, u32)> = const { Cell::new((1, 0)) };
}

/// The turn that a call has not begun in, since it was full; 0 if there was none.
#[derive(Debug, Default)]
pub struct Turns(AtomicU64);

impl Turns {
    /// Whether a call is to begin in a later turn; if not, it begins now.
    pub fn is_full(&self) -> bool {
        let (mut turn, mut begun) = TURN.get();
        // The loop has had its turn since.
        if self.0.load(Ordering::Relaxed) == turn {
            (turn, begun) = (turn + 1, 0);
        }
        let is_full = begun >= CALLS_A_TURN;
        if is_full {
            self.0.store(turn, Ordering::Relaxed);
        } else {
            begun += 1;
        }
        TURN.set((turn, begun));
        is_full
    }
}

//! A connection pool for calls that may share a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Calls that share one HTTP/2 connection, at the most: servers allow 100 or a little more, and what is beyond their
/// limit would wait for the others' end.
const STREAMS_A_CONNECTION: usize = 100;

/// A connection pool, and how many calls use it.
#[derive(Debug, Clone)]
pub struct Line {
    /// The pool.
    pub http: reqwest::Client,
    /// Where calls share a connection: the first one makes it, and the others wait until it has.
    pub gate: Option<Arc<Gate>>,
    /// Each call holds a clone.
    users: Arc<()>,
}

/// Closed until there is a first connection.
#[derive(Debug, Default)]
pub struct Gate {
    is_open: AtomicBool,
    first: tokio::sync::Mutex<()>,
}

impl Gate {
    /// Passes at once, or waits for the call that makes the connection; `Some` makes the caller that call.
    pub async fn pass(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if self.is_open.load(Ordering::Acquire) {
            return None;
        }
        let first = self.first.lock().await;
        (!self.is_open.load(Ordering::Acquire)).then_some(first)
    }

    /// There is a connection.
    pub fn open(&self) {
        self.is_open.store(true, Ordering::Release);
    }
}

impl Line {
    pub(super) fn new(http: reqwest::Client, multiplexes: bool) -> Self {
        Self {
            http,
            gate: multiplexes.then(Arc::default),
            users: Arc::default(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        Arc::strong_count(&self.users) <= STREAMS_A_CONNECTION
    }
}

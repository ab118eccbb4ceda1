//! The connections that calls go out on: a pool that they may share, or one that is driven by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;
use crate::exchange::Request;
use crate::transport::{Answer, ConnectProbe, Direct, answered, classify};

/// Calls that share one HTTP/2 connection, at the most: servers allow 100 or a little more, and what is beyond their
/// limit would wait for the others' end.
const STREAMS_A_CONNECTION: usize = 100;

/// Connections, and how many calls use them.
#[derive(Debug, Clone)]
pub struct Line {
    way: Way,
    /// Where calls share a connection: the first one makes it, and the others wait until it has.
    pub gate: Option<Arc<Gate>>,
    /// Each call holds a clone.
    users: Arc<()>,
}

#[derive(Debug, Clone)]
enum Way {
    Pool(reqwest::Client),
    Direct(Arc<Direct>),
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
    pub(super) fn new(pool: reqwest::Client, multiplexes: bool) -> Self {
        Self {
            way: Way::Pool(pool),
            gate: multiplexes.then(Arc::default),
            users: Arc::default(),
        }
    }

    pub(super) fn of(direct: Direct) -> Self {
        Self {
            way: Way::Direct(Arc::new(direct)),
            gate: None,
            users: Arc::default(),
        }
    }

    /// The connection that is to be driven by hand, if it is one.
    pub(super) fn direct(&self) -> Option<&Direct> {
        match &self.way {
            Way::Direct(direct) => Some(direct),
            Way::Pool(_) => None,
        }
    }

    /// Sends a request and brings the head of its reply.
    ///
    /// # Errors
    /// [`Error::Connection`], or [`Error::Configuration`] where a certificate or a proxy's address is of no use.
    pub async fn execute(&self, request: &Request, probe: &Arc<ConnectProbe>, proxied: bool) -> Result<Answer, Error> {
        match &self.way {
            Way::Pool(pool) => {
                let sent = probe.watch(pool.execute(request.to_reqwest())).await;
                sent.map(answered).map_err(|error| classify(&error, proxied))
            }
            Way::Direct(direct) => probe.watch(direct.execute(request, probe, proxied)).await,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        Arc::strong_count(&self.users) <= STREAMS_A_CONNECTION
    }
}

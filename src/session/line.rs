//! The connections that calls go out on: one for each, or one that they share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Error;
use crate::exchange::Request;
use crate::transport::{Answer, ConnectProbe, Pool, answer_of, classify};

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
    /// Each call has one for itself.
    Single(Arc<Pool>),
    /// Calls may share one.
    Shared(reqwest::Client),
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
    pub(super) fn single(pool: Arc<Pool>) -> Self {
        Self {
            way: Way::Single(pool),
            gate: None,
            users: Arc::default(),
        }
    }

    pub(super) fn shared(client: reqwest::Client) -> Self {
        Self {
            way: Way::Shared(client),
            gate: Some(Arc::default()),
            users: Arc::default(),
        }
    }

    /// Closes the connections that no call has.
    pub(super) fn close_idle(&self) {
        if let Way::Single(pool) = &self.way {
            pool.close_idle();
        }
    }

    /// Whether tasks of their own drive some of its connections.
    #[must_use]
    pub fn has_tasks(&self) -> bool {
        match &self.way {
            Way::Single(pool) => pool.has_proxied(),
            Way::Shared(_) => true,
        }
    }

    /// Sends a request and brings the head of its reply.
    ///
    /// # Errors
    /// [`Error::Connection`], or [`Error::Configuration`] where a certificate or a proxy's address is of no use.
    pub async fn execute(&self, request: &Request, probe: &Arc<ConnectProbe>, proxied: bool) -> Result<Answer, Error> {
        match &self.way {
            Way::Single(pool) => pool.execute(request, probe, proxied).await,
            Way::Shared(client) => {
                let sent = probe.watch(client.execute(request.to_reqwest())).await;
                sent.map(answer_of).map_err(|error| classify(&error, proxied))
            }
        }
    }

    pub(super) fn has_room(&self) -> bool {
        Arc::strong_count(&self.users) <= STREAMS_A_CONNECTION
    }
}

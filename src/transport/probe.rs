//! Whether an attempt is waiting for a connection, which reqwest does not tell.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tower_layer::Layer;
use tower_service::Service;

const NOT_CONNECTING: u8 = 0;
const CONNECTING: u8 = 1;
const CONNECTED: u8 = 2;

/// Tells one attempt whether it is waiting for a connection, and how long that took.
#[derive(Debug)]
pub struct ConnectProbe {
    state: AtomicU8,
    began: Instant,
    took: OnceLock<Duration>,
    connected: Notify,
}

impl ConnectProbe {
    /// A probe whose clock starts now.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            state: AtomicU8::new(NOT_CONNECTING),
            began: Instant::now(),
            took: OnceLock::new(),
            connected: Notify::new(),
        })
    }

    /// A connection is being made.
    pub fn begin(&self) {
        self.state.store(CONNECTING, Ordering::Relaxed);
    }

    /// It has been made.
    pub fn end(&self) {
        self.state.store(CONNECTED, Ordering::Relaxed);
        let _ = self.took.set(self.began.elapsed());
        self.connected.notify_one();
    }

    /// The attempt waits for it no longer.
    pub fn leave(&self) {
        self.state.store(NOT_CONNECTING, Ordering::Relaxed);
    }

    /// Whether a connection is being made right now.
    #[must_use]
    pub fn is_connecting(&self) -> bool {
        self.state.load(Ordering::Relaxed) == CONNECTING
    }

    /// Resolves when a connection has been made.
    pub async fn connected(&self) {
        self.connected.notified().await;
    }

    /// How long the connection took; zero where one was at hand.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.took.get().copied().unwrap_or_default()
    }

    /// Runs `attempt` with this probe listening.
    pub fn watch<F: Future>(self: &Arc<Self>, attempt: F) -> impl Future<Output = F::Output> + use<F> {
        PROBE.scope(Arc::clone(self), attempt)
    }
}

tokio::task_local! {
    static PROBE: Arc<ConnectProbe>;
}

/// Has connections tell the probe of the attempt that waits for them.
#[derive(Clone)]
pub struct ProbeLayer;

impl<S> Layer<S> for ProbeLayer {
    type Service = Probed<S>;

    fn layer(&self, inner: S) -> Probed<S> {
        Probed(inner)
    }
}

/// A connector that tells.
#[derive(Clone)]
pub struct Probed<S>(S);

impl<S, R> Service<R> for Probed<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
    S::Response: 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let probe = PROBE.try_with(Arc::clone).ok();
        if let Some(probe) = &probe {
            probe.begin();
        }
        let mut probe = probe;
        let connecting = self.0.call(request);
        Box::pin(async move {
            let mut connecting = pin!(connecting);
            let connected = poll_fn(|context| {
                // A request that another connection became free for leaves this one to be made in the background.
                let is_waited_for = PROBE.try_with(|_| ()).is_ok();
                if let Some(left) = probe.take_if(|_| !is_waited_for) {
                    left.leave();
                }
                connecting.as_mut().poll(context)
            })
            .await;
            if let (Some(probe), Ok(_)) = (probe, &connected) {
                probe.end();
            }
            connected
        })
    }
}

//! Connections, hyper's and reqwest's, and what their errors mean: the only module that knows them.

mod classify;
mod connection;
mod hand;
mod pool;
mod probe;
mod proxies;
mod source;
mod tls;
#[cfg(unix)]
mod waited;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{StatusCode, Url, redirect};

pub use classify::{classify, classify_other};
pub use hand::{Hand, Reading};
pub use pool::Pool;
pub use probe::ConnectProbe;
pub use source::{Answer, Source, answer_of};

use crate::error::Error;
use classify::chain;
use probe::ProbeLayer;
use proxies::Environment;

/// Redirects of one request, at the most; reqwest's and the browsers' own bound is of this size.
const MAX_REDIRECTS: usize = 10;
/// Long enough to outlast the pause between two requests of one program, short enough for most servers' own limit.
const POOL_IDLE: Duration = Duration::from_secs(50);
/// A dead peer is noticed by the operating system after about this time of silence.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// Bytes that an HTTP/2 server may send ahead of one stream's reader: memory against throughput on long ways.
const STREAM_WINDOW: u32 = 1 << 20;
/// More than all streams' windows: one whose reader pauses must not hold up the others of its connection.
const CONNECTION_WINDOW: u32 = 1 << 30;
/// The head of an HTTP/2 reply, at the most. That of an HTTP/1.1 reply is bound by what is read at once.
const HEAD_BYTES: u32 = 400 << 10;
/// Far above what servers send; hyper's default of 100 refuses some gateways.
const MAX_HEADERS: usize = 256;

/// How the server's certificate is checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Verify {
    /// Against the system's roots and the bundled ones.
    #[default]
    Default,
    /// Against the certificates of this PEM file alone.
    CaFile(String),
    /// Not at all.
    Off,
}

/// Which HTTP versions are spoken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1 alone.
    #[default]
    Http1,
    /// HTTP/2 where the server offers it in the TLS handshake.
    Negotiated,
    /// HTTP/2 without asking, also without TLS.
    Http2Only,
}

/// Everything that shapes connections; calls with the same one share them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransportConfig {
    /// A proxy for everything, or `None` for the environment's say.
    pub proxy: Option<String>,
    /// How certificates are checked.
    pub verify: Verify,
    /// PEM files of the client's certificate chain and of its key.
    pub identity: Option<(String, String)>,
    /// HTTP versions.
    pub http: HttpVersion,
}

/// What connections of one configuration are made with; the TLS setup is made once and shared.
#[derive(Debug)]
pub struct Transport {
    config: TransportConfig,
    tls: OnceLock<rustls::ClientConfig>,
    /// The environment's proxies, as they are when the first request is made.
    environment: OnceLock<Option<Arc<Environment>>>,
}

impl Transport {
    /// A transport of this configuration; nothing is read or connected yet.
    #[must_use]
    pub fn new(config: TransportConfig) -> Self {
        Self {
            config,
            tls: OnceLock::new(),
            environment: OnceLock::new(),
        }
    }

    /// A reqwest client with a connection pool of its own.
    ///
    /// # Errors
    /// [`Error::Configuration`] if a certificate file or the proxy's URL is of no use.
    pub fn client(&self, base_is_tls: bool) -> Result<reqwest::Client, Error> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls(base_is_tls)?)
            .redirect(same_origin_redirects())
            .referer(false)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_keepalive(TCP_KEEPALIVE)
            .tcp_nodelay(true)
            .http1_max_headers(MAX_HEADERS)
            .connector_layer(ProbeLayer);
        builder = builder
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_max_header_list_size(HEAD_BYTES);
        builder = match self.config.http {
            HttpVersion::Http1 => builder.http1_only(),
            HttpVersion::Negotiated => builder,
            HttpVersion::Http2Only => builder.http2_prior_knowledge(),
        };
        if let Some(url) = &self.config.proxy {
            let proxy = reqwest::Proxy::all(url.as_str()).map_err(|_| {
                Error::Configuration("proxy must be a URL such as http://host:port or socks5://host:port".into())
            })?;
            builder = builder.proxy(proxy);
        } else {
            builder = match self.environment() {
                None => builder.no_proxy(),
                Some(environment) if environment.has_ports() => {
                    let environment = Arc::clone(environment);
                    builder.proxy(reqwest::Proxy::custom(move |url| environment.proxy_of(url)))
                }
                Some(_) => builder,
            };
        }
        builder
            .build()
            .map_err(|e| Error::Configuration(format!("The HTTP client could not be set up: {}", chain(&e))))
    }

    /// Whether a proxy of the client's own or of the environment may stand in between.
    #[must_use]
    pub fn may_be_proxied(&self) -> bool {
        self.config.proxy.is_some() || proxies::may_be_set()
    }

    /// Whether a proxy stands between here and this address.
    #[must_use]
    pub fn is_proxied(&self, url: &Url) -> bool {
        self.config.proxy.is_some()
            || self
                .environment()
                .is_some_and(|environment| environment.is_proxied(url))
    }

    fn environment(&self) -> Option<&Arc<Environment>> {
        if let Some(read) = self.environment.get() {
            return read.as_ref();
        }
        let read = Environment::read().map(Arc::new);
        self.environment.get_or_init(|| read).as_ref()
    }

    fn tls(&self, base_is_tls: bool) -> Result<rustls::ClientConfig, Error> {
        let meets_tls_proxy = match &self.config.proxy {
            Some(url) => proxies::is_tls(url),
            None => proxies::may_need_tls(),
        };
        if !base_is_tls && !meets_tls_proxy {
            return tls::unused();
        }
        if let Some(made) = self.tls.get() {
            return Ok(made.clone());
        }
        let made = tls::config(&self.config)?;
        Ok(self.tls.get_or_init(|| made).clone())
    }
}

/// Follows a redirect only where nothing of the request changes and the key stays with its origin.
fn same_origin_redirects() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        if is_followed(attempt.status(), attempt.previous(), attempt.url()) {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

/// Whether a request that went to these addresses goes on to the `next` one.
fn is_followed(status: StatusCode, previous: &[Url], next: &Url) -> bool {
    let keeps_method = matches!(status.as_u16(), 307 | 308);
    let same_origin = previous.first().is_some_and(|first| first.origin() == next.origin());
    keeps_method && same_origin && !previous.contains(next) && previous.len() <= MAX_REDIRECTS
}

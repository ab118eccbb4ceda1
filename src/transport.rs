//! One attempt over reqwest; the only file that knows reqwest's errors.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use reqwest::redirect;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::sync::Notify;
use tower_layer::Layer;
use tower_service::Service;

use crate::error::{Cause, Error};

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
/// The head of an HTTP/2 reply, at the most, as hyper has it for HTTP/1.1.
const HEAD_BYTES: u32 = 400 << 10;
/// Far above what servers send; hyper's default of 100 refuses some gateways.
const MAX_HEADERS: usize = 256;

/// The usual variables that name a proxy.
const PROXY_VARIABLES: [&str; 6] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

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

/// Makes reqwest clients of one configuration; the TLS setup is made once and shared.
#[derive(Debug)]
pub struct Transport {
    config: TransportConfig,
    tls: OnceLock<rustls::ClientConfig>,
    /// The environment's proxies, as they are when the first request is made.
    matcher: OnceLock<Option<Matcher>>,
}

impl Transport {
    /// A transport of this configuration; nothing is read or connected yet.
    #[must_use]
    pub fn new(config: TransportConfig) -> Self {
        Self {
            config,
            tls: OnceLock::new(),
            matcher: OnceLock::new(),
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
        } else if no_proxy_at_all() {
            builder = builder.no_proxy();
        }
        builder
            .build()
            .map_err(|e| Error::Configuration(format!("The HTTP client could not be set up: {}", chain(&e))))
    }

    /// Whether a proxy of the client's own or of the environment may stand in between.
    #[must_use]
    pub fn may_be_proxied(&self) -> bool {
        self.config.proxy.is_some() || PROXY_VARIABLES.iter().any(|name| std::env::var_os(name).is_some())
    }

    /// Whether a proxy stands between here and this address.
    #[must_use]
    pub fn is_proxied(&self, url: &Url) -> bool {
        if self.config.proxy.is_some() {
            return true;
        }
        let matcher = self
            .matcher
            .get_or_init(|| (!no_proxy_at_all()).then(Matcher::from_env));
        let uri = url.as_str().parse();
        matcher
            .as_ref()
            .is_some_and(|matcher| uri.is_ok_and(|uri| matcher.intercept(&uri).is_some()))
    }

    fn tls(&self, base_is_tls: bool) -> Result<rustls::ClientConfig, Error> {
        // Reading the system's roots takes milliseconds, which a plain http:// server need not cost.
        if !base_is_tls && !self.may_meet_tls_proxy() {
            return plain_tls();
        }
        if let Some(made) = self.tls.get() {
            return Ok(made.clone());
        }
        let made = self.make_tls()?;
        Ok(self.tls.get_or_init(|| made).clone())
    }

    fn may_meet_tls_proxy(&self) -> bool {
        let is_tls = |url: &str| url.starts_with("https:");
        match &self.config.proxy {
            Some(url) => is_tls(url),
            None => PROXY_VARIABLES
                .iter()
                .any(|name| std::env::var(name).is_ok_and(|url| is_tls(&url))),
        }
    }

    fn make_tls(&self) -> Result<rustls::ClientConfig, Error> {
        let builder = tls_builder()?;
        let builder = match &self.config.verify {
            Verify::Off => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(danger::AnyCertificate::new())),
            Verify::CaFile(path) => {
                let mut roots = rustls::RootCertStore::empty();
                for certificate in read_certificates(path, "verify")? {
                    roots.add(certificate).map_err(|e| {
                        Error::Configuration(format!("verify: {path} has a certificate of no use: {e}"))
                    })?;
                }
                builder.with_root_certificates(roots)
            }
            Verify::Default => {
                let mut roots = rustls::RootCertStore::empty();
                roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                builder.with_root_certificates(roots)
            }
        };
        let mut tls = match &self.config.identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => {
                let key_der = PrivateKeyDer::from_pem_file(key)
                    .map_err(|e| Error::Configuration(format!("cert: no private key could be read from {key}: {e}")))?;
                builder
                    .with_client_auth_cert(read_certificates(chain, "cert")?, key_der)
                    .map_err(|e| Error::Configuration(format!("cert: {chain} and its key do not fit: {e}")))?
            }
        };
        tls.alpn_protocols = match self.config.http {
            HttpVersion::Http1 => vec![b"http/1.1".to_vec()],
            HttpVersion::Negotiated => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            HttpVersion::Http2Only => vec![b"h2".to_vec()],
        };
        Ok(tls)
    }
}

/// `NO_PROXY=*` switches proxies off, for addresses too, as in curl and in Python's own urllib.
fn no_proxy_at_all() -> bool {
    ["no_proxy", "NO_PROXY"]
        .iter()
        .any(|name| std::env::var(name).is_ok_and(|value| value.split(',').any(|host| host.trim() == "*")))
}

fn tls_builder() -> Result<rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier>, Error> {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::Configuration(format!("TLS could not be set up: {e}")))
}

fn plain_tls() -> Result<rustls::ClientConfig, Error> {
    static PLAIN: OnceLock<rustls::ClientConfig> = OnceLock::new();
    if let Some(made) = PLAIN.get() {
        return Ok(made.clone());
    }
    let made = tls_builder()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(PLAIN.get_or_init(|| made).clone())
}

fn read_certificates(path: &str, argument: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let refuse =
        |why: String| Error::Configuration(format!("{argument}: no certificate could be read from {path}: {why}"));
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| refuse(e.to_string()))?;
    if certificates.is_empty() {
        return Err(refuse("the file has none".into()));
    }
    Ok(certificates)
}

/// `verify=False`: any certificate will do, signatures are checked all the same.
mod danger {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    #[derive(Debug)]
    pub struct AnyCertificate(WebPkiSupportedAlgorithms);

    impl AnyCertificate {
        pub fn new() -> Self {
            Self(rustls::crypto::ring::default_provider().signature_verification_algorithms)
        }
    }

    impl ServerCertVerifier for AnyCertificate {
        fn verify_server_cert(
            &self,
            _end_entity: &CertificateDer<'_>,
            _intermediates: &[CertificateDer<'_>],
            _server_name: &ServerName<'_>,
            _ocsp_response: &[u8],
            _now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, cert, dss, &self.0)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, cert, dss, &self.0)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.supported_schemes()
        }
    }
}

/// Follows a redirect only where nothing of the request changes and the key stays with its origin.
fn same_origin_redirects() -> redirect::Policy {
    redirect::Policy::custom(|attempt| {
        let keeps_method = matches!(attempt.status().as_u16(), 307 | 308);
        let same_origin = attempt
            .previous()
            .first()
            .is_some_and(|first: &Url| first.origin() == attempt.url().origin());
        let goes_in_circles = attempt.previous().contains(attempt.url());
        if keeps_method && same_origin && !goes_in_circles && attempt.previous().len() <= MAX_REDIRECTS {
            attempt.follow()
        } else {
            attempt.stop()
        }
    })
}

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

#[derive(Clone)]
struct ProbeLayer;

impl<S> Layer<S> for ProbeLayer {
    type Service = Probed<S>;

    fn layer(&self, inner: S) -> Probed<S> {
        Probed(inner)
    }
}

#[derive(Clone)]
struct Probed<S>(S);

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
            probe.state.store(CONNECTING, Ordering::Relaxed);
        }
        let mut probe = probe;
        let connecting = self.0.call(request);
        Box::pin(async move {
            let mut connecting = pin!(connecting);
            let connected = poll_fn(|context| {
                // A request that another connection became free for leaves this one to be made in the background.
                let is_waited_for = PROBE.try_with(|_| ()).is_ok();
                if let Some(left) = probe.take_if(|_| !is_waited_for) {
                    left.state.store(NOT_CONNECTING, Ordering::Relaxed);
                }
                connecting.as_mut().poll(context)
            })
            .await;
            if let (Some(probe), Ok(_)) = (probe, &connected) {
                probe.state.store(CONNECTED, Ordering::Relaxed);
                let _ = probe.took.set(probe.began.elapsed());
                probe.connected.notify_one();
            }
            connected
        })
    }
}

/// What a failed attempt or a broken body means.
#[must_use]
pub fn classify(error: &reqwest::Error, proxied: bool) -> Error {
    let cause = match cause(error) {
        // The tunnel's own error type cannot be named from outside; what is left while connecting is its refusal. And what
        // was to be connected to is the proxy.
        None | Some(Cause::Dns | Cause::Refused | Cause::Unreachable) if proxied && error.is_connect() => Cause::Proxy,
        found => found.unwrap_or(Cause::Other),
    };
    Error::Connection {
        cause,
        detail: chain(error),
    }
}

fn cause(error: &reqwest::Error) -> Option<Cause> {
    if error.is_dns() {
        return Some(Cause::Dns);
    }
    let mut found = None;
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(current) = source {
        // The innermost error knows best.
        found = cause_of(current).or(found);
        source = match current
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            // An error wrapped in an io::Error is passed over by its `source`.
            Some(inner) => Some(inner),
            None => current.source(),
        };
    }
    found
}

fn cause_of(error: &(dyn std::error::Error + 'static)) -> Option<Cause> {
    if error.is::<rustls::Error>() {
        return Some(Cause::Tls);
    }
    if let Some(io) = error.downcast_ref::<std::io::Error>() {
        return cause_of_io(io.kind());
    }
    let hyper = error.downcast_ref::<hyper::Error>()?;
    if hyper.is_incomplete_message() || hyper.is_canceled() || hyper.is_closed() {
        Some(Cause::Reset)
    } else if hyper.is_parse() {
        Some(Cause::Protocol)
    } else {
        None
    }
}

fn cause_of_io(kind: std::io::ErrorKind) -> Option<Cause> {
    use std::io::ErrorKind as K;
    match kind {
        K::ConnectionRefused => Some(Cause::Refused),
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof | K::NotConnected => {
            Some(Cause::Reset)
        }
        K::HostUnreachable | K::NetworkUnreachable | K::NetworkDown | K::AddrNotAvailable => Some(Cause::Unreachable),
        K::InvalidData | K::InvalidInput => Some(Cause::Protocol),
        _ => None,
    }
}

/// The words of an error's sources: its own only say that something failed.
fn chain(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(current) = source {
        let text = current.to_string();
        if words.last().is_none_or(|last| !last.contains(&text)) {
            words.push(text);
        }
        source = current.source();
    }
    if words.is_empty() {
        error.to_string()
    } else {
        words.join(": ")
    }
}

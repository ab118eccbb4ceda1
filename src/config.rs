//! What a client is set up with: addresses, the key, clocks, bounds; and where the environment has a say.

use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::error::Error;
use crate::lock::lock;

/// The service's OpenAI-compatible API; every document and SDK of the service uses this address.
pub const DEFAULT_BASE_URL: &str = "https://api.deepinfra.com/v1/openai";
/// The names under which the service's documents and integrations keep the key, in the order they are read.
pub const KEY_VARIABLES: [&str; 3] = ["DEEPINFRA_API_KEY", "DEEPINFRA_TOKEN", "DEEPINFRA_API_TOKEN"];
/// The base URL's variable.
pub const BASE_URL_VARIABLE: &str = "DEEPINFRA_BASE_URL";

/// The bound of the `http` crate's URIs.
const MAX_URL_BYTES: usize = 65_534;

/// Longer than any process lives, and short enough that no clock arithmetic overflows.
const FOREVER: Duration = Duration::from_secs(1 << 32);

/// A key: usable, never printable.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    key: String,
    /// The `Authorization` header's value; `None` if the key has characters that no header can carry.
    bearer: Option<HeaderValue>,
}

impl Secret {
    /// Wraps a key.
    #[must_use]
    pub fn new(key: String) -> Self {
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.trim_matches(' '))).ok();
        if let Some(bearer) = &mut bearer {
            bearer.set_sensitive(true);
        }
        Self { key, bearer }
    }

    /// The key itself, for those who were given it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.key
    }

    /// The `Authorization` header's value.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the key has characters that no header can carry.
    pub fn bearer(&self) -> Result<HeaderValue, Error> {
        self.bearer.clone().ok_or_else(|| {
            Error::Configuration("The API key has characters that a header cannot carry (a line break, perhaps)".into())
        })
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The key from the environment, if one of its three names is set.
#[must_use]
pub fn key_from_env() -> Option<Secret> {
    KEY_VARIABLES
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        // What was read from a file into a variable often has a line break at its end.
        .map(|key| key.trim().to_owned())
        .find(|key| !key.is_empty())
        .map(Secret::new)
}

/// The base URL from the environment, or the service's own.
#[must_use]
pub fn base_url_from_env() -> String {
    std::env::var(BASE_URL_VARIABLE)
        .ok()
        .filter(|url| !url.trim().is_empty())
        .unwrap_or_else(|| DEFAULT_BASE_URL.to_owned())
}

/// The four clocks of a call; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timeouts {
    /// DNS, TCP and TLS of a new connection.
    pub connect: Option<Duration>,
    /// From the start of an attempt to the first piece of the answer.
    pub first_token: Option<Duration>,
    /// Silence within the answer.
    pub read: Option<Duration>,
    /// The whole call, retries included.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Some(Duration::from_secs(5)),
            first_token: Some(Duration::from_secs(600)),
            read: Some(Duration::from_secs(600)),
            total: None,
        }
    }
}

/// Seconds as people write them, as a clock's limit: infinite or immense is no limit.
///
/// # Errors
/// [`Error::Configuration`] if `seconds` is negative or not a number.
pub fn limit_from_seconds(seconds: f64, name: &str) -> Result<Option<Duration>, Error> {
    if seconds.is_nan() || seconds < 0.0 {
        return Err(Error::Configuration(format!(
            "{name} must be a number of seconds of at least 0, or None for no limit, not {seconds}"
        )));
    }
    Ok(Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|limit| *limit < FOREVER))
}

/// Bounds on what a server may make us keep, in bytes after decompression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One event of a stream.
    pub event_bytes: usize,
    /// One whole reply.
    pub body_bytes: usize,
    /// One error's body; what is longer is cut.
    pub error_body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            event_bytes: 64 << 20,
            body_bytes: 256 << 20,
            error_body_bytes: 1 << 20,
        }
    }
}

/// A base URL, checked and without a slash at its end.
#[derive(Clone)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Checks and keeps `text`.
    ///
    /// # Errors
    /// [`Error::Configuration`] if it is no absolute http(s) URL.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let refuse = |why: &str| {
            // The URL itself is not repeated: it may carry a password.
            Error::Configuration(format!("base_url must be an absolute http:// or https:// URL: {why}"))
        };
        if text.split_once("://").is_some_and(|(_, rest)| rest.starts_with('/')) {
            return Err(refuse("it has no host"));
        }
        let mut url = Url::parse(text).map_err(|e| refuse(&e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refuse(&format!("its scheme is {:?}", url.scheme())));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(refuse("it has no host"));
        }
        url.set_fragment(None);
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// Whether the server is on this machine and so needs no key.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match self.0.host_str() {
            Some("localhost") => true,
            Some(host) => host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback()),
            None => false,
        }
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The address of `path` below this base, or `path` itself where it is an absolute URL of the same origin.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the path has characters that no request line can carry, or leads to another origin.
    pub fn join(&self, path: &str, query: &[(String, String)]) -> Result<Url, Error> {
        if path.chars().any(char::is_control) || path.contains(' ') {
            return Err(Error::Configuration(format!(
                "The path {path:?} has blanks or control characters; percent-encode them"
            )));
        }
        let mut url = if path.starts_with("http://") || path.starts_with("https://") {
            let url = Url::parse(path).map_err(|e| Error::Configuration(format!("The URL is not valid: {e}")))?;
            if url.origin() != self.0.origin() {
                return Err(Error::Configuration(format!(
                    "The URL leads to {}, and the key belongs to {}; make a client for that base_url",
                    url.origin().ascii_serialization(),
                    self.0.origin().ascii_serialization()
                )));
            }
            url
        } else {
            let (path, given) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
            let mut url = self.0.clone();
            let joined = format!(
                "{}/{}",
                self.0.path().trim_end_matches('/'),
                path.trim_start_matches('/')
            );
            url.set_path(&joined);
            if let Some(given) = given {
                let whole = match self.0.query() {
                    Some(base) => format!("{base}&{given}"),
                    None => given.to_owned(),
                };
                url.set_query(Some(&whole));
            }
            url
        };
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(Error::Configuration(format!(
                "The URL has {} characters; HTTP clients carry {MAX_URL_BYTES} at the most",
                url.as_str().len()
            )));
        }
        Ok(url)
    }

    /// The URL without user and password.
    #[must_use]
    pub fn redacted(&self) -> String {
        redact_url(&self.0)
    }

    /// The URL as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }
}

/// A path, and the URL that it is; a copy is empty, since it is made to be changed.
#[derive(Debug, Default)]
pub struct LastUrl(Mutex<Option<(String, Url)>>);

impl Clone for LastUrl {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl LastUrl {
    /// The URL of `path`, by `make` where it is another than the last.
    ///
    /// # Errors
    /// What `make` fails with.
    pub fn of<E>(&self, path: &str, make: impl FnOnce() -> Result<Url, E>) -> Result<Url, E> {
        let mut last = lock(&self.0);
        match &*last {
            Some((its, url)) if its == path => Ok(url.clone()),
            _ => {
                let url = make()?;
                *last = Some((path.to_owned(), url.clone()));
                Ok(url)
            }
        }
    }
}

/// Whether a header or a parameter of this name carries a key or a password; `_` is as good as `-`.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    const NAMES: [&str; 5] = ["authorization", "proxy-authorization", "auth", "key", "sig"];
    const ENDINGS: [&str; 9] = [
        "api-key",
        "apikey",
        "access-key",
        "token",
        "secret",
        "password",
        "signature",
        "cookie",
        "x-auth",
    ];
    let name = name.to_ascii_lowercase().replace('_', "-");
    NAMES.contains(&name.as_str()) || ENDINGS.iter().any(|end| name.ends_with(end))
}

/// A URL's text without user and password.
#[must_use]
pub fn redact_url(url: &Url) -> String {
    if url.username().is_empty() && url.password().is_none() {
        return url.as_str().to_owned();
    }
    let mut url = url.clone();
    // Both setters refuse only URLs that cannot have a user, which then have none to hide.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.as_str().to_owned()
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, path: &str) -> String {
        BaseUrl::parse(base).unwrap().join(path, &[]).unwrap().into()
    }

    #[test]
    fn paths_are_joined_below_the_base() {
        assert_eq!(joined("http://h/v1/", "/chat"), "http://h/v1/chat");
        assert_eq!(joined("http://h", "chat"), "http://h/chat");
        assert_eq!(joined("http://h/v1?a=1", "models?b=2"), "http://h/v1/models?a=1&b=2");
    }

    #[test]
    fn a_path_cannot_take_the_key_elsewhere_or_break_the_request_line() {
        let base = BaseUrl::parse("https://h/v1").unwrap();
        assert!(base.join("https://other/x", &[]).is_err());
        assert!(base.join("http://h/x", &[]).is_err());
        assert!(base.join("a\r\nb", &[]).is_err());
    }

    #[test]
    fn odd_seconds_are_refused_or_endless() {
        assert!(limit_from_seconds(f64::NAN, "t").is_err());
        assert!(limit_from_seconds(-1.0, "t").is_err());
        assert_eq!(limit_from_seconds(f64::INFINITY, "t").unwrap(), None);
        assert_eq!(limit_from_seconds(1e300, "t").unwrap(), None);
        assert_eq!(limit_from_seconds(0.5, "t").unwrap(), Some(Duration::from_millis(500)));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (url, expected) in [
            ("http://127.0.0.1:1/v1", true),
            ("http://localhost", true),
            ("http://[::1]:2", true),
            ("http://example.com", false),
        ] {
            assert_eq!(BaseUrl::parse(url).unwrap().is_loopback(), expected, "{url}");
        }
    }
}

//! The core's one error type: what happened, as data; words are made late.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::api_error::{ErrorBody, harmless};
use crate::headers::Headers;

/// The head of one HTTP reply, kept beside whatever came of it.
#[derive(Debug)]
pub struct Head {
    /// The reply's status code.
    pub status: u16,
    /// The reply's headers as they came.
    pub headers: Headers,
    /// `HTTP/1.1` or `HTTP/2`.
    pub http_version: &'static str,
}

impl Head {
    /// The text of the header of this name, in small letters, or `None` if it is absent or not ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.text(name)
    }
}

/// Why no connection could be made or kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The host's name has no address.
    Dns,
    /// Nothing listens there.
    Refused,
    /// The TLS handshake or the certificate failed.
    Tls,
    /// The proxy refused or failed.
    Proxy,
    /// The peer closed or reset the connection.
    Reset,
    /// No route to the host.
    Unreachable,
    /// The peer's bytes are not HTTP.
    Protocol,
    /// Anything else; the message says what.
    Other,
}

impl Cause {
    /// The name under which Python users see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::Reset => "reset",
            Self::Unreachable => "unreachable",
            Self::Protocol => "protocol",
            Self::Other => "other",
        }
    }
}

/// Which clock ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// DNS, TCP and TLS of a new connection.
    Connect,
    /// From the start of an attempt to the first piece of the answer.
    FirstToken,
    /// Silence within the answer.
    Read,
    /// The whole call, retries included.
    Total,
}

impl Phase {
    /// The name under which Python users see it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::FirstToken => "first_token",
            Self::Read => "read",
            Self::Total => "total",
        }
    }
}

/// Everything that can go wrong with one request.
#[derive(Debug, Clone)]
pub enum Error {
    /// No connection, or it broke before the reply was whole.
    Connection {
        /// What kind of failure.
        cause: Cause,
        /// The transport's own words, the chain of sources joined.
        detail: String,
    },
    /// One of the four clocks ran out.
    Timeout {
        /// Which clock.
        phase: Phase,
        /// Its limit.
        limit: Duration,
    },
    /// A stream ended before the answer did.
    Truncated {
        /// How it ended.
        detail: String,
    },
    /// The server answered with a status that is not a success.
    Status {
        /// The reply's body, understood.
        body: Box<ErrorBody>,
        /// The reply's body as it came, bounded.
        raw: Bytes,
        /// What `Retry-After` asked for.
        retry_after: Option<Duration>,
    },
    /// The server reported an error inside a stream.
    InStream {
        /// The error, understood.
        body: Box<ErrorBody>,
        /// The event's data.
        raw: Bytes,
    },
    /// The reply is not what was asked for: no JSON, no stream, over a bound.
    Validation {
        /// What is wrong with it.
        detail: String,
        /// The offending data, whole.
        raw: Bytes,
    },
    /// The request cannot be made with these settings.
    Configuration(String),
    /// The client was closed.
    Closed,
}

impl Error {
    /// The reply is not what was asked for, and no part of it shows that.
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::Validation {
            detail: detail.into(),
            raw: Bytes::new(),
        }
    }
}

/// An error and what is known of the request it belongs to.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What went wrong.
    pub error: Error,
    /// The reply's head, when there was one.
    pub head: Option<Arc<Head>>,
    /// Attempts made after the first.
    pub retries: u32,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            head: None,
            retries: 0,
        }
    }
}

/// The most characters of a server's data that an error message repeats.
const EXCERPT_CHARS: usize = 200;

/// The beginning of `raw` as printable text.
#[must_use]
pub fn excerpt(raw: &[u8]) -> String {
    // Four bytes are the most that one character takes.
    let head = raw.get(..EXCERPT_CHARS * 4).unwrap_or(raw);
    let text = String::from_utf8_lossy(head);
    let mut shown: String = text.chars().take(EXCERPT_CHARS).map(harmless).collect();
    if shown.len() < raw.len() && text.chars().count() > EXCERPT_CHARS || head.len() < raw.len() {
        shown.push('…');
    }
    shown
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection { cause, detail } => {
                let what = match cause {
                    Cause::Dns => "The host's name could not be resolved",
                    Cause::Refused => "The connection was refused",
                    Cause::Tls => "The TLS handshake failed",
                    Cause::Proxy => "The proxy failed",
                    Cause::Reset => "The connection was closed by the other side",
                    Cause::Unreachable => "The host is unreachable",
                    Cause::Protocol => "The server's reply is not valid HTTP",
                    Cause::Other => "The connection failed",
                };
                write!(f, "{what}: {detail}")
            }
            Self::Timeout { phase, limit } => {
                let what = match phase {
                    Phase::Connect => "No connection",
                    Phase::FirstToken => "No first token",
                    Phase::Read => "Silence in the middle of the answer",
                    Phase::Total => "The call was not finished",
                };
                write!(f, "{what} within {limit:?} (timeout: {})", phase.as_str())
            }
            Self::Truncated { detail } => write!(f, "The stream was cut before its end: {detail}"),
            Self::InStream { body, .. } if body.message.is_empty() => {
                f.write_str("The server reported an error in the stream and said nothing of it")
            }
            Self::Status { body, .. } | Self::InStream { body, .. } => f.write_str(&body.message),
            Self::Validation { detail, raw } if raw.is_empty() => f.write_str(detail),
            Self::Validation { detail, raw } => write!(f, "{detail}: {}", excerpt(raw)),
            Self::Configuration(what) => f.write_str(what),
            Self::Closed => f.write_str("The client is closed"),
        }
    }
}

impl std::error::Error for Error {}

//! What an error body says, in all the shapes that servers send.

mod shape;
#[cfg(test)]
mod tests;
mod words;

use std::str;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use shape::Members;
pub use words::{harmless, printable};

/// What the server said about a failure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// The error in words, printable and shortened; empty if the server said nothing.
    pub message: String,
    /// The server's own code; a number as its digits.
    pub code: Option<String>,
    /// The server's name for this sort of error, its `type`.
    pub kind: Option<String>,
    /// The parameter of the request that is to blame.
    pub param: Option<String>,
    refusal: Refusal,
}

/// Failures that keep a curable status but come back at every attempt; only their words tell them apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Refusal {
    #[default]
    None,
    NewAccount,
    InputTooLong,
}

impl Refusal {
    fn of(message: &str) -> Self {
        let message = message.to_ascii_lowercase();
        if message.contains("new accounts need established payment history") {
            Self::NewAccount
        } else if message.contains("requested input length") && message.contains("exceeds maximum input length") {
            Self::InputTooLong
        } else {
            Self::None
        }
    }
}

static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""error""#));
static DETAIL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""detail""#));

impl ErrorBody {
    /// Understands the body of a reply with an error status: JSON of any known shape, HTML, plain text or nothing.
    #[must_use]
    pub fn decode(content_type: Option<&str>, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{FEFF}').trim();
        if let Some(said) = shape::from_json(text) {
            return said;
        }
        let html = content_type.is_some_and(|value| value.to_ascii_lowercase().contains("html"));
        let message = if html || text.starts_with('<') {
            words::of_html(text)
        } else {
            words::joined(text)
        };
        Self::saying(&message)
    }

    /// The error that a stream's data object is, or `None` if it is no error.
    ///
    /// An object with an `error` that is not null, with a `detail` but no `choices`, or that calls itself an `error` is
    /// one; a chunk beside whose choices stands an empty `error` is none.
    #[must_use]
    pub fn in_stream(data: &[u8]) -> Option<Self> {
        if ERROR.find(data).is_none() && DETAIL.find(data).is_none() {
            return None;
        }
        let text = str::from_utf8(data).ok()?.trim_ascii();
        let members = Members::of(text)?;
        let chunk = members.get("choices").is_some();
        let is_error = match members.get("error") {
            Some(error) if says_nothing(error) => !chunk,
            Some(_) => true,
            None => !chunk && (members.get("detail").is_some() || members.get("object") == Some(r#""error""#)),
        };
        is_error.then(|| shape::from_members(&members, text, 0))
    }

    /// Whether, going by the words alone, a failure with this (curable) status may pass.
    #[must_use]
    pub fn is_curable(&self, status: u16) -> bool {
        match self.refusal {
            Refusal::None => true,
            Refusal::NewAccount => status != 429,
            Refusal::InputTooLong => status != 500,
        }
    }

    fn saying(message: &str) -> Self {
        Self {
            message: printable(message),
            refusal: Refusal::of(message),
            ..Self::default()
        }
    }
}

/// Whether a JSON value is `false` or empty.
fn says_nothing(raw: &str) -> bool {
    let inside = |open, close| raw.strip_prefix(open).and_then(|rest: &str| rest.strip_suffix(close));
    raw == "false"
        || raw == r#""""#
        || inside('{', '}')
            .or_else(|| inside('[', ']'))
            .is_some_and(|inside| inside.trim_ascii().is_empty())
}

//! What the parser finds.

use std::error::Error;
use std::fmt;

use bytes::Bytes;

/// One dispatched event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event's data, its lines joined with `\n`: always valid UTF-8.
    pub data: Bytes,
    /// The event's type; `None` stands for `message`, the default.
    pub event: Option<Box<str>>,
}

/// An event holds more bytes than the parser's bound; nothing after it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLarge {
    /// The bound in bytes.
    pub max_event_bytes: usize,
}

impl fmt::Display for EventTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an event of the stream is larger than {} bytes",
            self.max_event_bytes
        )
    }
}

impl Error for EventTooLarge {}

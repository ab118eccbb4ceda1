//! An incremental parser of `text/event-stream`.
//!
//! The grammar is <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>.

use std::collections::VecDeque;
use std::mem;
use std::str;

use bytes::Bytes;
use memchr::{memchr, memchr2};

use super::{Event, EventTooLarge};

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Data beside which its chunk has no more bytes than this is copied: it would keep the whole buffer that the transport reads
/// into, of which the chunk is a part, and that one could not be read into again.
const FEW_MORE: usize = 1 << 10;
/// Unless it is larger than this.
const SMALL_DATA: usize = 16 << 10;

/// A part of a chunk, in memory of its own where it is small and most of it.
fn part_of(chunk: &Bytes, part: &[u8]) -> Bytes {
    if part.len() <= SMALL_DATA && chunk.len() - part.len() <= FEW_MORE {
        Bytes::copy_from_slice(part)
    } else {
        chunk.slice_ref(part)
    }
}

/// Turns the bytes of an event stream, split anyhow, into events.
///
/// Each byte is looked at a constant number of times however the stream is split. An event whose only data line lies
/// within one chunk shares that chunk's memory, unless it is small and most of it.
#[derive(Debug)]
pub struct Parser {
    max_event_bytes: usize,
    /// How much of a byte order mark has been seen; `None` once the stream's first byte after it is known.
    bom: Option<usize>,
    /// The last chunk ended with a CR: an LF at the start of the next one belongs to it.
    after_cr: bool,
    failed: bool,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    data: Data,
    event: Option<Box<str>>,
    /// The bytes of the finished field lines of the event being collected.
    collected: usize,
    /// The `id` that takes effect with the next blank line.
    next_id: Option<Box<str>>,
    last_event_id: Box<str>,
    retry: Option<u64>,
}

/// The data buffer of the event being collected.
#[derive(Debug, Default)]
enum Data {
    #[default]
    None,
    One(Bytes),
    Joined(Vec<u8>),
}

impl Data {
    fn push(&mut self, value: Bytes) {
        *self = match mem::take(self) {
            Self::None => Self::One(value),
            Self::One(first) => {
                let mut lines = Vec::with_capacity(first.len() + 1 + value.len());
                lines.extend_from_slice(&first);
                lines.push(b'\n');
                lines.extend_from_slice(&value);
                Self::Joined(lines)
            }
            Self::Joined(mut lines) => {
                lines.push(b'\n');
                lines.extend_from_slice(&value);
                Self::Joined(lines)
            }
        }
    }

    fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::None => None,
            Self::One(data) => Some(data),
            Self::Joined(lines) => Some(lines.into()),
        }
    }
}

/// A line's field name and the start of its value within the line.
enum Field {
    Data(usize),
    Event(usize),
    Id(usize),
    Retry(usize),
    /// Comments and unknown fields.
    Ignored,
}

impl Field {
    fn of(line: &[u8]) -> Self {
        let colon = if line.starts_with(b"data:") {
            Some(4)
        } else {
            memchr(b':', line)
        };
        let (name, value) = match colon {
            Some(colon) => {
                let space = usize::from(line.get(colon + 1) == Some(&b' '));
                (line.get(..colon).unwrap_or_default(), colon + 1 + space)
            }
            None => (line, line.len()),
        };
        match name {
            b"data" => Self::Data(value),
            b"event" => Self::Event(value),
            b"id" => Self::Id(value),
            b"retry" => Self::Retry(value),
            _ => Self::Ignored,
        }
    }
}

impl Parser {
    /// A parser at the start of a stream that refuses events of more than `max_event_bytes` bytes.
    ///
    /// The bound counts the field lines of the event being collected, without their line ends, and any single line,
    /// a comment too, for as long as its end has not come.
    #[must_use]
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            max_event_bytes,
            bom: Some(0),
            after_cr: false,
            failed: false,
            line: Vec::new(),
            data: Data::None,
            event: None,
            collected: 0,
            next_id: None,
            last_event_id: Box::default(),
            retry: None,
        }
    }

    /// Parses the stream's next bytes and appends the events that end within them to `out`.
    ///
    /// # Errors
    ///
    /// [`EventTooLarge`], now and at every later call; the events before the oversized one are in `out`.
    pub fn feed(&mut self, chunk: &Bytes, out: &mut VecDeque<Event>) -> Result<(), EventTooLarge> {
        if self.failed {
            return Err(self.too_large());
        }
        let mut at = self.skip_start(chunk);
        // How far the chunk is known to be valid UTF-8: one check of many lines is cheaper than many of one line.
        let mut valid_to = None;
        while let Some(rest) = chunk.get(at..) {
            let end = match rest.first() {
                None => break,
                // The blank line after each event needs no search.
                Some(b'\n' | b'\r') => 0,
                Some(_) => match memchr2(b'\n', b'\r', rest) {
                    Some(end) => end,
                    None => return self.keep(rest),
                },
            };
            let (line, terminator) = rest.split_at(end);
            let valid = self.line.is_empty() && at + end <= *valid_to.get_or_insert_with(|| at + valid_length(rest));
            if !valid {
                valid_to = None;
            }
            self.end_line(chunk, line, valid, out)?;
            at += end + 1;
            if terminator.first() == Some(&b'\r') {
                match terminator.get(1) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
        }
        Ok(())
    }

    /// Ends the stream: drops the unfinished event, as the grammar demands, and returns what data it had.
    pub fn finish(&mut self) -> Option<Bytes> {
        let pending = self.pending_data();
        self.release();
        pending
    }

    /// How many bytes of the event that has not ended yet are kept; to ask costs nothing.
    #[must_use]
    pub fn pending_len(&self) -> usize {
        let data = match &self.data {
            Data::None => 0,
            Data::One(first) => first.len(),
            Data::Joined(lines) => lines.len(),
        };
        data + self.line.len()
    }

    /// The data of the event that has not ended yet, a last line without its end included.
    #[must_use]
    pub fn pending_data(&self) -> Option<Bytes> {
        let last = match Field::of(&self.line) {
            Field::Data(start) if !self.failed => Some(text(self.line.get(start..).unwrap_or_default())),
            _ => None,
        };
        let mut data = match &self.data {
            Data::None => Data::None,
            Data::One(first) => Data::One(first.clone()),
            Data::Joined(lines) => Data::Joined(lines.clone()),
        };
        if let Some(last) = last {
            data.push(Bytes::from(last.into_owned()));
        }
        data.into_bytes()
    }

    /// The stream's last event id, empty before the first.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The reconnection time that the stream asked for, in milliseconds.
    #[must_use]
    pub fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Passes over what may precede a chunk's first line: the LF of a split CRLF, the stream's byte order mark.
    fn skip_start(&mut self, chunk: &[u8]) -> usize {
        let Some(&first) = chunk.first() else { return 0 };
        if mem::take(&mut self.after_cr) && first == b'\n' {
            return 1;
        }
        let Some(seen) = self.bom else { return 0 };
        let wanted = BOM.get(seen..).unwrap_or_default();
        let matched = wanted.iter().zip(chunk).take_while(|(a, b)| a == b).count();
        if matched == wanted.len() {
            self.bom = None;
            matched
        } else if matched == chunk.len() {
            self.bom = Some(seen + matched);
            matched
        } else {
            // No mark after all: what an earlier chunk brought of it begins the first line.
            self.bom = None;
            self.line.extend_from_slice(BOM.get(..seen).unwrap_or_default());
            0
        }
    }

    /// Keeps the beginning of a line for the next chunk.
    fn keep(&mut self, part: &[u8]) -> Result<(), EventTooLarge> {
        self.check(part.len())?;
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Handles one line, of which `rest` (a part of `chunk`) follows what was kept; `valid` if it is valid UTF-8 and
    /// nothing was kept.
    fn end_line(
        &mut self,
        chunk: &Bytes,
        rest: &[u8],
        valid: bool,
        out: &mut VecDeque<Event>,
    ) -> Result<(), EventTooLarge> {
        if !self.line.is_empty() {
            self.keep(rest)?;
            let line = Bytes::from(mem::take(&mut self.line));
            let valid = str::from_utf8(&line).is_ok();
            self.field(&line, valid, |value| line.slice_ref(value));
        } else if rest.is_empty() {
            self.dispatch(out);
        } else {
            self.check(rest.len())?;
            self.field(rest, valid, |value| part_of(chunk, value));
        }
        Ok(())
    }

    /// Handles one whole line that is not blank, of which `take` takes the data; whether it is valid UTF-8 is known.
    fn field(&mut self, line: &[u8], valid: bool, take: impl FnOnce(&[u8]) -> Bytes) {
        match Field::of(line) {
            Field::Data(start) => {
                let value = line.get(start..).unwrap_or_default();
                let value = if valid {
                    take(value)
                } else {
                    Bytes::from(text(value).into_owned())
                };
                self.data.push(value);
            }
            Field::Event(start) => {
                let value = line.get(start..).unwrap_or_default();
                self.event = (!value.is_empty()).then(|| text(value).into());
            }
            Field::Id(start) => {
                let value = line.get(start..).unwrap_or_default();
                if memchr(0, value).is_none() {
                    self.next_id = Some(text(value).into());
                }
            }
            Field::Retry(start) => {
                let value = line.get(start..).unwrap_or_default();
                if value.iter().all(u8::is_ascii_digit)
                    && let Some(millis) = str::from_utf8(value).ok().and_then(|digits| digits.parse().ok())
                {
                    self.retry = Some(millis);
                }
            }
            Field::Ignored => return,
        }
        self.collected += line.len();
    }

    /// Ends an event; one without any data line is none.
    fn dispatch(&mut self, out: &mut VecDeque<Event>) {
        self.collected = 0;
        if let Some(id) = self.next_id.take() {
            self.last_event_id = id;
        }
        let event = self.event.take();
        if let Some(data) = mem::take(&mut self.data).into_bytes() {
            out.push_back(Event { data, event });
        }
    }

    /// Refuses a line that `more` bytes would make too long for the event's bound.
    fn check(&mut self, more: usize) -> Result<(), EventTooLarge> {
        if self.collected + self.line.len() + more > self.max_event_bytes {
            self.failed = true;
            self.release();
            return Err(self.too_large());
        }
        Ok(())
    }

    fn too_large(&self) -> EventTooLarge {
        EventTooLarge {
            max_event_bytes: self.max_event_bytes,
        }
    }

    fn release(&mut self) {
        self.line = Vec::new();
        self.data = Data::None;
        self.event = None;
        self.next_id = None;
        self.collected = 0;
    }
}

/// How many bytes from the start on are valid UTF-8.
fn valid_length(bytes: &[u8]) -> usize {
    str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len)
}

/// A value's text. A value begins after and ends before an ASCII byte, so decoding it alone replaces what decoding
/// the whole stream would.
fn text(value: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(value)
}

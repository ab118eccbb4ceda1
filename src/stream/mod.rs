//! A streamed reply: bytes to events, `[DONE]`, the end of the transport, and the clocks of a stream.

mod clocks;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::coop::unconstrained;
use tokio::task::yield_now;
use tokio::time::Instant;

pub use clocks::{Marks, Waiting};

use crate::body::{Body, Joined, apart};
use crate::error::{Error, Failure, Head};
use crate::exchange::{Call, Opened};
use crate::sse;
use clocks::Clocks;

/// What a stream hands to its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// One event's data: a chunk's JSON text, unless the server is at fault.
    Data(Bytes),
    /// The data of an event of type `error`.
    Error(Bytes),
    /// The reply is no event stream but one document.
    Document {
        /// The document.
        data: Bytes,
        /// What it calls itself.
        content_type: Box<str>,
    },
}

impl Item {
    /// The item's bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        let (Self::Data(data) | Self::Error(data) | Self::Document { data, .. }) = self;
        data
    }
}

/// Adds items to those that are there, which mostly are none.
pub fn append(items: &mut VecDeque<Item>, to: &mut VecDeque<Item>) {
    if to.is_empty() {
        std::mem::swap(items, to);
    } else {
        to.append(items);
    }
}

/// Takes what has come, and says whether it took it all and wants more to be waited for.
pub trait HandOver: FnMut(&mut VecDeque<Item>, &Arc<Head>, Marks) -> bool {}

impl<F: FnMut(&mut VecDeque<Item>, &Arc<Head>, Marks) -> bool> HandOver for F {}

/// How a stream stands after some reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// There may be more.
    More,
    /// `[DONE]` has come.
    Done,
    /// The transport ended in good order, without `[DONE]`.
    Ended,
}

/// Pieces that are handed out together, at the most, where a server sends faster than they are read.
const BUNCH: usize = 128;
/// Pieces are handed out with the first one that comes after so long: among thousands of streams there is always one more.
const GATHER_TIME: Duration = Duration::from_millis(25);
/// What comes so soon after the last piece is of a server that may have written more already.
const FOLLOWS_WITHIN: Duration = Duration::from_millis(1);
/// Bytes that are read after `[DONE]` for the connection's sake, at the most.
const DRAIN_BYTES: usize = 64 << 10;
/// How long that may take.
pub const DRAIN_TIME: Duration = Duration::from_secs(1);
/// As much of a body that is no stream as an error shows.
const BEGINNING_BYTES: usize = 1024;
/// `data: [DONE]` with blanks around it is no longer than this.
const DONE_BYTES: usize = 64;

enum Shape {
    /// The first bytes look like an event stream.
    Events(Events),
    /// Not known before the first bytes.
    Unknown,
    /// A document, read to its end.
    Document(Joined),
    /// The bytes are handed on as they are; of a stream of events it is seen whether they bring any.
    Raw(Option<Events>),
}

/// A streamed call. Reads on demand; knows nothing of who reads.
pub struct EventStream {
    call: Call,
    head: Arc<Head>,
    body: Option<Body>,
    shape: Shape,
    clocks: Clocks,
    marks: Marks,
    /// Whether anything has been handed out: there is no silent retry then.
    begun: bool,
    /// The first bytes of a body that does not say that it is a stream of events.
    beginning: Bytes,
    /// When something last came.
    last: Option<Instant>,
    /// Whether that came soon after what came before it, so that more may follow at once.
    follows: bool,
}

impl EventStream {
    /// Opens the stream: returns when the reply's head has come. A `raw` one hands its bytes on as they come.
    ///
    /// # Errors
    /// What the last attempt failed with.
    pub async fn open(call: Call, raw: bool) -> Result<Self, Failure> {
        let Opened { head, body, began } = call.open().await?;
        let marks = Marks {
            began: call.began(),
            first_token: None,
            ended: None,
        };
        Ok(Self {
            shape: Shape::of(&head, raw, call.request().limits.event_bytes),
            begun: false,
            clocks: Clocks::new(call.request().timeouts, began),
            call,
            head,
            body: Some(body),
            marks,
            beginning: Bytes::new(),
            last: None,
            follows: false,
        })
    }

    /// The reply's head; another one after a silent retry.
    #[must_use]
    pub fn head(&self) -> &Arc<Head> {
        &self.head
    }

    /// The call that this stream answers.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The reader's own part of the read clock.
    #[must_use]
    pub fn waiting(&self) -> Arc<Waiting> {
        self.clocks.waiting()
    }

    /// When things happened so far.
    #[must_use]
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// Reads until there is something for the reader or nothing more to come, and on while more is at hand, within bounds.
    /// `out` is empty when it begins.
    ///
    /// When nothing more is at hand, `hand_over` is given what there is, and says whether it has taken it all and more is
    /// to be waited for; if not, it is returned. Where the connection breaks before any data came, another attempt is made
    /// as the retry policy says: the reader has seen nothing yet. What came before an error is in `out` when the error is
    /// returned.
    ///
    /// # Errors
    /// What broke the stream.
    pub async fn fill(&mut self, out: &mut VecDeque<Item>, mut hand_over: impl HandOver) -> Result<Flow, Failure> {
        let mut first: Option<Instant> = None;
        loop {
            let Some(bytes) = self.next(out, &mut hand_over).await else {
                return Ok(Flow::More);
            };
            let had = out.len();
            if had == 0 {
                first = None;
            }
            match bytes.and_then(|bytes| self.step_in_time(bytes, out)) {
                Ok(Flow::More) => {
                    let brought = out.len() > had;
                    if brought && !self.begun {
                        self.begun = true;
                        self.call.succeeded();
                    }
                    // Bytes that amount to nothing are read where the clocks are looked at.
                    if out.len() >= BUNCH || had > 0 && !brought {
                        return Ok(Flow::More);
                    }
                    if brought {
                        let now = Instant::now();
                        self.follows = self.last.replace(now).is_some_and(|last| now - last < FOLLOWS_WITHIN);
                        if now - *first.get_or_insert(now) > GATHER_TIME {
                            return Ok(Flow::More);
                        }
                    }
                }
                Ok(end) => {
                    self.marks.ended.get_or_insert_with(Instant::now);
                    return Ok(end);
                }
                Err(error) => {
                    self.body = None;
                    let failure = self.call.failure(error, Some(Arc::clone(&self.head)));
                    if !self.begun && out.is_empty() {
                        self.reopen(failure).await?;
                    } else {
                        self.marks.ended.get_or_insert_with(Instant::now);
                        return Err(cut(failure));
                    }
                }
            }
        }
    }

    /// The next bytes, or their end; `None` where none are at hand and `hand_over` wants no more to be waited for.
    async fn next(
        &mut self,
        out: &mut VecDeque<Item>,
        hand_over: &mut impl HandOver,
    ) -> Option<Result<Option<Bytes>, Error>> {
        let Self {
            body: Some(body),
            clocks,
            marks,
            head,
            ..
        } = self
        else {
            return Some(Ok(None));
        };
        let mut chunk = pin!(body.chunk());
        // Its own budget: bytes that amount to nothing would use up the common one, and no clock would ever run out.
        let mut expired = pin!(unconstrained(clocks.expired(marks)));
        let mut has_turn = self.follows;
        poll_fn(|context| {
            if let Poll::Ready(bytes) = chunk.as_mut().poll(context) {
                return Poll::Ready(Some(bytes));
            }
            if !out.is_empty() {
                if std::mem::take(&mut has_turn) {
                    // Ready when the runtime has looked for more.
                    let _ = pin!(yield_now()).poll(context);
                    return Poll::Pending;
                }
                if !hand_over(out, head, *marks) {
                    return Poll::Ready(None);
                }
            }
            expired.as_mut().poll(context).map(|timeout| Some(Err(timeout)))
        })
        .await
    }

    async fn reopen(&mut self, failure: Failure) -> Result<(), Failure> {
        let call = &self.call;
        let again = async {
            call.wait_to_retry(failure).await.map_err(cut)?;
            call.open().await
        };
        let Opened { head, body, began } = call.within_total(pin!(again)).await?;
        let raw = matches!(self.shape, Shape::Raw(_));
        self.shape = Shape::of(&head, raw, call.request().limits.event_bytes);
        self.beginning = Bytes::new();
        self.head = head;
        self.body = Some(body);
        self.clocks.begin_attempt(began);
        Ok(())
    }

    /// The same as [`Self::step`], unless that is nothing and a clock has run out meanwhile.
    fn step_in_time(&mut self, bytes: Option<Bytes>, out: &mut VecDeque<Item>) -> Result<Flow, Error> {
        let had = out.len();
        let flow = self.step(bytes, out)?;
        if flow == Flow::More
            && out.len() == had
            && let Some(timeout) = self.clocks.run_out(&self.marks)
        {
            return Err(timeout);
        }
        Ok(flow)
    }

    /// What the next bytes, or the body's end, bring.
    fn step(&mut self, bytes: Option<Bytes>, out: &mut VecDeque<Item>) -> Result<Flow, Error> {
        let Some(bytes) = bytes else {
            return self.end(out);
        };
        if matches!(self.shape, Shape::Unknown) {
            self.beginning = apart(bytes.slice(..bytes.len().min(BEGINNING_BYTES)));
            let Some(first) = text_of(&bytes).first() else {
                return Ok(Flow::More);
            };
            self.shape = if matches!(first, b'{' | b'[' | b'<') {
                Shape::Document(Joined::default())
            } else {
                Shape::Events(Events::new(self.call.request().limits.event_bytes))
            };
        }
        match &mut self.shape {
            Shape::Unknown => Ok(Flow::More),
            Shape::Raw(events) => {
                let is_content = events.as_mut().is_none_or(|events| {
                    let mut found = VecDeque::new();
                    // What is too large for it is content for certain, as is the end.
                    let taken = events.take(&bytes, &mut found);
                    !found.is_empty() || !matches!(taken, Ok(Flow::More))
                });
                if is_content {
                    self.marks.first_token.get_or_insert_with(Instant::now);
                    self.clocks.heard();
                }
                out.push_back(Item::Data(apart(bytes)));
                Ok(Flow::More)
            }
            Shape::Document(whole) => {
                let most = self.call.request().limits.body_bytes;
                whole.push_within(bytes, most)?;
                Ok(Flow::More)
            }
            Shape::Events(events) => {
                let had = out.len();
                let taken = events.take(&bytes, out);
                if out.len() > had {
                    self.marks.first_token.get_or_insert_with(Instant::now);
                    self.clocks.heard();
                }
                taken
            }
        }
    }

    /// The transport ended in good order.
    fn end(&mut self, out: &mut VecDeque<Item>) -> Result<Flow, Error> {
        self.body = None;
        if matches!(self.shape, Shape::Raw(_)) {
            return Ok(Flow::Ended);
        }
        if let Shape::Document(whole) = std::mem::replace(&mut self.shape, Shape::Unknown) {
            out.push_back(Item::Document {
                data: whole.into_bytes(),
                content_type: self.head.header("content-type").unwrap_or("none").into(),
            });
            self.marks.first_token.get_or_insert_with(Instant::now);
            return Ok(Flow::Done);
        }
        let is_stream = is_event_stream(&self.head) && (self.beginning.is_empty() || has_fields(&self.beginning));
        if self.marks.first_token.is_none() && !is_stream {
            let kind = self.head.header("content-type").unwrap_or("none");
            return Err(if self.beginning.is_empty() {
                Error::Truncated {
                    detail: format!("A stream was asked for and the reply is empty (content type: {kind})"),
                }
            } else {
                Error::Validation {
                    detail: format!("A stream was asked for and the reply is none (content type: {kind})"),
                    raw: std::mem::take(&mut self.beginning),
                }
            });
        }
        Ok(Flow::Ended)
    }

    /// What is left of the body after the stream's end, so that its connection can serve again.
    #[must_use]
    pub fn into_leftover(self) -> Option<Leftover> {
        self.body.map(Leftover)
    }
}

/// The rest of a body that nobody reads.
#[derive(Debug)]
pub struct Leftover(Body);

impl Leftover {
    /// Reads to the end, within bounds of bytes and time; whether the end was reached.
    pub async fn drain(&mut self) -> bool {
        let reading = async {
            let mut room = DRAIN_BYTES;
            loop {
                match self.0.chunk().await {
                    Ok(Some(bytes)) if bytes.len() <= room => room -= bytes.len(),
                    Ok(None) => return true,
                    Ok(Some(_)) | Err(_) => return false,
                }
            }
        };
        tokio::time::timeout(DRAIN_TIME, reading).await.unwrap_or(false)
    }
}

impl Shape {
    fn of(head: &Head, raw: bool, event_bytes: usize) -> Self {
        match head.header("content-type") {
            _ if raw => Self::Raw(is_event_stream(head).then(|| Events::new(event_bytes))),
            Some(kind) if kind.contains("html") => Self::Document(Joined::default()),
            // What calls itself JSON may be events all the same, and a document may call itself events: the body's
            // beginning tells.
            _ => Self::Unknown,
        }
    }
}

/// Bytes to what a stream's reader is handed, the stream's end found in them.
#[derive(Debug)]
pub struct Events {
    parser: sse::Parser,
    parsed: VecDeque<sse::Event>,
}

impl Events {
    /// At the beginning of a stream whose events have no more than so many bytes.
    #[must_use]
    pub fn new(event_bytes: usize) -> Self {
        Self {
            parser: sse::Parser::new(event_bytes),
            parsed: VecDeque::new(),
        }
    }

    /// Takes the next bytes. What came before an error is in `out` when it is returned.
    ///
    /// # Errors
    /// [`Error::Validation`] for an event beyond the bound.
    pub fn take(&mut self, bytes: &Bytes, out: &mut VecDeque<Item>) -> Result<Flow, Error> {
        let fed = self.parser.feed(bytes, &mut self.parsed);
        if deliver(&mut self.parsed, out) == Flow::Done {
            return Ok(Flow::Done);
        }
        fed.map_err(|too_large| Error::invalid(format!("{too_large}; Limits(event_bytes=…) sets the bound")))?;
        // A server that writes `data: [DONE]` and then waits before the blank line has said all there is.
        Ok(if is_done_pending(&self.parser) {
            Flow::Done
        } else {
            Flow::More
        })
    }
}

fn is_event_stream(head: &Head) -> bool {
    head.header("content-type").is_some_and(|kind| {
        kind.trim_start()
            .get(.."text/event-stream".len())
            .is_some_and(|k| k.eq_ignore_ascii_case("text/event-stream"))
    })
}

/// Whether a body begins as event streams do: with a comment or a field.
fn has_fields(beginning: &[u8]) -> bool {
    let fields: [&[u8]; 5] = [b":", b"data", b"event", b"id", b"retry"];
    fields.iter().any(|field| text_of(beginning).starts_with(field))
}

/// What stands after a byte-order mark and blanks.
fn text_of(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start()
}

fn is_done(data: &[u8]) -> bool {
    data.trim_ascii() == b"[DONE]"
}

/// Whether what has come of the next event is the mark of the stream's end, its blank line or even its line end missing.
#[must_use]
pub fn is_done_pending(parser: &sse::Parser) -> bool {
    // A look at a large event at each of its pieces would take quadratic time.
    parser.pending_len() <= DONE_BYTES && parser.pending_data().is_some_and(|data| is_done(&data))
}

/// Hands events on, up to `[DONE]`; an event without data is nothing.
pub fn deliver(events: &mut VecDeque<sse::Event>, out: &mut VecDeque<Item>) -> Flow {
    for event in events.drain(..) {
        let data = event.data;
        if event.event.as_deref() == Some("error") {
            out.push_back(Item::Error(data));
            continue;
        }
        if data.trim_ascii().is_empty() {
            continue;
        }
        if is_done(&data) {
            return Flow::Done;
        }
        match event.event.as_deref() {
            // Whatever another sort of event may be for, it is no chunk: servers keep connections alive with them.
            Some("ping") => {}
            Some(name) if name != "message" && !data.trim_ascii_start().starts_with(b"{") => {}
            _ => out.push_back(Item::Data(data)),
        }
    }
    Flow::More
}

/// A connection that breaks inside a stream has cut the stream.
fn cut(failure: Failure) -> Failure {
    let Failure { error, head, retries } = failure;
    let error = match error {
        Error::Connection { detail, .. } if head.is_some() => Error::Truncated { detail },
        other => other,
    };
    Failure { error, head, retries }
}

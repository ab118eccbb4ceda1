//! What a stream's reader has at hand, and how it becomes Python objects: the same for both surfaces.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

use super::alike::Shared;
use super::errors::raise;
use super::json::decode;
use super::model::{BaseModel, Schema};
use super::timings::Timings;
use super::types::{ChatCompletion, ChatCompletionChunk, Completion, CompletionUsage};
use crate::accumulate::Accumulator;
use crate::error::{Error, Failure, Head};
use crate::exchange::{Progress, Request};
use crate::json::{elements, member};
use crate::ledger::Account;
use crate::reader::{Kind, Read, Reader};
use crate::stream::{Events, Flow, Item, Marks, append};

/// In which form a stream's reader wants what has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Chunk objects.
    Chunks,
    /// The content of the first choice, as strings.
    Text,
    /// Not at all: only what they add up to.
    Nothing,
}

/// What there is to hand out.
pub enum Next {
    /// One piece.
    Piece(Py<PyAny>),
    /// Nothing more, ever.
    End,
    /// Nothing before the server says more.
    Wait,
}

/// How a stream ended.
#[derive(Debug)]
enum End {
    /// Not yet.
    Open,
    /// As it should.
    Complete,
    /// The reader closed it before its end.
    Closed,
    /// By this. An exception is made of it whenever one is raised: a raised one refers to its traceback, whose frames
    /// refer to the stream.
    Failed(Failure),
}

/// Why nothing more can be handed out. To make an exception of it runs Python code, which may look at the stream: it
/// must not happen while the stream is locked.
#[derive(Debug)]
pub enum Broken {
    /// The reply is at fault, or the connection, or somebody here gave it up.
    Reply(Box<BrokenReply>),
    /// An object could not be made.
    Python(PyErr),
}

/// What is told of a reply that is not what it should be.
#[derive(Debug)]
pub struct BrokenReply {
    failure: Failure,
    request: Arc<Request>,
    partial: Option<BaseModel>,
}

impl Broken {
    /// The exception.
    #[must_use]
    pub fn raise(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Python(error) => error,
            Self::Reply(reply) => {
                let BrokenReply {
                    failure,
                    request,
                    partial,
                } = *reply;
                match partial.map(|partial| partial.wrap(py)).transpose() {
                    Ok(partial) => raise(py, failure, Some(&request), partial),
                    Err(error) => error,
                }
            }
        }
    }
}

impl From<PyErr> for Broken {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

/// A stream as its reader sees it.
#[derive(Debug)]
pub struct Incoming {
    items: VecDeque<Item>,
    reader: Reader,
    flow: Flow,
    failure: Option<Failure>,
    end: End,
    shared: Option<Shared>,
    head: Arc<Head>,
    marks: Marks,
    request: Arc<Request>,
    progress: Arc<Progress>,
    account: Arc<Account>,
    /// Reads events out of a stream that was opened for its bytes.
    events: Option<Events>,
}

impl Incoming {
    /// A stream of which only the head has come.
    #[must_use]
    pub fn new(
        kind: Kind,
        head: Arc<Head>,
        marks: Marks,
        request: Arc<Request>,
        progress: Arc<Progress>,
        account: Arc<Account>,
    ) -> Self {
        Self {
            items: VecDeque::new(),
            reader: Reader::new(kind),
            flow: Flow::More,
            failure: None,
            end: End::Open,
            shared: None,
            head,
            marks,
            request,
            progress,
            account,
            events: None,
        }
    }

    /// Reads a stream of bytes as one of chunks from now on.
    pub fn reinterpret(&mut self, kind: Kind) {
        self.reader = Reader::new(kind);
        self.events = Some(Events::new(self.request.limits.event_bytes));
        let mut bytes = std::mem::take(&mut self.items);
        self.parse(&mut bytes);
    }

    fn parse(&mut self, bytes: &mut VecDeque<Item>) {
        let Some(events) = &mut self.events else { return };
        for item in bytes.drain(..) {
            match events.take(item.bytes(), &mut self.items) {
                Ok(Flow::More) => {}
                // However the connection ended after it.
                Ok(end) => {
                    self.flow = end;
                    self.failure = None;
                    return;
                }
                Err(error) => {
                    self.failure = Some(self.failure(error));
                    return;
                }
            }
        }
    }

    /// Takes what reading has brought.
    pub fn receive(
        &mut self,
        items: &mut VecDeque<Item>,
        outcome: Result<Flow, Failure>,
        head: &Arc<Head>,
        marks: Marks,
    ) {
        self.marks = marks;
        if !Arc::ptr_eq(&self.head, head) {
            self.head = Arc::clone(head);
        }
        match outcome {
            Ok(flow) => self.flow = flow,
            Err(failure) => self.failure = Some(failure),
        }
        if self.events.is_some() {
            self.parse(items);
        } else {
            append(items, &mut self.items);
        }
    }

    /// The next piece in the form that is wanted.
    ///
    /// # Errors
    /// What broke the stream, once everything that came before it has been handed out.
    pub fn next(&mut self, py: Python<'_>, form: Form) -> Result<Next, Broken> {
        if !matches!(self.end, End::Open) {
            return Ok(Next::End);
        }
        while let Some(item) = self.items.pop_front() {
            match self.piece(py, &item, form) {
                Ok(Some(piece)) => return Ok(Next::Piece(piece)),
                Ok(None) => {}
                Err(broken) => return Err(broken),
            }
        }
        if let Some(failure) = self.failure.take() {
            return Err(self.fail(failure));
        }
        if self.flow == Flow::More {
            return Ok(Next::Wait);
        }
        match self.reader.end(self.flow) {
            Ok(()) => {
                self.finish(End::Complete);
                Ok(Next::End)
            }
            Err(error) => Err(self.fail(self.failure(error))),
        }
    }

    fn piece(&mut self, py: Python<'_>, item: &Item, form: Form) -> Result<Option<Py<PyAny>>, Broken> {
        let kind = self.reader.kind();
        let read = match self.reader.read(item) {
            Ok(read) => read,
            Err(error) => return Err(self.fail(self.failure(error))),
        };
        let shared = &mut self.shared;
        let make = || match (form, read) {
            (Form::Nothing, _) => Ok(None),
            (Form::Text, Read::Alike { content, .. }) => {
                Ok((!content.is_empty()).then(|| PyString::new(py, &content).into_any().unbind()))
            }
            (Form::Text, Read::Whole(chunk)) => text_of(py, &chunk),
            (Form::Chunks, Read::Alike { template, content }) => {
                let shared = match shared {
                    Some(shared) if Arc::ptr_eq(&shared.template, &template) => shared,
                    slot => match Shared::of(py, &template) {
                        Ok(shared) => slot.insert(shared),
                        // A value that Python cannot hold is found by whoever reads it, as in any other chunk.
                        Err(_) => {
                            return BaseModel::new(ChatCompletionChunk::SCHEMA, item.bytes().clone())
                                .wrap(py)
                                .map(Some);
                        }
                    },
                };
                shared.chunk(py, item.bytes(), &content).map(Some)
            }
            (Form::Chunks, Read::Whole(chunk)) => match kind {
                Kind::Chat => BaseModel::new(ChatCompletionChunk::SCHEMA, chunk).wrap(py).map(Some),
                Kind::Text => BaseModel::new(Completion::SCHEMA, chunk).wrap(py).map(Some),
                Kind::Json => Ok(Some(decode(py, &String::from_utf8_lossy(&chunk))?.unbind())),
                Kind::Bytes => Ok(Some(PyBytes::new(py, &chunk).into_any().unbind())),
            },
        };
        make().map_err(|error| {
            let detail = "an item of the stream could not be made a Python object";
            self.finish(End::Failed(self.failure(Error::invalid(detail))));
            Broken::Python(error)
        })
    }

    fn failure(&self, error: Error) -> Failure {
        Failure {
            error,
            head: Some(Arc::clone(&self.head)),
            retries: self.progress.retries(),
        }
    }

    fn broken(&self, failure: Failure) -> Broken {
        Broken::Reply(Box::new(BrokenReply {
            failure,
            request: Arc::clone(&self.request),
            partial: self.completion(),
        }))
    }

    fn fail(&mut self, failure: Failure) -> Broken {
        self.finish(End::Failed(failure.clone()));
        self.broken(failure)
    }

    /// Whether reading has brought something that was not handed out, or the end.
    #[must_use]
    pub fn has_news(&self) -> bool {
        !self.items.is_empty() || self.failure.is_some() || self.flow != Flow::More || self.is_over()
    }

    /// The connection was given up, by the stream's reader or with its client: whoever reads on is told so.
    pub fn give_up(&mut self, client_is_closed: bool) {
        if !self.has_news() {
            let error = if client_is_closed {
                Error::Closed
            } else {
                Error::Truncated {
                    detail: "it was given up while someone waited for it".into(),
                }
            };
            self.failure = Some(self.failure(error));
        }
    }

    /// The reader wants no more of it.
    pub fn close(&mut self) {
        if matches!(self.end, End::Open) {
            // What had come already was not read, and will not be.
            self.items.clear();
            self.finish(End::Closed);
        }
    }

    fn finish(&mut self, end: End) {
        self.end = end;
        self.marks.ended.get_or_insert_with(tokio::time::Instant::now);
        let model = self.reader.accumulated().and_then(Accumulator::model_json);
        match self.usage_json() {
            None if !self.is_complete() => self.account.settle_unreported(model, self.reader.chunks()),
            usage => self.account.settle(usage, model),
        }
    }

    /// Whether the stream came to its proper end and has been handed out.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.end, End::Complete)
    }

    /// Whether nothing more will be handed out.
    #[must_use]
    pub fn is_over(&self) -> bool {
        !matches!(self.end, End::Open)
    }

    /// The completion put together so far; `None` before anything came.
    #[must_use]
    pub fn completion(&self) -> Option<BaseModel> {
        let accumulated = self.reader.accumulated()?;
        let schema: &'static Schema = if self.reader.kind() == Kind::Text {
            Completion::SCHEMA
        } else {
            ChatCompletion::SCHEMA
        };
        let completion = BaseModel::new(schema, Bytes::from(accumulated.completion_json()));
        Some(completion.with_request_id(self.head.header("x-request-id")))
    }

    /// The whole completion, of a stream that is over.
    ///
    /// # Errors
    /// What broke the stream; a `StreamTruncatedError` where the reader closed it before its end.
    pub fn final_completion(&self) -> Result<BaseModel, Broken> {
        let failure = match &self.end {
            End::Failed(failure) => failure.clone(),
            End::Open | End::Closed => self.failure(Error::Truncated {
                detail: "it was closed here before its end".to_owned(),
            }),
            End::Complete => match self.completion() {
                Some(completion) => return Ok(completion),
                None => self.failure(Error::invalid("The stream ended properly, but without a single chunk")),
            },
        };
        Err(self.broken(failure))
    }

    /// The text of the first choice, of a stream that is over.
    ///
    /// # Errors
    /// As for [`Incoming::final_completion`].
    pub fn final_text(&self) -> Result<String, Broken> {
        let accumulated = self.reader.accumulated();
        if matches!(self.end, End::Complete) {
            return Ok(accumulated.map_or("", |accumulated| accumulated.text(0)).to_owned());
        }
        self.final_completion().map(|_| String::new())
    }

    /// The usage that the server reported, if it has.
    #[must_use]
    pub fn usage(&self) -> Option<BaseModel> {
        let usage = self.usage_json().filter(|json| json.starts_with('{'))?;
        let usage = Bytes::copy_from_slice(usage.as_bytes());
        Some(BaseModel::new(CompletionUsage::SCHEMA, usage))
    }

    fn usage_json(&self) -> Option<&str> {
        self.reader.accumulated()?.usage_json()
    }

    /// What the stream took so far.
    #[must_use]
    pub fn timings(&self) -> Timings {
        Timings::of(self.marks, &self.progress, self.reader.chunks(), self.usage_json())
    }

    /// The request, and the reply's head.
    #[must_use]
    pub fn exchanged(&self) -> (Arc<Request>, Arc<Head>) {
        (Arc::clone(&self.request), Arc::clone(&self.head))
    }

    /// Whether the stream is over, and the reply's status.
    #[must_use]
    pub fn state(&self) -> (bool, u16) {
        (self.is_over(), self.head.status)
    }
}

impl Drop for Incoming {
    /// A stream that nobody has any more is a request as one that was closed.
    fn drop(&mut self) {
        self.close();
    }
}

/// The content of the first choice of a chunk, if it is a string that is not empty.
fn text_of(py: Python<'_>, chunk: &Bytes) -> PyResult<Option<Py<PyAny>>> {
    let Some(literal) = std::str::from_utf8(chunk).ok().and_then(content_literal) else {
        return Ok(None);
    };
    Ok(Some(decode(py, literal)?.unbind()))
}

fn content_literal(chunk: &str) -> Option<&str> {
    let choices = member(chunk, "choices")?;
    let choice = elements(choices)
        .ok()?
        .into_iter()
        .find(|choice| member(choice.get(), "index").is_none_or(|index| matches!(index, "0" | "null")))?
        .get();
    let content = match member(choice, "delta") {
        Some(delta) => member(delta, "content"),
        None => member(choice, "text"),
    };
    content.filter(|literal| literal.starts_with('"') && *literal != "\"\"")
}

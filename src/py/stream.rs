//! `Stream` and `AsyncStream`: one reply, read as it comes.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use pyo3::exceptions::{PyRuntimeError, PyStopAsyncIteration, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyAny, PyType};
use tokio::sync::Notify;

use super::asyncio::{Awaitable, Operation, Ready, Waiter, lock};
use super::blocking::{SIGNAL_SLICE, Stop, drive};
use super::incoming::{Form, Incoming, Next, Timings};
use crate::error::{Failure, Head};
use crate::process::InProcess;
use crate::reader::Kind;
use crate::session::{Abort, Lane, Session};
use crate::stream::{EventStream, Flow, Item, Marks, Waiting};

/// `Stream[ChatCompletionChunk]` at run time.
fn subscript<'py>(class: &Bound<'py, PyType>, item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    py.import(intern!(py, "types"))?
        .getattr(intern!(py, "GenericAlias"))?
        .call1((class, item))
}

/// A kind of stream by its name.
///
/// # Errors
/// `ValueError` where there is no such kind.
pub fn kind_of(name: &str) -> PyResult<Kind> {
    match name {
        "chat" => Ok(Kind::Chat),
        "text" => Ok(Kind::Text),
        "json" => Ok(Kind::Json),
        "bytes" => Ok(Kind::Bytes),
        other => Err(PyValueError::new_err(format!("no kind of stream: {other}"))),
    }
}

/// What both streams show of themselves, whether or not they are still being read.
macro_rules! stream_properties {
    ($class:ident) => {
        #[pymethods]
        impl $class {
            #[classmethod]
            fn __class_getitem__<'py>(
                cls: &Bound<'py, PyType>,
                item: &Bound<'py, PyAny>,
            ) -> PyResult<Bound<'py, PyAny>> {
                subscript(cls, item)
            }

            /// The completion put together from the chunks that have been read.
            #[getter]
            fn current_completion_snapshot(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
                self.incoming(py).completion(py)
            }

            /// The usage that the server has reported so far.
            #[getter]
            fn usage(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
                self.incoming(py).usage(py)
            }

            /// What the stream took so far.
            #[getter]
            fn timings(&self, py: Python<'_>) -> Timings {
                self.incoming(py).timings()
            }

            /// The reply's head: status, headers, request id.
            #[getter]
            fn response<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
                self.incoming(py).response(py)
            }

            /// Whether nothing more will come of it.
            #[getter]
            fn is_closed(&self, py: Python<'_>) -> bool {
                self.incoming(py).is_over()
            }

            fn __repr__(&self, py: Python<'_>) -> String {
                let (over, status) = self.incoming(py).state();
                format!(
                    "<{} {} {}>",
                    stringify!($class),
                    status,
                    if over { "closed" } else { "open" }
                )
            }

            /// The same stream, opened for its bytes, read as one of chunks.
            fn _as(slf: Py<Self>, py: Python<'_>, kind: &str) -> PyResult<Py<Self>> {
                slf.get().incoming(py).reinterpret(kind_of(kind)?);
                Ok(slf)
            }

            fn __reduce__(&self) -> PyResult<()> {
                Err(pyo3::exceptions::PyTypeError::new_err(
                    "a stream cannot be pickled or copied: it is one connection; its chunks can",
                ))
            }
        }
    };
}

/// The connection under a blocking stream.
struct Source {
    lane: Lane,
    events: EventStream,
}

/// The error of reading a stream that another process opened.
fn elsewhere() -> PyErr {
    PyRuntimeError::new_err("the stream belongs to the process that opened it; open another one in this process")
}

/// Where a blocking stream's connection is kept while nobody reads it.
struct Channel {
    place: Mutex<Place>,
    put_back: Condvar,
    stop: Stop,
}

enum Place {
    Here(Box<InProcess<Source>>),
    /// A thread is reading.
    Lent,
    Gone,
}

impl Channel {
    /// Takes the connection, waiting for another reader; `None` where it is gone.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Box<InProcess<Source>>>> {
        loop {
            let taken = py.detach(|| {
                let mut place = lock(&self.place);
                if matches!(*place, Place::Lent) {
                    place = self
                        .put_back
                        .wait_timeout(place, SIGNAL_SLICE)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0;
                }
                match std::mem::replace(&mut *place, Place::Lent) {
                    Place::Here(source) => Some(Some(source)),
                    Place::Lent => None,
                    Place::Gone => {
                        *place = Place::Gone;
                        Some(None)
                    }
                }
            });
            match taken {
                Some(source) => return Ok(source),
                None => py.check_signals()?,
            }
        }
    }

    /// Puts the connection back, or notes that it is gone.
    fn put(&self, source: Option<Box<InProcess<Source>>>) {
        let dropped = {
            let mut place = lock(&self.place);
            match source {
                Some(source) if !self.stop.is_asked() => {
                    *place = Place::Here(source);
                    None
                }
                source => {
                    *place = Place::Gone;
                    source
                }
            }
        };
        self.put_back.notify_all();
        drop(dropped);
    }
}

impl Channel {
    /// Gives up the connection; whether a thread is reading from it, which then sees that it is asked to stop.
    fn give_up(&self) -> bool {
        self.stop.ask();
        let before = {
            let mut place = lock(&self.place);
            match *place {
                Place::Lent => return true,
                Place::Here(_) | Place::Gone => std::mem::replace(&mut *place, Place::Gone),
            }
        };
        drop(before);
        false
    }
}

impl Abort for Channel {
    fn abort(&self) {
        self.give_up();
    }
}

/// A streamed reply, read by the thread that iterates it.
#[pyclass(frozen, weakref, module = "tokstream")]
pub struct Stream {
    incoming: Mutex<Incoming>,
    channel: Arc<Channel>,
    waiting: Arc<Waiting>,
    session: Arc<Session>,
}

impl Stream {
    /// A stream whose head has come.
    #[must_use]
    pub fn new(incoming: Incoming, lane: Lane, events: EventStream, session: Arc<Session>) -> Self {
        let waiting = events.waiting();
        let channel = Arc::new(Channel {
            place: Mutex::new(Place::Here(Box::new(InProcess::new(Source { lane, events })))),
            put_back: Condvar::new(),
            stop: Stop::default(),
        });
        let remembered: Weak<dyn Abort> = Arc::<Channel>::downgrade(&channel);
        session.remember(remembered);
        Self {
            incoming: Mutex::new(incoming),
            channel,
            waiting,
            session,
        }
    }

    fn incoming(&self, py: Python<'_>) -> MutexGuard<'_, Incoming> {
        self.incoming
            .lock_py_attached(py)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, py: Python<'_>, form: Form) -> PyResult<Option<Py<PyAny>>> {
        loop {
            let next = self.incoming(py).next(py, form);
            match next {
                Ok(Next::Piece(piece)) => return Ok(Some(piece)),
                Ok(Next::End) => return Ok(None),
                Ok(Next::Wait) => self.fill(py)?,
                Err(error) => {
                    py.detach(|| self.channel.abort());
                    return Err(error);
                }
            }
        }
    }

    fn fill(&self, py: Python<'_>) -> PyResult<()> {
        let taken = self.channel.take(py)?;
        // Another reader may have brought something while this one waited for its turn.
        if self.incoming(py).has_news() {
            if taken.is_some() {
                py.detach(|| self.channel.put(taken));
            }
            return Ok(());
        }
        let Some(mut source) = taken else {
            self.incoming(py).abandon();
            return Ok(());
        };
        let Some(Source { lane, events }) = source.get_mut() else {
            py.detach(|| self.channel.put(Some(source)));
            return Err(elsewhere());
        };
        let mut items = VecDeque::new();
        self.waiting.begin();
        let driven = drive(py, lane, &self.channel.stop, events.fill(&mut items));
        self.waiting.end();
        let outcome = match driven {
            Ok(Some(outcome)) => outcome,
            Ok(None) => {
                py.detach(|| {
                    drop(source);
                    self.channel.put(None);
                });
                let closed_here = !self.session.is_closed();
                let mut incoming = self.incoming(py);
                if closed_here {
                    incoming.interrupt();
                } else {
                    incoming.abandon();
                }
                return Ok(());
            }
            Err(signal) => {
                py.detach(|| {
                    drop(source);
                    self.channel.put(None);
                });
                self.incoming(py).interrupt();
                return Err(signal);
            }
        };
        let flow = outcome.as_ref().ok().copied();
        self.incoming(py)
            .receive(&mut items, outcome, events.head(), events.marks());
        py.detach(|| match flow {
            Some(Flow::More) => self.channel.put(Some(source)),
            Some(Flow::Done | Flow::Ended) => {
                if let Some(Source { lane, events }) = source.into_inner() {
                    if let Some(leftover) = events.into_leftover() {
                        lane.leave(leftover);
                    }
                    self.session.give_back(lane);
                }
                self.channel.put(None);
            }
            None => {
                drop(source);
                self.channel.put(None);
            }
        });
        Ok(())
    }

    fn read_out(&self, py: Python<'_>) -> PyResult<()> {
        while self.next(py, Form::Nothing)?.is_some() {}
        Ok(())
    }
}

#[pymethods]
impl Stream {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.next(py, Form::Chunks)
    }

    /// The text of the answer as it comes.
    #[getter]
    fn text_stream(slf: Py<Self>) -> TextStream {
        TextStream(slf)
    }

    fn get_final_completion(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.read_out(py)?;
        self.incoming(py).final_completion(py)
    }

    fn get_final_text(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.read_out(py)?;
        self.incoming(py).final_text(py)
    }

    fn until_done(slf: Py<Self>, py: Python<'_>) -> PyResult<Py<Self>> {
        slf.get().read_out(py)?;
        Ok(slf)
    }

    fn close(&self, py: Python<'_>) {
        // A thread that is waiting for more is told so, not that this was the end.
        if !py.detach(|| self.channel.give_up()) {
            self.incoming(py).close();
        }
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }
}

stream_properties!(Stream);

/// The text of a stream's first choice, piece by piece.
#[pyclass(frozen, module = "tokstream")]
pub struct TextStream(Py<Stream>);

#[pymethods]
impl TextStream {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
        self.0.get().next(py, Form::Text)
    }
}

/// Bytes that the background thread reads ahead of a slow reader, at the most; then TCP holds the server back.
const READ_AHEAD_BYTES: usize = 1 << 18;
/// Pieces that an async stream hands out at a stretch before the event loop has a turn.
const PIECES_A_TURN: u32 = 128;

/// What passes from the background thread to an async stream.
pub struct Feed {
    session: Arc<Session>,
    state: Mutex<FeedState>,
    room: Notify,
    stopped: AtomicBool,
    stop: Notify,
    waiting: Arc<Waiting>,
}

struct FeedState {
    items: VecDeque<Item>,
    bytes: usize,
    news: Option<Result<Flow, Failure>>,
    head: Arc<Head>,
    marks: Marks,
    waiter: Option<Waiter>,
}

impl Feed {
    /// A feed of which only the head has come.
    #[must_use]
    pub fn new(events: &EventStream, session: &Arc<Session>) -> Arc<Self> {
        let feed = Arc::new(Self {
            session: Arc::clone(session),
            state: Mutex::new(FeedState {
                items: VecDeque::new(),
                bytes: 0,
                news: None,
                head: Arc::clone(events.head()),
                marks: events.marks(),
                waiter: None,
            }),
            room: Notify::new(),
            stopped: AtomicBool::new(false),
            stop: Notify::new(),
            waiting: events.waiting(),
        });
        let remembered: Weak<dyn Abort> = Arc::<Self>::downgrade(&feed);
        session.remember(remembered);
        feed
    }

    /// Reads the stream to its end, at its reader's pace, or until it is stopped.
    pub async fn pump(self: Arc<Self>, mut events: EventStream) {
        let mut items = VecDeque::new();
        loop {
            let outcome = tokio::select! {
                biased;
                () = self.stopped() => return,
                outcome = events.fill(&mut items) => outcome,
            };
            let goes_on = matches!(outcome, Ok(Flow::More));
            let in_order = outcome.is_ok();
            self.put(&mut items, outcome, &events);
            if !goes_on {
                if let Some(leftover) = events.into_leftover().filter(|_| in_order) {
                    self.session.drain(leftover).await;
                }
                return;
            }
            while lock(&self.state).bytes > READ_AHEAD_BYTES {
                tokio::select! {
                    () = self.stopped() => return,
                    () = self.room.notified() => {}
                }
            }
        }
    }

    fn put(&self, items: &mut VecDeque<Item>, outcome: Result<Flow, Failure>, events: &EventStream) {
        self.waiting.end();
        let waiter = {
            let mut state = lock(&self.state);
            state.bytes += items.iter().map(|item| item.bytes().len()).sum::<usize>();
            state.items.append(items);
            state.news = Some(outcome);
            state.head.clone_from(events.head());
            state.marks = events.marks();
            state.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// Moves what has come to the reader; if nothing has, `waiter` will be woken when something does.
    fn take(&self, incoming: &mut Incoming, waiter: &mut Option<Waiter>) -> bool {
        let mut state = lock(&self.state);
        let Some(news) = state.news.take() else {
            if let Some(waiter) = waiter.take() {
                self.waiting.begin();
                state.waiter = Some(waiter);
            }
            return false;
        };
        let FeedState {
            items,
            head,
            marks,
            bytes,
            ..
        } = &mut *state;
        incoming.receive(items, news, head, *marks);
        *bytes = 0;
        drop(state);
        self.room.notify_one();
        true
    }

    fn ask_to_stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.stop.notify_one();
    }

    fn was_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    async fn stopped(&self) {
        while !self.was_stopped() {
            self.stop.notified().await;
        }
    }
}

impl Abort for Feed {
    fn abort(&self) {
        self.ask_to_stop();
        let waiter = lock(&self.state).waiter.take();
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }
}

/// A streamed reply, read by the background thread for whoever awaits it.
#[pyclass(frozen, weakref, module = "tokstream")]
pub struct AsyncStream {
    incoming: Mutex<Incoming>,
    feed: Arc<Feed>,
    at_a_stretch: AtomicU32,
    pid: u32,
}

impl AsyncStream {
    /// A stream whose head has come.
    #[must_use]
    pub fn new(incoming: Incoming, feed: Arc<Feed>) -> Self {
        Self {
            incoming: Mutex::new(incoming),
            feed,
            at_a_stretch: AtomicU32::new(0),
            pid: std::process::id(),
        }
    }

    fn incoming(&self, py: Python<'_>) -> MutexGuard<'_, Incoming> {
        self.incoming
            .lock_py_attached(py)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, py: Python<'_>, form: Form, waiter: &mut Option<Waiter>) -> PyResult<Next> {
        let mut incoming = self.incoming(py);
        loop {
            match incoming.next(py, form) {
                Ok(Next::Wait) => {
                    if self.pid != std::process::id() {
                        return Err(elsewhere());
                    }
                    if self.feed.was_stopped() {
                        if self.feed.session.is_closed() {
                            incoming.abandon();
                        } else {
                            incoming.interrupt();
                        }
                    } else if !self.feed.take(&mut incoming, waiter) {
                        self.at_a_stretch.store(0, Ordering::Relaxed);
                        return Ok(Next::Wait);
                    }
                }
                Ok(Next::Piece(piece)) => {
                    self.at_a_stretch.fetch_add(1, Ordering::Relaxed);
                    return Ok(Next::Piece(piece));
                }
                other => {
                    // Over, well or not; after an error of the data the connection is of no more use.
                    if other.is_err() {
                        self.feed.ask_to_stop();
                    }
                    return other;
                }
            }
        }
    }

    fn shut(&self, py: Python<'_>) {
        let mut incoming = self.incoming(py);
        if !incoming.is_over() {
            self.feed.ask_to_stop();
            incoming.close();
        }
    }
}

impl Drop for AsyncStream {
    fn drop(&mut self) {
        let over = self.incoming.get_mut().is_ok_and(|incoming| incoming.is_over());
        if !over {
            self.feed.ask_to_stop();
        }
    }
}

#[derive(Clone, Copy)]
enum Goal {
    Piece(Form),
    Completion,
    Text,
    Done,
}

/// One awaited thing of an async stream.
struct OfStream {
    stream: Py<AsyncStream>,
    goal: Goal,
}

impl Operation for OfStream {
    fn poll(&self, py: Python<'_>, waiter: Option<Waiter>) -> PyResult<Option<Py<PyAny>>> {
        let stream = self.stream.get();
        let mut waiter = waiter;
        let form = if let Goal::Piece(form) = self.goal {
            form
        } else {
            Form::Nothing
        };
        match stream.poll(py, form, &mut waiter)? {
            Next::Piece(piece) => Ok(Some(piece)),
            Next::Wait => Ok(None),
            Next::End => match self.goal {
                Goal::Piece(_) => Err(PyStopAsyncIteration::new_err(())),
                Goal::Completion => stream.incoming(py).final_completion(py).map(Some),
                Goal::Text => stream.incoming(py).final_text(py).map(Some),
                Goal::Done => Ok(Some(self.stream.clone_ref(py).into_any())),
            },
        }
    }

    fn cancel(&self) {
        // Who gave up waiting will not come back for the rest: the connection must not outlive that.
        Python::attach(|py| {
            let stream = self.stream.get();
            stream.feed.ask_to_stop();
            stream.incoming(py).interrupt();
        });
    }

    fn lets_others_run(&self) -> bool {
        let stretch = &self.stream.get().at_a_stretch;
        let long = stretch.load(Ordering::Relaxed) >= PIECES_A_TURN;
        if long {
            stretch.store(0, Ordering::Relaxed);
        }
        long
    }
}

#[pymethods]
impl AsyncStream {
    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(slf: Py<Self>) -> Awaitable {
        Awaitable::new(OfStream {
            stream: slf,
            goal: Goal::Piece(Form::Chunks),
        })
    }

    /// The text of the answer as it comes.
    #[getter]
    fn text_stream(slf: Py<Self>) -> AsyncTextStream {
        AsyncTextStream(slf)
    }

    fn get_final_completion(slf: Py<Self>) -> Awaitable {
        Awaitable::new(OfStream {
            stream: slf,
            goal: Goal::Completion,
        })
    }

    fn get_final_text(slf: Py<Self>) -> Awaitable {
        Awaitable::new(OfStream {
            stream: slf,
            goal: Goal::Text,
        })
    }

    fn until_done(slf: Py<Self>) -> Awaitable {
        Awaitable::new(OfStream {
            stream: slf,
            goal: Goal::Done,
        })
    }

    fn close(&self, py: Python<'_>) -> Awaitable {
        self.shut(py);
        Ready::awaitable(Ok(py.None()))
    }

    fn aclose(&self, py: Python<'_>) -> Awaitable {
        self.close(py)
    }

    fn __aenter__(slf: Py<Self>) -> Awaitable {
        Ready::awaitable(Ok(slf.into_any()))
    }

    #[pyo3(signature = (*_exception))]
    fn __aexit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) -> Awaitable {
        self.close(py)
    }
}

stream_properties!(AsyncStream);

/// The text of an async stream's first choice, piece by piece.
#[pyclass(frozen, module = "tokstream")]
pub struct AsyncTextStream(Py<AsyncStream>);

#[pymethods]
impl AsyncTextStream {
    fn __aiter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __anext__(&self, py: Python<'_>) -> Awaitable {
        Awaitable::new(OfStream {
            stream: self.0.clone_ref(py),
            goal: Goal::Piece(Form::Text),
        })
    }
}

//! A stream for whoever iterates it: read by the iterating thread itself, or by the background thread where streams
//! share a connection.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::MutexExt;

use super::elsewhere;
use super::feed::Feed;
use crate::error::Failure;
use crate::process::InProcess;
use crate::py::asyncio::lock;
use crate::py::blocking::{SIGNAL_SLICE, drive, wait_for};
use crate::py::incoming::{Form, Incoming, Next};
use crate::session::{Abort, Lane, Session, Stop};
use crate::stream::{EventStream, Flow, Item, Waiting};

/// The connection under a blocking stream.
struct Source {
    lane: Lane,
    /// Lent to the lane's task while it is being read.
    reading: Option<Box<Reading>>,
}

/// What is read from a connection.
struct Reading {
    events: EventStream,
    /// Where what is read lies until it is handed over.
    items: VecDeque<Item>,
}

impl Reading {
    async fn fill(mut self: Box<Self>) -> (Box<Self>, Result<Flow, Failure>) {
        let outcome = self.events.fill(&mut self.items).await;
        (self, outcome)
    }
}

/// Where a blocking stream's connection is kept while nobody reads it.
struct Channel {
    place: Mutex<Place>,
    put_back: Condvar,
    waiting_readers: AtomicUsize,
    stop: Stop,
}

enum Place {
    Here(Box<InProcess<Source>>),
    /// This thread is reading.
    Lent(ThreadId),
    Gone,
}

enum Taken {
    Source(Box<InProcess<Source>>),
    Gone,
    /// Another thread has it.
    NotYet,
    /// This thread has it.
    Already,
}

impl Channel {
    /// Takes the connection, waiting for another reader; `None` where it is gone.
    fn take(&self, py: Python<'_>) -> PyResult<Option<Box<InProcess<Source>>>> {
        loop {
            let taken = {
                let reader = thread::current().id();
                let mut place = lock(&self.place);
                match std::mem::replace(&mut *place, Place::Lent(reader)) {
                    Place::Here(source) => Taken::Source(source),
                    Place::Lent(other) => {
                        *place = Place::Lent(other);
                        if other == reader { Taken::Already } else { Taken::NotYet }
                    }
                    Place::Gone => {
                        *place = Place::Gone;
                        Taken::Gone
                    }
                }
            };
            match taken {
                Taken::Source(source) => return Ok(Some(source)),
                Taken::Gone => return Ok(None),
                Taken::NotYet => {
                    py.detach(|| self.wait_for_reader());
                    py.check_signals()?;
                }
                // A signal's handler that reads on would wait for itself.
                Taken::Already => {
                    return Err(PyRuntimeError::new_err(
                        "the stream is being read by this thread already",
                    ));
                }
            }
        }
    }

    /// Waits until no other thread is reading, or for the time of a slice.
    fn wait_for_reader(&self) {
        let place = lock(&self.place);
        let lent = |place: &mut Place| matches!(place, Place::Lent(_));
        self.waiting_readers.fetch_add(1, Ordering::AcqRel);
        drop(self.put_back.wait_timeout_while(place, SIGNAL_SLICE, lent));
        self.waiting_readers.fetch_sub(1, Ordering::AcqRel);
    }

    /// The connection, if nobody is reading from it; it is gone then.
    fn take_if_here(&self) -> Option<Box<InProcess<Source>>> {
        let mut place = lock(&self.place);
        match std::mem::replace(&mut *place, Place::Gone) {
            Place::Here(source) => Some(source),
            other => {
                *place = other;
                None
            }
        }
    }

    /// Puts the connection back, or notes that it is gone.
    fn put(&self, py: Python<'_>, source: Option<Box<InProcess<Source>>>) {
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
        // To tell nobody would be a system call all the same.
        if self.waiting_readers.load(Ordering::Acquire) > 0 {
            self.put_back.notify_all();
        }
        if let Some(dropped) = dropped {
            py.detach(|| drop(dropped));
        }
    }

    /// Drops the connection, and notes that it is gone.
    fn lose(&self, py: Python<'_>, source: Box<InProcess<Source>>) {
        py.detach(|| drop(source));
        self.put(py, None);
    }
}

impl Channel {
    /// Gives up the connection; whether a thread is reading from it, which then sees that it is asked to stop.
    fn give_up(&self) -> bool {
        self.stop.ask();
        let before = {
            let mut place = lock(&self.place);
            match *place {
                Place::Lent(_) => return true,
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

/// Where a blocking stream's data comes from.
enum Supply {
    /// A connection of its own, driven by the thread that waits.
    Own(Arc<Channel>, Arc<Waiting>),
    /// The background thread, which drives a connection of several streams.
    Shared(Arc<Feed>),
}

impl Supply {
    /// Gives up the connection; whether a thread is waiting for more of it, which then sees that it was.
    fn give_up(&self) -> bool {
        match self {
            Self::Own(channel, _) => channel.give_up(),
            Self::Shared(feed) => feed.give_up(),
        }
    }
}

impl Drop for Supply {
    fn drop(&mut self) {
        if let Self::Shared(feed) = self {
            feed.ask_to_stop();
        }
    }
}

/// A streamed reply.
#[pyclass(frozen, weakref, module = "tokstream")]
pub struct Stream {
    incoming: Mutex<Incoming>,
    supply: Supply,
    session: Arc<Session>,
}

impl Stream {
    /// A stream whose head has come, on a lane of its own.
    #[must_use]
    pub fn on_lane(incoming: Incoming, lane: Lane, events: EventStream, session: Arc<Session>) -> Self {
        let waiting = events.waiting();
        let channel = Arc::new(Channel {
            place: Mutex::new(Place::Here(Box::new(InProcess::new(Source {
                lane,
                reading: Some(Box::new(Reading {
                    events,
                    items: VecDeque::new(),
                })),
            })))),
            put_back: Condvar::new(),
            waiting_readers: AtomicUsize::new(0),
            stop: Stop::default(),
        });
        let remembered: Weak<dyn Abort> = Arc::<Channel>::downgrade(&channel);
        session.remember(remembered);
        Self {
            incoming: Mutex::new(incoming),
            supply: Supply::Own(channel, waiting),
            session,
        }
    }

    /// A stream whose head has come, on a connection that others use too.
    #[must_use]
    pub fn shared(incoming: Incoming, feed: Arc<Feed>, session: Arc<Session>) -> Self {
        Self {
            incoming: Mutex::new(incoming),
            supply: Supply::Shared(feed),
            session,
        }
    }

    pub(super) fn incoming(&self, py: Python<'_>) -> MutexGuard<'_, Incoming> {
        self.incoming
            .lock_py_attached(py)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, py: Python<'_>, form: Form) -> PyResult<Option<Py<PyAny>>> {
        loop {
            let next = self.incoming(py).next(py, form);
            match next {
                Ok(Next::Piece(piece)) => return Ok(Some(piece)),
                Ok(Next::End) => {
                    self.let_go(py);
                    return Ok(None);
                }
                Ok(Next::Wait) => self.fill(py)?,
                Err(error) => {
                    py.detach(|| self.supply.give_up());
                    return Err(error);
                }
            }
        }
    }

    /// Gives the connection back where the stream's end was found in its bytes, before the transport came to its own.
    fn let_go(&self, py: Python<'_>) {
        if !self.incoming(py).is_complete() {
            return;
        }
        py.detach(|| match &self.supply {
            Supply::Shared(feed) => feed.let_go(),
            Supply::Own(channel, _) => {
                if let Some(source) = channel.take_if_here() {
                    self.give_back(source);
                }
            }
        });
    }

    /// Gives the connection of a complete stream back to its client.
    fn give_back(&self, source: Box<InProcess<Source>>) {
        if let Some(Source { lane, reading }) = source.into_inner() {
            if let Some(leftover) = reading.and_then(|reading| reading.events.into_leftover()) {
                lane.leave(leftover);
            }
            self.session.give_back(lane);
        }
    }

    fn fill(&self, py: Python<'_>) -> PyResult<()> {
        // Loops in C, like that of `list`, never look, and a fast server never makes them wait.
        if let Err(signal) = py.check_signals() {
            py.detach(|| self.supply.give_up());
            self.incoming(py).interrupt();
            return Err(signal);
        }
        match &self.supply {
            Supply::Own(channel, waiting) => self.fill_here(py, channel, waiting),
            Supply::Shared(feed) => self.fill_from(py, feed),
        }
    }

    /// Tells whoever reads on why there is no more.
    fn given_up(&self, py: Python<'_>) {
        let mut incoming = self.incoming(py);
        if self.session.is_closed() {
            incoming.abandon();
        } else {
            incoming.interrupt();
        }
    }

    fn fill_from(&self, py: Python<'_>, feed: &Feed) -> PyResult<()> {
        if feed.is_inherited() {
            return Err(elsewhere());
        }
        let filled = wait_for(py, |waiter| {
            if feed.was_stopped() {
                self.given_up(py);
                return Some(());
            }
            let mut incoming = self.incoming(py);
            (incoming.has_news() || feed.take(&mut incoming, &mut Some(waiter))).then_some(())
        });
        if filled.is_err() {
            feed.ask_to_stop();
            self.incoming(py).interrupt();
        }
        filled
    }

    fn fill_here(&self, py: Python<'_>, channel: &Channel, waiting: &Waiting) -> PyResult<()> {
        let taken = channel.take(py)?;
        // Another reader may have brought something while this one waited for its turn.
        if self.incoming(py).has_news() {
            if taken.is_some() {
                channel.put(py, taken);
            }
            return Ok(());
        }
        let Some(mut source) = taken else {
            self.given_up(py);
            return Ok(());
        };
        let Some(Source { lane, reading }) = source.get_mut() else {
            channel.put(py, Some(source));
            return Err(elsewhere());
        };
        let read = match reading.take() {
            Some(reading) => {
                waiting.begin_to_drive();
                let read = drive(py, lane, &channel.stop, lane.run(reading.fill()));
                waiting.end();
                read
            }
            None => Ok(None),
        };
        let (mut read, outcome) = match read {
            Ok(Some(read)) => read,
            Ok(None) => {
                channel.lose(py, source);
                self.given_up(py);
                return Ok(());
            }
            Err(signal) => {
                channel.lose(py, source);
                self.incoming(py).interrupt();
                return Err(signal);
            }
        };
        let flow = outcome.as_ref().ok().copied();
        let Reading { events, items } = &mut *read;
        self.incoming(py).receive(items, outcome, events.head(), events.marks());
        *reading = Some(read);
        match flow {
            Some(Flow::More) => channel.put(py, Some(source)),
            Some(Flow::Done | Flow::Ended) => {
                py.detach(|| self.give_back(source));
                channel.put(py, None);
            }
            None => channel.lose(py, source),
        }
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
        if !py.detach(|| self.supply.give_up()) {
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

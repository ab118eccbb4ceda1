//! A stream for whoever iterates it: read by the iterating thread itself, or by the background thread where streams
//! share a connection.

use std::sync::{Arc, Mutex, Weak};

use pyo3::prelude::*;

use super::channel::{Channel, Reading, Source};
use super::elsewhere;
use super::feed::Feed;
use crate::process::InProcess;
use crate::py::blocking::{drive, wait_for};
use crate::py::incoming::{Form, Incoming, Next};
use crate::session::{Abort, Lane, Runner, Session};
use crate::stream::{EventStream, Flow, Waiting};

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
            Self::Shared(feed) => feed.stop(),
        }
    }
}

impl Drop for Supply {
    fn drop(&mut self) {
        if let Self::Shared(feed) = self {
            feed.stop();
        }
    }
}

/// A streamed reply.
#[pyclass(frozen, weakref, module = "tokstream")]
pub struct Stream {
    pub(super) incoming: Mutex<Incoming>,
    supply: Supply,
    session: Arc<Session>,
}

impl Stream {
    /// A stream whose head has come, on a lane of its own.
    #[must_use]
    pub fn on_lane(incoming: Incoming, lane: Lane, events: EventStream, session: Arc<Session>) -> Self {
        let waiting = events.waiting();
        let channel = Arc::new(Channel::new(lane, events));
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
                Err(broken) => {
                    py.detach(|| self.supply.give_up());
                    return Err(broken.raise(py));
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
            self.incoming(py).give_up(false);
            return Err(signal);
        }
        match &self.supply {
            Supply::Own(channel, waiting) => self.fill_here(py, channel, waiting),
            Supply::Shared(feed) => self.fill_from(py, feed),
        }
    }

    /// Tells whoever reads on why there is no more.
    fn given_up(&self, py: Python<'_>) {
        self.incoming(py).give_up(self.session.is_closed());
    }

    fn fill_from(&self, py: Python<'_>, feed: &Feed) -> PyResult<()> {
        if feed.is_inherited() {
            return Err(elsewhere());
        }
        let filled = wait_for(py, Some(&Runner::current()), |waiter| {
            if feed.was_stopped() {
                self.given_up(py);
                return Some(());
            }
            let mut incoming = self.incoming(py);
            (incoming.has_news() || feed.take(&mut incoming, &mut Some(waiter))).then_some(())
        });
        if filled.is_err() {
            feed.stop();
            self.incoming(py).give_up(false);
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
                let is_proxied = reading.events.call().is_proxied();
                let read = drive(py, lane, &channel.stop, lane.run(is_proxied, reading.fill()));
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
                self.incoming(py).give_up(false);
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
        self.final_completion(py)
    }

    fn get_final_text(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.read_out(py)?;
        self.final_text(py)
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

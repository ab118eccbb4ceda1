//! A stream for whoever awaits it, read by the event loop that they run in or by the background thread.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyStopAsyncIteration;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use super::elsewhere;
use super::feed::Feed;
use crate::lock::lock;
use crate::py::asyncio::{Awaitable, Operation, Pause, Ready, Reused, Running, Waiter};
use crate::py::incoming::{Broken, Form, Incoming, Next};

/// An async stream that has handed out pieces at a stretch for so long lets the event loop have a turn.
const STRETCH: Duration = Duration::from_micros(500);
/// Pieces between two looks at the time.
const PIECES_A_LOOK: u32 = 32;

/// The pieces that a stream hands out without a wait in between.
#[derive(Default)]
struct Stretch {
    /// Since the last look at the time. One that is lost where two count at once does no harm.
    pieces: AtomicU32,
    began: Mutex<Option<Instant>>,
}

impl Stretch {
    /// One more has been handed out.
    fn count(&self) {
        let pieces = self.pieces.load(Ordering::Relaxed);
        self.pieces.store(pieces.saturating_add(1), Ordering::Relaxed);
    }

    /// Nothing was there to be handed out.
    fn reset(&self) {
        self.pieces.store(0, Ordering::Relaxed);
        *lock(&self.began) = None;
    }

    /// Whether it is over; another one begins then. Its time is counted from the first look.
    fn is_over(&self) -> bool {
        if self.pieces.load(Ordering::Relaxed) < PIECES_A_LOOK {
            return false;
        }
        self.pieces.store(0, Ordering::Relaxed);
        let mut began = lock(&self.began);
        let is_over = began.get_or_insert_with(Instant::now).elapsed() > STRETCH;
        if is_over {
            *began = None;
        }
        is_over
    }
}

/// A streamed reply for whoever awaits it.
#[pyclass(frozen, weakref, module = "tokstream")]
pub struct AsyncStream {
    pub(super) incoming: Mutex<Incoming>,
    feed: Arc<Feed>,
    stretch: Stretch,
}

impl AsyncStream {
    /// A stream whose head has come.
    #[must_use]
    pub fn new(incoming: Incoming, feed: Arc<Feed>) -> Self {
        Self {
            incoming: Mutex::new(incoming),
            feed,
            stretch: Stretch::default(),
        }
    }

    fn poll(&self, py: Python<'_>, form: Form, waiter: &mut Option<Waiter>) -> PyResult<Next> {
        // Outside of the lock: this runs Python code.
        self.look(py, form, waiter).map_err(|broken| broken.raise(py))
    }

    fn look(&self, py: Python<'_>, form: Form, waiter: &mut Option<Waiter>) -> Result<Next, Broken> {
        let mut incoming = self.incoming(py);
        loop {
            match incoming.next(py, form) {
                Ok(Next::Wait) => {
                    if self.feed.is_inherited() {
                        return Err(elsewhere().into());
                    }
                    if self.feed.was_stopped() {
                        incoming.give_up(self.feed.client_is_closed());
                    } else if !self.feed.take(&mut incoming, waiter) {
                        self.stretch.reset();
                        return Ok(Next::Wait);
                    }
                }
                Ok(Next::Piece(piece)) => {
                    self.stretch.count();
                    return Ok(Next::Piece(piece));
                }
                Ok(Next::End) => {
                    if incoming.is_complete() {
                        self.feed.let_go();
                    }
                    return Ok(Next::End);
                }
                Err(broken) => {
                    // After an error of the data the connection is of no more use.
                    self.feed.stop();
                    return Err(broken);
                }
            }
        }
    }

    fn shut(&self, py: Python<'_>) {
        let mut incoming = self.incoming(py);
        // A task that is waiting for more is told so, not that this was the end.
        if !incoming.is_over() && !self.feed.stop() {
            incoming.close();
        }
    }
}

impl Drop for AsyncStream {
    fn drop(&mut self) {
        let over = self.incoming.get_mut().is_ok_and(|incoming| incoming.is_over());
        if !over {
            self.feed.stop();
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
    fn poll(&self, running: &Running<'_>, waiter: Option<Waiter>) -> PyResult<Option<Py<PyAny>>> {
        let (stream, py) = (self.stream.get(), running.py());
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
                Goal::Completion => stream.final_completion(py).map(Some),
                Goal::Text => stream.final_text(py).map(Some),
                Goal::Done => Ok(Some(self.stream.clone_ref(py).into_any())),
            },
        }
    }

    fn cancel(&self) {
        // Who gave up waiting will not come back for the rest: the connection must not outlive that.
        Python::attach(|py| {
            let stream = self.stream.get();
            stream.feed.stop();
            stream.incoming(py).give_up(false);
        });
    }

    fn pause(&self) -> Pause {
        if self.stream.get().stretch.is_over() {
            Pause::Turn
        } else {
            Pause::None
        }
    }
}

#[pymethods]
impl AsyncStream {
    fn __aiter__(slf: Py<Self>) -> AsyncChunks {
        AsyncChunks {
            stream: slf,
            reused: Reused::default(),
        }
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
        AsyncTextStream {
            stream: slf,
            reused: Reused::default(),
        }
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

macro_rules! iterator_of_pieces {
    ($(#[$attribute:meta])* $class:ident, $form:expr) => {
        $(#[$attribute])*
        pub struct $class {
            stream: Py<AsyncStream>,
            reused: Reused,
        }

        #[pymethods]
        impl $class {
            fn __aiter__(slf: Py<Self>) -> Py<Self> {
                slf
            }

            fn __anext__(&self, py: Python<'_>) -> PyResult<Py<Awaitable>> {
                self.reused.next(py, || OfStream {
                    stream: self.stream.clone_ref(py),
                    goal: Goal::Piece($form),
                })
            }

            fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
                self.reused.traverse(&visit)
            }

            fn __clear__(&self) {
                self.reused.clear();
            }
        }
    };
}

iterator_of_pieces! {
    /// The chunks of an async stream, for one `async for`.
    #[pyclass(frozen, module = "tokstream._tokstream")]
    AsyncChunks, Form::Chunks
}

iterator_of_pieces! {
    /// The text of an async stream's first choice, piece by piece.
    #[pyclass(frozen, module = "tokstream")]
    AsyncTextStream, Form::Text
}

//! Where a blocking stream's connection is kept while nobody reads it, and from where a reader takes it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread::{self, ThreadId};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::error::Failure;
use crate::lock::lock;
use crate::process::InProcess;
use crate::py::blocking::SIGNAL_SLICE;
use crate::session::{Abort, Lane, Stop};
use crate::stream::{EventStream, Flow, Item};

/// The connection under a blocking stream.
pub struct Source {
    /// The connection, and what drives it.
    pub lane: Lane,
    /// Lent to the lane's task while it is being read.
    pub reading: Option<Box<Reading>>,
}

/// What is read from a connection.
pub struct Reading {
    /// The stream.
    pub events: EventStream,
    /// Where what is read lies until it is handed over.
    pub items: VecDeque<Item>,
}

impl Reading {
    /// Reads on, until there is something for the reader.
    pub async fn fill(mut self: Box<Self>) -> (Box<Self>, Result<Flow, Failure>) {
        let outcome = self.events.fill(&mut self.items, |_, _, _| false).await;
        (self, outcome)
    }
}

/// Where a blocking stream's connection is kept while nobody reads it.
pub struct Channel {
    place: Mutex<Place>,
    put_back: Condvar,
    waiting_readers: AtomicUsize,
    /// Ends a reader's wait.
    pub stop: Stop,
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
    /// The place of a stream whose head has come.
    pub fn new(lane: Lane, events: EventStream) -> Self {
        let reading = Some(Box::new(Reading {
            events,
            items: VecDeque::new(),
        }));
        Self {
            place: Mutex::new(Place::Here(Box::new(InProcess::new(Source { lane, reading })))),
            put_back: Condvar::new(),
            waiting_readers: AtomicUsize::new(0),
            stop: Stop::default(),
        }
    }

    /// Takes the connection, waiting for another reader; `None` where it is gone.
    ///
    /// # Errors
    /// `RuntimeError` where this very thread is reading; what a signal's handler raises.
    pub fn take(&self, py: Python<'_>) -> PyResult<Option<Box<InProcess<Source>>>> {
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
    pub fn take_if_here(&self) -> Option<Box<InProcess<Source>>> {
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
    pub fn put(&self, py: Python<'_>, source: Option<Box<InProcess<Source>>>) {
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
    pub fn lose(&self, py: Python<'_>, source: Box<InProcess<Source>>) {
        py.detach(|| drop(source));
        self.put(py, None);
    }

    /// Gives up the connection; whether a thread is reading from it, which then sees that it is asked to stop.
    pub fn give_up(&self) -> bool {
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

//! Calls on the background thread, and what they leave behind for whoever waits.

use std::sync::Arc;

use pyo3::prelude::*;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::asyncio::Slot;
use super::errors::raise;
use super::incoming::Incoming;
use super::reply::{Made, Output};
use super::stream::Feed;
use crate::error::{Error, Failure, Head};
use crate::exchange::{Progress, Reply, Request};
use crate::reader::Kind;
use crate::session::Session;
use crate::stream::{EventStream, Marks};
use crate::usage::Totals;

/// What a whole call on the background thread leaves behind.
pub struct Done {
    /// The reply, or what the call failed with.
    pub result: Result<Reply, Failure>,
    /// How its attempts went.
    pub progress: Arc<Progress>,
    /// When it began.
    pub began: Instant,
}

impl Done {
    /// Makes of it what the caller gets.
    ///
    /// # Errors
    /// What the call failed with.
    pub fn finish(
        self,
        py: Python<'_>,
        request: Arc<Request>,
        output: &Output,
        totals: &Totals,
    ) -> PyResult<Py<PyAny>> {
        let made = Made {
            request,
            progress: self.progress,
            began: self.began,
        };
        let reply = self
            .result
            .map_err(|failure| raise(py, failure, Some(&made.request), None))?;
        Output::of(py, reply, &made, output, totals)
    }
}

/// What a streamed call on the background thread leaves behind when its head has come.
pub struct Opened {
    feed: Arc<Feed>,
    head: Arc<Head>,
    marks: Marks,
    progress: Arc<Progress>,
}

/// Begins a call whose reply is read whole.
///
/// # Errors
/// Where it cannot begin.
pub fn whole_in_background(
    session: &Arc<Session>,
    request: Arc<Request>,
    slot: Arc<Slot<Done>>,
) -> Result<AbortHandle, Error> {
    let (call, handle) = session.background_call(request)?;
    let session = Arc::clone(session);
    let task = handle.spawn(async move {
        let stop = session.stop();
        session.settle().await;
        let result = tokio::select! {
            biased;
            () = stop.asked() => Err(Error::Closed.into()),
            result = call.whole() => result,
        };
        slot.put(Done {
            result,
            progress: call.progress(),
            began: call.began(),
        });
    });
    Ok(task.abort_handle())
}

/// Begins a streamed call.
///
/// # Errors
/// Where it cannot begin.
pub fn stream_in_background(
    session: &Arc<Session>,
    request: Arc<Request>,
    kind: Kind,
    slot: Arc<Slot<Result<Opened, Failure>>>,
) -> Result<AbortHandle, Error> {
    let (call, handle) = session.background_call(request)?;
    let session = Arc::clone(session);
    let task = handle.spawn(async move {
        let stop = session.stop();
        session.settle().await;
        let progress = call.progress();
        let opened = tokio::select! {
            biased;
            () = stop.asked() => Err(Error::Closed.into()),
            opened = EventStream::open(call, kind == Kind::Bytes) => opened,
        };
        drop(stop);
        match opened {
            Ok(events) => {
                let feed = Feed::new(&events, &session);
                slot.put(Ok(Opened {
                    feed: Arc::clone(&feed),
                    head: Arc::clone(events.head()),
                    marks: events.marks(),
                    progress,
                }));
                drop(slot);
                feed.pump(events).await;
            }
            Err(failure) => slot.put(Err(failure)),
        }
    });
    Ok(task.abort_handle())
}

/// What the reader of a stream has, when the stream's head has come.
///
/// # Errors
/// What the call failed with.
pub fn incoming_of(
    py: Python<'_>,
    opened: Result<Opened, Failure>,
    request: Arc<Request>,
    kind: Kind,
    totals: Arc<Totals>,
) -> PyResult<(Incoming, Arc<Feed>)> {
    let opened = opened.map_err(|failure| raise(py, failure, Some(&request), None))?;
    let Opened {
        feed,
        head,
        marks,
        progress,
    } = opened;
    Ok((Incoming::new(kind, head, marks, request, progress, totals), feed))
}

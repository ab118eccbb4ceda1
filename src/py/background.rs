//! Calls on the background thread, and what they leave behind for whoever waits.

use std::pin::{Pin, pin};
use std::sync::Arc;

use pyo3::prelude::*;
use tokio::task::AbortHandle;

use super::asyncio::Slot;
use super::errors::raise;
use super::incoming::Incoming;
use super::reply::Done;
use super::stream::Feed;
use crate::error::{Error, Failure, Head};
use crate::exchange::{Call, Progress, Request};
use crate::ledger::Account;
use crate::reader::Kind;
use crate::session::{Session, Stop};
use crate::stream::{EventStream, Marks};

/// What a streamed call on the background thread leaves behind when its head has come.
pub struct Opened {
    feed: Arc<Feed>,
    head: Arc<Head>,
    marks: Marks,
    progress: Arc<Progress>,
}

/// Begins a call on the background thread, which leaves its result in a place.
pub trait Begin<T>: FnOnce(&Arc<Session>, Arc<Request>, Arc<Slot<T>>) -> Result<AbortHandle, Error> + Send {}

impl<T, F> Begin<T> for F where F: FnOnce(&Arc<Session>, Arc<Request>, Arc<Slot<T>>) -> Result<AbortHandle, Error> + Send
{}

/// Begins a call whose reply is read whole.
///
/// # Errors
/// Where it cannot begin.
pub fn whole_in_background(
    session: &Arc<Session>,
    request: Arc<Request>,
    slot: Arc<Slot<Done>>,
) -> Result<AbortHandle, Error> {
    begin(session, request, |call, stop, _| async move {
        let result = unless_asked(&stop, pin!(call.whole())).await;
        slot.put(Done::of(&call, result));
    })
}

/// Begins a streamed call, of whose reply the bytes are wanted if it `is_raw`.
pub fn stream_in_background(is_raw: bool) -> impl Begin<Result<Opened, Failure>> {
    move |session: &Arc<Session>, request: Arc<Request>, slot: Arc<Slot<Result<Opened, Failure>>>| {
        begin(session, request, move |call, stop, session| async move {
            let opened = unless_asked(&stop, pin!(EventStream::open(call, is_raw))).await;
            drop(stop);
            match opened {
                Ok(events) => {
                    let feed = Feed::new(&events, &session);
                    slot.put(Ok(Opened {
                        feed: Arc::clone(&feed),
                        head: Arc::clone(events.head()),
                        marks: events.marks(),
                        progress: events.call().progress(),
                    }));
                    drop(slot);
                    feed.pump(events).await;
                }
                Err(failure) => slot.put(Err(failure)),
            }
        })
    }
}

fn begin<F>(
    session: &Arc<Session>,
    request: Arc<Request>,
    work: impl FnOnce(Call, Arc<Stop>, Arc<Session>) -> F + Send + 'static,
) -> Result<AbortHandle, Error>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (call, handle) = session.background_call(request)?;
    let session = Arc::clone(session);
    let task = handle.spawn(async move {
        let stop = session.stop();
        session.settle().await;
        work(call, stop, session).await;
    });
    Ok(task.abort_handle())
}

/// What `work` brings, or that its client was closed meanwhile.
async fn unless_asked<T>(stop: &Stop, work: Pin<&mut impl Future<Output = Result<T, Failure>>>) -> Result<T, Failure> {
    tokio::select! {
        biased;
        () = stop.asked() => Err(Error::Closed.into()),
        done = work => done,
    }
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
    account: Arc<Account>,
) -> PyResult<(Incoming, Arc<Feed>)> {
    let opened = opened.map_err(|failure| raise(py, failure, Some(&request), None))?;
    let Opened {
        feed,
        head,
        marks,
        progress,
    } = opened;
    Ok((Incoming::new(kind, head, marks, request, progress, account), feed))
}

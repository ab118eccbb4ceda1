//! Calls that somebody else drives than who waits for them: the background thread, or an event loop.

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
use crate::session::{Home, Session, Stop};
use crate::stream::{EventStream, Marks};

/// A call that has begun.
pub struct Begun {
    task: AbortHandle,
    home: Home,
}

impl Begun {
    /// Gives it up, and its connection at once.
    pub fn give_up(&self) {
        self.task.abort();
        self.home.urge();
    }
}

/// What a streamed call leaves behind when its head has come.
pub struct Opened {
    feed: Arc<Feed>,
    head: Arc<Head>,
    marks: Marks,
    progress: Arc<Progress>,
}

/// Begins a call somewhere, which leaves its result in a place of its own.
pub trait Begin<T>:
    FnOnce(&Home, bool, &Arc<Session>, Arc<Request>, Arc<Slot<T>>) -> Result<Begun, Error> + Send
{
}

impl<T, F> Begin<T> for F where
    F: FnOnce(&Home, bool, &Arc<Session>, Arc<Request>, Arc<Slot<T>>) -> Result<Begun, Error> + Send
{
}

/// Begins a call whose reply is read whole.
///
/// # Errors
/// Where it cannot begin.
pub fn begin_whole(
    home: &Home,
    looked: bool,
    session: &Arc<Session>,
    request: Arc<Request>,
    slot: Arc<Slot<Done>>,
) -> Result<Begun, Error> {
    begin(home, looked, session, request, |call, stop, _, _| async move {
        let result = unless_asked(&stop, pin!(call.whole())).await;
        slot.put(Done::of(&call, result));
    })
}

/// Begins a streamed call, of whose reply the bytes are wanted if it `is_raw`.
pub fn begin_stream(is_raw: bool) -> impl Begin<Result<Opened, Failure>> {
    move |home: &Home,
          looked: bool,
          session: &Arc<Session>,
          request: Arc<Request>,
          slot: Arc<Slot<Result<Opened, Failure>>>| {
        begin(
            home,
            looked,
            session,
            request,
            move |call, stop, session, home| async move {
                let opened = unless_asked(&stop, pin!(EventStream::open(call, is_raw))).await;
                drop(stop);
                match opened {
                    Ok(events) => {
                        let feed = Feed::new(&events, &session, home);
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
            },
        )
    }
}

fn begin<F>(
    home: &Home,
    looked: bool,
    session: &Arc<Session>,
    request: Arc<Request>,
    work: impl FnOnce(Call, Arc<Stop>, Arc<Session>, Home) -> F + Send + 'static,
) -> Result<Begun, Error>
where
    F: Future<Output = ()> + Send + 'static,
{
    let call = session.shared_call(home, request)?;
    let session = Arc::clone(session);
    let its = home.clone();
    let task = async move {
        let _presence = its.presence();
        let stop = session.stop();
        session.settle(&its).await;
        work(call, stop, session, its).await;
    };
    let task = home.begin(task, looked).ok_or(Error::Closed)?;
    Ok(Begun {
        task: task.abort_handle(),
        home: home.clone(),
    })
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

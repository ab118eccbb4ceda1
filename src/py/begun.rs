//! Calls that somebody else drives than who waits for them: the background thread, or an event loop.

use std::pin::{Pin, pin};
use std::sync::Arc;

use pyo3::prelude::*;

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
    stop: Arc<Stop>,
    home: Home,
}

impl Begun {
    /// Gives it up, and its connection at once. What another process began is not this one's to end.
    pub fn give_up(&self) {
        if self.home.is_usable() {
            self.stop.ask();
            self.home.urge();
        }
    }
}

/// What a streamed call leaves behind when its head has come.
pub struct Opened {
    feed: Unclaimed,
    head: Arc<Head>,
    marks: Marks,
    progress: Arc<Progress>,
}

/// A stream that nobody reads yet, and that is given up where nobody ever does.
struct Unclaimed {
    feed: Arc<Feed>,
    is_claimed: bool,
}

impl Unclaimed {
    fn claim(mut self) -> Arc<Feed> {
        self.is_claimed = true;
        Arc::clone(&self.feed)
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if !self.is_claimed {
            self.feed.stop();
        }
    }
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
                match opened {
                    Ok(events) => {
                        let feed = Feed::new(&events, &session, home);
                        slot.put(Ok(Opened {
                            feed: Unclaimed {
                                feed: Arc::clone(&feed),
                                is_claimed: false,
                            },
                            head: Arc::clone(events.head()),
                            marks: events.marks(),
                            progress: events.call().progress(),
                        }));
                        drop(slot);
                        // It may have been given up before that lay there.
                        if !stop.is_asked() {
                            drop(stop);
                            feed.pump(events).await;
                        }
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
    let looked = looked || call.looks_itself();
    let stop = session.stop();
    let begun = Begun {
        stop: Arc::clone(&stop),
        home: home.clone(),
    };
    let (session, its) = (Arc::clone(session), home.clone());
    let make = || async move {
        let _presence = its.presence();
        tokio::select! {
            biased;
            () = stop.asked() => {}
            () = session.settle(&its) => {}
        }
        work(call, stop, session, its).await;
    };
    home.begin(make, looked)?;
    Ok(begun)
}

/// What `work` brings, unless its client was closed meanwhile. One that was given up has nobody who is told so.
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
    Ok((
        Incoming::new(kind, head, marks, request, progress, account),
        feed.claim(),
    ))
}

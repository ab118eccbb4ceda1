//! A request under way: driven by the thread that waits for it, or by the background thread.

use std::pin::pin;
use std::sync::Arc;
use std::thread;

use pyo3::prelude::*;

use super::asyncio::{Awaitable, Finish, LoopWaker, Pending, Running, Slot, Waiter};
use super::begun::{Begin, Opened, begin_stream, begin_whole, incoming_of};
use super::blocking::{SIGNAL_SLICE, drive, wait_for};
use super::client::Core;
use super::errors::{overspent, raise};
use super::incoming::Incoming;
use super::reply::{Done, Output};
use super::stream::{AsyncStream, Stream};
use crate::error::{Error, Failure};
use crate::exchange::{Call, Request};
use crate::ledger::Account;
use crate::reader::Kind;
use crate::session::{Home, Lane, Turn, background};
use crate::stream::EventStream;

impl Core {
    /// The reply, when it has come whole.
    ///
    /// # Errors
    /// What the call failed with, and what a signal's handler raises.
    pub(super) fn whole_blocking(
        &self,
        py: Python<'_>,
        request: &Arc<Request>,
        account: &Account,
        output: &Output,
    ) -> PyResult<Py<PyAny>> {
        account.begin().map_err(|spent| overspent(py, spent))?;
        if self.session.leaves_to_background() {
            let done = self.in_background(py, request, begin_whole)?;
            return done.finish(py, output, account);
        }
        let whole = |call: Call| async move {
            let result = call.whole().await;
            Done::of(&call, result)
        };
        let (lane, done) = self.on_lane(py, request, whole)?;
        // After a timeout or a broken connection the lane goes, and its sockets with it.
        if done.result.as_ref().map_or_else(was_answered, |_| true) {
            self.session.give_back(lane);
        }
        done.finish(py, output, account)
    }

    /// An awaitable of the reply.
    ///
    /// # Errors
    /// Where Python has no memory for it.
    pub(super) fn whole_awaited(
        &self,
        py: Python<'_>,
        request: Arc<Request>,
        account: Arc<Account>,
        output: Output,
    ) -> PyResult<Py<PyAny>> {
        let its = Arc::clone(&account);
        let finish = move |py: Python<'_>, done: Done| done.finish(py, &output, &its);
        self.awaited(py, request, account, begin_whole, Box::new(finish))
    }

    /// The stream, when its head has come.
    ///
    /// # Errors
    /// As for [`Core::whole_blocking`].
    pub(super) fn stream_blocking(
        &self,
        py: Python<'_>,
        request: Arc<Request>,
        account: Arc<Account>,
        kind: Kind,
    ) -> PyResult<Py<PyAny>> {
        account.begin().map_err(|spent| overspent(py, spent))?;
        let is_raw = kind == Kind::Bytes;
        let session = Arc::clone(&self.session);
        if self.session.leaves_to_background() {
            let opened = self.in_background(py, &request, begin_stream(is_raw))?;
            let (incoming, feed) = incoming_of(py, opened, request, kind, account)?;
            return Ok(Py::new(py, Stream::shared(incoming, feed, session))?.into_any());
        }
        let (lane, opened) = self.on_lane(py, &request, |call| EventStream::open(call, is_raw))?;
        let events = match opened {
            Ok(events) => events,
            Err(failure) => {
                if was_answered(&failure) {
                    py.detach(|| self.session.give_back(lane));
                }
                return Err(raise(py, failure, Some(&request), None));
            }
        };
        let head = Arc::clone(events.head());
        let progress = events.call().progress();
        let incoming = Incoming::new(kind, head, events.marks(), request, progress, account);
        Ok(Py::new(py, Stream::on_lane(incoming, lane, events, session))?.into_any())
    }

    /// An awaitable of the stream.
    ///
    /// # Errors
    /// Where Python has no memory for it.
    pub(super) fn stream_awaited(
        &self,
        py: Python<'_>,
        request: Arc<Request>,
        account: Arc<Account>,
        kind: Kind,
    ) -> PyResult<Py<PyAny>> {
        let its = Arc::clone(&account);
        let sent = Arc::clone(&request);
        let finish = move |py: Python<'_>, opened: Result<Opened, Failure>| {
            let (incoming, feed) = incoming_of(py, opened, sent, kind, its)?;
            Ok(Py::new(py, AsyncStream::new(incoming, feed))?.into_any())
        };
        self.awaited(
            py,
            request,
            account,
            begin_stream(kind == Kind::Bytes),
            Box::new(finish),
        )
    }

    /// Drives a call on a lane of its own, on this thread.
    fn on_lane<F>(
        &self,
        py: Python<'_>,
        request: &Arc<Request>,
        work: impl FnOnce(Call) -> F + Send,
    ) -> PyResult<(Lane, F::Output)>
    where
        F: Future<Output: Send> + Send,
    {
        let refused = |error: Error| raise(py, error.into(), Some(request), None);
        let mut place = pin!(None);
        // The interpreter is let go of once for all of it: where other threads want it, each time costs a wait.
        let (lane, stop, first) = py
            .detach(|| {
                let lane = self.session.lane()?;
                let stop = self.session.stop();
                let call = self.session.lane_call(&lane, Arc::clone(request));
                place.set(Some(work(call)));
                let first = place
                    .as_mut()
                    .as_pin_mut()
                    .map(|work| lane.drive(work, &stop, SIGNAL_SLICE));
                Ok((lane, stop, first))
            })
            .map_err(refused)?;
        let done = match (first, place.as_pin_mut()) {
            (Some(Turn::Done(done)), _) => Some(done),
            (Some(Turn::Slice), Some(work)) => {
                py.check_signals()?;
                drive(py, &lane, &stop, work)?
            }
            _ => None,
        };
        done.map(|done| (lane, done)).ok_or_else(|| refused(Error::Closed))
    }

    /// Waits for what a call on the background thread brings first.
    fn in_background<T: Send>(&self, py: Python<'_>, request: &Arc<Request>, begin: impl Begin<T>) -> PyResult<T> {
        let slot = Slot::new();
        let waited = py.detach(|| {
            let task = begin(
                background()?,
                false,
                &self.session,
                Arc::clone(request),
                Arc::clone(&slot),
            )?;
            let mut found = slot.take(Some(Waiter::Thread(thread::current())));
            if found.is_none() {
                // As in `on_lane`, the first slice of the wait is under the same release.
                thread::park_timeout(SIGNAL_SLICE);
                found = slot.take(None);
            }
            Ok((task, found))
        });
        let (task, found) = waited.map_err(|error: Error| raise(py, error.into(), Some(request), None))?;
        if let Some(found) = found {
            return Ok(found);
        }
        py.check_signals()
            .and_then(|()| wait_for(py, None, |waiter| slot.take(Some(waiter))))
            .inspect_err(|_| task.give_up())
    }

    /// An awaitable of what becomes of that.
    fn awaited<T: Send + 'static>(
        &self,
        py: Python<'_>,
        request: Arc<Request>,
        account: Arc<Account>,
        begin: impl Begin<T> + 'static,
        finish: Finish<T>,
    ) -> PyResult<Py<PyAny>> {
        let session = Arc::clone(&self.session);
        let start = move |running: &Running<'_>, slot| {
            let py = running.py();
            account.begin().map_err(|spent| overspent(py, spent))?;
            let (_, waker) = running.waker()?;
            let start = |home: &Home, looked| begin(home, looked, &session, Arc::clone(&request), slot);
            let started = if session.multiplexes() {
                py.detach(|| start(background()?, false))
            } else {
                LoopWaker::begin_call(waker.bind(py), start)?
            };
            started.map_err(|e| raise(py, e.into(), Some(&request), None))
        };
        Ok(Py::new(py, Awaitable::new(Pending::new(Box::new(start), finish)))?.into_any())
    }
}

/// Whether a failure is an answer of the server's, whose connection is as good as before.
fn was_answered(failure: &Failure) -> bool {
    matches!(failure.error, Error::Status { .. })
}

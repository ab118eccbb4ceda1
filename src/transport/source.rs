//! Where a reply's bytes come from.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame};

use super::pool::Reply;
use super::{classify, classify_other};
use crate::error::Error;

/// A reply of which only the head has come.
pub type Answer = Response<Source>;

/// A reply of reqwest's.
#[must_use]
pub fn answer_of(response: reqwest::Response) -> Answer {
    Response::from(response).map(Source::Pooled)
}

/// The body of a reply that reqwest brought, or of one on a connection that it drives itself.
#[derive(Debug)]
pub enum Source {
    /// reqwest's.
    Pooled(reqwest::Body),
    /// One that drives its connection.
    Direct(Reply),
}

impl Source {
    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    /// [`Error::Connection`] if the body breaks off.
    pub fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
        proxied: bool,
    ) -> Poll<Result<Option<Frame<Bytes>>, Error>> {
        match self {
            Self::Pooled(body) => {
                let frame = Pin::new(body).poll_frame(context);
                frame.map(|frame| frame.transpose().map_err(|error| classify(&error, proxied)))
            }
            Self::Direct(body) => {
                let frame = body.poll_frame(context);
                frame.map(|frame| frame.transpose().map_err(|error| classify_other(&error)))
            }
        }
    }

    /// Whether the server has ended it, so far as that is known.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Pooled(body) => body.is_end_stream(),
            Self::Direct(reply) => reply.body().is_end_stream(),
        }
    }

    /// Its bytes, where the reply says how many there are.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Pooled(body) => body.size_hint().exact(),
            Self::Direct(reply) => reply.body().size_hint().exact(),
        }
    }

    /// Reads what of it is at hand, so that its connection is there for others if that is all.
    pub fn finish(mut self) {
        let mut context = Context::from_waker(Waker::noop());
        while let Poll::Ready(Ok(Some(_))) = self.poll_frame(&mut context, false) {}
    }
}

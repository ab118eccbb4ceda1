//! Where a reply's bytes come from.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame, Incoming};

use super::{classify, classify_other};
use crate::error::Error;

/// A reply of which only the head has come.
pub type Answer = Response<Source>;

/// A reply of reqwest's.
#[must_use]
pub fn answered(response: reqwest::Response) -> Answer {
    Response::from(response).map(Source::Pooled)
}

/// The body of a reply that reqwest brought, or of one that came on a connection driven by hand.
#[derive(Debug)]
pub enum Source {
    /// reqwest's.
    Pooled(reqwest::Body),
    /// hyper's.
    Direct(Incoming),
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
                let frame = Pin::new(body).poll_frame(context);
                frame.map(|frame| frame.transpose().map_err(|error| classify_other(&error)))
            }
        }
    }

    /// Whether the server has ended it, so far as that is known.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        match self {
            Self::Pooled(body) => body.is_end_stream(),
            Self::Direct(body) => body.is_end_stream(),
        }
    }

    /// Its bytes, where the reply says how many there are.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Pooled(body) => body.size_hint().exact(),
            Self::Direct(body) => body.size_hint().exact(),
        }
    }
}

//! A reply's body as it comes, its codings taken off.

use std::future::poll_fn;

use bytes::{Bytes, BytesMut};
use reqwest::Version;
use tokio::task::yield_now;

use crate::decode::Decoder;
use crate::error::{Cause, Error};
use crate::transport::{Answer, Source};

/// Pieces that are taken before others have their turn; each has up to some hundred KiB.
const PIECES_AT_A_STRETCH: u32 = 32;

/// A reply's body, its codings taken off.
#[derive(Debug)]
pub struct Body {
    source: Source,
    /// Whether the body itself knows that the server has ended it.
    tells_its_end: bool,
    proxied: bool,
    decoder: Option<Decoder>,
    /// Pieces that have been asked for.
    pieces: u32,
    /// Bytes still to come, where that is known.
    owed: Option<u64>,
}

impl Body {
    /// The body of a reply.
    ///
    /// # Errors
    /// The `Content-Encoding` that is not understood.
    pub fn of(answer: Answer, proxied: bool) -> Result<Self, String> {
        Ok(Self {
            decoder: Decoder::of(answer.headers())?,
            pieces: 0,
            owed: answer.body().length(),
            tells_its_end: answer.version() == Version::HTTP_2,
            source: answer.into_body(),
            proxied,
        })
    }

    /// The next bytes, decoded, or `None` at a proper end.
    ///
    /// # Errors
    /// [`Error::Connection`] if the body breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            // What amounts to nothing must not keep the clocks from running, nor signals from being seen.
            self.pieces = self.pieces.wrapping_add(1);
            if self.pieces.is_multiple_of(PIECES_AT_A_STRETCH) {
                yield_now().await;
            }
            if let Some(decoder) = &mut self.decoder
                && let Some(piece) = decoder.pull().map_err(|e| damaged(&e))?
            {
                return Ok(Some(piece));
            }
            let chunk = self.transported().await?;
            match (&mut self.decoder, chunk) {
                (Some(decoder), Some(bytes)) => decoder.push(bytes),
                (Some(decoder), None) => return decoder.finish().map(|()| None).map_err(|e| damaged(&e)),
                (None, chunk) => return Ok(chunk),
            }
        }
    }

    /// The next bytes as they are.
    async fn transported(&mut self) -> Result<Option<Bytes>, Error> {
        let chunk = self.data().await?;
        match (&chunk, &mut self.owed) {
            (Some(bytes), Some(owed)) => *owed = owed.saturating_sub(bytes.len() as u64),
            // Over HTTP/2 a stream that the server gave up "without error" looks like one that ended.
            (None, Some(1..)) => return Err(cut("the reply ended short of its Content-Length")),
            (None, _) if self.tells_its_end && !self.source.has_ended() => {
                return Err(cut("the server gave the reply up before its end"));
            }
            _ => {}
        }
        Ok(chunk)
    }

    async fn data(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let Some(frame) = poll_fn(|context| self.source.poll_frame(context, self.proxied)).await? else {
                return Ok(None);
            };
            // What is no data are trailers.
            if let Ok(bytes) = frame.into_data() {
                return Ok(Some(bytes));
            }
        }
    }
}

/// A reply that is not whole.
fn cut(detail: &str) -> Error {
    Error::Connection {
        cause: Cause::Reset,
        detail: detail.into(),
    }
}

/// What a body means that cannot be decoded.
fn damaged(error: &std::io::Error) -> Error {
    let cause = if error.kind() == std::io::ErrorKind::UnexpectedEof {
        Cause::Reset
    } else {
        Cause::Protocol
    };
    Error::Connection {
        cause,
        detail: format!("its content coding is damaged: {error}"),
    }
}

/// So many bytes are copied rather than kept as a part of a larger buffer.
const SMALL_PIECE: usize = 16 << 10;

/// A piece of a body in memory of its own where it is small: it would keep the whole buffer that the connection reads into,
/// and that one could not be read into again.
#[must_use]
pub fn apart(piece: Bytes) -> Bytes {
    if piece.len() > SMALL_PIECE {
        piece
    } else {
        Bytes::copy_from_slice(&piece)
    }
}

/// Bytes put together, without a copy where they came in one large piece.
#[derive(Default)]
pub struct Joined {
    first: Bytes,
    rest: BytesMut,
}

impl Joined {
    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a piece of a body, unless it is then larger than a bound.
    ///
    /// # Errors
    /// [`Error::Validation`] that names the bound.
    pub fn push_within(&mut self, piece: Bytes, body_bytes: usize) -> Result<(), Error> {
        if self.len() + piece.len() > body_bytes {
            let detail = format!("The reply is larger than Limits(body_bytes={body_bytes}) allows");
            return Err(Error::invalid(detail));
        }
        self.push(piece);
        Ok(())
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: Bytes) {
        if self.is_empty() {
            self.first = piece;
            return;
        }
        if !self.first.is_empty() {
            self.rest.extend_from_slice(&self.first);
            self.first = Bytes::new();
        }
        self.rest.extend_from_slice(&piece);
    }

    /// All of it.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.rest.is_empty() {
            apart(self.first)
        } else {
            self.rest.freeze()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(pieces: &[Bytes]) -> Bytes {
        let mut joined = Joined::default();
        for piece in pieces {
            joined.push(piece.clone());
        }
        joined.into_bytes()
    }

    #[test]
    fn a_small_body_keeps_none_of_the_memory_it_was_read_into() {
        let buffer = Bytes::from(vec![b'a'; 2 * SMALL_PIECE]);
        let small = joined(&[buffer.slice(..SMALL_PIECE)]);
        assert_eq!(small, buffer.slice(..SMALL_PIECE));
        assert!(buffer.is_unique());
        assert_eq!(joined(&[Bytes::from_static(b"a"), Bytes::from_static(b"b")]), "ab");
        assert_eq!(joined(&[]), Bytes::new());
    }

    #[test]
    fn a_large_body_in_one_piece_is_not_copied() {
        let buffer = Bytes::from(vec![b'a'; 2 * SMALL_PIECE]);
        let large = buffer.slice(1..SMALL_PIECE + 2);
        assert_eq!(joined(std::slice::from_ref(&large)).as_ptr(), large.as_ptr());
        assert_eq!(joined(&[large.clone(), buffer.slice(..1)]).len(), large.len() + 1);
    }
}

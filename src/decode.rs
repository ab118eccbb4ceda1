//! Content codings taken off a body as it comes (RFC 9110 section 8.4.1): bytes in, pieces of bounded size out; no I/O.

use std::fmt;
use std::io::{Error, ErrorKind, Result};

use bytes::Bytes;
use compression_codecs::core::util::{PartialBuffer, WriteBuffer};
use compression_codecs::{BrotliDecoder, DecodeV2, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

/// What a request accepts.
pub const ACCEPTED: &str = "gzip, deflate, br, zstd";
/// One piece of output, at the most: a bound can be checked between two of them, whatever they are unpacked from.
const PIECE_BYTES: usize = 64 << 10;
/// Codings on top of each other, at the most; servers use one.
const MAX_LAYERS: usize = 4;

/// Takes off all codings of one body.
pub struct Decoder {
    /// In the order in which they are taken off.
    layers: Vec<Layer>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

struct Layer {
    coding: Coding,
    /// Made when the first byte has come: that of `deflate` tells which of two formats it is.
    codec: Option<Box<dyn DecodeV2 + Send + Sync>>,
    input: Bytes,
    /// Where the codec writes. A piece is copied out of it: small ones, which are many, must not hold it all.
    room: Box<[u8]>,
    /// The codec may hold output back.
    unflushed: bool,
    /// Within a member: the body must not end here.
    inside: bool,
    failed: Option<Error>,
}

impl Decoder {
    /// The decoder for a reply with these headers; `None` if its body is not encoded.
    ///
    /// # Errors
    /// The `Content-Encoding` that is not understood.
    pub fn of(headers: &HeaderMap) -> std::result::Result<Option<Self>, String> {
        let mut layers = Vec::new();
        for value in headers.get_all(CONTENT_ENCODING) {
            let shown = || String::from_utf8_lossy(value.as_bytes()).into_owned();
            for name in value.to_str().map_err(|_| shown())?.split(',') {
                let coding = match name.trim().to_ascii_lowercase().as_str() {
                    "" | "identity" => continue,
                    "gzip" | "x-gzip" => Coding::Gzip,
                    "deflate" => Coding::Deflate,
                    "br" => Coding::Brotli,
                    "zstd" => Coding::Zstd,
                    _ => return Err(shown()),
                };
                layers.push(Layer::new(coding));
                if layers.len() > MAX_LAYERS {
                    return Err(shown());
                }
            }
        }
        // The last one was put on last.
        layers.reverse();
        Ok((!layers.is_empty()).then_some(Self { layers }))
    }

    /// Takes the body's next bytes, when [`pull`](Self::pull) has given all it could of those before.
    pub fn push(&mut self, bytes: Bytes) {
        if let Some(first) = self.layers.first_mut() {
            first.input = bytes;
        }
    }

    /// The next piece; `None` if there is none before more is pushed.
    ///
    /// # Errors
    /// The bytes are not in their coding. What came before has been given.
    pub fn pull(&mut self) -> Result<Option<Bytes>> {
        pull(&mut self.layers)
    }

    /// The body is at its end.
    ///
    /// # Errors
    /// A coding is not.
    pub fn finish(&self) -> Result<()> {
        if self.layers.iter().any(|layer| layer.inside) {
            return Err(Error::new(ErrorKind::UnexpectedEof, "the encoded reply was cut"));
        }
        Ok(())
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("layers", &self.layers.len()).finish()
    }
}

fn pull(layers: &mut [Layer]) -> Result<Option<Bytes>> {
    let Some((last, before)) = layers.split_last_mut() else {
        return Ok(None);
    };
    loop {
        if last.input.is_empty() && !last.unflushed {
            match pull(before)? {
                Some(piece) => last.input = piece,
                // What the first layer has to read was pushed.
                None => return Ok(None),
            }
        }
        let piece = last.decode()?;
        if !piece.is_empty() {
            return Ok(Some(piece));
        }
        if last.input.is_empty() && !last.unflushed && before.is_empty() {
            return Ok(None);
        }
    }
}

impl Layer {
    fn new(coding: Coding) -> Self {
        Self {
            coding,
            codec: None,
            input: Bytes::new(),
            room: vec![0; PIECE_BYTES].into_boxed_slice(),
            unflushed: false,
            inside: false,
            failed: None,
        }
    }

    /// Decodes some of the input, or what the codec has held back.
    fn decode(&mut self) -> Result<Bytes> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let first = self.input.first().copied();
        let coding = self.coding;
        let codec = match (&mut self.codec, first) {
            (Some(codec), _) => codec,
            (none, Some(first)) => none.insert(codec_of(coding, first)),
            (None, None) => return Ok(Bytes::new()),
        };
        let mut room = std::mem::take(&mut self.room);
        let mut output = WriteBuffer::new_initialized(&mut room);
        let step = if self.input.is_empty() {
            codec.flush(&mut output).map(|flushed| {
                self.unflushed = !flushed;
            })
        } else {
            let mut input = PartialBuffer::new(self.input.as_ref());
            let decoded = codec.decode(&mut input, &mut output);
            let used = input.written_len();
            let is_stuck = used == 0 && output.written_len() == 0;
            self.input = self.input.slice(used..);
            self.unflushed = true;
            self.inside = true;
            match decoded {
                Ok(true) => self.end_member(),
                Ok(false) if is_stuck => Err(Error::new(ErrorKind::InvalidData, "the coding does not go on")),
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            }
        };
        let written = output.written_len();
        self.room = room;
        match step {
            Ok(()) => {}
            Err(error) if written == 0 => return Err(error),
            // After what came before it.
            Err(error) => {
                self.failed = Some(error);
                self.unflushed = true;
            }
        }
        Ok(Bytes::copy_from_slice(self.room.get(..written).unwrap_or_default()))
    }

    /// A member has ended, and with it the body, or another one follows.
    fn end_member(&mut self) -> Result<()> {
        self.inside = false;
        self.unflushed = false;
        let goes_on = matches!(self.coding, Coding::Gzip | Coding::Zstd);
        match &mut self.codec {
            Some(codec) if goes_on => codec.reinit(),
            _ if self.input.is_empty() => Ok(()),
            _ => Err(Error::new(ErrorKind::InvalidData, "bytes follow the encoded reply")),
        }
    }
}

fn codec_of(coding: Coding, first: u8) -> Box<dyn DecodeV2 + Send + Sync> {
    match coding {
        Coding::Gzip => Box::new(GzipDecoder::new()),
        Coding::Brotli => Box::new(BrotliDecoder::new()),
        Coding::Zstd => Box::new(ZstdDecoder::new()),
        // By the standard it is zlib's format; some servers send it bare. The method of zlib is always 8, its window 7 or less.
        Coding::Deflate if first & 0x0F == 8 && first >> 4 <= 7 => Box::new(ZlibDecoder::new()),
        Coding::Deflate => Box::new(DeflateDecoder::new()),
    }
}

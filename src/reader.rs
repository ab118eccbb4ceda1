//! A stream's items understood: chunks, errors in mid-stream, and the completion put together from them.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use memchr::memmem::Finder;
use serde_json::value::RawValue;

use crate::accumulate::{self, Accumulator};
use crate::api_error::ErrorBody;
use crate::chunk::Template;
use crate::error::{Error, excerpt};
use crate::json::{beyond_python, elements, members, tolerate};
use crate::stream::{Flow, Item};

static MESSAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""message""#));

/// What a stream is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Chunks of a chat completion.
    Chat,
    /// Chunks of a text completion.
    Text,
    /// JSON of any kind.
    Json,
    /// The body's bytes, as they come.
    Bytes,
}

/// One item, understood.
#[derive(Debug)]
pub enum Read<'a> {
    /// A chunk that differs from its template in its content alone.
    Alike {
        /// The chunk it is like.
        template: Arc<Template>,
        /// In what it differs.
        content: Cow<'a, str>,
    },
    /// A chunk's JSON text, or the body's bytes.
    Whole(Bytes),
}

/// Reads the items of one stream.
#[derive(Debug)]
pub struct Reader {
    kind: Kind,
    accumulator: Accumulator,
    template: Option<Arc<Template>>,
    chunks: u64,
}

impl Reader {
    /// A reader that has seen nothing yet.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let accumulated = if kind == Kind::Text {
            accumulate::Kind::Text
        } else {
            accumulate::Kind::Chat
        };
        Self {
            kind,
            accumulator: Accumulator::new(accumulated),
            template: None,
            chunks: 0,
        }
    }

    /// What the stream is made of.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many chunks were read.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// The completion put together so far.
    #[must_use]
    pub fn accumulated(&self) -> Option<&Accumulator> {
        (self.chunks > 0 && matches!(self.kind, Kind::Chat | Kind::Text)).then_some(&self.accumulator)
    }

    /// Understands one item.
    ///
    /// # Errors
    /// The error that the server put into the stream, or [`Error::Validation`] for what is no chunk.
    pub fn read<'a>(&mut self, item: &'a Item) -> Result<Read<'a>, Error> {
        if self.kind == Kind::Bytes {
            return Ok(Read::Whole(item.bytes().clone()));
        }
        match item {
            Item::Data(data) => self.chunk(data),
            Item::Error(data) => {
                let body = ErrorBody::in_stream(data).unwrap_or_else(|| ErrorBody::decode(None, data));
                Err(Error::InStream {
                    body: Box::new(body),
                    raw: data.clone(),
                })
            }
            Item::Document { data, content_type } => self.document(data, content_type),
        }
    }

    /// Whether the stream came to its proper end.
    ///
    /// # Errors
    /// [`Error::Truncated`] if it did not.
    pub fn end(&self, flow: Flow) -> Result<(), Error> {
        let complete = match self.kind {
            Kind::Chat | Kind::Text => flow == Flow::Done || self.accumulator.finished(),
            // Other streams than those of completions may have another end.
            Kind::Json => {
                flow == Flow::Done
                    || self.chunks > 0 && (!self.accumulator.has_choices() || self.accumulator.finished())
            }
            Kind::Bytes => true,
        };
        if complete {
            return Ok(());
        }
        let detail = if self.chunks == 0 {
            "the connection was closed before anything of the answer came"
        } else {
            "the connection was closed without [DONE] and before every choice had its finish_reason"
        };
        Err(Error::Truncated { detail: detail.into() })
    }

    fn chunk<'a>(&mut self, data: &'a Bytes) -> Result<Read<'a>, Error> {
        if let Some(template) = &self.template {
            // What the accumulator cannot take this way goes the general one.
            if let Some(content) = template.content(data)
                && self.accumulator.push_content(&content)
            {
                self.chunks += 1;
                return Ok(Read::Alike {
                    template: Arc::clone(template),
                    content,
                });
            }
        }
        let data = self.whole_chunk(data)?;
        if self.kind == Kind::Chat {
            self.template = Template::of(&data).map(Arc::new);
        }
        Ok(Read::Whole(data))
    }

    fn whole(&mut self, data: &Bytes) -> Result<(), Error> {
        if let Some(body) = ErrorBody::in_stream(data) {
            return Err(Error::InStream {
                body: Box::new(body),
                raw: data.clone(),
            });
        }
        let refuse = |why: &dyn std::fmt::Display| Error::Validation {
            detail: format!("The stream's data is not a JSON object ({why})"),
            raw: data.clone(),
        };
        let text = std::str::from_utf8(data).map_err(|e| refuse(&e))?;
        if let Some(why) = beyond_python(text) {
            return Err(refuse(&why));
        }
        if self.kind == Kind::Json {
            serde_json::from_str::<&RawValue>(text).map_err(|e| refuse(&e))?;
            // Whether it is a completion after all, only its end tells.
            drop(self.accumulator.push(data));
            self.chunks += 1;
            return Ok(());
        }
        self.accumulator.push(data).map_err(|e| refuse(&e))?;
        self.chunks += 1;
        Ok(())
    }

    /// Takes a chunk the general way; returns it as it can be read.
    fn whole_chunk(&mut self, data: &Bytes) -> Result<Bytes, Error> {
        if self.kind == Kind::Chat
            && MESSAGE.find(data).is_some()
            && let Some(chunk) = std::str::from_utf8(data).ok().and_then(as_chunk)
        {
            // A whole completion in the place of a chunk.
            let chunk = Bytes::from(chunk);
            return self.whole(&chunk).map(|()| chunk);
        }
        let Err(refused) = self.whole(data) else {
            return Ok(data.clone());
        };
        let tolerated = tolerate(data);
        if matches!(refused, Error::Validation { .. }) && tolerated != data && self.whole(&tolerated).is_ok() {
            return Ok(tolerated);
        }
        Err(refused)
    }

    /// A stream was asked for and one document came: an error, or the whole completion at once.
    fn document(&mut self, data: &Bytes, kind: &str) -> Result<Read<'static>, Error> {
        let shown = excerpt(data);
        if let Some(mut body) = ErrorBody::in_stream(data) {
            body.message = format!("{} (in place of a stream, as {kind}: {shown})", body.message);
            return Err(Error::InStream {
                body: Box::new(body),
                raw: data.clone(),
            });
        }
        let tolerated = tolerate(data);
        let chunk = std::str::from_utf8(&tolerated).ok().and_then(as_chunk);
        let Some(chunk) = chunk else {
            let detail = if data.is_empty() {
                format!("A stream was asked for and the reply is empty (content type: {kind})")
            } else {
                format!("A stream was asked for and the reply is neither that nor a completion (content type: {kind})")
            };
            return Err(Error::Validation {
                detail,
                raw: data.clone(),
            });
        };
        let chunk = Bytes::from(chunk);
        self.whole(&chunk)?;
        Ok(Read::Whole(chunk))
    }
}

/// A whole completion as the one chunk that says the same: each choice's `message` is its `delta`. `None` for anything else,
/// chunks included.
fn as_chunk(text: &str) -> Option<String> {
    let members = members(text).ok()?;
    let mut choices = None;
    for (name, value) in &members {
        if name == "choices" {
            choices = Some(elements(value.get()).ok()?);
        }
    }
    let choices = choices?;
    let has = |choice: &RawValue, wanted| {
        crate::json::members(choice.get()).is_ok_and(|fields| fields.iter().any(|(name, _)| name == wanted))
    };
    let is_whole = |choice: &&RawValue| has(choice, "message") || has(choice, "text");
    if choices.iter().any(|choice| has(choice, "delta")) || !choices.iter().any(is_whole) {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    write_object(
        &mut out,
        members.iter().map(|(name, value)| (name.as_ref(), value.get())),
        |out, name, value| match name {
            "object" if value == r#""chat.completion""# => out.push_str(r#""chat.completion.chunk""#),
            "choices" => {
                out.push('[');
                for (at, choice) in choices.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    let Ok(fields) = crate::json::members(choice.get()) else {
                        out.push_str(choice.get());
                        continue;
                    };
                    let renamed = fields
                        .iter()
                        .map(|(name, value)| (if name == "message" { "delta" } else { name.as_ref() }, value.get()));
                    write_object(out, renamed, |out, _, value| out.push_str(value));
                }
                out.push(']');
            }
            _ => out.push_str(value),
        },
    );
    Some(out)
}

fn write_object<'a>(
    out: &mut String,
    members: impl Iterator<Item = (&'a str, &'a str)>,
    mut write_value: impl FnMut(&mut String, &str, &str),
) {
    out.push('{');
    for (at, (name, value)) in members.enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&serde_json::Value::from(name).to_string());
        out.push(':');
        write_value(out, name, value);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_completion_is_one_chunk() {
        let whole = r#"{"id":"a","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#;
        let item = Item::Document {
            data: Bytes::from_static(whole.as_bytes()),
            content_type: "application/json".into(),
        };
        let mut reader = Reader::new(Kind::Chat);
        let Ok(Read::Whole(chunk)) = reader.read(&item) else {
            panic!("not understood")
        };
        assert_eq!(
            chunk,
            r#"{"id":"a","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#
        );
        assert!(reader.end(Flow::Ended).is_ok());
    }
}

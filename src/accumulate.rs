//! Chunks put together: the completion so far.
//!
//! Strings and lists that a stream sends in pieces are joined, tool calls by their index; of everything else the last
//! value that is not null stays, of `id`, `created`, `model` and `role` the first. What was only ever null stays null,
//! what was never sent stays absent. Values that need no joining are kept as the text that the server sent.

mod calls;
#[cfg(test)]
mod tests;
pub(crate) mod text;
mod value;

use std::collections::BTreeMap;
use std::str;

use serde::de::Error as _;

use serde_json::value::RawValue;

use crate::split::Cursor;
use calls::merge_function;
use value::{Fields, Grew, ObjectWriter, Value};

/// Which sort of completion the chunks belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `chat.completion`: choices with a `delta` become choices with a `message`.
    Chat,
    /// `text_completion`: choices with a `text`.
    Text,
}

/// The completion that the chunks so far make.
#[derive(Clone, Debug)]
pub struct Accumulator {
    kind: Kind,
    /// The completion's own members; `choices` only marks its place.
    top: Fields,
    /// In the order in which they began.
    choices: Vec<Choice>,
    /// The choices' places in `choices` by their index.
    places: BTreeMap<u64, usize>,
    /// Where the only string grew that the last chunk made longer: the choice's place, and the content's within it.
    repeat: Option<(usize, usize)>,
}

#[derive(Clone, Debug, Default)]
struct Choice {
    index: u64,
    /// The choice's own members; `message` only marks its place.
    own: Fields,
    message: Fields,
}

impl Accumulator {
    /// No chunk yet.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            top: Fields::default(),
            choices: Vec::new(),
            places: BTreeMap::new(),
            repeat: None,
        }
    }

    /// Takes one chunk, an object's JSON text.
    ///
    /// # Errors
    ///
    /// The chunk is not a JSON object.
    pub fn push(&mut self, chunk: &[u8]) -> serde_json::Result<()> {
        self.repeat = None;
        let chunk = str::from_utf8(chunk).map_err(serde_json::Error::custom)?;
        let chunk = serde_json::from_str::<&RawValue>(chunk)?.get();
        if !chunk.starts_with('{') {
            return Err(serde_json::Error::custom("not an object"));
        }
        let mut repeat = None;
        let mut lists = 0;
        Cursor::new(chunk).members(|name, value| {
            let member = self.top.member(name);
            match name {
                "choices" => {
                    repeat = self.push_choices(value);
                    lists += 1;
                }
                "id" | "created" | "model" => member.keep_first(value.value()),
                _ => member.replace(value.value()),
            }
        });
        self.repeat = repeat.filter(|_| lists == 1);
        Ok(())
    }

    /// Takes a chunk that is the one before it over again but for the content (or text) string of its only choice.
    ///
    /// Returns `false`, and takes nothing, where the chunk before had more than that to add: [`push`](Self::push) it.
    #[inline]
    #[must_use = "a chunk that was not taken must be pushed"]
    pub fn push_content(&mut self, text: &str) -> bool {
        let Some((choice, place)) = self.repeat else {
            return false;
        };
        let Some(choice) = self.choices.get_mut(choice) else {
            return false;
        };
        let fields = match self.kind {
            Kind::Chat => &mut choice.message,
            Kind::Text => &mut choice.own,
        };
        match fields.at_mut(place) {
            Some(Value::Text(content)) => {
                content.push(text);
                true
            }
            _ => false,
        }
    }

    /// The content (or text) of the choice with this index; empty if there is none.
    #[must_use]
    pub fn text(&self, index: u64) -> &str {
        let choice = self.places.get(&index).and_then(|place| self.choices.get(*place));
        let value = choice.and_then(|choice| match self.kind {
            Kind::Chat => choice.message.get("content"),
            Kind::Text => choice.own.get("text"),
        });
        value.and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether there are choices.
    #[must_use]
    pub fn has_choices(&self) -> bool {
        !self.choices.is_empty()
    }

    /// Whether there are choices and each has its finish reason.
    #[must_use]
    pub fn finished(&self) -> bool {
        let finished = |choice: &Choice| choice.own.get("finish_reason").is_some_and(Value::is_text);
        self.has_choices() && self.choices.iter().all(finished)
    }

    /// The JSON text of the last usage that was not null.
    #[must_use]
    pub fn usage_json(&self) -> Option<&str> {
        self.top.get("usage")?.as_raw()
    }

    /// The JSON text of the model's name.
    #[must_use]
    pub fn model_json(&self) -> Option<&str> {
        self.top.get("model")?.as_raw()
    }

    /// The completion so far as a JSON object's text.
    #[must_use]
    pub fn completion_json(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut object = ObjectWriter::new(&mut out);
        for (name, value) in self.top.iter() {
            let out = object.name(name);
            match name {
                "choices" => self.write_choices(out),
                "object" => self.write_object(out),
                _ => value.write(out),
            }
        }
        if self.top.get("object").is_none() {
            self.write_object(object.name("object"));
        }
        if self.top.get("choices").is_none() {
            self.write_choices(object.name("choices"));
        }
        object.end();
        out
    }

    /// Returns what [`repeat`](Self::repeat) is to be.
    fn push_choices(&mut self, list: &mut Cursor<'_>) -> Option<(usize, usize)> {
        let mut repeat = None;
        list.elements(|position, parts| {
            repeat = None;
            if !parts.is_at(b'{') {
                parts.value();
                return;
            }
            let index = parts.find("index").and_then(|index| index.parse().ok());
            let place = self.place(index.unwrap_or(position as u64));
            if let Some(choice) = self.choices.get_mut(place)
                && let Some(content) = choice.merge(parts, self.kind)
                && position == 0
            {
                repeat = Some((place, content));
            }
        });
        repeat
    }

    fn place(&mut self, index: u64) -> usize {
        *self.places.entry(index).or_insert_with(|| {
            self.choices.push(Choice {
                index,
                ..Choice::default()
            });
            self.choices.len() - 1
        })
    }

    fn write_object(&self, out: &mut Vec<u8>) {
        let name: &[u8] = match self.kind {
            Kind::Chat => br#""chat.completion""#,
            Kind::Text => br#""text_completion""#,
        };
        out.extend_from_slice(name);
    }

    fn write_choices(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (position, choice) in self
            .places
            .values()
            .filter_map(|place| self.choices.get(*place))
            .enumerate()
        {
            if position > 0 {
                out.push(b',');
            }
            choice.write(out, self.kind);
        }
        out.push(b']');
    }
}

impl Choice {
    /// Returns the place of the chunk's content string if there was one and nothing else grew.
    fn merge(&mut self, parts: &mut Cursor<'_>, kind: Kind) -> Option<usize> {
        let mut content = None;
        let mut grew = false;
        parts.members(|name, value| match name {
            "index" => drop(value.value()),
            "delta" | "message" if kind == Kind::Chat => {
                self.own.member("message");
                grew |= self.merge_delta(value, &mut content);
            }
            "text" if kind == Kind::Text => grew |= join_content(&mut self.own, name, value.value(), &mut content),
            "logprobs" if value.is_at(b'{') => {
                grew |= self
                    .own
                    .member(name)
                    .merge_object(|logprobs| merge_logprobs(logprobs, value));
            }
            _ => grew |= self.own.member(name).extend(value.value()),
        });
        content.filter(|_| !grew)
    }

    fn merge_delta(&mut self, delta: &mut Cursor<'_>, content: &mut Option<usize>) -> Grew {
        let mut grew = false;
        delta.members(|name, value| match name {
            "content" => grew |= join_content(&mut self.message, name, value.value(), content),
            "role" | "name" => self.message.member(name).keep_first(value.value()),
            "tool_calls" if value.is_at(b'[') => {
                grew |= self.message.member(name).merge_calls(|calls| calls.merge(value));
            }
            "function_call" if value.is_at(b'{') => {
                grew |= self
                    .message
                    .member(name)
                    .merge_object(|function| merge_function(function, value));
            }
            _ if value.is_at(b'{') => {
                grew |= self
                    .message
                    .member(name)
                    .merge_object(|fields| merge_fields(fields, value, 0));
            }
            _ => grew |= self.message.member(name).join(value.value()),
        });
        grew
    }

    fn write(&self, out: &mut Vec<u8>, kind: Kind) {
        let mut object = ObjectWriter::new(out);
        object
            .name("index")
            .extend_from_slice(self.index.to_string().as_bytes());
        for (name, value) in self.own.iter() {
            let out = object.name(name);
            if name == "message" && kind == Kind::Chat {
                self.write_message(out);
            } else {
                value.write(out);
            }
        }
        if kind == Kind::Chat && self.own.get("message").is_none() {
            self.write_message(object.name("message"));
        }
        object.end();
    }

    fn write_message(&self, out: &mut Vec<u8>) {
        let has_role = self
            .message
            .get("role")
            .is_some_and(|role| !matches!(role, Value::Null));
        let has_calls = matches!(self.message.get("tool_calls"), Some(Value::Calls(calls)) if !calls.is_empty());
        let mut object = ObjectWriter::new(out);
        if !has_role {
            object.name("role").extend_from_slice(br#""assistant""#);
        }
        for (name, value) in self.message.iter() {
            if has_role || name != "role" {
                value.write(object.name(name));
            }
        }
        if has_calls && self.message.get("content").is_none() {
            Value::Null.write(object.name("content"));
        }
        object.end();
    }
}

/// Joins the content and notes its place. A second one in the same chunk counts as growth of something else.
fn join_content(fields: &mut Fields, name: &str, raw: &str, content: &mut Option<usize>) -> Grew {
    let grew = fields.member(name).join(raw);
    if raw.starts_with('"') && content.is_none() {
        *content = fields.place(name);
        return false;
    }
    grew
}

/// Objects within a delta are joined member by member down to this level; what is deeper is replaced.
const MAX_LEVELS: u32 = 16;

/// Joins an object of which every chunk brings a part, such as audio: what names it is kept once.
fn merge_fields(fields: &mut Fields, parts: &mut Cursor<'_>, level: u32) -> Grew {
    let mut grew = false;
    parts.members(|name, value| match name {
        "id" | "type" | "format" => fields.member(name).keep_first(value.value()),
        _ if value.is_at(b'{') && level < MAX_LEVELS => {
            grew |= fields
                .member(name)
                .merge_object(|inner| merge_fields(inner, value, level + 1));
        }
        _ => grew |= fields.member(name).join(value.value()),
    });
    grew
}

fn merge_logprobs(logprobs: &mut Fields, parts: &mut Cursor<'_>) -> Grew {
    let mut grew = false;
    parts.members(|name, value| grew |= logprobs.member(name).extend(value.value()));
    grew
}

//! What has been put together so far: JSON values that grow.

use std::collections::HashMap;

use super::calls::Calls;
use super::text::Text;

/// A value and how it grows.
#[derive(Clone, Debug, Default)]
pub(super) enum Value {
    /// Sent, but only as null.
    #[default]
    Null,
    /// The value's JSON text.
    Raw(Box<str>),
    /// Strings joined.
    Text(Text),
    /// Lists joined: the elements' JSON texts with commas between them.
    List(String),
    /// Objects joined member by member.
    Object(Fields),
    /// Tool calls joined by index.
    Calls(Calls),
}

/// Whether a merge made something longer: the same merge once more would then change the result.
pub(super) type Grew = bool;

impl Value {
    /// Keeps the first value that is not null.
    pub(super) fn keep_first(&mut self, raw: &str) {
        if matches!(self, Self::Null) {
            self.replace(raw);
        }
    }

    /// Keeps the first value that is neither null nor an empty string.
    pub(super) fn keep_first_filled(&mut self, raw: &str) {
        if !self.is_filled() {
            self.replace(raw);
        }
    }

    /// Keeps the last value that is not null.
    pub(super) fn replace(&mut self, raw: &str) {
        match self {
            Self::Raw(same) if **same == *raw => {}
            _ if raw == "null" => {}
            _ => *self = Self::Raw(raw.into()),
        }
    }

    /// Joins lists; of anything else keeps the last.
    pub(super) fn extend(&mut self, raw: &str) -> Grew {
        let Some(elements) = raw.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            self.replace(raw);
            return false;
        };
        let elements = elements.trim_ascii();
        match self {
            Self::List(list) => {
                if !list.is_empty() && !elements.is_empty() {
                    list.push(',');
                }
                list.push_str(elements);
            }
            // Empty has nothing to say against a value of another sort.
            _ if elements.is_empty() && !matches!(self, Self::Null) => {}
            _ => *self = Self::List(elements.to_owned()),
        }
        !elements.is_empty()
    }

    /// Joins strings and lists; of anything else keeps the last.
    pub(super) fn join(&mut self, raw: &str) -> Grew {
        if !raw.starts_with('"') {
            return self.extend(raw);
        }
        let empty = raw == r#""""#;
        match self {
            Self::Text(text) => text.push_literal(raw),
            _ if empty && !matches!(self, Self::Null) => {}
            _ => {
                let mut text = Text::default();
                text.push_literal(raw);
                *self = Self::Text(text);
            }
        }
        !empty
    }

    /// Takes a name that comes whole, again and again perhaps, or in pieces.
    pub(super) fn join_name(&mut self, raw: &str) -> Grew {
        if let Self::Text(name) = self {
            let mut piece = Text::default();
            piece.push_literal(raw);
            if piece.as_str() == name.as_str() {
                return false;
            }
        }
        self.join(raw)
    }

    /// Merges into this value as an object; it becomes one if it was none.
    pub(super) fn merge_object<T>(&mut self, merge: impl FnOnce(&mut Fields) -> T) -> T {
        if let Self::Object(fields) = self {
            return merge(fields);
        }
        let mut fields = Fields::default();
        let merged = merge(&mut fields);
        *self = Self::Object(fields);
        merged
    }

    /// Merges into this value as tool calls; it becomes such if it was none.
    pub(super) fn merge_calls<T>(&mut self, merge: impl FnOnce(&mut Calls) -> T) -> T {
        if let Self::Calls(calls) = self {
            return merge(calls);
        }
        let mut calls = Calls::default();
        let merged = merge(&mut calls);
        *self = Self::Calls(calls);
        merged
    }

    /// The text, if this is a string that grows.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// The JSON text, if this was kept as it came and is not null.
    pub(super) fn as_raw(&self) -> Option<&str> {
        match self {
            Self::Raw(raw) => Some(raw),
            _ => None,
        }
    }

    /// A string that is not empty.
    pub(super) fn is_text(&self) -> bool {
        match self {
            Self::Raw(raw) => raw.starts_with('"') && **raw != *r#""""#,
            Self::Text(text) => !text.as_str().is_empty(),
            Self::Null | Self::List(_) | Self::Object(_) | Self::Calls(_) => false,
        }
    }

    /// Neither null nor an empty string.
    pub(super) fn is_filled(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Raw(raw) => **raw != *r#""""#,
            Self::Text(text) => !text.as_str().is_empty(),
            Self::List(_) | Self::Object(_) | Self::Calls(_) => true,
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Raw(raw) => out.extend_from_slice(raw.as_bytes()),
            Self::Text(text) => write_string(out, text.as_str()),
            Self::List(elements) => {
                out.push(b'[');
                out.extend_from_slice(elements.as_bytes());
                out.push(b']');
            }
            Self::Object(fields) => fields.write(out),
            Self::Calls(calls) => calls.write(out),
        }
    }
}

/// An object's members in the order in which they were first seen.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    list: Vec<(Box<str>, Value)>,
    /// Where each name stands, once there are many.
    places: Option<HashMap<Box<str>, usize>>,
}

/// Up to here, looking through a list beats hashing.
const FEW: usize = 24;

impl Fields {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.list.iter().map(|(name, value)| (&**name, value))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let (_, value) = self.list.get(self.place(name)?)?;
        Some(value)
    }

    /// The value of the member at `place`.
    pub(super) fn at_mut(&mut self, place: usize) -> Option<&mut Value> {
        self.list.get_mut(place).map(|(_, value)| value)
    }

    /// Where the member of this name stands.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        match &self.places {
            None => self.list.iter().position(|(known, _)| **known == *name),
            Some(places) => places.get(name).copied(),
        }
    }

    /// The member of this name, null if it is new.
    #[expect(clippy::indexing_slicing, reason = "the place was found or has just been made")]
    pub(super) fn member(&mut self, name: &str) -> &mut Value {
        let place = self.place(name).unwrap_or_else(|| self.insert(name));
        &mut self.list[place].1
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::new(out);
        for (name, value) in self.iter() {
            value.write(object.name(name));
        }
        object.end();
    }

    fn insert(&mut self, name: &str) -> usize {
        let place = self.list.len();
        self.list.push((name.into(), Value::Null));
        if let Some(places) = &mut self.places {
            places.insert(name.into(), place);
        } else if self.list.len() > FEW {
            self.places = Some(
                self.list
                    .iter()
                    .enumerate()
                    .map(|(place, (name, _))| (name.clone(), place))
                    .collect(),
            );
        }
        place
    }
}

/// Writes an object's punctuation.
pub(super) struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> ObjectWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// Writes a member's name; the caller writes its value.
    pub(super) fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        write_string(self.out, name);
        self.out.push(b':');
        self.out
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

//! The shapes of JSON error bodies.
//!
//! Only the level at hand is taken apart, the rest stays raw text: nesting costs no stack.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::ErrorBody;
use super::words::printable;
use crate::json::{self, Member};

/// How many levels of `error` within `detail` within … are followed.
const MAX_LEVELS: u32 = 4;

/// How many of a list's complaints a message repeats.
const MAX_COMPLAINTS: usize = 8;

/// An object's members, their values raw.
pub(super) struct Members<'a>(Vec<Member<'a>>);

impl<'a> Members<'a> {
    pub(super) fn of(text: &'a str) -> Option<Self> {
        if !text.starts_with('{') {
            return None;
        }
        json::members(text).ok().map(Self)
    }

    /// A member's JSON text, unless it is null.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        json::find(&self.0, name).filter(|text| *text != "null")
    }

    /// A member in words, unless there are none.
    fn words(&self, name: &str) -> Option<String> {
        self.get(name)
            .map(|raw| words(raw).into_owned())
            .filter(|text| !text.trim().is_empty())
    }

    fn short(&self, name: &str) -> Option<String> {
        self.words(name).map(|text| printable(&text))
    }
}

/// A JSON value in words: a string's text, anything else as it stands.
fn words(raw: &str) -> Cow<'_, str> {
    if !raw.starts_with('"') {
        return Cow::Borrowed(raw);
    }
    match serde_json::from_str::<String>(raw) {
        Ok(text) => Cow::Owned(text),
        // Half of a surrogate pair: readable enough as it stands.
        Err(_) => Cow::Borrowed(raw.trim_matches('"')),
    }
}

/// Reads a body that is JSON; `None` if it is not.
pub(super) fn from_json(text: &str) -> Option<ErrorBody> {
    let value: &RawValue = serde_json::from_str(text).ok()?;
    Some(from_value(value.get(), 0))
}

fn from_value(raw: &str, level: u32) -> ErrorBody {
    if level < MAX_LEVELS {
        if let Some(members) = Members::of(raw) {
            return from_members(&members, raw, level);
        }
        if raw.starts_with('[')
            && let Ok(list) = json::elements(raw)
        {
            return from_list(&list, level);
        }
    }
    if raw == "null" {
        ErrorBody::default()
    } else {
        ErrorBody::saying(&words(raw))
    }
}

/// Reads an object, whose own text is `raw`.
pub(super) fn from_members(members: &Members<'_>, raw: &str, level: u32) -> ErrorBody {
    let own = members.words("message").or_else(|| members.words("msg"));
    let inner = ["error", "detail", "errors"]
        .into_iter()
        .find_map(|name| Some((name, members.get(name)?)));
    let mut said = match (inner, own) {
        (Some((name, inner)), own) => {
            let said = from_value(inner, level + 1);
            match own {
                Some(own) if said.message.is_empty() => ErrorBody::saying(&own),
                Some(own) if inner.starts_with('"') && words(inner) != own => match name {
                    "error" => ErrorBody::saying(&format!("{}: {own}", words(inner))),
                    _ => ErrorBody::saying(&format!("{own}: {}", words(inner))),
                },
                _ => said,
            }
        }
        (None, Some(own)) => ErrorBody::saying(&own),
        (None, None) if raw == "{}" => ErrorBody::default(),
        (None, None) => ErrorBody::saying(raw),
    };
    said.code = said.code.or_else(|| members.short("code"));
    said.kind = said.kind.or_else(|| members.short("type"));
    said.param = said.param.or_else(|| members.short("param"));
    said
}

/// Reads a list of complaints, such as a validation's `{loc, msg, type}`.
fn from_list(list: &[&RawValue], level: u32) -> ErrorBody {
    let mut said = ErrorBody::default();
    let mut complaints = Vec::new();
    for (position, item) in list.iter().take(MAX_COMPLAINTS).enumerate() {
        let members = Members::of(item.get());
        let mut complaint = from_value(item.get(), level + 1);
        if let Some(place) = members.as_ref().and_then(|members| location(members.get("loc")?)) {
            complaint = ErrorBody::saying(&format!("{place}: {}", complaint.message));
        }
        if !complaint.message.is_empty() {
            complaints.push(complaint.message.clone());
        }
        if position == 0 {
            said = complaint;
        }
    }
    if list.len() > MAX_COMPLAINTS {
        complaints.push("…".to_owned());
    }
    let refusal = said.refusal;
    ErrorBody {
        message: printable(&complaints.join("; ")),
        refusal,
        ..said
    }
}

/// Where in the request: `["body", "messages", 0, "content"]` as `messages.0.content`.
fn location(raw: &str) -> Option<String> {
    if !raw.starts_with('[') {
        return Some(words(raw).into_owned());
    }
    let mut parts: Vec<_> = json::elements(raw)
        .ok()?
        .into_iter()
        .map(|part| words(part.get()))
        .collect();
    if parts.len() > 1 && parts.first().is_some_and(|part| part == "body") {
        parts.remove(0);
    }
    Some(parts.join(".")).filter(|place| !place.is_empty())
}

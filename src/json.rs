//! One level of a JSON text at a time, without building what is below it.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::split::Cursor;

/// A member of an object: its name, and the text of its value.
pub type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// The members of the object that `json` is, in order. The whole text is checked, nothing below the first level is built.
///
/// # Errors
/// Where `json` is not one JSON object.
pub fn members(json: &str) -> serde_json::Result<Vec<Member<'_>>> {
    serde_json::from_str::<Members<'_>>(json).map(|members| members.0)
}

/// Whether that is one JSON object; nothing of it is built.
#[must_use]
pub fn is_object(json: &str) -> bool {
    Cursor::new(json).is_at(b'{') && serde_json::from_str::<IgnoredAny>(json).is_ok()
}

/// The text of the member of this name of the object that `json` is; of several the last, as everybody reads them.
#[must_use]
pub fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    find(&members(json).ok()?, name)
}

/// The text of the member of this name; of several the last.
#[must_use]
pub fn find<'a>(members: &[Member<'a>], name: &str) -> Option<&'a str> {
    let (_, value) = members.iter().rev().find(|(known, _)| known == name)?;
    Some(value.get())
}

/// The elements of the array that `json` is.
///
/// # Errors
/// Where `json` is not one JSON array.
pub fn elements(json: &str) -> serde_json::Result<Vec<&RawValue>> {
    serde_json::from_str::<Elements<'_>>(json).map(|elements| elements.0)
}

/// A reply's body as JSON text that [`members`] can read: without a byte-order mark, invalid UTF-8 replaced as in a
/// stream, and Python's `Infinity` and `NaN`, which are not JSON but come from servers in Python, as numbers that are:
/// one too large for any float, and null.
#[must_use]
pub fn tolerate(body: &Bytes) -> Bytes {
    let clean = match std::str::from_utf8(body) {
        Ok(text) if !text.starts_with('\u{FEFF}') => body.clone(),
        Ok(text) => Bytes::copy_from_slice(text.trim_start_matches('\u{FEFF}').as_bytes()),
        Err(_) => Bytes::from(String::from_utf8_lossy(body).trim_start_matches('\u{FEFF}').to_owned()),
    };
    let text = std::str::from_utf8(&clean).unwrap_or_default();
    if serde_json::from_str::<&RawValue>(text).is_ok() {
        return clean;
    }
    match with_finite_numbers(text) {
        Some(finite) if serde_json::from_str::<&RawValue>(&finite).is_ok() => Bytes::from(finite),
        _ => clean,
    }
}

/// The text with the words for numbers that JSON lacks replaced, outside of strings; `None` where it has none.
fn with_finite_numbers(text: &str) -> Option<String> {
    const WORDS: [(&str, &str); 2] = [("Infinity", "1e999"), ("NaN", "null")];
    let mut out = String::with_capacity(text.len());
    let mut found = false;
    let mut rest = text;
    while let Some(at) = rest.find(['"', 'I', 'N']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let length = if from.starts_with('"') {
            let end = string_end(from);
            out.push_str(from.get(..end)?);
            end
        } else if let Some((word, number)) = WORDS.iter().find(|(word, _)| from.starts_with(word)) {
            found = true;
            out.push_str(number);
            word.len()
        } else {
            out.push_str(from.get(..1)?);
            1
        };
        rest = from.get(length..)?;
    }
    out.push_str(rest);
    found.then_some(out)
}

/// Levels of nesting below which every decoder that a program may use goes; replies have fewer than ten.
const MAX_DEPTH: usize = 256;
/// Python makes no integer of more digits from text (its `sys.int_info.default_max_str_digits`).
const MAX_DIGITS: usize = 4300;

/// What Python could not hold of a JSON text, so that it is refused when it comes and not when it is read.
#[must_use]
pub fn beyond_python(json: &str) -> Option<&'static str> {
    let bytes = json.as_bytes();
    // Nearly all texts are too short for either.
    if bytes.len() <= MAX_DIGITS && memchr::memchr2_iter(b'{', b'[', bytes).take(MAX_DEPTH + 1).count() <= MAX_DEPTH {
        return None;
    }
    let (mut at, mut depth, mut digits) = (0, 0_usize, 0_usize);
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                if digits > MAX_DIGITS {
                    return Some("a number has more than 4300 digits");
                }
                continue;
            }
            b'"' => {
                while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
                    at += found + 1;
                    if bytes.get(at - 1) == Some(&b'"') {
                        break;
                    }
                    at += 1;
                }
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some("it is nested deeper than 256 levels");
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        digits = 0;
    }
    None
}

/// Where the string literal ends that `text` begins with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A string that borrows where nothing in it is escaped; serde's own `Cow` never borrows.
#[derive(Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

struct Members<'a>(Vec<Member<'a>>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(8);
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

struct Elements<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Elements<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut elements = Vec::new();
                while let Some(value) = seq.next_element()? {
                    elements.push(value);
                }
                Ok(Elements(elements))
            }
        }
        deserializer.deserialize_seq(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_level_is_split_and_the_rest_kept_as_text() {
        let json = r#"{"a": [1, {"b": 2}], "c\u0064": "\ud83d"}"#;
        let members = members(json).unwrap();
        let shown: Vec<_> = members
            .iter()
            .map(|(name, value)| (name.as_ref(), value.get()))
            .collect();
        assert_eq!(shown, [("a", r#"[1, {"b": 2}]"#), ("cd", r#""\ud83d""#)]);
        assert!(matches!(members[0].0, Cow::Borrowed(_)));
    }

    #[test]
    fn what_servers_in_python_send_is_read() {
        let tolerated = |text: &'static str| tolerate(&Bytes::from_static(text.as_bytes()));
        assert_eq!(
            tolerated(r#"{"a": [-Infinity, NaN], "b": "NaN \" Infinity"}"#),
            r#"{"a": [-1e999, null], "b": "NaN \" Infinity"}"#
        );
        assert_eq!(tolerated("\u{FEFF}{}"), "{}");
        assert_eq!(tolerated(r#"{"a": Nope}"#), r#"{"a": Nope}"#);
        assert_eq!(tolerated(r#"{"a": "unfinished NaN"#), r#"{"a": "unfinished NaN"#);
        assert_eq!(
            tolerate(&Bytes::from_static(b"{\"a\": \"\xff\"}")),
            "{\"a\": \"\u{FFFD}\"}"
        );
    }

    #[test]
    fn what_python_cannot_hold_is_found() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let number = |digits: usize| format!(r#"{{"a": {}}}"#, "1".repeat(digits));
        for fine in [
            nested(256),
            number(4300),
            format!(r#"["{}\"{}"]"#, "[".repeat(999), "1".repeat(9999)),
            "[".repeat(200) + &"]".repeat(200) + &"[".repeat(200),
        ] {
            assert_eq!(beyond_python(&fine), None);
        }
        assert!(beyond_python(&nested(257)).is_some());
        assert!(beyond_python(&number(4301)).is_some());
        assert!(beyond_python(&format!(r#"["\\\\",{}]"#, number(4301))).is_some());
    }

    #[test]
    fn nesting_does_not_overflow_the_stack() {
        let deep = format!(r#"{{"a": {}{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(members(&deep).unwrap().len(), 1);
    }
}

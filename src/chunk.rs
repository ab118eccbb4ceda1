//! Chunks of one stream, compared: nearly all are alike but for one content string, and then only that is decoded.

use std::borrow::Cow;

use bytes::Bytes;

use crate::json::{Text, elements, members};

/// The bytes around the content string of a fully decoded chunk. Any chunk with the same bytes around a string says the
/// same but for that string.
#[derive(Debug, Clone)]
pub struct Template {
    data: Bytes,
    /// Where the content's first byte stands, behind its quotation mark.
    content_start: usize,
    /// How many bytes follow the content, its closing quotation mark included.
    content_tail: usize,
    /// Where the choice stands: its first byte, and the bytes after its last.
    pub choice: Span,
    /// Where the choice's delta stands.
    pub delta: Span,
}

/// A place in all chunks of a template: from the front, and from the back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: usize,
    tail: usize,
}

impl Span {
    fn of(part: &str, whole: &str) -> Option<Self> {
        let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
        let tail = whole.len().checked_sub(start + part.len())?;
        Some(Self { start, tail })
    }

    /// This place's bytes in `data`.
    #[must_use]
    pub fn slice(self, data: &Bytes) -> Bytes {
        data.slice(self.start..data.len() - self.tail)
    }
}

impl Template {
    /// The template of `data`, if its one choice's delta has a content string and nothing beside it that adds up, and no
    /// value of it is an object or a list: those can be changed, and chunks of one template share their values.
    #[must_use]
    pub fn of(data: &Bytes) -> Option<Self> {
        let text = std::str::from_utf8(data).ok()?;
        let choices = only(members(text).ok()?, "choices", |_, value| {
            !value.starts_with(['{', '['])
        })?;
        let [choice] = elements(choices).ok()?.try_into().ok()?;
        let delta = only(members(choice.get()).ok()?, "delta", |name, value| {
            matches!(name, "index" | "finish_reason") && !value.starts_with(['{', '[']) || value == "null"
        })?;
        let content = only(members(delta).ok()?, "content", |name, value| {
            name == "role" && !value.starts_with(['{', '[']) || value == "null"
        })?;
        if !content.starts_with('"') {
            return None;
        }
        let span = Span::of(content, text)?;
        Some(Self {
            content_start: span.start + 1,
            content_tail: span.tail + 1,
            choice: Span::of(choice.get(), text)?,
            delta: Span::of(delta, text)?,
            data: data.clone(),
        })
    }

    /// The chunk that the template was made of.
    #[must_use]
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// Where the content begins and ends in the template's own chunk, without its quotation marks.
    #[must_use]
    pub fn content_span(&self) -> (usize, usize) {
        (self.content_start, self.data.len() - self.content_tail)
    }

    /// The content of `data` if that is all in which it differs from this template.
    #[must_use]
    pub fn content<'a>(&self, data: &'a [u8]) -> Option<Cow<'a, str>> {
        let (prefix, suffix) = (
            self.data.get(..self.content_start)?,
            self.data.get(self.data.len() - self.content_tail..)?,
        );
        if data.len() < prefix.len() + suffix.len() || !data.starts_with(prefix) || !data.ends_with(suffix) {
            return None;
        }
        let literal = data.get(prefix.len()..data.len() - suffix.len())?;
        if literal
            .iter()
            .any(|byte| *byte < b' ' || *byte == b'"' || *byte == b'\\')
        {
            let quoted = data.get(prefix.len() - 1..=data.len() - suffix.len())?;
            return serde_json::from_slice::<Text<'a>>(quoted).ok().map(|text| text.0);
        }
        std::str::from_utf8(literal).ok().map(Cow::Borrowed)
    }
}

/// The text of the member `wanted`, if it stands there once and every other one `may_stand_beside` it.
fn only<'a>(
    members: Vec<crate::json::Member<'a>>,
    wanted: &str,
    may_stand_beside: impl Fn(&str, &str) -> bool,
) -> Option<&'a str> {
    let mut found = None;
    for (name, value) in members {
        if name == wanted {
            if found.replace(value.get()).is_some() {
                return None;
            }
        } else if !may_stand_beside(&name, value.get()) {
            return None;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNK: &str =
        r#"{"id":"a","choices":[{"index":0,"delta":{"role":"assistant","content":" Hi"},"finish_reason":null}],"n":1}"#;

    fn template() -> Template {
        Template::of(&Bytes::from_static(CHUNK.as_bytes())).unwrap()
    }

    #[test]
    fn a_chunk_that_differs_in_its_content_is_read_by_its_content() {
        let other = CHUNK.replace(" Hi", r"a\n\u00e9\u4f60");
        assert_eq!(template().content(other.as_bytes()).unwrap(), "a\né你");
        assert_eq!(template().content(CHUNK.replace(" Hi", "").as_bytes()).unwrap(), "");
        let data = Bytes::from(other);
        assert!(
            template()
                .delta
                .slice(&data)
                .starts_with(br#"{"role":"assistant","content":"a\n"#)
        );
        assert!(template().choice.slice(&data).ends_with(br#""finish_reason":null}"#));
    }

    #[test]
    fn anything_else_is_left_to_the_full_decoder() {
        for other in [
            CHUNK.replace("null", "\"stop\""),
            CHUNK.replace(" Hi", "a\nb"),
            CHUNK.replace(" Hi", r"\ud83d"),
            CHUNK.replace(" Hi", "a\",\"x\":\"b"),
            CHUNK.replace("\"n\":1", "\"n\":2"),
            CHUNK.trim_end_matches('}').to_owned(),
        ] {
            assert_eq!(template().content(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn only_a_plain_content_delta_makes_a_template() {
        for chunk in [
            r#"{"choices":[]}"#,
            r#"{"choices":[{"delta":{"content":null}}]}"#,
            r#"{"choices":[{"delta":{"content":"a","reasoning_content":"b"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a","content":"b"}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[]}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}}],"usage":{"total_tokens":1}}"#,
            r#"{"choices":[{"delta":{"content":"a","role":[]}}]}"#,
            r#"{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}"#,
        ] {
            assert!(Template::of(&Bytes::from_static(chunk.as_bytes())).is_none(), "{chunk}");
        }
    }
}

//! The decoder of chunks that are alike, against a decoder of any JSON.

use bytes::Bytes;
use serde_json::Value;
use tokstream::chunk::Template;

/// The first line is a chunk; the others are chunks, or string literals that stand in its place of the content.
pub fn check(lines: &[u8]) {
    let mut lines = lines.split(|byte| *byte == b'\n');
    let first = Bytes::copy_from_slice(lines.next().unwrap_or_default());
    let Some(template) = Template::of(&first) else { return };
    check_likeness(&template, &first, &first);
    assert!(template.content(&first).is_some() || serde_json::from_slice::<Value>(&first).is_err());
    for line in lines {
        check_likeness(&template, &first, line);
        if let Ok(Value::String(text)) = serde_json::from_slice(line) {
            let literal = line.trim_ascii();
            let other = [before(&template, &first), literal, after(&template, &first)].concat();
            assert_eq!(template.content(&other).as_deref(), Some(text.as_str()));
            check_likeness(&template, &first, &other);
        }
    }
}

/// What is taken for alike says the same but for its content.
fn check_likeness(template: &Template, first: &[u8], other: &[u8]) {
    let Some(content) = template.content(other) else { return };
    // Half surrogate pairs outside of the content are passed over here and refused by the general decoder.
    let Ok(mut value) = serde_json::from_slice::<Value>(first) else {
        return;
    };
    *value.pointer_mut("/choices/0/delta/content").unwrap() = content.as_ref().into();
    let decoded: Value = serde_json::from_slice(other).unwrap();
    assert_eq!(decoded, value, "{}", other.escape_ascii());
    let delta = template.delta.slice(&Bytes::copy_from_slice(other));
    assert_eq!(
        serde_json::from_slice::<Value>(&delta).unwrap(),
        value["choices"][0]["delta"]
    );
    let choice = template.choice.slice(&Bytes::copy_from_slice(other));
    assert_eq!(serde_json::from_slice::<Value>(&choice).unwrap(), value["choices"][0]);
}

/// The chunk up to its content's literal.
fn before<'a>(template: &Template, chunk: &'a [u8]) -> &'a [u8] {
    &chunk[..template.content_span().0 - 1]
}

/// The chunk from behind its content's literal.
fn after<'a>(template: &Template, chunk: &'a [u8]) -> &'a [u8] {
    &chunk[template.content_span().1 + 1..]
}

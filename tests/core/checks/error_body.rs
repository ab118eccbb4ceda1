//! The decoder of error bodies.

use serde_json::Value;
use tokstream::api_error::ErrorBody;

/// A body of an error, and the same bytes as a stream's data.
pub fn check(body: &[u8]) {
    for content_type in [None, Some("application/json"), Some("text/html")] {
        check_shown(&ErrorBody::decode(content_type, body));
    }
    let in_stream = ErrorBody::in_stream(body);
    if let Some(said) = &in_stream {
        check_shown(said);
    }
    // The general decoder refuses deep nesting and half surrogate pairs, which ours passes over.
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        // Names that are written with escapes are not looked for.
        if !body.contains(&b'\\') {
            assert_eq!(in_stream.is_some(), is_error(&value), "{value}");
        }
    }
}

fn check_shown(said: &ErrorBody) {
    let texts = [
        Some(&said.message),
        said.code.as_ref(),
        said.kind.as_ref(),
        said.param.as_ref(),
    ];
    for text in texts.into_iter().flatten() {
        assert!(text.chars().count() <= 501, "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

/// Whether a stream's data object is an error.
fn is_error(value: &Value) -> bool {
    let Some(object) = value.as_object() else { return false };
    let get = |name: &str| object.get(name).filter(|value| !value.is_null());
    let has_choices = get("choices").is_some();
    match get("error") {
        Some(Value::Bool(false)) => !has_choices,
        Some(Value::String(text)) if text.is_empty() => !has_choices,
        Some(Value::Array(list)) if list.is_empty() => !has_choices,
        Some(Value::Object(object)) if object.is_empty() => !has_choices,
        Some(_) => true,
        None => !has_choices && (get("detail").is_some() || get("object").is_some_and(|object| object == "error")),
    }
}

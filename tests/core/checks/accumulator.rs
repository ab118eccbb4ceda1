//! The accumulator against a naive one, and its cheap path against its general one.

mod naive;

use serde_json::{Map, Value, json};
use tokstream::accumulate::{Accumulator, Kind};

use super::dice::Dice;
use naive::Naive;

const STRINGS: &[&str] = &["", "a", " token", "é", "😀", "\"\\\n\u{0}", "</s>"];

/// An even first byte: the rest decides what chunks there are. An odd one: the rest is pushed, line by line.
pub fn check(input: &[u8]) {
    match input.split_first() {
        Some((first, rest)) if first % 2 == 1 => check_lines(rest),
        Some((_, rest)) => check_chunks(&mut Dice::new(rest)),
        None => {}
    }
}

/// Whatever is pushed, what comes out is JSON.
fn check_lines(lines: &[u8]) {
    for kind in [Kind::Chat, Kind::Text] {
        let mut sum = Accumulator::new(kind);
        for line in lines.split(|byte| *byte == b'\n') {
            let valid = serde_json::from_slice::<Map<String, Value>>(line).is_ok();
            let pushed = sum.push(line).is_ok();
            assert!(pushed || !valid);
        }
        let json = sum.completion_json();
        serde_json::from_slice::<serde::de::IgnoredAny>(&json).unwrap();
    }
}

fn check_chunks(dice: &mut Dice<'_>) {
    let kind = dice.pick(&[Kind::Chat, Kind::Chat, Kind::Text]);
    let mut general = Accumulator::new(kind);
    let mut cheap = Accumulator::new(kind);
    let mut naive = Naive::new(kind);
    while dice.is_live() {
        let mut chunk = chunk(dice, kind);
        let style = (dice.one_in(4), dice.one_in(3));
        let text = render(&chunk, style);
        general.push(text.as_bytes()).unwrap();
        cheap.push(text.as_bytes()).unwrap();
        naive.push(&chunk);
        let plain = is_plain(&chunk) && !general.text(index_of(&chunk)).is_empty();
        for _ in 0..dice.roll(4) {
            let Some(content) = content_mut(&mut chunk, kind) else {
                break;
            };
            let text = dice.pick(STRINGS);
            *content = text.into();
            let whole = render(&chunk, style);
            general.push(whole.as_bytes()).unwrap();
            naive.push(&chunk);
            if !cheap.push_content(text) {
                assert!(!plain, "refused: {whole}");
                cheap.push(whole.as_bytes()).unwrap();
            }
        }
        check_same(&general, &cheap, &naive);
    }
    check_same(&general, &cheap, &naive);
}

fn check_same(general: &Accumulator, cheap: &Accumulator, naive: &Naive) {
    let json = general.completion_json();
    assert_eq!(
        String::from_utf8(cheap.completion_json()).unwrap(),
        String::from_utf8(json.clone()).unwrap()
    );
    let value: Value = serde_json::from_slice(&json).unwrap();
    let expected = naive.completion();
    assert_eq!(value, expected, "\n{value}\n{expected}");

    let choices = expected["choices"].as_array().unwrap();
    let indices: Vec<_> = choices.iter().map(|choice| choice["index"].as_u64().unwrap()).collect();
    assert!(indices.is_sorted());
    for (index, choice) in indices.iter().zip(choices) {
        let text = choice["message"]["content"].as_str().or(choice["text"].as_str());
        assert_eq!(general.text(*index), text.unwrap_or_default());
    }
    let has_reason = |choice: &Value| !matches!(choice["finish_reason"].as_str(), None | Some(""));
    assert_eq!(
        general.finished(),
        !choices.is_empty() && choices.iter().all(has_reason)
    );
    let usage = general.usage_json().map(|usage| serde_json::from_str(usage).unwrap());
    assert_eq!(usage.unwrap_or(Value::Null), expected["usage"]);
}

/// A chunk's JSON text, in one of the ways in which it may be written.
fn render(chunk: &Value, (spaced, escaped): (bool, bool)) -> String {
    let text = if spaced {
        format!(" {chunk:#}\n")
    } else {
        chunk.to_string()
    };
    if escaped {
        let escape = |unit: &u16| format!("\\u{unit:04x}");
        return text
            .chars()
            .map(|c| {
                if c.is_ascii() {
                    c.to_string()
                } else {
                    c.encode_utf16(&mut [0; 2]).iter().map(escape).collect()
                }
            })
            .collect();
    }
    text
}

/// The string in which chunks of a stream mostly differ.
fn content_mut(chunk: &mut Value, kind: Kind) -> Option<&mut Value> {
    let [choice] = chunk.get_mut("choices")?.as_array_mut()?.as_mut_slice() else {
        return None;
    };
    let content = match kind {
        Kind::Chat => choice.get_mut("delta")?.get_mut("content")?,
        Kind::Text => choice.get_mut("text")?,
    };
    content.is_string().then_some(content)
}

/// Whether the only choice has content and nothing beside it that adds up.
fn is_plain(chunk: &Value) -> bool {
    let plain = |object: &Value, names: &[&str]| {
        let object = object.as_object();
        object.is_some_and(|members| {
            members
                .iter()
                .all(|(name, value)| value.is_null() || names.contains(&name.as_str()))
        })
    };
    let choice = &chunk["choices"][0];
    plain(choice, &["index", "delta", "text", "finish_reason"])
        && (choice["delta"].is_null() || plain(&choice["delta"], &["role", "content"]))
}

/// The index of the first choice.
fn index_of(chunk: &Value) -> u64 {
    chunk["choices"][0]["index"].as_u64().unwrap_or(0)
}

fn chunk(dice: &mut Dice<'_>, kind: Kind) -> Value {
    let mut chunk = Map::new();
    for name in ["id", "object", "created", "model", "service_tier", "usage", "new"] {
        if dice.one_in(4) {
            chunk.insert(name.into(), value(dice));
        }
    }
    match dice.roll(8) {
        0 => {}
        1 => drop(chunk.insert("choices".into(), value(dice))),
        sides => {
            let count = if sides == 2 { dice.roll(4) } else { 1 };
            chunk.insert("choices".into(), (0..count).map(|_| choice(dice, kind)).collect());
        }
    }
    chunk.into()
}

fn choice(dice: &mut Dice<'_>, kind: Kind) -> Value {
    let mut choice = Map::new();
    if !dice.one_in(8) {
        choice.insert("index".into(), dice.pick(&[0, 0, 0, 1, 2, 7]).into());
    }
    match kind {
        Kind::Chat if dice.one_in(8) => drop(choice.insert("delta".into(), Value::Null)),
        Kind::Chat => drop(choice.insert("delta".into(), delta(dice))),
        Kind::Text => drop(choice.insert("text".into(), string(dice))),
    }
    if dice.one_in(3) {
        choice.insert(
            "finish_reason".into(),
            dice.pick(&[None, Some("stop"), Some("")]).into(),
        );
    }
    if dice.one_in(4) {
        let logprobs = json!({"content": list(dice), "tokens": list(dice), "refusal": null, "x": value(dice)});
        choice.insert("logprobs".into(), if dice.one_in(4) { Value::Null } else { logprobs });
    }
    if dice.one_in(6) {
        choice.insert("token_ids".into(), value(dice));
    }
    choice.into()
}

fn delta(dice: &mut Dice<'_>) -> Value {
    let mut delta = Map::new();
    if dice.one_in(2) {
        delta.insert(
            "role".into(),
            dice.pick(&[None, Some("assistant"), Some("tool")]).into(),
        );
    }
    if !dice.one_in(4) {
        delta.insert(
            "content".into(),
            if dice.one_in(8) { value(dice) } else { string(dice) },
        );
    }
    for name in ["name", "reasoning_content", "refusal", "new"] {
        if dice.one_in(6) {
            delta.insert(name.into(), value(dice));
        }
    }
    if dice.one_in(3) {
        let calls: Vec<_> = (0..dice.roll(3)).map(|_| call(dice)).collect();
        delta.insert(
            "tool_calls".into(),
            if dice.one_in(6) { Value::Null } else { calls.into() },
        );
    }
    if dice.one_in(6) {
        delta.insert(
            "function_call".into(),
            if dice.one_in(3) { Value::Null } else { function(dice) },
        );
    }
    delta.into()
}

fn call(dice: &mut Dice<'_>) -> Value {
    let mut call = Map::new();
    if !dice.one_in(4) {
        call.insert("index".into(), dice.pick(&[0, 0, 1, 5]).into());
    }
    if dice.one_in(2) {
        call.insert("id".into(), dice.pick(&[None, Some(""), Some("a"), Some("b")]).into());
    }
    if dice.one_in(3) {
        call.insert("type".into(), dice.pick(&[None, Some("function")]).into());
    }
    if !dice.one_in(4) {
        call.insert(
            "function".into(),
            if dice.one_in(6) { Value::Null } else { function(dice) },
        );
    }
    if dice.one_in(6) {
        call.insert("extra_content".into(), value(dice));
    }
    call.into()
}

fn function(dice: &mut Dice<'_>) -> Value {
    let mut function = Map::new();
    if dice.one_in(2) {
        function.insert("name".into(), string(dice));
    }
    if !dice.one_in(4) {
        function.insert(
            "arguments".into(),
            if dice.one_in(8) { value(dice) } else { string(dice) },
        );
    }
    function.into()
}

fn string(dice: &mut Dice<'_>) -> Value {
    match dice.roll(STRINGS.len() + 1) {
        0 => Value::Null,
        at => STRINGS[at - 1].into(),
    }
}

fn list(dice: &mut Dice<'_>) -> Value {
    (0..dice.roll(3))
        .map(|n| json!({"token": dice.pick(STRINGS), "n": n}))
        .collect()
}

fn value(dice: &mut Dice<'_>) -> Value {
    match dice.roll(8) {
        0 => Value::Null,
        1 => dice.pick(&[0, 7, -1]).into(),
        2 => 0.25.into(),
        3 => true.into(),
        4 => list(dice),
        5 => json!({"a": dice.pick(STRINGS)}),
        _ => string(dice),
    }
}

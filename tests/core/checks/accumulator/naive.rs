//! The rules of joining, on decoded values and without a thought for speed.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokstream::accumulate::Kind;

type Object = Map<String, Value>;

pub struct Naive {
    kind: Kind,
    top: Object,
    choices: BTreeMap<u64, Choice>,
}

#[derive(Default)]
struct Choice {
    own: Object,
    message: Object,
    /// Tool calls in the order in which they began, with their index.
    calls: Vec<(u64, Object)>,
    last_call: usize,
}

impl Naive {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            top: Object::new(),
            choices: BTreeMap::new(),
        }
    }

    pub fn push(&mut self, chunk: &Value) {
        for (name, value) in chunk.as_object().unwrap() {
            match name.as_str() {
                "choices" => {
                    for (position, parts) in value.as_array().into_iter().flatten().enumerate() {
                        let Some(parts) = parts.as_object() else { continue };
                        let index = parts.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
                        self.choices.entry(index).or_default().push(parts, self.kind);
                    }
                }
                "id" | "created" | "model" => keep_first(&mut self.top, name, value),
                _ => keep_last(&mut self.top, name, value),
            }
        }
    }

    pub fn completion(&self) -> Value {
        let mut completion = self.top.clone();
        let object = if self.kind == Kind::Chat {
            "chat.completion"
        } else {
            "text_completion"
        };
        completion.insert("object".into(), object.into());
        let choices = self
            .choices
            .iter()
            .map(|(index, choice)| choice.completion(*index, self.kind));
        completion.insert("choices".into(), choices.collect());
        completion.into()
    }
}

impl Choice {
    fn push(&mut self, parts: &Object, kind: Kind) {
        for (name, value) in parts {
            match (name.as_str(), value) {
                ("index", _) => {}
                ("delta", delta) if kind == Kind::Chat => self.push_delta(delta),
                ("text", _) if kind == Kind::Text => join(&mut self.own, name, value),
                ("logprobs", Value::Object(logprobs)) => {
                    let sum = object(&mut self.own, name);
                    logprobs.iter().for_each(|(name, value)| extend(sum, name, value));
                }
                _ => extend(&mut self.own, name, value),
            }
        }
    }

    fn push_delta(&mut self, delta: &Value) {
        for (name, value) in delta.as_object().into_iter().flatten() {
            match (name.as_str(), value) {
                ("tool_calls", Value::Array(calls)) => {
                    self.message.insert(name.clone(), json!([]));
                    for (position, call) in calls.iter().enumerate() {
                        self.push_call(call.as_object().unwrap(), position, calls.len() == 1);
                    }
                }
                ("role" | "name" | "tool_calls", _) => keep_first(&mut self.message, name, value),
                ("function_call", Value::Object(call)) => push_function(object(&mut self.message, name), call),
                ("content", _) => join(&mut self.message, name, value),
                _ => join_deep(&mut self.message, name, value),
            }
        }
    }

    fn push_call(&mut self, call: &Object, position: usize, alone: bool) {
        let id = call.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let has_id = |place: usize| id.is_some() && self.calls[place].1.get("id").and_then(Value::as_str) == id;
        let of_index = |index: u64| self.calls.iter().position(|(known, _)| *known == index);
        let position = position as u64;
        let place = match (call.get("index").and_then(Value::as_u64), id) {
            (Some(index), _) => of_index(index).ok_or(index),
            (None, Some(_)) => match of_index(position) {
                Some(place) if has_id(place) => Ok(place),
                _ if !self.calls.is_empty() && has_id(self.last_call) => Ok(self.last_call),
                None => Err(position),
                Some(_) => Err(self.calls.iter().map(|(index, _)| index + 1).max().unwrap_or(0)),
            },
            (None, None) if alone && !self.calls.is_empty() => Ok(self.last_call),
            (None, None) => of_index(position).ok_or(position),
        };
        let place = place.unwrap_or_else(|index| {
            self.calls.push((index, Object::new()));
            self.calls.len() - 1
        });
        self.last_call = place;
        let sum = &mut self.calls[place].1;
        for (name, value) in call {
            match (name.as_str(), value) {
                ("index", _) => {}
                ("id" | "type", _) => {
                    if matches!(sum.get(name), None | Some(Value::Null)) || sum[name] == "" {
                        keep_last(sum, name, value);
                    }
                }
                ("function", Value::Object(function)) => push_function(object(sum, name), function),
                _ => keep_last(sum, name, value),
            }
        }
    }

    fn completion(&self, index: u64, kind: Kind) -> Value {
        let mut choice = self.own.clone();
        choice.insert("index".into(), index.into());
        if kind == Kind::Chat {
            let mut message = self.message.clone();
            if matches!(message.get("role"), None | Some(Value::Null)) {
                message.insert("role".into(), "assistant".into());
            }
            if !self.calls.is_empty() {
                let mut calls = self.calls.clone();
                calls.sort_by_key(|(index, _)| *index);
                message.insert("tool_calls".into(), calls.into_iter().map(|(_, call)| call).collect());
                message.entry("content").or_insert(Value::Null);
            }
            choice.insert("message".into(), message.into());
        }
        choice.into()
    }
}

fn push_function(sum: &mut Object, function: &Object) {
    for (name, value) in function {
        if name == "name" && value.is_string() && sum.get(name) == Some(value) {
            continue;
        }
        join(sum, name, value);
    }
}

fn object<'a>(sum: &'a mut Object, name: &str) -> &'a mut Object {
    let value = sum.entry(name).or_insert(Value::Null);
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().unwrap()
}

fn keep_first(sum: &mut Object, name: &str, value: &Value) {
    if matches!(sum.get(name), None | Some(Value::Null)) {
        sum.insert(name.into(), value.clone());
    }
}

fn keep_last(sum: &mut Object, name: &str, value: &Value) {
    if !value.is_null() || !sum.contains_key(name) {
        sum.insert(name.into(), value.clone());
    }
}

fn extend(sum: &mut Object, name: &str, value: &Value) {
    match (sum.get_mut(name), value) {
        (Some(Value::Array(list)), Value::Array(more)) => list.extend(more.iter().cloned()),
        (Some(known), Value::Array(more)) if more.is_empty() && !known.is_null() => {}
        _ => keep_last(sum, name, value),
    }
}

/// Objects are joined member by member, anything else as by `join`.
fn join_deep(sum: &mut Object, name: &str, value: &Value) {
    let (Some(Value::Object(known)), Value::Object(more)) = (sum.get_mut(name), value) else {
        return join(sum, name, value);
    };
    for (name, value) in more {
        match name.as_str() {
            "id" | "type" | "format" => keep_first(known, name, value),
            _ => join_deep(known, name, value),
        }
    }
}

fn join(sum: &mut Object, name: &str, value: &Value) {
    match (sum.get_mut(name), value) {
        (Some(Value::String(text)), Value::String(more)) => text.push_str(more),
        (Some(known), Value::String(more)) if more.is_empty() && !known.is_null() => {}
        _ => extend(sum, name, value),
    }
}

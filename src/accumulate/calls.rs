//! Tool calls, which come whole or in fragments.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::value::{Fields, Grew};
use crate::json::{Member, elements, members};

/// A message's tool calls so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    /// In the order in which they began.
    list: Vec<Fields>,
    /// The calls' places in `list` by their index.
    places: BTreeMap<u64, usize>,
    /// The place of the call that the last fragment belonged to.
    last: usize,
}

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Merges one delta's list of fragments.
    pub(super) fn merge(&mut self, raw: &str) -> serde_json::Result<Grew> {
        let fragments = elements(raw)?;
        for (position, fragment) in fragments.iter().enumerate() {
            if !fragment.get().starts_with('{') {
                continue;
            }
            let fragment = members(fragment.get())?;
            self.last = self.place(&fragment, position, fragments.len() == 1);
            if let Some(call) = self.list.get_mut(self.last) {
                merge_call(call, &fragment)?;
            }
        }
        // Without an index, even the same fragment once more could begin another call.
        Ok(!fragments.is_empty())
    }

    /// The place of the call that a fragment belongs to; a new one where it begins a call.
    fn place(&mut self, fragment: &[Member<'_>], position: usize, alone: bool) -> usize {
        let index = find(fragment, "index").and_then(|index| index.parse().ok());
        let position = position as u64;
        match (index, find(fragment, "id").filter(|id| *id != "null" && *id != r#""""#)) {
            (Some(index), _) => self.at(index),
            // Servers that send no index send each call whole, or its fragments one after the other.
            (None, Some(id)) => {
                let at_position = self.places.get(&position).copied();
                let known = [at_position, Some(self.last)]
                    .into_iter()
                    .flatten()
                    .find(|place| self.has_id(*place, id));
                match (known, at_position) {
                    (Some(place), _) => place,
                    (None, None) => self.at(position),
                    (None, Some(_)) => {
                        let next = self
                            .places
                            .last_key_value()
                            .map_or(0, |(index, _)| index.saturating_add(1));
                        self.at(next)
                    }
                }
            }
            (None, None) if alone && !self.is_empty() => self.last,
            (None, None) => self.at(position),
        }
    }

    fn at(&mut self, index: u64) -> usize {
        *self.places.entry(index).or_insert_with(|| {
            self.list.push(Fields::default());
            self.list.len() - 1
        })
    }

    fn has_id(&self, place: usize, id: &str) -> bool {
        self.list.get(place).and_then(|call| call.get("id")?.as_raw()) == Some(id)
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (position, call) in self
            .places
            .values()
            .filter_map(|place| self.list.get(*place))
            .enumerate()
        {
            if position > 0 {
                out.push(b',');
            }
            call.write(out);
        }
        out.push(b']');
    }
}

fn find<'a>(fragment: &[Member<'a>], name: &str) -> Option<&'a str> {
    let (_, value): &(_, &'a RawValue) = fragment.iter().find(|(key, _)| key == name)?;
    Some(value.get())
}

fn merge_call(call: &mut Fields, fragment: &[Member<'_>]) -> serde_json::Result<()> {
    for (name, raw) in fragment {
        let raw = raw.get();
        match name.as_ref() {
            // It says where the call stands in the list, and there it will stand.
            "index" => {}
            "id" | "type" => call.member(name).keep_first_filled(raw),
            "function" | "custom" if raw.starts_with('{') => {
                call.member(name)
                    .merge_object(|function| merge_function(function, raw))?;
            }
            _ => call.member(name).replace(raw),
        }
    }
    Ok(())
}

/// Merges a function's name and arguments.
pub(super) fn merge_function(function: &mut Fields, raw: &str) -> serde_json::Result<Grew> {
    let mut grew = false;
    for (name, raw) in members(raw)? {
        let value = function.member(&name);
        grew |= if name == "name" {
            value.join_name(raw.get())
        } else {
            value.join(raw.get())
        };
    }
    Ok(grew)
}

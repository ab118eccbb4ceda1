//! Tool calls, which come whole or in fragments.

use std::collections::BTreeMap;

use super::value::{Fields, Grew};
use crate::split::Cursor;

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
    pub(super) fn merge(&mut self, list: &mut Cursor<'_>) -> Grew {
        let mut fragments = Vec::new();
        list.elements(|_, fragment| fragments.push(fragment.value()));
        for (position, fragment) in fragments.iter().enumerate() {
            if !fragment.starts_with('{') {
                continue;
            }
            let mut fragment = Cursor::new(fragment);
            self.last = self.place(&fragment, position, fragments.len() == 1);
            if let Some(call) = self.list.get_mut(self.last) {
                merge_call(call, &mut fragment);
            }
        }
        // Without an index, even the same fragment once more could begin another call.
        !fragments.is_empty()
    }

    /// The place of the call that a fragment belongs to; a new one where it begins a call.
    fn place(&mut self, fragment: &Cursor<'_>, position: usize, alone: bool) -> usize {
        let index = fragment.find("index").and_then(|index| index.parse().ok());
        let position = position as u64;
        match (index, fragment.find("id").filter(|id| *id != "null" && *id != r#""""#)) {
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

fn merge_call(call: &mut Fields, fragment: &mut Cursor<'_>) {
    fragment.members(|name, value| match name {
        // It says where the call stands in the list, and there it will stand.
        "index" => drop(value.value()),
        "id" | "type" => call.member(name).keep_first_filled(value.value()),
        "function" | "custom" if value.is_at(b'{') => {
            call.member(name)
                .merge_object(|function| merge_function(function, value));
        }
        _ => call.member(name).replace(value.value()),
    });
}

/// Merges a function's name and arguments.
pub(super) fn merge_function(function: &mut Fields, fragment: &mut Cursor<'_>) -> Grew {
    let mut grew = false;
    fragment.members(|name, value| {
        let member = function.member(name);
        grew |= if name == "name" {
            member.join_name(value.value())
        } else {
            member.join(value.value())
        };
    });
    grew
}

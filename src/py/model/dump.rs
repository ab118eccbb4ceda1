//! A response object as JSON text, straight from the server's.

use std::ops::Range;

use memchr::memchr;

use pyo3::prelude::*;
use pyo3::types::PyFloat;

use super::schema::{Field, Kind, Schema, Standing};
use crate::escape::write_string;
use crate::split::{Cursor, Literal};

/// Which fields are left out.
#[derive(Debug, Clone, Copy)]
pub struct Without {
    /// Declared ones that the server left out.
    pub unset: bool,
    /// Optional ones that are null.
    pub defaults: bool,
    /// All that are null.
    pub none: bool,
}

/// Members of one object that are compared with each other; what has more is left to Python's encoder.
const MANY: usize = 64;

/// The place of a member that is left out after all.
const NOWHERE: usize = usize::MAX;

/// What only Python's own encoder writes: halves of surrogate pairs, members of one name.
#[derive(Debug)]
pub struct Unusual;

/// Writes JSON text as pydantic does.
pub struct Writer<'py> {
    py: Python<'py>,
    out: Vec<u8>,
    without: Without,
    /// Where members are in `out`, of all objects that have been begun, with the place that each has in its object.
    members: Vec<(usize, Range<usize>)>,
    /// Members as they were written, while they are put in order.
    written: Vec<u8>,
    /// Where the names are in `out` of the members that no class declares.
    names: Vec<Range<usize>>,
    indent: Option<usize>,
    level: usize,
}

impl<'py> Writer<'py> {
    /// A writer that begins, of a text of about this length; `indent` is the number of spaces of a level, or nothing for
    /// one line without blanks.
    #[must_use]
    pub fn new(py: Python<'py>, without: Without, indent: Option<usize>, length: usize) -> Self {
        Self {
            py,
            out: Vec::with_capacity(2 * length),
            without,
            members: Vec::with_capacity(32),
            written: Vec::new(),
            names: Vec::new(),
            indent,
            level: 0,
        }
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Writes the object that the cursor is in front of: the fields that are declared, then the server's own.
    ///
    /// # Errors
    /// [`Unusual`].
    pub fn object(&mut self, schema: &Schema, cursor: &mut Cursor<'_>) -> Result<(), Unusual> {
        self.out.push(b'{');
        self.level += 1;
        let (start, outer) = (self.members.len(), self.names.len());
        let mut sent = 0_u64;
        let mut outcome = Ok(());
        cursor.members(|name, value| {
            if outcome.is_ok() {
                outcome = self.member(schema, start, outer, &mut sent, name, value);
            } else {
                value.value();
            }
        });
        outcome?;
        for (at, field) in schema.fields.iter().enumerate() {
            let is_missing = field.is_declared() && sent & 1 << at == 0;
            if is_missing && !self.without.unset && !self.is_left_out(Some(field)) {
                let begin = self.begin_member(start);
                self.name(field.name);
                self.push("null");
                self.members.push((at, begin..self.out.len()));
            }
        }
        self.put_in_order(start);
        self.end_items(b'}', self.members.len() == start);
        self.members.truncate(start);
        self.names.truncate(outer);
        Ok(())
    }

    fn member(
        &mut self,
        schema: &Schema,
        start: usize,
        outer: usize,
        sent: &mut u64,
        name: &str,
        value: &mut Cursor<'_>,
    ) -> Result<(), Unusual> {
        let declared = schema.find(name).filter(|(_, field)| field.is_declared());
        let (place, kind) = match declared {
            Some((at, field)) => (at, field.kind),
            None => (schema.fields.len() + self.members.len(), Kind::Plain("any")),
        };
        if let Some((at, _)) = declared {
            if *sent & 1 << at != 0 {
                return Err(Unusual);
            }
            *sent |= 1 << at;
        }
        let is_left_out = value.is_at(b'n') && self.is_left_out(declared.map(|(_, field)| field));
        if is_left_out && declared.is_some() {
            value.value();
            return Ok(());
        }
        let begin = self.begin_member(start);
        if declared.is_some() {
            self.name(name);
        } else {
            self.new_name(name, outer)?;
        }
        self.value(kind, value)?;
        let place = if is_left_out { NOWHERE } else { place };
        self.members.push((place, begin..self.out.len()));
        Ok(())
    }

    /// Whether a field is left out whose value is null.
    fn is_left_out(&self, declared: Option<&Field>) -> bool {
        let is_optional = declared.is_some_and(|field| field.standing != Standing::Required);
        self.without.none || self.without.defaults && is_optional
    }

    fn begin_member(&mut self, start: usize) -> usize {
        let begin = self.out.len();
        self.begin_item(self.members.len() > start);
        begin
    }

    /// Puts the members of an object in order, which are those from `start` on.
    fn put_in_order(&mut self, start: usize) {
        let members = self.members.get_mut(start..).unwrap_or_default();
        let is_in_order = members.is_sorted_by_key(|(place, _)| *place);
        if is_in_order && members.last().is_none_or(|(place, _)| *place != NOWHERE) {
            return;
        }
        let begin = members.first().map_or(0, |(_, its)| its.start);
        self.written.clear();
        self.written
            .extend_from_slice(self.out.get(begin..).unwrap_or_default());
        self.out.truncate(begin);
        members.sort_unstable_by_key(|(place, _)| *place);
        let shown = members.partition_point(|(place, _)| *place != NOWHERE);
        for (at, (_, its)) in members.iter().take(shown).enumerate() {
            let member = self.written.get(its.start - begin..its.end - begin).unwrap_or_default();
            if at > 0 {
                self.out.push(b',');
            }
            self.out.extend_from_slice(member.strip_prefix(b",").unwrap_or(member));
        }
        self.members.truncate(start + shown);
    }

    fn value(&mut self, kind: Kind, cursor: &mut Cursor<'_>) -> Result<(), Unusual> {
        match kind {
            Kind::One(schema) if cursor.is_at(b'{') => self.object(schema, cursor),
            Kind::Many(schema) if cursor.is_at(b'[') => {
                self.list(cursor, |writer, item| writer.value(Kind::One(schema), item))
            }
            _ => self.plain(cursor),
        }
    }

    fn list(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut write: impl FnMut(&mut Self, &mut Cursor<'_>) -> Result<(), Unusual>,
    ) -> Result<(), Unusual> {
        self.out.push(b'[');
        self.level += 1;
        let mut outcome = Ok(());
        let mut is_empty = true;
        cursor.elements(|at, item| {
            is_empty = false;
            if outcome.is_ok() {
                self.begin_item(at > 0);
                outcome = write(self, item);
            } else {
                item.value();
            }
        });
        self.end_items(b']', is_empty);
        outcome
    }

    /// Writes the next value.
    fn plain(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unusual> {
        if cursor.is_at(b'[') {
            return self.list(cursor, Self::plain);
        }
        if cursor.is_at(b'{') {
            self.out.push(b'{');
            self.level += 1;
            let outer = self.names.len();
            let mut outcome = Ok(());
            cursor.members(|name, value| {
                if outcome.is_ok() {
                    self.begin_item(self.names.len() > outer);
                    outcome = self.new_name(name, outer).and_then(|()| self.plain(value));
                } else {
                    value.value();
                }
            });
            self.end_items(b'}', self.names.len() == outer);
            self.names.truncate(outer);
            return outcome;
        }
        if cursor.is_at(b'"') {
            return self.string(&cursor.string());
        }
        match cursor.value() {
            word @ ("null" | "true" | "false") => self.push(word),
            number => self.number(number),
        }
        Ok(())
    }

    /// Writes the name of a member whose object's names are those from `outer` on. Of two members of one name Python has
    /// the last one, in the place of the first.
    fn new_name(&mut self, name: &str, outer: usize) -> Result<(), Unusual> {
        let start = self.out.len();
        self.name(name);
        let its = start..self.out.len();
        let others = self.names.get(outer..).unwrap_or_default();
        let is_known = others
            .iter()
            .any(|other| self.out.get(other.clone()) == self.out.get(its.clone()));
        if is_known || others.len() >= MANY {
            return Err(Unusual);
        }
        self.names.push(its);
        Ok(())
    }

    /// A number as Python reads it and pydantic writes it.
    fn number(&mut self, text: &str) {
        let is_integer = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if is_integer {
            self.push(if text == "-0" { "0" } else { text });
            return;
        }
        if is_shortest(text) {
            self.push(text);
            return;
        }
        let number: f64 = text.parse().unwrap_or(f64::NAN);
        let size = number.abs();
        if (size == 0.0 || (1e-5..1e16).contains(&size)) && serde_json::to_writer(&mut self.out, &number).is_ok() {
            // There all write alike.
        } else if number.is_finite() {
            let shown = PyFloat::new(self.py, number).to_string();
            self.push(&as_pydantic_has_it(&shown));
        } else {
            self.push(if number < 0.0 { "-Infinity" } else { "Infinity" });
        }
    }

    fn string(&mut self, literal: &Literal<'_>) -> Result<(), Unusual> {
        if literal.is_plain || has_short_escapes(literal.text().as_bytes()) {
            self.push(literal.text());
        } else {
            let text: String = serde_json::from_str(literal.text()).map_err(|_| Unusual)?;
            write_string(&mut self.out, &text);
        }
        Ok(())
    }

    fn name(&mut self, name: &str) {
        write_string(&mut self.out, name);
        self.push(if self.indent.is_some() { ": " } else { ":" });
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn begin_item(&mut self, is_further: bool) {
        if is_further {
            self.out.push(b',');
        }
        self.new_line();
    }

    fn end_items(&mut self, close: u8, is_empty: bool) {
        self.level -= 1;
        if !is_empty {
            self.new_line();
        }
        self.out.push(close);
    }

    fn new_line(&mut self) {
        if let Some(indent) = self.indent {
            self.out.push(b'\n');
            self.out.resize(self.out.len() + indent * self.level, b' ');
        }
    }
}

/// Whether all escapes of a literal are those that are always written so.
fn has_short_escapes(literal: &[u8]) -> bool {
    let mut rest = literal;
    while let Some(at) = memchr(b'\\', rest) {
        if !matches!(rest.get(at + 1), Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't')) {
            return false;
        }
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    true
}

/// Whether a decimal fraction is written as the number itself would be: so many digits always come back as they were.
fn is_shortest(text: &str) -> bool {
    let Some((whole, fraction)) = text.strip_prefix('-').unwrap_or(text).split_once('.') else {
        return false;
    };
    let are_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    whole.len() + fraction.len() <= 15
        && are_digits(whole)
        && are_digits(fraction)
        && (fraction == "0" || !fraction.ends_with('0'))
        && (whole != "0" || !fraction.starts_with("00000"))
}

/// Python's text of a very small or large number as pydantic writes it: 1e-05 as 0.00001, 1e-06 as 1e-6.
fn as_pydantic_has_it(shown: &str) -> String {
    let Some((mantissa, exponent)) = shown.split_once("e-0") else {
        return shown.to_owned();
    };
    if exponent != "5" {
        return format!("{mantissa}e-{exponent}");
    }
    let (sign, digits) = mantissa
        .strip_prefix('-')
        .map_or(("", mantissa), |digits| ("-", digits));
    format!("{sign}0.0000{}", digits.replace('.', ""))
}

//! A response object as JSON text, straight from the server's.

use std::borrow::Cow;
use std::io::Write;
use std::ops::Range;

use pyo3::prelude::*;
use pyo3::types::PyFloat;

use super::schema::{Kind, Schema, Standing};
use crate::escape::write_string;
use crate::split::Cursor;

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

/// A field of one object: its name, how it is read, and its value's text, where the server sent one.
struct Field<'a> {
    name: Cow<'static, str>,
    kind: Kind,
    value: Option<&'a str>,
}

/// The fields in the order in which they are shown: those that are declared, then the server's own. Of members of one
/// name the last one counts, in the place of the first.
fn fields<'a>(schema: &Schema, text: &'a str, without: Without) -> Vec<Field<'a>> {
    let declared = schema
        .fields
        .iter()
        .filter(|field| field.standing != Standing::Extension);
    let mut all: Vec<(Field<'a>, bool)> = declared
        .map(|field| {
            let shown = Field {
                name: Cow::Borrowed(field.name),
                kind: field.kind,
                value: None,
            };
            (shown, field.standing == Standing::Required)
        })
        .collect();
    let count = all.len();
    Cursor::new(text).members(|name, cursor| {
        let value = Some(cursor.value());
        match all.iter_mut().find(|(field, _)| field.name == name) {
            Some((field, _)) => field.value = value,
            None => all.push((
                Field {
                    name: Cow::Owned(name.to_owned()),
                    kind: Kind::Plain("any"),
                    value,
                },
                true,
            )),
        }
    });
    let is_left = |at: usize, field: &Field<'_>, is_required: bool| {
        let is_null = field.value.is_none_or(|value| value == "null");
        let is_default = at < count && without.defaults && !is_required;
        !(without.unset && field.value.is_none() || is_null && (without.none || is_default))
    };
    let all = all.into_iter().enumerate();
    all.filter_map(|(at, (field, is_required))| is_left(at, &field, is_required).then_some(field))
        .collect()
}

/// Passes over the next value; whether it is shown as it stands: nothing is to be left out, added or put in order.
fn is_as_shown(kind: Kind, cursor: &mut Cursor<'_>, without: Without) -> bool {
    match kind {
        Kind::One(schema) if cursor.is_at(b'{') => {
            let mut is_same = !without.none && !without.defaults;
            let mut declared = schema
                .fields
                .iter()
                .filter(|field| field.standing != Standing::Extension);
            cursor.members(|name, value| {
                // Each of the declared ones in its turn; where unset ones do not count they may be missing.
                let field = if without.unset {
                    declared.find(|field| field.name == name)
                } else {
                    declared.next().filter(|field| field.name == name)
                };
                match field {
                    Some(field) if is_same => is_same = is_as_shown(field.kind, value, without),
                    _ => {
                        is_same = false;
                        value.value();
                    }
                }
            });
            is_same && (without.unset || declared.next().is_none())
        }
        Kind::Many(schema) if cursor.is_at(b'[') => {
            let mut is_same = true;
            cursor.elements(|_, item| {
                if is_same {
                    is_same = is_as_shown(Kind::One(schema), item, without);
                } else {
                    item.value();
                }
            });
            is_same
        }
        _ => {
            cursor.value();
            true
        }
    }
}

/// Members of one object that are compared with each other; what has more is left to Python's encoder.
const MANY: usize = 64;

/// What only Python's own encoder writes: halves of surrogate pairs, members of one name.
#[derive(Debug)]
pub struct Unusual;

/// Writes JSON text as pydantic does.
pub struct Writer<'py> {
    py: Python<'py>,
    out: Vec<u8>,
    /// Where the names are in `out` of the plain objects that are being written.
    names: Vec<Range<usize>>,
    indent: Option<usize>,
    level: usize,
}

impl<'py> Writer<'py> {
    /// A writer that begins; `indent` is the number of spaces of a level, or nothing for one line without blanks.
    #[must_use]
    pub fn new(py: Python<'py>, indent: Option<usize>) -> Self {
        Self {
            py,
            out: Vec::new(),
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

    /// Writes the object of this text.
    ///
    /// # Errors
    /// [`Unusual`].
    pub fn object(&mut self, schema: &Schema, text: &str, without: Without) -> Result<(), Unusual> {
        let fields = fields(schema, text, without);
        self.items(b'{', b'}', fields, |writer, field| {
            writer.name(&field.name);
            match field.value {
                None => writer.out.extend_from_slice(b"null"),
                Some(value) => writer.value(field.kind, value, without)?,
            }
            Ok(())
        })
    }

    fn value(&mut self, kind: Kind, text: &str, without: Without) -> Result<(), Unusual> {
        match kind {
            Kind::One(schema) if text.starts_with('{') => self.object(schema, text, without),
            Kind::Many(_) if is_as_shown(kind, &mut Cursor::new(text), without) => self.plain(&mut Cursor::new(text)),
            Kind::Many(schema) if text.starts_with('[') => {
                let mut items = Vec::new();
                Cursor::new(text).elements(|_, item| items.push(item.value()));
                self.items(b'[', b']', items, |writer, item| {
                    writer.value(Kind::One(schema), item, without)
                })
            }
            _ => self.plain(&mut Cursor::new(text)),
        }
    }

    /// Writes the next value.
    fn plain(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Unusual> {
        let mut outcome = Ok(());
        if cursor.is_at(b'[') {
            self.out.push(b'[');
            self.level += 1;
            let mut is_empty = true;
            cursor.elements(|at, item| {
                is_empty = false;
                self.begin_item(at > 0);
                if outcome.is_ok() {
                    outcome = self.plain(item);
                } else {
                    item.value();
                }
            });
            self.end_items(b']', is_empty);
            return outcome;
        }
        if cursor.is_at(b'{') {
            self.out.push(b'{');
            self.level += 1;
            let outer = self.names.len();
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
        let text = cursor.value();
        match text.as_bytes().first() {
            Some(b'"') => return self.string(text),
            Some(b'-' | b'0'..=b'9') => self.number(text),
            _ => self.out.extend_from_slice(text.as_bytes()),
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
        if size == 0.0 || (1e-4..1e16).contains(&size) {
            // There Rust and Python write alike.
            let _ = write!(self.out, "{number:?}");
        } else if number.is_finite() {
            let shown = PyFloat::new(self.py, number).to_string();
            self.push(&as_pydantic_has_it(&shown));
        } else {
            self.push(if number < 0.0 { "-Infinity" } else { "Infinity" });
        }
    }

    fn string(&mut self, literal: &str) -> Result<(), Unusual> {
        if literal.contains('\\') {
            let text: String = serde_json::from_str(literal).map_err(|_| Unusual)?;
            write_string(&mut self.out, &text);
        } else {
            self.push(literal);
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

    fn items<T>(
        &mut self,
        open: u8,
        close: u8,
        items: Vec<T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), Unusual>,
    ) -> Result<(), Unusual> {
        self.out.push(open);
        let is_empty = items.is_empty();
        self.level += 1;
        for (at, item) in items.into_iter().enumerate() {
            self.begin_item(at > 0);
            write(self, item)?;
        }
        self.end_items(close, is_empty);
        Ok(())
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
        && (whole != "0" || !fraction.starts_with("0000"))
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

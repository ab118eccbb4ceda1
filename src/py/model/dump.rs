//! A response object as plain data and as JSON text, straight from the server's text.

use std::fmt::Write;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList, PyString};

use super::schema::{Kind, Schema, Standing};
use crate::py::json::decode;
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
    name: String,
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
                name: field.name.to_owned(),
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
                    name: name.to_owned(),
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

/// The object of this text as a dict.
///
/// # Errors
/// Where a value cannot be made a Python object.
pub fn to_python<'py>(py: Python<'py>, schema: &Schema, text: &str, without: Without) -> PyResult<Bound<'py, PyDict>> {
    let dumped = PyDict::new(py);
    for field in fields(schema, text, without) {
        let value = match field.value {
            None => py.None().into_bound(py),
            Some(value) => value_to_python(py, field.kind, value, without)?,
        };
        dumped.set_item(PyString::intern(py, &field.name), value)?;
    }
    Ok(dumped)
}

fn value_to_python<'py>(py: Python<'py>, kind: Kind, text: &str, without: Without) -> PyResult<Bound<'py, PyAny>> {
    match kind {
        Kind::One(schema) if text.starts_with('{') => to_python(py, schema, text, without).map(Bound::into_any),
        // Where it is as it stands, nothing has to be looked at in Python.
        Kind::Many(_) if is_as_shown(kind, &mut Cursor::new(text), without) => decode(py, text),
        Kind::Many(schema) if text.starts_with('[') => {
            let mut items = Vec::new();
            Cursor::new(text).elements(|_, item| {
                items.push(value_to_python(py, Kind::One(schema), item.value(), without));
            });
            let items = items.into_iter().collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any())
        }
        _ => decode(py, text),
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
    out: String,
    indent: Option<usize>,
    level: usize,
}

impl<'py> Writer<'py> {
    /// A writer that begins; `indent` is the number of spaces of a level, or nothing for one line without blanks.
    #[must_use]
    pub fn new(py: Python<'py>, indent: Option<usize>) -> Self {
        Self {
            py,
            out: String::new(),
            indent,
            level: 0,
        }
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> String {
        self.out
    }

    /// Writes the object of this text.
    ///
    /// # Errors
    /// [`Unusual`].
    pub fn object(&mut self, schema: &Schema, text: &str, without: Without) -> Result<(), Unusual> {
        let fields = fields(schema, text, without);
        self.items('{', '}', fields, |writer, field| {
            writer.name(&field.name);
            match field.value {
                None => writer.out.push_str("null"),
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
                self.items('[', ']', items, |writer, item| {
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
            self.out.push('[');
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
            self.end_items(']', is_empty);
            return outcome;
        }
        if cursor.is_at(b'{') {
            self.out.push('{');
            self.level += 1;
            let mut names: Vec<String> = Vec::new();
            cursor.members(|name, value| {
                // Of two members of one name Python has the last one, in the place of the first.
                if outcome.is_err() || names.iter().any(|known| known == name) || names.len() >= MANY {
                    outcome = Err(Unusual);
                    value.value();
                    return;
                }
                self.begin_item(!names.is_empty());
                names.push(name.to_owned());
                self.name(name);
                outcome = self.plain(value);
            });
            self.end_items('}', names.is_empty());
            return outcome;
        }
        let text = cursor.value();
        match text.as_bytes().first() {
            Some(b'"') => return self.string(text),
            Some(b'-' | b'0'..=b'9') => self.number(text),
            _ => self.out.push_str(text),
        }
        Ok(())
    }

    /// A number as Python reads it and pydantic writes it.
    fn number(&mut self, text: &str) {
        let is_integer = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if is_integer {
            self.out.push_str(if text == "-0" { "0" } else { text });
            return;
        }
        if is_shortest(text) {
            self.out.push_str(text);
            return;
        }
        let number: f64 = text.parse().unwrap_or(f64::NAN);
        let size = number.abs();
        if size == 0.0 || (1e-4..1e16).contains(&size) {
            // There Rust and Python write alike.
            let _ = write!(self.out, "{number:?}");
        } else if number.is_finite() {
            let shown = PyFloat::new(self.py, number).to_string();
            self.out.push_str(&as_pydantic_has_it(&shown));
        } else {
            self.out.push_str(if number < 0.0 { "-Infinity" } else { "Infinity" });
        }
    }

    fn string(&mut self, literal: &str) -> Result<(), Unusual> {
        if !literal.contains('\\') {
            self.out.push_str(literal);
            return Ok(());
        }
        let text: String = serde_json::from_str(literal).map_err(|_| Unusual)?;
        self.text(&text);
        Ok(())
    }

    fn text(&mut self, text: &str) {
        match serde_json::to_string(text) {
            Ok(literal) => self.out.push_str(&literal),
            // None that occurs: a string is always JSON.
            Err(_) => self.out.push_str("\"\""),
        }
    }

    fn name(&mut self, name: &str) {
        self.text(name);
        self.out.push_str(if self.indent.is_some() { ": " } else { ":" });
    }

    fn items<T>(
        &mut self,
        open: char,
        close: char,
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
            self.out.push(',');
        }
        self.new_line();
    }

    fn end_items(&mut self, close: char, is_empty: bool) {
        self.level -= 1;
        if !is_empty {
            self.new_line();
        }
        self.out.push(close);
    }

    fn new_line(&mut self) {
        if let Some(indent) = self.indent {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', indent * self.level));
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

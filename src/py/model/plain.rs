//! A response object as a dict, in one pass over the server's text.

use std::sync::OnceLock;

use jiter::{cached_py_string, pystring_ascii_new};
use pyo3::exceptions::PyMemoryError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

use super::dump::Without;
use super::schema::{Kind, Schema, Standing};
use crate::py::json::decode;
use crate::split::{Cursor, string_mark};

/// Deeper values are left to Python's decoder, which knows how deep it may go.
const MAX_DEPTH: usize = 128;
/// What is shown as it was sent.
const ANY: Kind = Kind::Plain("any");

/// The keys of a class's dicts.
#[derive(Debug)]
pub struct Shape {
    keys: Box<[Py<PyString>]>,
    /// A dict that has no field yet: a copy of it takes less time than to add them one by one.
    blank: Py<PyDict>,
}

impl Shape {
    /// That of a class.
    ///
    /// # Errors
    /// Where Python has no memory for it.
    pub fn of(py: Python<'_>, schema: &Schema) -> PyResult<Self> {
        let blank = PyDict::new(py);
        let mut keys = Vec::with_capacity(schema.fields.len());
        for field in schema.fields {
            let key = PyString::intern(py, field.name);
            blank.set_item(&key, py.None())?;
            keys.push(key.unbind());
        }
        // What is taken out leaves room for when it is sent.
        for (field, key) in schema.fields.iter().zip(&keys) {
            if !field.is_declared() {
                blank.del_item(key)?;
            }
        }
        Ok(Self {
            keys: keys.into(),
            blank: blank.unbind(),
        })
    }
}

/// Makes dicts of text that is valid JSON.
pub struct Reader<'py> {
    py: Python<'py>,
    without: Without,
    /// The items of all lists that have been begun.
    items: Vec<Bound<'py, PyAny>>,
    /// What was wrong with a value.
    error: Option<PyErr>,
    /// As long as nothing but new data is made.
    calm: Option<Calm>,
}

impl<'py> Reader<'py> {
    /// A reader that leaves these fields out.
    #[must_use]
    pub fn new(py: Python<'py>, without: Without) -> Self {
        Self {
            py,
            without,
            items: Vec::new(),
            error: None,
            calm: Calm::begin(py),
        }
    }

    /// The object that the cursor is in front of: the fields that are declared, then the server's own. Of members of one
    /// name the last one counts, in the place of the first.
    ///
    /// # Errors
    /// Where a value cannot be made a Python object.
    pub fn object(mut self, schema: &Schema, cursor: &mut Cursor<'_>) -> PyResult<Bound<'py, PyDict>> {
        self.dict(schema, cursor)
            .map_err(|Unusual| self.error.unwrap_or_else(|| PyMemoryError::new_err(())))
    }

    fn dict(&mut self, schema: &Schema, cursor: &mut Cursor<'_>) -> Result<Bound<'py, PyDict>, Unusual> {
        let shape = (schema.shape)(self.py)?;
        let dict = shape.blank.bind(self.py).copy()?;
        let mut sent = 0_u64;
        let mut outcome = Ok(());
        cursor.members(|name, value| {
            if outcome.is_err() {
                value.value();
                return;
            }
            let known = schema
                .find(name)
                .and_then(|(at, field)| Some((at, field, shape.keys.get(at)?)));
            outcome = match known {
                Some((at, field, key)) => {
                    sent |= 1 << at;
                    let kind = if field.is_declared() { field.kind } else { ANY };
                    self.value(kind, value).and_then(|value| Ok(dict.set_item(key, value)?))
                }
                None => self
                    .value(ANY, value)
                    .and_then(|value| Ok(dict.set_item(cached_py_string(self.py, name), value)?)),
            };
        });
        outcome?;
        self.leave_out(schema, shape, &dict, sent)?;
        Ok(dict)
    }

    fn leave_out(&self, schema: &Schema, shape: &Shape, dict: &Bound<'py, PyDict>, sent: u64) -> PyResult<()> {
        let Without { unset, defaults, none } = self.without;
        if !(unset || defaults || none) {
            return Ok(());
        }
        let is_null = |key: &Bound<'py, PyAny>| -> PyResult<bool> {
            Ok(dict.get_item(key)?.is_some_and(|value| value.is_none()))
        };
        for (at, (field, key)) in schema.fields.iter().zip(&shape.keys).enumerate() {
            let key = key.bind(self.py);
            let is_default = defaults && field.standing == Standing::Optional;
            let is_unset = unset && field.is_declared() && sent & 1 << at == 0;
            if is_unset || is_default && is_null(key)? {
                dict.del_item(key)?;
            }
        }
        if none {
            for key in dict.keys() {
                if is_null(&key)? {
                    dict.del_item(key)?;
                }
            }
        }
        Ok(())
    }

    fn value(&mut self, kind: Kind, cursor: &mut Cursor<'_>) -> Result<Bound<'py, PyAny>, Unusual> {
        match kind {
            Kind::One(schema) if cursor.is_at(b'{') => self.dict(schema, cursor).map(Bound::into_any),
            Kind::Many(schema) if cursor.is_at(b'[') => {
                self.list(cursor, |reader, item| reader.value(Kind::One(schema), item))
            }
            _ => {
                let start = cursor.clone();
                self.plain(cursor, 0).or_else(|Unusual| {
                    *cursor = start;
                    self.calm = None;
                    decode(self.py, cursor.value()).map_err(|error| {
                        self.error = Some(error);
                        Unusual
                    })
                })
            }
        }
    }

    fn list(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut read: impl FnMut(&mut Self, &mut Cursor<'_>) -> Result<Bound<'py, PyAny>, Unusual>,
    ) -> Result<Bound<'py, PyAny>, Unusual> {
        let start = self.items.len();
        let mut outcome = Ok(());
        cursor.elements(|_, item| {
            if outcome.is_ok() {
                outcome = read(self, item).map(|value| self.items.push(value));
            } else {
                item.value();
            }
        });
        let items = self.items.drain(start..);
        outcome.and_then(|()| Ok(PyList::new(self.py, items)?.into_any()))
    }

    /// The next value, if nothing in it is unusual.
    fn plain(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<Bound<'py, PyAny>, Unusual> {
        match cursor.peek() {
            Some(b'{') => self.plain_object(cursor, deeper(depth)?),
            Some(b'[') => {
                let depth = deeper(depth)?;
                self.list(cursor, |reader, item| reader.plain(item, depth))
            }
            _ => scalar(self.py, cursor).ok_or(Unusual),
        }
    }

    fn plain_object(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<Bound<'py, PyAny>, Unusual> {
        let dict = PyDict::new(self.py);
        let mut outcome = Ok(());
        cursor.members(|name, value| {
            // It may stand for half of a surrogate pair.
            if outcome.is_err() || name.contains(char::REPLACEMENT_CHARACTER) {
                outcome = Err(Unusual);
                value.value();
                return;
            }
            let key = cached_py_string(self.py, name);
            outcome = self
                .plain(value, depth)
                .and_then(|value| Ok(dict.set_item(key, value)?));
        });
        outcome.map(|()| dict.into_any())
    }
}

/// The next value, unless it is a list, an object, or something unusual; passes over it.
pub fn scalar<'py>(py: Python<'py>, cursor: &mut Cursor<'_>) -> Option<Bound<'py, PyAny>> {
    match cursor.peek()? {
        b'"' => return string(py, cursor).map(Bound::into_any),
        b'{' | b'[' => return None,
        b'n' if cursor.pass_word("null") => return Some(py.None().into_bound(py)),
        b't' if cursor.pass_word("true") => return Some(PyBool::new(py, true).to_owned().into_any()),
        b'f' if cursor.pass_word("false") => return Some(PyBool::new(py, false).to_owned().into_any()),
        _ => {}
    }
    if let Some(number) = cursor.small_integer() {
        return Some(PyInt::new(py, number).into_any());
    }
    let number = cursor.value();
    // Python's integers are as long as they have to be.
    if !number.contains(['.', 'e', 'E']) {
        return None;
    }
    Some(PyFloat::new(py, number.parse().ok()?).into_any())
}

fn string<'py>(py: Python<'py>, cursor: &mut Cursor<'_>) -> Option<Bound<'py, PyString>> {
    let (literal, is_plain) = cursor.string();
    if is_plain {
        return Some(string_of(py, literal.get(1..literal.len() - 1).unwrap_or_default()));
    }
    let text = without_short_escapes(literal).or_else(|| serde_json::from_str(literal).ok())?;
    Some(string_of(py, &text))
}

/// A string, which Python need not look through where it is ASCII.
#[must_use]
#[expect(unsafe_code, reason = "nothing else takes a text as ASCII")]
pub fn string_of<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    if text.is_ascii() {
        // SAFETY: it is ASCII.
        return unsafe { pystring_ascii_new(py, text) };
    }
    PyString::new(py, text)
}

/// No search for garbage, of which new data has none: before 3.12, Python begins one in the middle of a call, and again for
/// every few hundred lists and dicts. It is made up for when the call has returned.
struct Calm;

impl Calm {
    #[expect(unsafe_code, reason = "the module gc would be imported")]
    fn begin(py: Python<'_>) -> Option<Self> {
        static IS_WANTED: OnceLock<bool> = OnceLock::new();
        let is_wanted = *IS_WANTED.get_or_init(|| py.version_info() < (3, 12));
        // SAFETY: the interpreter is attached.
        (is_wanted && unsafe { ffi::PyGC_Disable() } == 1).then_some(Self)
    }
}

impl Drop for Calm {
    #[expect(unsafe_code, reason = "the module gc would be imported")]
    fn drop(&mut self) {
        // SAFETY: the interpreter has been attached since it began, and no other thread has run.
        unsafe { ffi::PyGC_Enable() };
    }
}

/// What a literal says whose escapes all are of two characters.
fn without_short_escapes(literal: &str) -> Option<String> {
    let mut rest = literal.get(1..literal.len() - 1)?;
    let mut text = String::with_capacity(rest.len());
    // All quotation marks are escaped.
    while let Some((plain, escape)) = string_mark(rest.as_bytes(), 0).and_then(|at| rest.split_at_checked(at)) {
        text.push_str(plain);
        text.push(match escape.as_bytes().get(1)? {
            byte @ (b'"' | b'\\' | b'/') => char::from(*byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            _ => return None,
        });
        rest = escape.get(2..)?;
    }
    text.push_str(rest);
    Some(text)
}

/// What is left to Python's decoder, or went wrong.
struct Unusual;

impl From<PyErr> for Unusual {
    fn from(_: PyErr) -> Self {
        Self
    }
}

fn deeper(depth: usize) -> Result<usize, Unusual> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(Unusual) }
}

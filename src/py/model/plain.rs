//! A response object as a dict, in one pass over the server's text.

use jiter::{cached_py_string, pystring_ascii_new};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString};

use super::dump::Without;
use super::schema::{Kind, Schema, Standing};
use crate::py::json::decode;
use crate::split::Cursor;

/// Deeper values are left to Python's decoder, which knows how deep it may go.
const MAX_DEPTH: usize = 128;
/// So many digits always fit into 64 bits.
const MAX_DIGITS: usize = 18;

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
            if field.standing != Standing::Extension {
                blank.set_item(&key, py.None())?;
            }
            keys.push(key.unbind());
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
    /// The values of declared fields, of all objects that have been begun.
    declared: Vec<Option<Bound<'py, PyAny>>>,
    /// The others, of the same objects.
    others: Vec<(Bound<'py, PyString>, Bound<'py, PyAny>)>,
    /// The items of all lists that have been begun.
    items: Vec<Bound<'py, PyAny>>,
}

impl<'py> Reader<'py> {
    /// A reader that leaves these fields out.
    #[must_use]
    pub fn new(py: Python<'py>, without: Without) -> Self {
        Self {
            py,
            without,
            declared: Vec::with_capacity(64),
            others: Vec::new(),
            items: Vec::new(),
        }
    }

    /// The object that the cursor is in front of: the fields that are declared, then the server's own. Of members of one
    /// name the last one counts, in the place of the first.
    ///
    /// # Errors
    /// Where a value cannot be made a Python object.
    pub fn object(&mut self, schema: &Schema, cursor: &mut Cursor<'_>) -> PyResult<Bound<'py, PyDict>> {
        let shape = (schema.shape)(self.py)?;
        let (start, others) = (self.declared.len(), self.others.len());
        self.declared.resize(start + schema.fields.len(), None);
        let mut outcome = Ok(());
        cursor.members(|name, value| {
            if outcome.is_ok() {
                outcome = self.member(schema, shape, start, name, value);
            } else {
                value.value();
            }
        });
        let dict = outcome.and_then(|()| self.dict(schema, shape, start, others));
        self.declared.truncate(start);
        self.others.truncate(others);
        dict
    }

    fn member(
        &mut self,
        schema: &Schema,
        shape: &Shape,
        start: usize,
        name: &str,
        cursor: &mut Cursor<'_>,
    ) -> PyResult<()> {
        let position = schema.fields.iter().position(|field| field.name == name);
        let field = position.and_then(|position| schema.fields.get(position));
        let value = self.value(field.map_or(Kind::Plain("any"), |field| field.kind), cursor)?;
        if field.is_some_and(|field| field.standing != Standing::Extension) {
            let slot = position.and_then(|position| self.declared.get_mut(start + position));
            if let Some(slot) = slot {
                *slot = Some(value);
            }
            return Ok(());
        }
        let key = match position.and_then(|position| shape.keys.get(position)) {
            Some(key) => key.bind(self.py).clone(),
            None => cached_py_string(self.py, name),
        };
        self.others.push((key, value));
        Ok(())
    }

    fn dict(&mut self, schema: &Schema, shape: &Shape, start: usize, others: usize) -> PyResult<Bound<'py, PyDict>> {
        let Without { unset, defaults, none } = self.without;
        let is_blank = !(unset || defaults || none);
        let dict = if is_blank {
            shape.blank.bind(self.py).copy()?
        } else {
            PyDict::new(self.py)
        };
        let values = self.declared.drain(start..);
        for ((field, key), value) in schema.fields.iter().zip(&shape.keys).zip(values) {
            let is_set = value.is_some();
            if is_blank && !is_set || field.standing == Standing::Extension {
                continue;
            }
            let value = value.unwrap_or_else(|| self.py.None().into_bound(self.py));
            let is_default = defaults && field.standing != Standing::Required;
            if unset && !is_set || (none || is_default) && value.is_none() {
                continue;
            }
            dict.set_item(key, value)?;
        }
        let others = self.others.drain(others..);
        if none {
            let others: Vec<_> = others.collect();
            for (key, value) in &others {
                dict.set_item(key, value)?;
            }
            for (key, _) in &others {
                if dict.get_item(key)?.is_some_and(|value| value.is_none()) {
                    dict.del_item(key)?;
                }
            }
        } else {
            for (key, value) in others {
                dict.set_item(key, value)?;
            }
        }
        Ok(dict)
    }

    fn value(&mut self, kind: Kind, cursor: &mut Cursor<'_>) -> PyResult<Bound<'py, PyAny>> {
        match kind {
            Kind::One(schema) if cursor.is_at(b'{') => self.object(schema, cursor).map(Bound::into_any),
            Kind::Many(schema) if cursor.is_at(b'[') => {
                self.list(cursor, |reader, item| reader.value(Kind::One(schema), item))
            }
            _ => {
                let start = cursor.clone();
                self.plain(cursor, 0).or_else(|Unusual| {
                    *cursor = start;
                    decode(self.py, cursor.value())
                })
            }
        }
    }

    fn list<E: From<PyErr>>(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut read: impl FnMut(&mut Self, &mut Cursor<'_>) -> Result<Bound<'py, PyAny>, E>,
    ) -> Result<Bound<'py, PyAny>, E> {
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

    fn plain(&mut self, cursor: &mut Cursor<'_>, depth: usize) -> Result<Bound<'py, PyAny>, Unusual> {
        if cursor.is_at(b'{') {
            return self.plain_object(cursor, deeper(depth)?);
        }
        if cursor.is_at(b'[') {
            let depth = deeper(depth)?;
            return self.list(cursor, |reader, item| reader.plain(item, depth));
        }
        let text = cursor.value();
        match text.as_bytes() {
            [b'"', inner @ .., b'"'] => self.string(text, inner).map(Bound::into_any),
            b"null" => Ok(self.py.None().into_bound(self.py)),
            b"true" => Ok(PyBool::new(self.py, true).to_owned().into_any()),
            b"false" => Ok(PyBool::new(self.py, false).to_owned().into_any()),
            _ => self.number(text),
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

    #[expect(unsafe_code, reason = "a string of ASCII is copied, and not looked through again")]
    fn string(&self, literal: &str, inner: &[u8]) -> Result<Bound<'py, PyString>, Unusual> {
        if memchr::memchr(b'\\', inner).is_some() {
            let text: String = serde_json::from_str(literal).map_err(|_| Unusual)?;
            return Ok(PyString::new(self.py, &text));
        }
        let text = literal.get(1..literal.len() - 1).unwrap_or_default();
        if text.is_ascii() {
            // SAFETY: it is ASCII.
            return Ok(unsafe { pystring_ascii_new(self.py, text) });
        }
        Ok(PyString::new(self.py, text))
    }

    fn number(&self, text: &str) -> Result<Bound<'py, PyAny>, Unusual> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            if !(1..=MAX_DIGITS).contains(&digits.len()) {
                return Err(Unusual);
            }
            let size = digits
                .bytes()
                .fold(0, |size, digit| size * 10 + i64::from(digit - b'0'));
            let number = if digits.len() < text.len() { -size } else { size };
            return Ok(PyInt::new(self.py, number).into_any());
        }
        let number: f64 = text.parse().map_err(|_| Unusual)?;
        Ok(PyFloat::new(self.py, number).into_any())
    }
}

/// What is left to Python's decoder.
struct Unusual;

impl From<PyErr> for Unusual {
    fn from(_: PyErr) -> Self {
        Self
    }
}

fn deeper(depth: usize) -> Result<usize, Unusual> {
    if depth < MAX_DEPTH { Ok(depth + 1) } else { Err(Unusual) }
}

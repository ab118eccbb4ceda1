//! The values of a response object, made of its JSON text.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::plain::scalar;
use super::schema::{Kind, Schema};
use super::{BaseModel, text_of};
use crate::py::json::decode;
use crate::split::Cursor;

/// The values of one level of an object.
#[derive(Debug)]
pub struct Values {
    /// By the field's position; `None` where the server left it out, and where the object itself has it.
    pub declared: Box<[Option<Py<PyAny>>]>,
    /// The members that no field declares, in the server's order.
    pub extra: Vec<(Py<PyString>, Py<PyAny>)>,
}

/// How far an object is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Its main field, and that of the object in it; others when they are asked for.
    Main,
    /// All objects in it, at once and in one pass. Of a list whose objects have a plain main field, such as those of log
    /// probabilities, only that is read.
    All,
}

impl Values {
    /// Those of this text, but for the field at this position.
    ///
    /// # Errors
    /// Where a value cannot be made a Python object.
    pub fn of(py: Python<'_>, schema: &Schema, json: &Bytes, without: Option<usize>) -> PyResult<Self> {
        let mut cursor = Cursor::new(text_of(json)?);
        Self::read(py, schema, &mut cursor, json, Depth::Main, without, |_, _| ()).map(|(values, _)| values)
    }

    /// That of one field alone, if the server sent it.
    ///
    /// # Errors
    /// As for [`Values::of`].
    pub fn one(py: Python<'_>, schema: &Schema, json: &Bytes, position: usize) -> PyResult<Option<Py<PyAny>>> {
        let Some(field) = schema.fields.get(position) else {
            return Ok(None);
        };
        let mut found = None;
        Cursor::new(text_of(json)?).members(|name, value| {
            if name == field.name {
                found = Some(value.clone());
            }
            value.value();
        });
        found
            .map(|mut value| value_of(py, field.kind, &mut value, json, Depth::Main))
            .transpose()
    }

    /// Those of the object that the cursor is in front of, and the object's text; `each` is told all members.
    fn read<'a>(
        py: Python<'_>,
        schema: &Schema,
        cursor: &mut Cursor<'a>,
        json: &Bytes,
        depth: Depth,
        without: Option<usize>,
        mut each: impl FnMut(&str, &'a str),
    ) -> PyResult<(Self, &'a str)> {
        let mut declared: Box<[Option<Py<PyAny>>]> = schema.fields.iter().map(|_| None).collect();
        let mut extra: Vec<(Py<PyString>, Py<PyAny>)> = Vec::new();
        let mut read = |name: &str, value: &mut Cursor<'_>| -> PyResult<()> {
            if let Some((at, field)) = schema.find(name) {
                if without == Some(at) {
                    value.value();
                } else if let Some(slot) = declared.get_mut(at) {
                    *slot = Some(value_of(py, field.kind, value, json, depth)?);
                }
            } else {
                let name = PyString::intern(py, name).unbind();
                let value = plain_of(py, value)?;
                match extra.iter_mut().find(|(known, _)| known.is(&name)) {
                    Some((_, slot)) => *slot = value,
                    None => extra.push((name, value)),
                }
            }
            Ok(())
        };
        let mut outcome = Ok(());
        let text = cursor.object(|name, value| {
            let text = value.read(|value| {
                if outcome.is_ok() {
                    outcome = read(name, value);
                } else {
                    value.value();
                }
            });
            each(name, text);
        });
        outcome.map(|()| (Self { declared, extra }, text))
    }
}

/// The object that the cursor is in front of, all of whose parts are read now; `each` is told its members. Its bytes are
/// shared with `json`.
///
/// # Errors
/// As for [`Values::of`].
pub fn object_through<'a>(
    py: Python<'_>,
    schema: &'static Schema,
    cursor: &mut Cursor<'a>,
    json: &Bytes,
    each: impl FnMut(&str, &'a str),
) -> PyResult<BaseModel> {
    let (values, text) = Values::read(py, schema, cursor, json, Depth::All, None, each)?;
    Ok(BaseModel::with_values(schema, json.slice_ref(text.as_bytes()), values))
}

/// The object that the cursor is in front of, with its main field; `each` is told all members. Its bytes are
/// shared with `json`.
#[inline]
pub fn object_of<'a>(
    py: Python<'_>,
    schema: &'static Schema,
    cursor: &mut Cursor<'a>,
    json: &Bytes,
    mut each: impl FnMut(&str, &'a str),
) -> BaseModel {
    let main = schema.main();
    let mut known = None;
    let text = cursor.object(|name, value| {
        let text = value.read(|value| match main {
            Some((at, field)) if field.name == name => {
                // A value that Python cannot hold is found by whoever reads it.
                let read = value_of(py, field.kind, value, json, Depth::Main).ok();
                known = read.map(|read| (at, read));
            }
            _ => drop(value.value()),
        });
        each(name, text);
    });
    let object = json.slice_ref(text.as_bytes());
    match known {
        Some(known) => BaseModel::with_known(schema, object, known),
        None => BaseModel::new(schema, object),
    }
}

/// The next object of a list.
fn item_of(
    py: Python<'_>,
    schema: &'static Schema,
    item: &mut Cursor<'_>,
    json: &Bytes,
    depth: Depth,
) -> PyResult<Py<PyAny>> {
    let depth = match schema.main() {
        Some((_, field)) if matches!(field.kind, Kind::Plain(_)) => Depth::Main,
        _ => depth,
    };
    value_of(py, Kind::One(schema), item, json, depth)
}

/// The plain value that the cursor is in front of.
fn plain_of(py: Python<'_>, value: &mut Cursor<'_>) -> PyResult<Py<PyAny>> {
    match scalar(py, value.peek(), value, &mut Vec::new()) {
        Some(scalar) => Ok(scalar.unbind()),
        None => Ok(decode(py, value.value())?.unbind()),
    }
}

/// The value that the cursor is in front of, as its kind is read.
fn value_of(py: Python<'_>, kind: Kind, value: &mut Cursor<'_>, json: &Bytes, depth: Depth) -> PyResult<Py<PyAny>> {
    match kind {
        Kind::One(schema) if value.is_at(b'{') => match depth {
            Depth::Main => object_of(py, schema, value, json, |_, _| ()).wrap(py),
            Depth::All => object_through(py, schema, value, json, |_, _| ())?.wrap(py),
        },
        Kind::Many(schema) if value.is_at(b'[') => {
            let mut items = Vec::new();
            value.elements(|_, item| items.push(item_of(py, schema, item, json, depth)));
            let items = items.into_iter().collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any().unbind())
        }
        _ => plain_of(py, value),
    }
}

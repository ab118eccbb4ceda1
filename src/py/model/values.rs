//! The values of a response object, made of its JSON text.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyList, PyString};

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
pub enum Depth {
    /// Its own fields: those of the objects in it when they are asked for.
    One,
    /// All objects in it, at once and in one pass; but of objects with a number only the number.
    All,
}

impl Values {
    /// Those of this text, but for the field at this position.
    ///
    /// # Errors
    /// Where a value cannot be made a Python object.
    pub fn of(py: Python<'_>, schema: &Schema, json: &Bytes, without: Option<usize>) -> PyResult<Self> {
        let mut cursor = Cursor::new(text_of(json)?);
        Self::read(py, schema, &mut cursor, json, Depth::One, without).map(|(values, _)| values)
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
            .map(|mut value| value_of(py, field.kind, &mut value, json, Depth::One))
            .transpose()
    }

    /// Those of the object that the cursor is in front of, and the object's text.
    fn read<'a>(
        py: Python<'_>,
        schema: &Schema,
        cursor: &mut Cursor<'a>,
        json: &Bytes,
        depth: Depth,
        without: Option<usize>,
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
                let value = decode(py, value.value())?.unbind();
                match extra.iter_mut().find(|(known, _)| known.is(&name)) {
                    Some((_, slot)) => *slot = value,
                    None => extra.push((name, value)),
                }
            }
            Ok(())
        };
        let mut outcome = Ok(());
        let text = cursor.object(|name, value| {
            if outcome.is_ok() {
                outcome = read(name, value);
            } else {
                value.value();
            }
        });
        outcome.map(|()| (Self { declared, extra }, text))
    }
}

/// An object all of whose parts are read now.
///
/// # Errors
/// As for [`Values::of`].
pub fn read_through(py: Python<'_>, schema: &'static Schema, json: &Bytes) -> PyResult<BaseModel> {
    object_of(py, schema, &mut Cursor::new(text_of(json)?), json, Depth::All)
}

/// The object that the cursor is in front of; its bytes are shared with `json`.
fn object_of(
    py: Python<'_>,
    schema: &'static Schema,
    cursor: &mut Cursor<'_>,
    json: &Bytes,
    depth: Depth,
) -> PyResult<BaseModel> {
    match depth {
        Depth::One => Ok(BaseModel::new(schema, json.slice_ref(cursor.value().as_bytes()))),
        Depth::All => {
            let (values, text) = Values::read(py, schema, cursor, json, depth, None)?;
            Ok(BaseModel::with_values(schema, json.slice_ref(text.as_bytes()), values))
        }
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
    let wanted = schema.number.and_then(|at| Some((at, schema.fields.get(at)?.name)));
    let Some((at, wanted)) = wanted.filter(|_| item.is_at(b'{')) else {
        return value_of(py, Kind::One(schema), item, json, depth);
    };
    let mut number = None;
    let text = item.object(|name, value| {
        let value = value.value();
        if name == wanted {
            number = Some(value);
        }
    });
    let object = json.slice_ref(text.as_bytes());
    match number.and_then(|number| number_of(py, number)) {
        Some(number) => BaseModel::with_known(schema, object, (at, number)).wrap(py),
        None => BaseModel::new(schema, object).wrap(py),
    }
}

/// A number, if it is one.
fn number_of(py: Python<'_>, text: &str) -> Option<Py<PyAny>> {
    if text.contains(['.', 'e', 'E'])
        && let Ok(number) = text.parse::<f64>()
    {
        return Some(PyFloat::new(py, number).into_any().unbind());
    }
    let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    is_number.then(|| decode(py, text).ok().map(Bound::unbind)).flatten()
}

/// The value that the cursor is in front of, as its kind is read.
fn value_of(py: Python<'_>, kind: Kind, value: &mut Cursor<'_>, json: &Bytes, depth: Depth) -> PyResult<Py<PyAny>> {
    match kind {
        Kind::One(schema) if value.is_at(b'{') => object_of(py, schema, value, json, depth)?.wrap(py),
        Kind::Many(schema) if value.is_at(b'[') => {
            let mut items = Vec::new();
            value.elements(|_, item| items.push(item_of(py, schema, item, json, depth)));
            let items = items.into_iter().collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any().unbind())
        }
        _ => Ok(decode(py, value.value())?.unbind()),
    }
}

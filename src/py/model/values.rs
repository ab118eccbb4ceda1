//! The values of a response object, made of its JSON text.

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::schema::{Kind, Schema};
use super::{BaseModel, text_of};
use crate::py::json::decode;
use crate::split::Cursor;

/// The values of one level of an object.
#[derive(Debug)]
pub struct Values {
    /// By the field's position; `None` where the server left it out.
    pub declared: Box<[Option<Py<PyAny>>]>,
    /// The members that no field declares, in the server's order.
    pub extra: Vec<(Py<PyString>, Py<PyAny>)>,
}

impl Values {
    /// Those of this text.
    ///
    /// # Errors
    /// Where a value cannot be made a Python object.
    pub fn of(py: Python<'_>, schema: &Schema, json: &Bytes) -> PyResult<Self> {
        let mut declared: Box<[Option<Py<PyAny>>]> = schema.fields.iter().map(|_| None).collect();
        let mut extra: Vec<(Py<PyString>, Py<PyAny>)> = Vec::new();
        let mut read = |name: &str, value: &str| -> PyResult<()> {
            let field = schema
                .fields
                .iter()
                .zip(declared.iter_mut())
                .find(|(field, _)| field.name == name);
            if let Some((field, slot)) = field {
                *slot = Some(value_of(py, field.kind, value, json)?);
            } else {
                let name = PyString::intern(py, name).unbind();
                let value = decode(py, value)?.unbind();
                match extra.iter_mut().find(|(known, _)| known.is(&name)) {
                    Some((_, slot)) => *slot = value,
                    None => extra.push((name, value)),
                }
            }
            Ok(())
        };
        let mut outcome = Ok(());
        Cursor::new(text_of(json)?).members(|name, value| {
            let value = value.value();
            if outcome.is_ok() {
                outcome = read(name, value);
            }
        });
        outcome.map(|()| Self { declared, extra })
    }

    /// A copy in which the field at `position` is left to the object itself.
    pub fn without(&self, py: Python<'_>, position: usize) -> Self {
        let declared = self.declared.iter().enumerate();
        Self {
            declared: declared
                .map(|(at, value)| {
                    if at == position {
                        None
                    } else {
                        value.as_ref().map(|value| value.clone_ref(py))
                    }
                })
                .collect(),
            extra: self
                .extra
                .iter()
                .map(|(name, value)| (name.clone_ref(py), value.clone_ref(py)))
                .collect(),
        }
    }
}

/// A value as its kind is read; the bytes of nested objects are shared with `json`.
fn value_of(py: Python<'_>, kind: Kind, text: &str, json: &Bytes) -> PyResult<Py<PyAny>> {
    match kind {
        Kind::One(schema) if text.starts_with('{') => BaseModel::new(schema, json.slice_ref(text.as_bytes())).wrap(py),
        Kind::Many(schema) if text.starts_with('[') => {
            let mut items = Vec::new();
            Cursor::new(text).elements(|_, item| items.push(value_of(py, Kind::One(schema), item.value(), json)));
            let items = items.into_iter().collect::<PyResult<Vec<_>>>()?;
            Ok(PyList::new(py, items)?.into_any().unbind())
        }
        _ => Ok(decode(py, text)?.unbind()),
    }
}

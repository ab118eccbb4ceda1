//! The values of a response object, made of its JSON text.

use bytes::Bytes;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use serde_json::value::RawValue;

use super::schema::{Kind, Schema};
use super::{BaseModel, text_of};
use crate::json::{elements, members};
use crate::py::json::decode;

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
    /// Where it is no object, or a value cannot be made a Python object.
    pub fn of(py: Python<'_>, schema: &Schema, json: &Bytes) -> PyResult<Self> {
        let text = text_of(json)?;
        let mut declared: Box<[Option<Py<PyAny>>]> = schema.fields.iter().map(|_| None).collect();
        let mut extra: Vec<(Py<PyString>, Py<PyAny>)> = Vec::new();
        for (name, value) in members(text).map_err(|e| PyValueError::new_err(e.to_string()))? {
            let field = schema
                .fields
                .iter()
                .zip(declared.iter_mut())
                .find(|(field, _)| field.name == name);
            if let Some((field, slot)) = field {
                *slot = Some(value_of(py, field.kind, value, json)?);
            } else {
                let name = PyString::intern(py, &name).unbind();
                let value = decode(py, value.get())?.unbind();
                match extra.iter_mut().find(|(known, _)| known.is(&name)) {
                    Some((_, slot)) => *slot = value,
                    None => extra.push((name, value)),
                }
            }
        }
        Ok(Self { declared, extra })
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
fn value_of(py: Python<'_>, kind: Kind, value: &RawValue, json: &Bytes) -> PyResult<Py<PyAny>> {
    let text = value.get();
    match kind {
        Kind::One(schema) if text.starts_with('{') => BaseModel::new(schema, json.slice_ref(text.as_bytes())).wrap(py),
        Kind::Many(schema) if text.starts_with('[') => {
            let items = elements(text).map_err(|e| PyValueError::new_err(e.to_string()))?;
            let items: Vec<Py<PyAny>> = items
                .into_iter()
                .map(|item| value_of(py, Kind::One(schema), item, json))
                .collect::<PyResult<_>>()?;
            Ok(PyList::new(py, items)?.into_any().unbind())
        }
        _ => Ok(decode(py, text)?.unbind()),
    }
}

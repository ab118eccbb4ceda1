//! What a response class is: its name, its fields, and the kinds of their values.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::BaseModel;
use super::plain::Shape;

/// A response class: its name in Python, its fields, and how to make one.
#[derive(Debug)]
pub struct Schema {
    /// The name that a pickle keeps; unlike the class's own it is unique.
    pub name: &'static str,
    /// The declared fields, in the order in which they are shown.
    pub fields: &'static [Field],
    /// Makes an object of the class around its base.
    pub make: fn(Python<'_>, BaseModel) -> PyResult<Py<PyAny>>,
    /// The Python class.
    pub class: fn(Python<'_>) -> Bound<'_, PyType>,
    /// The keys of its dicts.
    pub shape: fn(Python<'_>) -> PyResult<&'static Shape>,
    /// A number that is read at once when a list of such objects is made: of many of them it is all that is read.
    pub number: Option<usize>,
}

impl Schema {
    /// The field of this name, and its position.
    #[inline]
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(usize, &'static Field)> {
        // Names of one length seldom begin with the same letter: a comparison is a call.
        let is_it = |field: &Field| {
            let known = field.name;
            known.len() == name.len() && known.as_bytes().first() == name.as_bytes().first() && known == name
        };
        self.fields.iter().enumerate().find(|(_, field)| is_it(field))
    }
}

/// A declared field.
#[derive(Debug)]
pub struct Field {
    /// Its name in JSON and in Python.
    pub name: &'static str,
    /// What its value is expected to be.
    pub kind: Kind,
    /// Whether it has to be there.
    pub standing: Standing,
}

impl Field {
    /// Whether it is shown in its own place and as its kind; one of the service's own is shown as it was sent.
    #[must_use]
    pub fn is_declared(&self) -> bool {
        self.standing != Standing::Extension
    }
}

/// Whether a field has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// `model_validate` insists on it.
    Required,
    /// Shown as `None` where the server left it out.
    Optional,
    /// The service's own: it reads as `None` where it was left out, and is otherwise shown like any unknown field, as
    /// openai-python shows it.
    Extension,
}

/// What a field's value is expected to be. A value of another kind is handed out as the plain JSON it is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any plain value, named as the type it usually has.
    Plain(&'static str),
    /// An object of a response class.
    One(&'static Schema),
    /// A list of objects of a response class.
    Many(&'static Schema),
}

/// The position of a field, if there is one, for the compiler to work out.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "runs while compiling, where iterators do not")]
pub const fn find(fields: &[Field], name: &str) -> Option<usize> {
    let mut at = 0;
    while at < fields.len() {
        if equal(fields[at].name.as_bytes(), name.as_bytes()) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The position of a field that there is.
#[must_use]
#[expect(clippy::panic, reason = "runs while compiling, where a panic is a compile error")]
pub const fn position(fields: &[Field], name: &str) -> usize {
    match find(fields, name) {
        Some(at) => at,
        None => panic!("no such field"),
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "runs while compiling, within bounds that it checks"
)]
const fn equal(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The schema of a response class.
///
/// # Errors
/// `TypeError` for any other class.
pub fn schema_of(class: &Bound<'_, PyType>) -> PyResult<&'static Schema> {
    let py = class.py();
    crate::py::types::SCHEMAS
        .iter()
        .copied()
        .find(|schema| (schema.class)(py).is(class))
        .ok_or_else(|| {
            PyTypeError::new_err(format!(
                "{class} is no response class of tokstream: for a class of your own derive from pydantic.BaseModel, which cast_to takes too"
            ))
        })
}

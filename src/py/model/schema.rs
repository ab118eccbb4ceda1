//! What a response class is: its name, its fields, and the kinds of their values.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::BaseModel;
use super::attributes::Attributes;
use super::plain::Shape;

/// A response class: its name in Python, its fields, and how to make one.
#[derive(Debug)]
pub struct Schema {
    /// The name that a pickle keeps; unlike the class's own it is unique.
    pub name: &'static str,
    /// The declared fields, in the order in which they are shown.
    pub fields: &'static [Field],
    /// Where to look for them.
    pub places: Places,
    /// Makes an object of the class around its base.
    pub make: fn(Python<'_>, BaseModel) -> PyResult<Py<PyAny>>,
    /// The Python class.
    pub class: fn(Python<'_>) -> Bound<'_, PyType>,
    /// How its attributes are read.
    pub attributes: fn() -> &'static Attributes,
    /// What its dicts have in common.
    pub shape: fn(Python<'_>) -> PyResult<&'static Shape>,
    /// The field that is read together with the object: of most objects programs read no other.
    pub main: Option<usize>,
}

impl Schema {
    /// The main field, and its position.
    #[inline]
    #[must_use]
    pub fn main(&self) -> Option<(usize, &'static Field)> {
        let at = self.main?;
        Some((at, self.fields.get(at)?))
    }

    /// The field of this name, and its position.
    #[inline]
    #[must_use]
    pub fn find(&self, name: &str) -> Option<(usize, &'static Field)> {
        let first = usize::from(*self.places.0.get(place_of(name.as_bytes()))?);
        let mut fields = self.fields.iter().enumerate().skip(first);
        fields.find(|(_, field)| is_same(field.name.as_bytes(), name.as_bytes()))
    }
}

/// Whether two names are the same: as short as they are, to call for a comparison takes longer than to compare.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    if let (Some(end), Some(others_end)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        let (words, _) = one.as_chunks::<8>();
        let (others, _) = other.as_chunks::<8>();
        return end == others_end && words.iter().zip(others).all(|(word, other)| word == other);
    }
    one.iter().zip(other).all(|(byte, other)| byte == other)
}

/// Where to look for a field: the first of those whose names have the same hash.
#[derive(Debug)]
pub struct Places([u8; 32]);

impl Places {
    /// Those of a class.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "runs while compiling, where what goes wrong is a compile error"
    )]
    pub const fn of(fields: &[Field]) -> Self {
        assert!(fields.len() <= u64::BITS as usize, "a class of so many fields");
        let mut places = [NOWHERE; 32];
        let mut at = fields.len();
        while at > 0 {
            at -= 1;
            places[place_of(fields[at].name.as_bytes())] = at as u8;
        }
        Self(places)
    }
}

/// Behind all fields.
const NOWHERE: u8 = u8::MAX;

/// A hash that tells nearly all names of a class apart.
#[inline]
#[expect(clippy::indexing_slicing, reason = "iterators do not run while compiling")]
const fn place_of(name: &[u8]) -> usize {
    let length = name.len();
    if length == 0 {
        return 0;
    }
    (length ^ (name[0] as usize) << 1 ^ name[length - 1] as usize) & 31
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
const fn find(fields: &[Field], name: &str) -> Option<usize> {
    let mut at = 0;
    while at < fields.len() {
        if equal(fields[at].name.as_bytes(), name.as_bytes()) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// The fields that are read together with their objects, and whether they are lists: what most programs read, one within
/// the other. The `content` of log probabilities is none: often only its numbers are wanted, all at once.
const MAIN: [(&str, bool); 6] = [
    ("choices", true),
    ("message", false),
    ("delta", false),
    ("content", false),
    ("text", false),
    ("logprob", false),
];

/// The position of the main field, if there is one.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "runs while compiling, where iterators do not")]
pub const fn main_of(fields: &[Field]) -> Option<usize> {
    let mut at = 0;
    while at < MAIN.len() {
        let (name, is_list) = MAIN[at];
        if let Some(position) = find(fields, name)
            && matches!(fields[position].kind, Kind::Many(_)) == is_list
        {
            return Some(position);
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

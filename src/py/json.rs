//! Python data to JSON text and back.

use std::ops::Range;
use std::sync::OnceLock;

use jiter::{PythonParse, StringCacheMode};
use pyo3::exceptions::{PyRecursionError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyBool, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyMapping, PySet, PyString, PyTuple, PyType};
use serde::Serialize;

use super::model::BaseModel;
use crate::escape::write_string;
use crate::py::once::{intern, kept};

/// Deeper than any request has a use for; a cycle is found this way too.
const MAX_DEPTH: usize = 256;

/// A JSON text as plain Python data.
///
/// # Errors
/// `ValueError` where it is no JSON, `RecursionError` where it is nested beyond reason.
pub fn decode<'py>(py: Python<'py>, text: &str) -> PyResult<Bound<'py, PyAny>> {
    match text {
        "null" => return Ok(py.None().into_bound(py)),
        "true" => return Ok(PyBool::new(py, true).to_owned().into_any()),
        "false" => return Ok(PyBool::new(py, false).to_owned().into_any()),
        _ => {}
    }
    let parse = PythonParse {
        cache_mode: StringCacheMode::Keys,
        ..PythonParse::default()
    };
    match parse.python_parse(py, text.as_bytes()) {
        Ok(value) => Ok(value),
        // Python's own decoder goes where jiter will not: lone surrogates, which a stream can cut an emoji into, and
        // nesting beyond jiter's limit.
        Err(_) => py
            .import(intern!(py, "json"))?
            .call_method1(intern!(py, "loads"), (text,)),
    }
}

/// Whether a value at this depth may still be made JSON.
///
/// # Errors
/// `RecursionError` where it may not.
pub fn check_depth(depth: usize) -> PyResult<()> {
    if depth > MAX_DEPTH {
        return Err(PyRecursionError::new_err(format!(
            "the data is nested deeper than {MAX_DEPTH} levels, or contains itself"
        )));
    }
    Ok(())
}

/// Python data as JSON text.
pub struct Encoder<'py> {
    out: Vec<u8>,
    /// Members' names by their addresses: the messages of a conversation all have the same ones.
    names: [Option<Written<'py>>; NAMES],
}

/// A name, held so that no other comes to lie where it does, and where it stands in the text, with its colon.
type Written<'py> = (Bound<'py, PyString>, Range<usize>);

/// Names that are remembered, at the most.
const NAMES: usize = 16;

impl<'py> Encoder<'py> {
    /// An empty text.
    #[must_use]
    pub fn new() -> Self {
        Self {
            out: Vec::with_capacity(512),
            names: [const { None }; NAMES],
        }
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Appends one value.
    ///
    /// # Errors
    /// `TypeError` or `ValueError` for what JSON cannot say, `RecursionError` for a cycle; what a method of the user's
    /// objects raises.
    pub fn value(&mut self, value: &Bound<'py, PyAny>, depth: usize) -> PyResult<()> {
        check_depth(depth)?;
        if let Ok(text) = value.cast::<PyString>() {
            return self.string(text);
        }
        if let Ok(dict) = value.cast::<PyDict>() {
            return self.object(entries(dict), depth);
        }
        if let Ok(list) = value.cast::<PyList>() {
            return self.array(list.iter().map(Ok), depth);
        }
        if value.is_none() {
            self.out.extend_from_slice(b"null");
        } else if let Ok(truth) = value.cast::<PyBool>() {
            self.out
                .extend_from_slice(if truth.is_true() { b"true" } else { b"false" });
        } else if value.is_instance_of::<PyInt>() {
            return self.integer(value);
        } else if let Ok(float) = value.cast::<PyFloat>() {
            return self.float(float.value());
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            return self.array(tuple.iter().map(Ok), depth);
        } else if let Ok(model) = value.cast::<BaseModel>() {
            self.out
                .extend_from_slice(&model.get().bytes_within(value.py(), depth)?);
        } else {
            return self.other(value, depth);
        }
        Ok(())
    }

    fn string(&mut self, text: &Bound<'_, PyString>) -> PyResult<()> {
        let text = text.to_str().map_err(|_| {
            PyValueError::new_err("a string of the request has a lone surrogate, which no JSON text in UTF-8 can carry")
        })?;
        write_string(&mut self.out, text);
        Ok(())
    }

    fn plain(&mut self, value: &impl Serialize) -> PyResult<()> {
        serde_json::to_writer(&mut self.out, value).map_err(|e| PyValueError::new_err(e.to_string()))
    }

    fn integer(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(small) = value.extract::<i64>() {
            return self.plain(&small);
        }
        // An IntEnum's own text is its name; int's is the number.
        let digits = value
            .py()
            .get_type::<PyInt>()
            .call_method1(intern!(value.py(), "__repr__"), (value,))?;
        self.out
            .extend_from_slice(digits.cast::<PyString>()?.to_str()?.as_bytes());
        Ok(())
    }

    fn float(&mut self, value: f64) -> PyResult<()> {
        if !value.is_finite() {
            return Err(PyValueError::new_err(format!(
                "the request has the number {value}, which JSON cannot say"
            )));
        }
        self.plain(&value)
    }

    fn object(
        &mut self,
        items: impl Iterator<Item = PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)>>,
        depth: usize,
    ) -> PyResult<()> {
        self.out.push(b'{');
        let start = self.out.len();
        for item in items {
            let (name, value) = item?;
            self.member(start, &name, &value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    /// Appends a member of the object whose members begin at `start`.
    fn member(
        &mut self,
        start: usize,
        name: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        depth: usize,
    ) -> PyResult<()> {
        let text = value.cast::<PyString>();
        if text.is_err() && is_left_out(value)? {
            return Ok(());
        }
        if self.out.len() > start {
            self.out.push(b',');
        }
        if let Ok(name) = name.cast::<PyString>() {
            self.name(name)?;
        } else {
            write_string(&mut self.out, key_text(name)?.to_str()?);
            self.out.push(b':');
        }
        match text {
            Ok(text) => {
                check_depth(depth + 1)?;
                self.string(text)
            }
            Err(_) => self.value(value, depth + 1),
        }
    }

    /// Appends the name of a member, and its colon.
    fn name(&mut self, name: &Bound<'py, PyString>) -> PyResult<()> {
        let address = name.as_ptr() as usize;
        // Small objects lie in steps of 16 bytes.
        let place = (address >> 4 ^ address >> 8) % NAMES;
        if let Some(Some((known, its))) = self.names.get(place)
            && known.is(name)
        {
            self.out.extend_from_within(its.clone());
            return Ok(());
        }
        let start = self.out.len();
        self.string(name)?;
        self.out.push(b':');
        if let Some(known) = self.names.get_mut(place) {
            *known = Some((name.clone(), start..self.out.len()));
        }
        Ok(())
    }

    /// Appends an object of these members, whose values are JSON texts.
    pub fn members<'a>(&mut self, members: impl Iterator<Item = (&'a str, &'a [u8])>) {
        self.out.push(b'{');
        for (at, (name, value)) in members.enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            write_string(&mut self.out, name);
            self.out.push(b':');
            self.out.extend_from_slice(value);
        }
        self.out.push(b'}');
    }

    fn array(&mut self, items: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>, depth: usize) -> PyResult<()> {
        self.out.push(b'[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            self.value(&item?, depth + 1)?;
        }
        self.out.push(b']');
        Ok(())
    }

    /// What is neither a plain value nor ours: objects of other libraries, by what they offer.
    fn other(&mut self, value: &Bound<'py, PyAny>, depth: usize) -> PyResult<()> {
        let py = value.py();
        if value.cast::<PyType>().is_err() {
            if let Some(dump) = value.getattr_opt(intern!(py, "model_dump"))? {
                let options = PyDict::new(py);
                options.set_item(intern!(py, "mode"), intern!(py, "json"))?;
                options.set_item(intern!(py, "exclude_unset"), true)?;
                options.set_item(intern!(py, "by_alias"), true)?;
                return self.value(&dump.call((), Some(&options))?, depth + 1);
            }
            if let Ok(mapping) = value.cast::<PyMapping>() {
                let items: Vec<_> = mapping.items()?.iter().map(|item| item.extract()).collect();
                return self.object(items.into_iter(), depth);
            }
            if let Some(fields) = value.getattr_opt(intern!(py, "__dataclass_fields__"))? {
                let names: Vec<Bound<'_, PyAny>> = fields.try_iter()?.collect::<PyResult<_>>()?;
                return self.attributes(value, names, depth);
            }
            if let Some(fields) = value.getattr_opt(intern!(py, "__struct_fields__"))? {
                let names: Vec<Bound<'_, PyAny>> = fields.try_iter()?.collect::<PyResult<_>>()?;
                return self.attributes(value, names, depth);
            }
            let is_enum = py.import(intern!(py, "enum"))?.getattr(intern!(py, "Enum"))?;
            if value.is_instance(&is_enum)? {
                return self.value(&value.getattr(intern!(py, "value"))?, depth + 1);
            }
            // numpy's scalars and arrays, and whatever else turns itself into plain data under this name.
            if let Some(to_list) = value.getattr_opt(intern!(py, "tolist"))? {
                return self.value(&to_list.call0()?, depth + 1);
            }
            if let Some(format) = value.getattr_opt(intern!(py, "isoformat"))? {
                return self.value(&format.call0()?, depth + 1);
            }
            // Sets have no order, and bytes no encoding.
            let is_ambiguous = value.is_instance_of::<PySet>()
                || value.is_instance_of::<PyFrozenSet>()
                || value.getattr_opt(intern!(py, "decode"))?.is_some();
            if !is_ambiguous && let Ok(items) = value.try_iter() {
                return self.array(items, depth);
            }
        }
        Err(PyTypeError::new_err(format!(
            "the request has an object of type {}, which cannot be said in JSON",
            value.get_type().fully_qualified_name()?
        )))
    }

    fn attributes(&mut self, value: &Bound<'py, PyAny>, names: Vec<Bound<'py, PyAny>>, depth: usize) -> PyResult<()> {
        let items = names.into_iter().map(|name| {
            let name = name.cast_into::<PyString>()?;
            let found = value.getattr(&name)?;
            Ok((name.into_any(), found))
        });
        self.object(items, depth)
    }
}

/// The entries of a dict, which code of the caller's own may change meanwhile: `PyDict::iter` would panic then.
pub fn entries<'a, 'py>(dict: &'a Bound<'py, PyDict>) -> impl Iterator<Item = PyResult<Entry<'py>>> + use<'a, 'py> {
    let length = dict.len();
    let mut position: ffi::Py_ssize_t = 0;
    let mut seen = 0;
    std::iter::from_fn(move || {
        let changed = || {
            Some(Err(PyRuntimeError::new_err(
                "a dict of the request changed while it was encoded",
            )))
        };
        if dict.len() != length {
            return changed();
        }
        let entry = next_entry(dict, &mut position)?;
        seen += 1;
        // Keys that come and go would keep this up for ever.
        if seen > length { changed() } else { Some(Ok(entry)) }
    })
}

type Entry<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

#[expect(
    unsafe_code,
    reason = "the one iteration over a dict that neither copies it nor panics"
)]
fn next_entry<'py>(dict: &Bound<'py, PyDict>, position: &mut ffi::Py_ssize_t) -> Option<Entry<'py>> {
    with_critical_section(dict, || {
        let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
        // SAFETY: `dict` is a dict, `position` was only ever set by this function, and the rest may be written to.
        if unsafe { ffi::PyDict_Next(dict.as_ptr(), position, &raw mut key, &raw mut value) } == 0 {
            return None;
        }
        // SAFETY: the dict's own references, which nobody can take from it within the critical section.
        let key = unsafe { Bound::from_borrowed_ptr(dict.py(), key) };
        // SAFETY: as for the key.
        let value = unsafe { Bound::from_borrowed_ptr(dict.py(), value) };
        Some((key, value))
    })
}

/// A key that is no string, as `json.dumps` would write it.
fn key_text<'py>(key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyString>> {
    let py = key.py();
    if key.is_none() {
        return Ok(intern!(py, "null").clone());
    }
    if let Ok(truth) = key.cast::<PyBool>() {
        return Ok(if truth.is_true() {
            intern!(py, "true")
        } else {
            intern!(py, "false")
        }
        .clone());
    }
    if key.is_instance_of::<PyInt>() || key.is_instance_of::<PyFloat>() {
        return key.str();
    }
    Err(PyTypeError::new_err(format!(
        "the request has a key of type {}; keys are strings",
        key.get_type().fully_qualified_name()?
    )))
}

/// Whether a value is `NOT_GIVEN` or `omit`: its parameter is then as if it were not written.
///
/// # Errors
/// Where the package's own module cannot be imported.
pub fn is_left_out(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    static MARKERS: OnceLock<(Py<PyType>, Py<PyType>)> = OnceLock::new();
    let py = value.py();
    let (not_given, omit) = kept(&MARKERS, || {
        let module = py.import(intern!(py, "tokstream._marks"))?;
        let class = |name: &str| -> PyResult<Py<PyType>> { Ok(module.getattr(name)?.cast_into::<PyType>()?.unbind()) };
        Ok::<_, PyErr>((class("NotGiven")?, class("Omit")?))
    })?;
    let class = value.get_type_ptr().cast();
    Ok(class == not_given.as_ptr() || class == omit.as_ptr())
}

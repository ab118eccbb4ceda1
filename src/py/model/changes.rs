//! What a program has changed in a response object, and the JSON text that says so.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, OnceLock};

use bytes::Bytes;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::{BaseModel, text_of};
use crate::json::{elements, members};
use crate::lock::lock;
use crate::py::json::{Encoder, check_depth, decode};
use crate::split::Cursor;

/// What was done to an attribute.
#[derive(Debug)]
pub enum Change {
    /// It was set to this.
    Set(Py<PyAny>),
    /// It was deleted.
    Deleted,
}

impl Change {
    /// The attribute's value, if it has one.
    #[must_use]
    pub fn read(self) -> Option<Py<PyAny>> {
        match self {
            Self::Set(value) => Some(value),
            Self::Deleted => None,
        }
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Self::Set(value) => Self::Set(value.clone_ref(py)),
            Self::Deleted => Self::Deleted,
        }
    }
}

/// The attributes that a program has set or deleted, in this order; hardly any object has some.
#[derive(Debug, Default)]
pub struct Changes(OnceLock<Box<Mutex<Made>>>);

type Made = Vec<(Box<str>, Change)>;

impl Changes {
    /// Whether there are some.
    #[inline]
    pub fn is_any(&self) -> bool {
        self.0.get().is_some()
    }

    /// What was done to the attribute of this name last.
    #[inline]
    pub fn find(&self, py: Python<'_>, name: &str) -> Option<Change> {
        let changes = lock(self.0.get()?);
        let (_, change) = changes.iter().find(|(known, _)| **known == *name)?;
        Some(change.clone_ref(py))
    }

    /// All of them.
    pub fn all(&self, py: Python<'_>) -> Made {
        let clone = |(name, change): &(Box<str>, Change)| (name.clone(), change.clone_ref(py));
        self.0
            .get()
            .map_or_else(Vec::new, |changes| lock(changes).iter().map(clone).collect())
    }

    /// Makes one.
    pub fn make(&self, name: &str, change: Change) {
        let before = {
            let mut changes = lock(self.0.get_or_init(Box::default));
            if let Some((_, slot)) = changes.iter_mut().find(|(known, _)| **known == *name) {
                Some(std::mem::replace(slot, change))
            } else {
                changes.push((name.into(), change));
                None
            }
        };
        // Outside of the lock: this may run Python code.
        drop(before);
    }
}

/// Whether an attribute is the program's own and no part of the object, as in pydantic.
#[must_use]
pub fn is_private(name: &str) -> bool {
    name.starts_with('_')
}

impl BaseModel {
    /// The JSON text: the server's, with what the program has changed since.
    ///
    /// # Errors
    /// `TypeError` or `ValueError` where something that was set cannot be said in JSON.
    pub fn bytes(&self, py: Python<'_>) -> PyResult<Bytes> {
        self.bytes_within(py, 0)
    }

    /// The same of an object at this depth of what is being made JSON.
    ///
    /// # Errors
    /// As for [`BaseModel::bytes`], and `RecursionError` where it contains itself.
    pub fn bytes_within(&self, py: Python<'_>, depth: usize) -> PyResult<Bytes> {
        Ok(self
            .rewritten(py, depth)?
            .map_or_else(|| self.json.clone(), Bytes::from))
    }

    /// What has been read of a member: it may have been changed in place since.
    fn seen(&self, py: Python<'_>, name: &str) -> Option<Py<PyAny>> {
        if let Some((position, _)) = self.schema.find(name) {
            return self.known(position).map(|value| value.clone_ref(py));
        }
        let mut extra = self.known_values()?.extra.iter();
        let (_, value) = extra.find(|(known, _)| known.bind(py).to_str().is_ok_and(|known| known == name))?;
        Some(value.clone_ref(py))
    }

    /// Whether nothing was handed out that may have been changed in place.
    fn is_out_of_reach(&self) -> bool {
        !self.reached.load(Ordering::Relaxed)
    }

    /// Whether nothing that has been read can have been changed since; the cursor is in front of what should be this
    /// object's text, and passes over it. Objects are told by where they lie: their text is not compared.
    fn is_as_sent(&self, py: Python<'_>, cursor: &mut Cursor<'_>) -> bool {
        if self.changes.is_any() || !cursor.is_at_place(&self.json) {
            return false;
        }
        if self.is_out_of_reach() {
            cursor.pass(self.json.len());
            return true;
        }
        let extra = self.known_values().map_or(&[][..], |values| &values.extra);
        let mut is_same = !extra.iter().any(|(_, value)| is_container(value.bind(py)));
        cursor.members(|name, value| {
            let known = self.schema.find(name).and_then(|(at, _)| self.known(at));
            match known.filter(|_| is_same) {
                Some(known) => is_same = is_untouched(known.bind(py), value),
                None => drop(value.value()),
            }
        });
        is_same
    }

    /// The JSON text anew, if something in it has been changed.
    pub(super) fn rewritten(&self, py: Python<'_>, depth: usize) -> PyResult<Option<Vec<u8>>> {
        check_depth(depth)?;
        if !self.changes.is_any() && self.is_out_of_reach() {
            return Ok(None);
        }
        let text = text_of(&self.json)?;
        if self.is_as_sent(py, &mut Cursor::new(text)) {
            return Ok(None);
        }
        let members = members(text).map_err(|e| PyValueError::new_err(e.to_string()))?;
        let mut changes = self.changes.all(py);
        changes.retain(|(name, _)| !is_private(name));
        let mut is_changed = !changes.is_empty();
        let mut parts: Vec<(&str, Cow<'_, [u8]>)> = Vec::with_capacity(members.len());
        for (at, (name, raw)) in members.iter().enumerate() {
            let mut now = Cow::Borrowed(raw.get().as_bytes());
            // A name that stands there twice reads as its last value.
            if members.iter().skip(at + 1).all(|(later, _)| later != name) {
                if let Some(change) = changes.iter().position(|(changed, _)| **changed == **name) {
                    match changes.remove(change).1 {
                        Change::Set(value) => now = Cow::Owned(encoded(value.bind(py), depth + 1)?),
                        Change::Deleted => continue,
                    }
                } else if let Some(value) = self.seen(py, name)
                    && let Some(changed) = changed_in_place(value.bind(py), raw.get(), depth + 1)?
                {
                    now = Cow::Owned(changed);
                    is_changed = true;
                }
            }
            parts.push((name, now));
        }
        if !is_changed {
            return Ok(None);
        }
        for (name, change) in &changes {
            if let Change::Set(value) = change {
                parts.push((name, Cow::Owned(encoded(value.bind(py), depth + 1)?)));
            }
        }
        let mut out = Encoder::new();
        out.members(parts.iter().map(|(name, value)| (*name, value.as_ref())));
        Ok(Some(out.finish()))
    }
}

/// Whether a value that has been read cannot have been changed, or is a list of objects that have not been; passes over
/// its text. What takes more to find out is said to be changed.
fn is_untouched(value: &Bound<'_, PyAny>, cursor: &mut Cursor<'_>) -> bool {
    if let Ok(model) = value.cast::<BaseModel>() {
        return model.get().is_as_sent(value.py(), cursor);
    }
    let Ok(list) = value.cast::<PyList>() else {
        cursor.value();
        return !is_container(value);
    };
    let mut is_same = cursor.is_at(b'[');
    let mut count = 0;
    cursor.elements(|at, element| {
        count = at + 1;
        match list.get_item(at) {
            Ok(item) if is_same && item.is_instance_of::<BaseModel>() => is_same = is_untouched(&item, element),
            _ => {
                is_same = false;
                element.value();
            }
        }
    });
    is_same && count == list.len()
}

/// Whether it is a list or a dict.
fn is_container(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyList>() || value.is_instance_of::<PyDict>()
}

fn encoded(value: &Bound<'_, PyAny>, depth: usize) -> PyResult<Vec<u8>> {
    let mut out = Encoder::new();
    out.value(value, depth)?;
    Ok(out.finish())
}

/// The JSON text of a value, if it is one that can be changed in place and no longer what `raw` says.
fn changed_in_place(value: &Bound<'_, PyAny>, raw: &str, depth: usize) -> PyResult<Option<Vec<u8>>> {
    if let Ok(model) = value.cast::<BaseModel>() {
        return model.get().rewritten(value.py(), depth);
    }
    if let Ok(list) = value.cast::<PyList>()
        && list.iter().any(|item| item.is_instance_of::<BaseModel>())
    {
        return changed_list(list, raw, depth);
    }
    if is_container(value) && decode(value.py(), raw)?.ne(value)? {
        return encoded(value, depth).map(Some);
    }
    Ok(None)
}

fn changed_list(list: &Bound<'_, PyList>, raw: &str, depth: usize) -> PyResult<Option<Vec<u8>>> {
    let before = elements(raw).map_err(|e| PyValueError::new_err(e.to_string()))?;
    let now = list
        .iter()
        .map(|item| encoded(&item, depth + 1))
        .collect::<PyResult<Vec<_>>>()?;
    let is_same = now
        .iter()
        .map(Vec::as_slice)
        .eq(before.iter().map(|element| element.get().as_bytes()));
    Ok((!is_same).then(|| [b"[", now.join(&b","[..]).as_slice(), b"]"].concat()))
}

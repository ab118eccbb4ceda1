//! The entries of dicts that code of the caller's own may change meanwhile: `PyDict::iter` would panic then.

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::critical_section::with_critical_section;
use pyo3::types::{PyDict, PyString};

/// The entries of a dict.
pub fn entries<'a, 'py>(dict: &'a Bound<'py, PyDict>) -> impl Iterator<Item = PyResult<Entry<'py>>> + use<'a, 'py> {
    let mut walk = Walk::of(dict);
    std::iter::from_fn(move || {
        let mut entry = None;
        let step = walk.step(|name, value| {
            entry = Some((name.clone(), value.clone()));
            Ok(())
        });
        step.map(|_| entry).transpose()
    })
}

type Entry<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// A way through a dict.
pub struct Walk<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    length: usize,
    position: ffi::Py_ssize_t,
    seen: usize,
}

impl<'a, 'py> Walk<'a, 'py> {
    /// A way that begins.
    pub fn of(dict: &'a Bound<'py, PyDict>) -> Self {
        Self {
            dict,
            length: dict.len(),
            position: 0,
            seen: 0,
        }
    }

    /// Calls `each` with the next entry; whether there is one.
    ///
    /// # Errors
    /// `RuntimeError` where the dict has changed; what `each` fails with.
    #[inline]
    #[expect(
        unsafe_code,
        reason = "the one iteration over a dict that neither copies it nor panics"
    )]
    pub fn step(
        &mut self,
        each: impl FnOnce(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<bool> {
        let dict = self.dict;
        let changed = || PyRuntimeError::new_err("a dict of the request changed while it was encoded");
        if dict.len() != self.length {
            return Err(changed());
        }
        with_critical_section(dict, || {
            let (mut key, mut value) = (std::ptr::null_mut(), std::ptr::null_mut());
            // SAFETY: `dict` is a dict, the position was only ever set by this call, and the rest may be written to.
            if unsafe { ffi::PyDict_Next(dict.as_ptr(), &raw mut self.position, &raw mut key, &raw mut value) } == 0 {
                return Ok(false);
            }
            self.seen += 1;
            // Keys that come and go would keep this up for ever.
            if self.seen > self.length {
                return Err(changed());
            }
            // SAFETY: the dict's own reference, which nobody can take from it within the critical section.
            let key = unsafe { Borrowed::from_ptr(dict.py(), key) };
            // SAFETY: as for the key.
            let value = unsafe { Borrowed::from_ptr(dict.py(), value) };
            if is_plain_text(&key) && is_plain_text(&value) {
                // Nothing of the caller's own runs.
                each(&key, &value)?;
            } else {
                each(&key.to_owned(), &value.to_owned())?;
            }
            Ok(true)
        })
    }
}

/// Whether it is a string, and not of a class of the caller's own.
#[inline]
fn is_plain_text(value: &Bound<'_, PyAny>) -> bool {
    value.is_exact_instance_of::<PyString>()
}

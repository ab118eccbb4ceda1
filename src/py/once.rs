//! What is made once for the process: interned names, classes of Python's, imported functions.
//!
//! PyO3's own cells and its `intern!` let go of the interpreter while they make a value. A process that another thread forks
//! meanwhile has a child that waits for ever: nobody there ends what was begun. Here each thread that finds no value makes
//! one, and the first to be done counts.

use std::convert::Infallible;
use std::sync::OnceLock;

use pyo3::prelude::*;
use pyo3::types::PyString;

/// The value of `place`, made where there is none yet.
///
/// # Errors
/// What `make` failed with.
pub fn kept<T, E>(place: &'static OnceLock<T>, make: impl FnOnce() -> Result<T, E>) -> Result<&'static T, E> {
    if let Some(value) = place.get() {
        return Ok(value);
    }
    let value = make()?;
    Ok(place.get_or_init(|| value))
}

/// The text as Python's one string of it.
pub fn interned<'a, 'py>(
    py: Python<'py>,
    place: &'static OnceLock<Py<PyString>>,
    text: &str,
) -> &'a Bound<'py, PyString> {
    let Ok(name) = kept(place, || Ok::<_, Infallible>(PyString::intern(py, text).unbind()));
    name.bind(py)
}

/// A name as Python's one string of it.
macro_rules! intern {
    ($py:expr, $text:expr) => {{
        static NAME: std::sync::OnceLock<pyo3::Py<pyo3::types::PyString>> = std::sync::OnceLock::new();
        crate::py::once::interned($py, &NAME, $text)
    }};
}
pub(super) use intern;

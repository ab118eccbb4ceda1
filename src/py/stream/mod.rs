//! `Stream` and `AsyncStream`: one reply, read as it comes.

mod asyncio;
mod blocking;
mod channel;
mod feed;

use std::sync::{MutexGuard, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyString, PyType};

pub use asyncio::{AsyncStream, AsyncTextStream};
pub use blocking::{Stream, TextStream};
pub use feed::Feed;

/// Makes the class that no module shows.
pub fn make_classes(py: Python<'_>) {
    py.get_type::<asyncio::AsyncChunks>();
}

use super::errors::response;
use super::incoming::Incoming;
use super::timings::Timings;
use crate::py::once::intern;
use crate::reader::Kind;

/// `Stream[ChatCompletionChunk]` at run time.
fn subscript<'py>(class: &Bound<'py, PyType>, item: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    py.import(intern!(py, "types"))?
        .getattr(intern!(py, "GenericAlias"))?
        .call1((class, item))
}

/// A kind of stream by its name.
///
/// # Errors
/// `ValueError` where there is no such kind.
pub fn kind_of(name: &str) -> PyResult<Kind> {
    match name {
        "chat" => Ok(Kind::Chat),
        "text" => Ok(Kind::Text),
        "json" => Ok(Kind::Json),
        "bytes" => Ok(Kind::Bytes),
        other => Err(PyValueError::new_err(format!("no kind of stream: {other}"))),
    }
}

/// The error of reading a stream that another process opened.
fn elsewhere() -> PyErr {
    PyRuntimeError::new_err("the stream belongs to the process that opened it; open another one in this process")
}

/// What both streams show of themselves, whether or not they are still being read.
macro_rules! stream_properties {
    ($class:ident) => {
        impl $class {
            /// What the reader has at hand. No Python code may run while it is held.
            fn incoming(&self, py: Python<'_>) -> MutexGuard<'_, Incoming> {
                self.incoming
                    .lock_py_attached(py)
                    .unwrap_or_else(PoisonError::into_inner)
            }

            fn final_completion(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
                let completion = self.incoming(py).final_completion();
                completion.map_err(|broken| broken.raise(py))?.wrap(py)
            }

            fn final_text(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
                let text = self.incoming(py).final_text();
                let text = text.map_err(|broken| broken.raise(py))?;
                Ok(PyString::new(py, &text).into_any().unbind())
            }
        }

        #[pymethods]
        impl $class {
            #[classmethod]
            fn __class_getitem__<'py>(
                cls: &Bound<'py, PyType>,
                item: &Bound<'py, PyAny>,
            ) -> PyResult<Bound<'py, PyAny>> {
                subscript(cls, item)
            }

            /// The completion put together from the chunks that have been read.
            #[getter]
            fn current_completion_snapshot(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
                let completion = self.incoming(py).completion();
                completion.map(|completion| completion.wrap(py)).transpose()
            }

            /// The usage that the server has reported so far.
            #[getter]
            fn usage(&self, py: Python<'_>) -> PyResult<Option<Py<PyAny>>> {
                let usage = self.incoming(py).usage();
                usage.map(|usage| usage.wrap(py)).transpose()
            }

            /// What the stream took so far.
            #[getter]
            fn timings(&self, py: Python<'_>) -> Timings {
                self.incoming(py).timings()
            }

            /// The reply's head: status, headers, request id.
            #[getter]
            fn response<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
                let py = slf.py();
                let (request, head) = slf.get().incoming(py).exchanged();
                let response = response(py, &request, &head, b"")?;
                // Closing the response closes the stream.
                response.setattr(intern!(py, "_stream"), slf)?;
                Ok(response)
            }

            /// Whether nothing more will come of it.
            #[getter]
            fn is_closed(&self, py: Python<'_>) -> bool {
                self.incoming(py).is_over()
            }

            /// Whether it has come to its proper end: a stream that was closed before has not.
            #[getter]
            fn _is_complete(&self, py: Python<'_>) -> bool {
                self.incoming(py).is_complete()
            }

            fn __repr__(&self, py: Python<'_>) -> String {
                let (over, status) = self.incoming(py).state();
                format!(
                    "<{} {} {}>",
                    stringify!($class),
                    status,
                    if over { "closed" } else { "open" }
                )
            }

            /// The same stream, opened for its bytes, read as one of chunks.
            fn _as(slf: Py<Self>, py: Python<'_>, kind: &str) -> PyResult<Py<Self>> {
                slf.get().incoming(py).reinterpret(kind_of(kind)?);
                Ok(slf)
            }

            fn __reduce__(&self) -> PyResult<()> {
                Err(PyTypeError::new_err(
                    "a stream cannot be pickled or copied: it is one connection; its chunks can",
                ))
            }
        }
    };
}

stream_properties!(Stream);
stream_properties!(AsyncStream);

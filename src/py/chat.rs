//! What `chat.completions.create` is given, as a request's body.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use crate::py::once::intern;

/// The body of a request for the next message of a conversation, of what `create` is given.
///
/// # Errors
/// What the truth of `stream` raises.
#[pyfunction]
#[pyo3(name = "_chat_body")]
pub fn chat_body<'py>(
    messages: &Bound<'py, PyAny>,
    model: &Bound<'py, PyAny>,
    stream: &Bound<'py, PyAny>,
    params: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = messages.py();
    let body = PyDict::new(py);
    body.set_item(intern!(py, "messages"), messages)?;
    body.set_item(intern!(py, "model"), model)?;
    if stream.is_truthy()? {
        body.set_item(intern!(py, "stream"), true)?;
    } else if stream.is_none() {
        body.set_item(intern!(py, "stream"), stream)?;
    }
    if !params.is_empty() {
        body.update(params.as_mapping())?;
    }
    Ok(body)
}

/// The messages as a list of what can be a message. Nearly always they are one of dicts; it is not copied then.
///
/// # Errors
/// `TypeError` where they are no messages.
pub fn as_messages<'py>(messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let are_dicts = |list: &Bound<'_, PyList>| list.iter().all(|message| message.is_exact_instance_of::<PyDict>());
    if messages.cast_exact::<PyList>().is_ok_and(are_dicts) {
        return Ok(messages.clone());
    }
    let py = messages.py();
    py.import(intern!(py, "tokstream.resources.chat"))?
        .call_method1(intern!(py, "as_messages"), (messages,))
}

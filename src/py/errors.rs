//! The core's error as one of `tokstream._exceptions`; the one place where one becomes the other.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use reqwest::header::HeaderMap;

use super::json::decode;
use crate::config::redact_url;
use crate::error::{Error, Failure, Head};
use crate::exchange::Request;

/// A `ConfigurationError`.
#[must_use]
pub fn configuration(py: Python<'_>, message: &str) -> PyErr {
    make(py, "configuration", message, &PyDict::new(py))
}

/// The error of a request that was not sent or not answered as it should be.
#[must_use]
pub fn raise(py: Python<'_>, failure: Failure, request: Option<&Request>, partial: Option<Py<PyAny>>) -> PyErr {
    build(py, failure, request, partial).unwrap_or_else(|e| e)
}

fn build(py: Python<'_>, failure: Failure, request: Option<&Request>, partial: Option<Py<PyAny>>) -> PyResult<PyErr> {
    let Failure { error, head, retries } = failure;
    let fields = PyDict::new(py);
    let mut message = error.to_string();
    if let Some(request) = request {
        fields.set_item("request", request_record(py, request)?)?;
        fields.set_item("retries_taken", retries)?;
        if let Some(partial) = partial {
            fields.set_item("partial", partial)?;
        }
    }
    let whose = |request: Option<&Request>| {
        request.map_or_else(String::new, |request| {
            format!(" ({} {})", request.method, redact_url(&request.url))
        })
    };
    let (kind, raw) = match error {
        Error::Connection { cause, .. } => {
            fields.set_item("cause", cause.as_str())?;
            message += &whose(request);
            ("connection", None)
        }
        Error::Timeout { phase, .. } => {
            fields.set_item("phase", phase.as_str())?;
            message += &whose(request);
            ("timeout", None)
        }
        Error::Truncated { .. } => ("truncated", None),
        Error::Status { body, raw, retry_after } => {
            fields.set_item("code", body.code)?;
            fields.set_item("param", body.param)?;
            fields.set_item("type", body.kind)?;
            fields.set_item("retry_after", retry_after.map(|delay| delay.as_secs_f64()))?;
            ("status", Some(raw))
        }
        Error::InStream { body, raw } => {
            fields.set_item("code", body.code)?;
            fields.set_item("param", body.param)?;
            fields.set_item("type", body.kind)?;
            ("api", Some(raw))
        }
        Error::Validation { raw, .. } => ("validation", Some(raw)),
        Error::Configuration(_) => return Ok(configuration(py, &message)),
        Error::Closed => {
            return Ok(make(
                py,
                "closed",
                "The client is closed; make a new one",
                &PyDict::new(py),
            ));
        }
    };
    if let Some(raw) = &raw {
        fields.set_item("body", said(py, raw)?)?;
    }
    if let Some(head) = head {
        let content = raw.as_deref().unwrap_or_default();
        fields.set_item("response", response_record(py, &head, content)?)?;
    }
    Ok(make(py, kind, &message, &fields))
}

/// What the server sent as an error: its JSON (the part named `error`, as openai-python has it), or its text.
fn said<'py>(py: Python<'py>, raw: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let text = String::from_utf8_lossy(raw);
    let Ok(value) = decode(py, &text) else {
        return Ok(text.into_pyobject(py)?.into_any());
    };
    let error = match value.cast::<PyDict>() {
        Ok(object) => object.get_item(intern!(py, "error"))?,
        Err(_) => None,
    };
    Ok(error.filter(|error| !error.is_none()).unwrap_or(value))
}

fn make(py: Python<'_>, kind: &str, message: &str, fields: &Bound<'_, PyDict>) -> PyErr {
    let made = py
        .import(intern!(py, "tokstream._exceptions"))
        .and_then(|module| module.getattr(intern!(py, "make")))
        .and_then(|make| make.call1((kind, message, fields)));
    match made {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(&str, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str(),
                value.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
            )
        })
        .collect()
}

/// What `tokstream._http.Request` takes.
///
/// # Errors
/// Where Python has no memory for it.
pub fn request_record<'py>(py: Python<'py>, request: &Request) -> PyResult<Bound<'py, PyDict>> {
    let record = PyDict::new(py);
    record.set_item("method", request.method.as_str())?;
    record.set_item("url", redact_url(&request.url))?;
    record.set_item("headers", pairs(&request.headers))?;
    record.set_item("content", PyBytes::new(py, request.body.as_deref().unwrap_or_default()))?;
    Ok(record)
}

fn response_record<'py>(py: Python<'py>, head: &Head, content: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let record = PyDict::new(py);
    record.set_item("status_code", head.status)?;
    record.set_item("headers", pairs(&head.headers))?;
    record.set_item("content", PyBytes::new(py, content))?;
    record.set_item("http_version", head.http_version)?;
    Ok(record)
}

/// A `tokstream._http.Response`.
///
/// # Errors
/// Where Python has no memory for it.
pub fn response<'py>(py: Python<'py>, request: &Request, head: &Head, content: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let module = py.import(intern!(py, "tokstream._http"))?;
    let made = module
        .getattr(intern!(py, "Request"))?
        .call((), Some(&request_record(py, request)?))?;
    let record = response_record(py, head, content)?;
    record.set_item("request", made)?;
    module.getattr(intern!(py, "Response"))?.call((), Some(&record))
}

//! The core's error as one of `tokstream._exceptions`; the one place where one becomes the other.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use reqwest::Url;

use super::hider::Hider;
use super::json::{Encoder, decode};
use crate::config::redact_url;
use crate::error::{Error, Failure, Head};
use crate::exchange::Request;
use crate::json::beyond_python;
use crate::ledger::Overspent;
use crate::py::once::intern;

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
    let hider = Hider::of(request);
    let mut message = hider.text(&error.to_string()).into_owned();
    if let Some(request) = request {
        fields.set_item("request", request_record(py, request, &hider)?)?;
        fields.set_item("retries_taken", retries)?;
        if let Some(partial) = partial {
            fields.set_item("partial", partial)?;
        }
    }
    let whose = |request: Option<&Request>| {
        request.map_or_else(String::new, |request| {
            format!(" ({} {})", request.method, without_query(&request.url))
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
            fields.set_item("code", hider.optional(body.code))?;
            fields.set_item("param", hider.optional(body.param))?;
            fields.set_item("type", hider.optional(body.kind))?;
            fields.set_item("retry_after", retry_after.map(|delay| delay.as_secs_f64()))?;
            ("status", Some(raw))
        }
        Error::InStream { body, raw } => {
            fields.set_item("code", hider.optional(body.code))?;
            fields.set_item("param", hider.optional(body.param))?;
            fields.set_item("type", hider.optional(body.kind))?;
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
    let mut raw = raw.as_deref().map(|raw| hider.bytes(raw));
    if let Some(raw) = &mut raw {
        let text = String::from_utf8_lossy(raw).into_owned();
        // What is nested beyond reason stays text.
        let decoded = beyond_python(&text).is_none().then(|| decode(py, &text).ok()).flatten();
        let said = match decoded.as_ref().map(|value| hider.value(value)).transpose()?.flatten() {
            Some(hidden) => {
                let mut encoder = Encoder::new();
                encoder.value(&hidden, 0)?;
                *raw = Cow::Owned(encoder.finish());
                hidden
            }
            None => match decoded {
                Some(value) => value,
                None => PyString::new(py, &text).into_any(),
            },
        };
        fields.set_item("body", part_named_error(said)?)?;
    }
    if let Some(head) = head {
        fields.set_item(
            "response",
            response_record(py, &head, raw.as_deref().unwrap_or_default(), Some(&hider))?,
        )?;
    }
    Ok(make(py, kind, &message, &fields))
}

/// A `BudgetExceededError`.
#[must_use]
pub fn overspent(py: Python<'_>, spent: Overspent) -> PyErr {
    let build = || {
        let fields = PyDict::new(py);
        fields.set_item("limit", spent.limit)?;
        fields.set_item("spent", spent.spent)?;
        py.import(intern!(py, "tokstream._exceptions"))?
            .getattr(intern!(py, "BudgetExceededError"))?
            .call((spent.to_string(),), Some(&fields))
    };
    build().map_or_else(|error| error, PyErr::from_value)
}

/// The part of a server's answer that is named `error`, as openai-python has it, or else all of it.
fn part_named_error(said: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    let error = match said.cast::<PyDict>() {
        Ok(object) => object.get_item(intern!(said.py(), "error"))?,
        Err(_) => None,
    };
    Ok(error.filter(|error| !error.is_none()).unwrap_or(said))
}

fn make(py: Python<'_>, kind: &str, message: &str, fields: &Bound<'_, PyDict>) -> PyErr {
    let made = py
        .import(intern!(py, "tokstream._error_kinds"))
        .and_then(|module| module.getattr(intern!(py, "make")))
        .and_then(|make| make.call1((kind, message, fields)));
    match made {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// A query may hold a key, and the address says enough without it.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    redact_url(&url)
}

fn pairs<'a>(headers: impl Iterator<Item = (&'a str, &'a [u8])>, hider: Option<&Hider>) -> Vec<(&'a str, String)> {
    headers
        .map(|(name, value)| {
            let text: String = value.iter().map(|byte| char::from(*byte)).collect();
            let text = hider.map_or(text.clone(), |hider| hider.text(&text).into_owned());
            (name, text)
        })
        .collect()
}

/// What `tokstream._http.Request` takes.
fn request_record<'py>(py: Python<'py>, request: &Request, hider: &Hider) -> PyResult<Bound<'py, PyDict>> {
    let record = PyDict::new(py);
    record.set_item("method", request.method.as_str())?;
    record.set_item("url", redact_url(&request.url))?;
    let headers = request.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
    record.set_item("headers", pairs(headers, Some(hider)))?;
    record.set_item("content", PyBytes::new(py, request.body.as_deref().unwrap_or_default()))?;
    Ok(record)
}

fn response_record<'py>(
    py: Python<'py>,
    head: &Head,
    content: &[u8],
    hider: Option<&Hider>,
) -> PyResult<Bound<'py, PyDict>> {
    let record = PyDict::new(py);
    record.set_item("status_code", head.status)?;
    record.set_item("headers", pairs(head.headers.iter(), hider))?;
    record.set_item("content", PyBytes::new(py, content))?;
    record.set_item("http_version", head.http_version)?;
    Ok(record)
}

/// A `tokstream._http.Response`: all that came, and what hides the keys in it if an error is made of it.
///
/// # Errors
/// Where Python has no memory for it.
pub fn response<'py>(py: Python<'py>, request: &Request, head: &Head, content: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let module = py.import(intern!(py, "tokstream._http"))?;
    let hider = Hider::of(Some(request));
    let made = module
        .getattr(intern!(py, "Request"))?
        .call((), Some(&request_record(py, request, &hider)?))?;
    let record = response_record(py, head, content, None)?;
    record.set_item("request", made)?;
    let response = module.getattr(intern!(py, "Response"))?.call((), Some(&record))?;
    response.setattr(intern!(py, "_hider"), Bound::new(py, hider)?)?;
    Ok(response)
}

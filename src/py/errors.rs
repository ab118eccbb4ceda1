//! The core's error as one of `tokstream._exceptions`; the one place where one becomes the other.

use std::borrow::Cow;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap};

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

/// Hides a request's key in whatever is shown of it: servers repeat the keys that they refuse.
struct Hider(Option<String>);

/// Shorter ones are no keys, and hiding them would tear other words apart.
const SHORTEST_KEY: usize = 6;
const HIDDEN: &str = "[redacted]";

impl Hider {
    fn of(request: Option<&Request>) -> Self {
        let value = request.and_then(|request| request.headers.get(AUTHORIZATION)?.to_str().ok());
        let key = value.map(|value| value.rsplit(' ').next().unwrap_or(value));
        Self(key.filter(|key| key.len() >= SHORTEST_KEY).map(str::to_owned))
    }

    fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.0 {
            Some(key) if text.contains(key.as_str()) => Cow::Owned(text.replace(key.as_str(), HIDDEN)),
            _ => Cow::Borrowed(text),
        }
    }

    fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match &self.0 {
            Some(key) if memchr::memmem::find(bytes, key.as_bytes()).is_some() => Cow::Owned(
                String::from_utf8_lossy(bytes)
                    .replace(key.as_str(), HIDDEN)
                    .into_bytes(),
            ),
            _ => Cow::Borrowed(bytes),
        }
    }

    fn optional(&self, text: Option<String>) -> Option<String> {
        text.map(|text| self.text(&text).into_owned())
    }
}

fn build(py: Python<'_>, failure: Failure, request: Option<&Request>, partial: Option<Py<PyAny>>) -> PyResult<PyErr> {
    let Failure { error, head, retries } = failure;
    let fields = PyDict::new(py);
    let hider = Hider::of(request);
    let mut message = hider.text(&error.to_string()).into_owned();
    if let Some(request) = request {
        fields.set_item("request", request_record(py, request)?)?;
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
    let raw = raw.as_deref().map(|raw| hider.bytes(raw));
    if let Some(raw) = &raw {
        fields.set_item("body", said(py, raw)?)?;
    }
    if let Some(head) = head {
        fields.set_item(
            "response",
            response_record(py, &head, raw.as_deref().unwrap_or_default(), &hider)?,
        )?;
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

/// A query may hold a key, and the address says enough without it.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    redact_url(&url)
}

fn pairs<'a>(headers: &'a HeaderMap, hider: &Hider) -> Vec<(&'a str, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let text: String = value.as_bytes().iter().map(|byte| char::from(*byte)).collect();
            (name.as_str(), hider.text(&text).into_owned())
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
    record.set_item("headers", pairs(&request.headers, &Hider::of(Some(request))))?;
    record.set_item("content", PyBytes::new(py, request.body.as_deref().unwrap_or_default()))?;
    Ok(record)
}

fn response_record<'py>(py: Python<'py>, head: &Head, content: &[u8], hider: &Hider) -> PyResult<Bound<'py, PyDict>> {
    let record = PyDict::new(py);
    record.set_item("status_code", head.status)?;
    record.set_item("headers", pairs(&head.headers, hider))?;
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
    let record = response_record(py, head, content, &Hider(None))?;
    record.set_item("request", made)?;
    module.getattr(intern!(py, "Response"))?.call((), Some(&record))
}

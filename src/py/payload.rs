//! What a request carries: headers, query and body, from Python.

use bytes::Bytes;
use pyo3::exceptions::{PyRecursionError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyList, PyString, PyTuple};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::errors::configuration;
use super::json::{Encoder, entries, is_left_out};
use crate::py::once::intern;

/// A header that is set, or taken away where it has no value.
pub type Change = (HeaderName, Option<HeaderValue>);

/// What a mapping says of headers; one that is `None` or `omit` is taken away.
///
/// # Errors
/// `ConfigurationError` for what is no header.
pub fn header_changes(headers: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Change>> {
    let Some(headers) = headers.filter(|headers| !headers.is_none()) else {
        return Ok(Vec::new());
    };
    let py = headers.py();
    let items = headers
        .call_method0(intern!(py, "items"))
        .map_err(|_| configuration(py, "headers must be a mapping of names to values"))?;
    items.try_iter()?.map(|item| header_change(&item?)).collect()
}

fn header_change(item: &Bound<'_, PyAny>) -> PyResult<Change> {
    let py = item.py();
    let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
    let shown = name.str()?.to_string_lossy().into_owned();
    let refuse = |why: &str| configuration(py, &format!("The header {shown:?} {why}"));
    let name: HeaderName = name
        .cast::<PyString>()
        .ok()
        .and_then(|name| name.to_str().ok())
        .and_then(|name| HeaderName::from_bytes(name.as_bytes()).ok())
        .ok_or_else(|| refuse("has a name that HTTP does not allow"))?;
    if value.is_none() || is_left_out(&value)? {
        return Ok((name, None));
    }
    let text = match value.cast::<PyBytes>() {
        Ok(bytes) => String::from_utf8_lossy(bytes.as_bytes()).into_owned(),
        Err(_) => match value.cast::<PyString>().map(|text| text.to_str()) {
            Ok(Ok(text)) => text.to_owned(),
            _ => return Err(refuse("has a value that is not text")),
        },
    };
    let mut value = HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| refuse("has a value with a line break or another character that HTTP does not allow"))?;
    value.set_sensitive(name == AUTHORIZATION);
    Ok((name, Some(value)))
}

/// Makes these changes.
pub fn change_headers(all: &mut HeaderMap, changes: Vec<Change>) {
    for (name, value) in changes {
        match value {
            Some(value) => drop(all.insert(name, value)),
            None => drop(all.remove(&name)),
        }
    }
}

/// Deeper than any query has a use for; a cycle is found this way too.
const MAX_QUERY_DEPTH: usize = 16;

/// Query parameters as openai-python writes them: lists as `name[]`, nested mappings as `name[inner]`.
pub fn query_pairs(query: &Bound<'_, PyAny>, argument: &str) -> PyResult<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let dict = query
        .cast::<PyDict>()
        .map_err(|_| configuration(query.py(), &format!("{argument} must be a dict of names and values")))?;
    for entry in entries(dict) {
        let (name, value) = entry?;
        add_query(&mut pairs, name.str()?.to_str()?, &value, 0)?;
    }
    Ok(pairs)
}

fn add_query(pairs: &mut Vec<(String, String)>, name: &str, value: &Bound<'_, PyAny>, depth: usize) -> PyResult<()> {
    if depth > MAX_QUERY_DEPTH {
        return Err(PyRecursionError::new_err(format!(
            "the query is nested deeper than {MAX_QUERY_DEPTH} levels, or contains itself"
        )));
    }
    if value.is_none() || is_left_out(value)? {
        return Ok(());
    }
    if let Ok(truth) = value.cast::<PyBool>() {
        pairs.push((
            name.to_owned(),
            if truth.is_true() { "true" } else { "false" }.to_owned(),
        ));
    } else if value.is_instance_of::<PyList>() || value.is_instance_of::<PyTuple>() {
        for item in value.try_iter()? {
            add_query(pairs, &format!("{name}[]"), &item?, depth + 1)?;
        }
    } else if let Ok(nested) = value.cast::<PyDict>() {
        for entry in entries(nested) {
            let (inner, value) = entry?;
            add_query(pairs, &format!("{name}[{}]", inner.str()?.to_str()?), &value, depth + 1)?;
        }
    } else {
        let value = value.str()?;
        let text = value.to_str()?;
        if name
            .chars()
            .chain(text.chars())
            .any(|c| matches!(c, '\r' | '\n' | '\0'))
        {
            return Err(configuration(
                value.py(),
                &format!("The query parameter {name:?} has a line break or a NUL"),
            ));
        }
        pairs.push((name.to_owned(), text.to_owned()));
    }
    Ok(())
}

/// Bodies of fewer bytes are short.
const SHORT_BODY: usize = 4 << 10;

/// A request's body as bytes, and what it is.
pub fn encode_body(
    body: Option<&Bound<'_, PyAny>>,
    extra: Option<&Bound<'_, PyAny>>,
) -> PyResult<(Option<Bytes>, &'static str)> {
    const JSON: &str = "application/json";
    let extra = extra.filter(|extra| !extra.is_none());
    let Some(body) = body else {
        return match extra {
            Some(extra) => encode_json(extra).map(|bytes| (Some(bytes), JSON)),
            None => Ok((None, JSON)),
        };
    };
    if let Ok(bytes) = body.cast::<PyBytes>() {
        return Ok((
            Some(Bytes::copy_from_slice(bytes.as_bytes())),
            "application/octet-stream",
        ));
    }
    let Some(extra) = extra else {
        return encode_json(body).map(|bytes| (Some(bytes), JSON));
    };
    let merged = match body.cast::<PyDict>() {
        Ok(dict) => dict.copy()?,
        Err(_) => {
            return Err(PyTypeError::new_err(
                "extra_body can only be added to a body that is a dict",
            ));
        }
    };
    merged.call_method1(intern!(body.py(), "update"), (extra,))?;
    encode_json(merged.as_any()).map(|bytes| (Some(bytes), JSON))
}

fn encode_json(value: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    let mut encoder = Encoder::new();
    encoder.value(value, 0)?;
    let text = encoder.finish();
    // What many calls hold at once is kept without the room that it was written in. To give such room back for a long one
    // takes longer than to write it.
    if text.len() < SHORT_BODY {
        return Ok(Bytes::from(text.into_boxed_slice()));
    }
    Ok(Bytes::from(text))
}

//! The clients' arguments: from what people write to what the core is set up with.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString, PyTuple};
use reqwest::Url;

use super::errors::configuration;
use super::json::is_left_out;
use super::settings::max_retries_of;
use crate::config::{BaseUrl, Secret};
use crate::transport::{HttpVersion, Verify};

/// Where the key comes from.
pub enum Key {
    /// The environment, read when a request first needs it.
    Environment,
    /// The caller's own.
    Given(Secret),
    /// A function that is asked at each request.
    Callable(Py<PyAny>),
}

impl Key {
    /// The same source again.
    #[must_use]
    pub fn clone_for(&self, py: Python<'_>) -> Self {
        match self {
            Self::Environment => Self::Environment,
            Self::Given(key) => Self::Given(key.clone()),
            Self::Callable(callable) => Self::Callable(callable.clone_ref(py)),
        }
    }
}

/// A text argument: a string, or a path or URL object.
pub fn text_argument(value: &Bound<'_, PyAny>, name: &str) -> PyResult<String> {
    match value.cast::<PyString>() {
        Ok(text) => match text.to_str() {
            Ok(text) if !text.chars().any(char::is_control) => Ok(text.to_owned()),
            _ => Err(configuration(
                value.py(),
                &format!("{name} has characters that do not belong there"),
            )),
        },
        // Paths and URL objects of other libraries say themselves in `str`.
        Err(_) if value.hasattr("__fspath__")? || value.hasattr("host")? => Ok(value.str()?.to_str()?.to_owned()),
        Err(_) => Err(configuration(
            value.py(),
            &format!("{name} must be a string, not {}", value.get_type().name()?),
        )),
    }
}

/// Refuses what is no proxy's URL. The URL is not repeated: it may carry a password.
pub fn check_proxy(py: Python<'_>) -> impl Fn(String) -> PyResult<String> + '_ {
    move |url| {
        let known = Url::parse(&url).is_ok_and(|url| {
            matches!(
                url.scheme(),
                "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h"
            ) && url.has_host()
        });
        if known {
            Ok(url)
        } else {
            Err(configuration(
                py,
                "proxy must be a URL such as http://host:port or socks5://host:port",
            ))
        }
    }
}

/// A base URL argument.
pub fn parse_base_url(value: &Bound<'_, PyAny>) -> PyResult<BaseUrl> {
    BaseUrl::parse(&text_argument(value, "base_url")?).map_err(|e| configuration(value.py(), &e.to_string()))
}

/// An argument that is one of our own small values.
pub fn wanted<'a, T>(value: &'a Bound<'_, PyAny>, argument: &str, class: &str) -> PyResult<&'a T>
where
    T: pyo3::PyClass<Frozen = pyo3::pyclass::boolean_struct::True> + Sync + pyo3::PyTypeInfo,
{
    match value.cast::<T>() {
        Ok(value) => Ok(value.get()),
        Err(_) => Err(configuration(
            value.py(),
            &format!(
                "{argument} must be a tokstream.{class}, not {}",
                value.get_type().name()?
            ),
        )),
    }
}

/// A count of retries, unless it was left out.
pub fn count_of(value: &Bound<'_, PyAny>) -> PyResult<Option<u32>> {
    if is_left_out(value)? {
        return Ok(None);
    }
    if value.is_instance_of::<PyBool>() {
        return Err(configuration(value.py(), "max_retries must be a whole number"));
    }
    let count: i64 = value
        .extract()
        .map_err(|_| configuration(value.py(), "max_retries must be a whole number; 0 turns retries off"))?;
    max_retries_of(value.py(), count).map(Some)
}

/// An `api_key` argument.
pub fn key_of(value: Option<&Bound<'_, PyAny>>) -> PyResult<Key> {
    let Some(value) = value else {
        return Ok(Key::Environment);
    };
    if let Ok(text) = value.cast::<PyString>() {
        // The key is not repeated, nor is the error that would.
        let refuse = || configuration(value.py(), "api_key has characters that no header can carry");
        let text = text.to_str().map_err(|_| refuse())?;
        if text.chars().any(char::is_control) {
            return Err(refuse());
        }
        // Blank, as a variable that is not set: no key was given.
        if text.trim().is_empty() {
            return Ok(Key::Environment);
        }
        let secret = Secret::new(text.to_owned());
        // A key that no header can carry is refused where it is given, not at the first request.
        secret.bearer().map_err(|e| configuration(value.py(), &e.to_string()))?;
        return Ok(Key::Given(secret));
    }
    if value.is_callable() {
        return Ok(Key::Callable(value.clone().unbind()));
    }
    Err(configuration(
        value.py(),
        &format!(
            "api_key must be a string or a function that returns one, not {}",
            value.get_type().name()?
        ),
    ))
}

/// A `verify` argument.
pub fn verify_of(value: &Bound<'_, PyAny>) -> PyResult<Verify> {
    match value.cast::<PyBool>() {
        Ok(truth) if truth.is_true() => Ok(Verify::Default),
        Ok(_) => Ok(Verify::Off),
        Err(_) => Ok(Verify::CaFile(text_argument(
            value,
            "verify (True, False or a PEM file)",
        )?)),
    }
}

/// One PEM file with both, or a pair of files.
pub fn identity_of(value: &Bound<'_, PyAny>) -> PyResult<(String, String)> {
    if let Ok(pair) = value.cast::<PyTuple>() {
        if pair.len() != 2 {
            return Err(configuration(
                value.py(),
                "cert must be a file, or a pair of files (certificate, key)",
            ));
        }
        return Ok((
            text_argument(&pair.get_item(0)?, "cert")?,
            text_argument(&pair.get_item(1)?, "cert")?,
        ));
    }
    let file = text_argument(value, "cert")?;
    Ok((file.clone(), file))
}

/// Bodies above this size are compressed where nothing else is said: it pays where the way is far.
const WORTH_COMPRESSING: usize = 16 << 10;

/// A `compress_requests` argument: the size above which bodies are compressed.
pub fn compress_of(value: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(truth.is_true().then_some(WORTH_COMPRESSING));
    }
    value.extract::<usize>().map(Some).map_err(|_| {
        configuration(
            value.py(),
            "compress_requests must be True, False or the number of bytes above which a body is compressed",
        )
    })
}

/// A `max_cost` argument, in USD.
pub fn cost_of(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let refuse = || {
        configuration(
            value.py(),
            "max_cost must be a number of USD, zero or more, or None for no limit",
        )
    };
    if value.is_instance_of::<PyBool>() {
        return Err(refuse());
    }
    let cost: f64 = value.extract().map_err(|_| refuse())?;
    if cost >= 0.0 { Ok(cost) } else { Err(refuse()) }
}

/// An `http2` argument.
pub fn http_version_of(value: Option<&Bound<'_, PyAny>>) -> PyResult<HttpVersion> {
    let Some(value) = value else {
        return Ok(HttpVersion::Http1);
    };
    if let Ok(truth) = value.cast::<PyBool>() {
        return Ok(if truth.is_true() {
            HttpVersion::Negotiated
        } else {
            HttpVersion::Http1
        });
    }
    match value.cast::<PyString>().ok().and_then(|text| text.to_str().ok()) {
        Some("prior-knowledge") => Ok(HttpVersion::Http2Only),
        _ => Err(configuration(
            value.py(),
            "http2 must be True, False or \"prior-knowledge\"",
        )),
    }
}

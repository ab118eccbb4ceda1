//! `Timeout`, `RetryPolicy`, `Limits`: small values that a client is set up with.

use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyTuple, PyType};

use super::errors::configuration;
use super::json::is_left_out;
use crate::config::{Limits, Timeouts, limit_from_seconds};
use crate::py::once::intern;
use crate::retry::RetryPolicy;

/// The four clocks of a call, in seconds.
#[pyclass(frozen, eq, name = "Timeout", module = "tokstream")]
#[derive(Debug, Clone, PartialEq)]
pub struct PyTimeout(pub Timeouts);

/// What a pickle keeps of an object that is made of arguments: a function of the standard library's, and its arguments.
pub type Reduced<'py> = (
    Bound<'py, PyAny>,
    (Bound<'py, PyType>, Bound<'py, PyTuple>, Bound<'py, PyDict>),
);

/// How `object` is made again of these arguments, whatever a pickle's protocol: those before 2 know no `__getnewargs_ex__`.
///
/// # Errors
/// Where the standard library cannot be imported.
pub fn reduced<'py, T>(object: &Bound<'py, T>, keywords: Bound<'py, PyDict>) -> PyResult<Reduced<'py>> {
    let py = object.py();
    let make = py
        .import(intern!(py, "copyreg"))?
        .getattr(intern!(py, "__newobj_ex__"))?;
    Ok((make, (object.as_any().get_type(), PyTuple::empty(py), keywords)))
}

/// A number of seconds, or `None` for no limit.
fn seconds(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Option<Duration>> {
    if value.is_none() {
        return Ok(None);
    }
    let number = if value.is_instance_of::<PyBool>() {
        None
    } else {
        value.extract::<f64>().ok()
    };
    let Some(number) = number else {
        return Err(configuration(
            value.py(),
            &format!(
                "{name} must be a number of seconds or None, not {}",
                value.get_type().name()?
            ),
        ));
    };
    limit_from_seconds(number, name).map_err(|e| configuration(value.py(), &e.to_string()))
}

fn as_seconds(limit: Option<Duration>) -> Option<f64> {
    limit.map(|limit| limit.as_secs_f64())
}

fn shown(limit: Option<Duration>) -> String {
    as_seconds(limit).map_or_else(|| "None".to_owned(), |seconds| format!("{seconds:?}"))
}

#[pymethods]
impl PyTimeout {
    #[new]
    #[pyo3(signature = (*timeout, **clocks), text_signature = "(timeout=..., *, connect=5.0, first_token=600.0, read=600.0, total=None)")]
    fn new(timeout: &Bound<'_, PyTuple>, clocks: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        // Left out and None differ here: None is no limit.
        let mut timeouts = match timeout.len() {
            0 => Timeouts::default(),
            1 => timeouts_of(&timeout.get_item(0)?, &Timeouts::default())?,
            _ => {
                return Err(PyTypeError::new_err(
                    "Timeout() takes one number; the rest are keywords",
                ));
            }
        };
        for (name, value) in clocks.into_iter().flatten() {
            let name: String = name.extract()?;
            if is_left_out(&value)? {
                continue;
            }
            let limit = seconds(&value, &name)?;
            match name.as_str() {
                "connect" => timeouts.connect = limit,
                "first_token" => timeouts.first_token = limit,
                "read" => timeouts.read = limit,
                "total" => timeouts.total = limit,
                // httpx's other two clocks: sending has no clock of its own here, and no call waits for a connection.
                "write" | "pool" => {}
                _ => {
                    return Err(PyTypeError::new_err(format!(
                        "Timeout() has no keyword {name:?}: it takes connect, first_token, read and total"
                    )));
                }
            }
        }
        Ok(Self(timeouts))
    }

    /// Time to make a connection, in seconds.
    #[getter]
    fn connect(&self) -> Option<f64> {
        as_seconds(self.0.connect)
    }

    /// Time from the start of an attempt to the first piece of its answer, in seconds.
    #[getter]
    fn first_token(&self) -> Option<f64> {
        as_seconds(self.0.first_token)
    }

    /// Silence within an answer, in seconds.
    #[getter]
    fn read(&self) -> Option<f64> {
        as_seconds(self.0.read)
    }

    /// The whole call, retries included, in seconds.
    #[getter]
    fn total(&self) -> Option<f64> {
        as_seconds(self.0.total)
    }

    fn __repr__(&self) -> String {
        let Timeouts {
            connect,
            first_token,
            read,
            total,
        } = self.0;
        format!(
            "Timeout(connect={}, first_token={}, read={}, total={})",
            shown(connect),
            shown(first_token),
            shown(read),
            shown(total)
        )
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        let Timeouts {
            connect,
            first_token,
            read,
            total,
        } = self.0;
        (connect, first_token, read, total).hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (this, keywords) = (slf.get(), PyDict::new(slf.py()));
        keywords.set_item("connect", this.connect())?;
        keywords.set_item("first_token", this.first_token())?;
        keywords.set_item("read", this.read())?;
        keywords.set_item("total", this.total())?;
        reduced(slf, keywords)
    }
}

/// What a `timeout` argument means: a number, `None`, a `Timeout`, or another library's object with `connect` and `read`.
///
/// # Errors
/// `ConfigurationError` for anything else and for numbers that are no time.
pub fn timeouts_of(value: &Bound<'_, PyAny>, defaults: &Timeouts) -> PyResult<Timeouts> {
    if is_left_out(value)? {
        return Ok(*defaults);
    }
    if let Ok(timeout) = value.cast::<PyTimeout>() {
        return Ok(timeout.get().0);
    }
    if let (Some(connect), Some(read)) = (value.getattr_opt("connect")?, value.getattr_opt("read")?) {
        let read = seconds(&read, "timeout.read")?;
        let connect = seconds(&connect, "timeout.connect")?;
        return Ok(Timeouts {
            connect,
            first_token: read,
            read,
            total: None,
        });
    }
    let limit = seconds(value, "timeout")?;
    // `total` is left alone: a stream may run longer than this, its silences may not.
    Ok(Timeouts {
        connect: limit,
        first_token: limit,
        read: limit,
        total: defaults.total,
    })
}

/// When a request is tried again, and how long is waited before.
#[pyclass(frozen, eq, name = "RetryPolicy", module = "tokstream")]
#[derive(Debug, Clone, PartialEq)]
pub struct PyRetryPolicy(pub RetryPolicy);

#[pymethods]
impl PyRetryPolicy {
    #[new]
    #[pyo3(signature = (*, max_retries=2, initial_delay=0.5, max_delay=8.0, jitter=0.25, max_retry_after=60.0))]
    fn new(
        py: Python<'_>,
        max_retries: i64,
        initial_delay: f64,
        max_delay: f64,
        jitter: f64,
        max_retry_after: f64,
    ) -> PyResult<Self> {
        let delay = |value: f64, name: &str| {
            limit_from_seconds(value, name)
                .map(|limit| limit.unwrap_or(Duration::from_secs(u64::from(u32::MAX))))
                .map_err(|e| configuration(py, &e.to_string()))
        };
        if !(0.0..=1.0).contains(&jitter) {
            return Err(configuration(
                py,
                &format!("jitter must be a share between 0 and 1, not {jitter}"),
            ));
        }
        Ok(Self(RetryPolicy {
            max_retries: max_retries_of(py, max_retries)?,
            initial_delay: delay(initial_delay, "initial_delay")?,
            max_delay: delay(max_delay, "max_delay")?,
            jitter,
            max_retry_after: delay(max_retry_after, "max_retry_after")?,
        }))
    }

    /// Attempts after the first, at the most.
    #[getter]
    fn max_retries(&self) -> u32 {
        self.0.max_retries
    }

    /// The first wait, in seconds; each further one is twice as long.
    #[getter]
    fn initial_delay(&self) -> f64 {
        self.0.initial_delay.as_secs_f64()
    }

    /// The longest wait, in seconds.
    #[getter]
    fn max_delay(&self) -> f64 {
        self.0.max_delay.as_secs_f64()
    }

    /// By how much of itself a wait is shortened at random, at the most.
    #[getter]
    fn jitter(&self) -> f64 {
        self.0.jitter
    }

    /// The longest `Retry-After` that is waited for, in seconds; a longer one raises at once.
    #[getter]
    fn max_retry_after(&self) -> f64 {
        self.0.max_retry_after.as_secs_f64()
    }

    fn __repr__(&self) -> String {
        format!(
            "RetryPolicy(max_retries={}, initial_delay={:?}, max_delay={:?}, jitter={:?}, max_retry_after={:?})",
            self.max_retries(),
            self.initial_delay(),
            self.max_delay(),
            self.jitter(),
            self.max_retry_after()
        )
    }

    fn __hash__(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.__repr__().hash(&mut hasher);
        hasher.finish()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (this, keywords) = (slf.get(), PyDict::new(slf.py()));
        keywords.set_item("max_retries", this.max_retries())?;
        keywords.set_item("initial_delay", this.initial_delay())?;
        keywords.set_item("max_delay", this.max_delay())?;
        keywords.set_item("jitter", this.jitter())?;
        keywords.set_item("max_retry_after", this.max_retry_after())?;
        reduced(slf, keywords)
    }
}

/// A count of retries as people write it.
///
/// # Errors
/// `ConfigurationError` for a negative count.
pub fn max_retries_of(py: Python<'_>, count: i64) -> PyResult<u32> {
    if count < 0 {
        return Err(configuration(
            py,
            &format!("max_retries must be 0 or more, not {count}"),
        ));
    }
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Bounds on what a server may make the client keep, in bytes after decompression.
#[expect(clippy::struct_field_names, reason = "the names are the constructor's")]
#[pyclass(frozen, eq, hash, name = "Limits", module = "tokstream")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PyLimits {
    /// One event of a stream.
    #[pyo3(get)]
    event_bytes: usize,
    /// One whole reply.
    #[pyo3(get)]
    body_bytes: usize,
    /// One error's body; what is longer is cut.
    #[pyo3(get)]
    error_body_bytes: usize,
}

impl From<Limits> for PyLimits {
    fn from(limits: Limits) -> Self {
        let Limits {
            event_bytes,
            body_bytes,
            error_body_bytes,
        } = limits;
        Self {
            event_bytes,
            body_bytes,
            error_body_bytes,
        }
    }
}

impl PyLimits {
    /// The core's own form.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            event_bytes: self.event_bytes,
            body_bytes: self.body_bytes,
            error_body_bytes: self.error_body_bytes,
        }
    }
}

#[pymethods]
impl PyLimits {
    #[new]
    #[pyo3(signature = (*, event_bytes=64 << 20, body_bytes=256 << 20, error_body_bytes=1 << 20))]
    fn new(py: Python<'_>, event_bytes: i128, body_bytes: i128, error_body_bytes: i128) -> PyResult<Self> {
        let bytes = |value: i128, name: &str| {
            if value <= 0 {
                return Err(configuration(
                    py,
                    &format!("{name} must be a number of bytes above 0, not {value}"),
                ));
            }
            Ok(usize::try_from(value).unwrap_or(usize::MAX / 2).min(usize::MAX / 2))
        };
        Ok(Self {
            event_bytes: bytes(event_bytes, "event_bytes")?,
            body_bytes: bytes(body_bytes, "body_bytes")?,
            error_body_bytes: bytes(error_body_bytes, "error_body_bytes")?,
        })
    }

    fn __repr__(&self) -> String {
        format!(
            "Limits(event_bytes={}, body_bytes={}, error_body_bytes={})",
            self.event_bytes, self.body_bytes, self.error_body_bytes
        )
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (this, keywords) = (slf.get(), PyDict::new(slf.py()));
        keywords.set_item("event_bytes", this.event_bytes)?;
        keywords.set_item("body_bytes", this.body_bytes)?;
        keywords.set_item("error_body_bytes", this.error_body_bytes)?;
        reduced(slf, keywords)
    }
}

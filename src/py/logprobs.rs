//! The log probabilities of a whole answer at once: numbers and texts, without an object for each token.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};

use super::json::decode;
use super::model::BaseModel;
use super::types::ChoiceLogprobs;
use crate::split::Cursor;

/// What is read of each token.
#[derive(Debug, Default)]
pub struct Bulk {
    logprobs: Option<Py<PyAny>>,
    tokens: Option<Py<PyAny>>,
}

impl Bulk {
    fn of(py: Python<'_>, json: &str) -> PyResult<Self> {
        let (mut own_logprobs, mut own_tokens) = (None, None);
        let (mut content, mut refusal) = (None, None);
        Cursor::new(json).members(|name, value| match name {
            "content" => content = Some(value.value()),
            "refusal" => refusal = Some(value.value()),
            "token_logprobs" => own_logprobs = Some(value.value()),
            "tokens" => own_tokens = Some(value.value()),
            _ => drop(value.value()),
        });
        let is_list = |list: &&str| list.starts_with('[');
        let Some(list) = content.filter(is_list).or(refusal.filter(is_list)) else {
            // Some servers send them in the form that text completions have.
            let own = |text: Option<&str>| text.map(|text| Ok::<_, PyErr>(decode(py, text)?.unbind())).transpose();
            return Ok(Self {
                logprobs: own(own_logprobs)?,
                tokens: own(own_tokens)?,
            });
        };
        let mut logprobs: Vec<u8> = Vec::new();
        let mut tokens = Vec::new();
        Cursor::new(list).elements(|_, element| {
            let (mut logprob, mut token) = (f64::NAN, "null");
            element.members(|name, value| {
                let value = value.value();
                match name {
                    "logprob" => logprob = value.parse().unwrap_or(f64::NAN),
                    "token" => token = value,
                    _ => {}
                }
            });
            logprobs.extend_from_slice(&logprob.to_ne_bytes());
            tokens.push(token);
        });
        let array = py.import(intern!(py, "array"))?.getattr(intern!(py, "array"))?;
        let logprobs = array.call1(("d", PyBytes::new(py, &logprobs)))?.unbind();
        let tokens = tokens.into_iter().map(|token| {
            let plain = token.strip_prefix('"').and_then(|token| token.strip_suffix('"'));
            match plain.filter(|plain| !plain.contains('\\')) {
                Some(plain) => Ok(PyString::new(py, plain).into_any()),
                None => decode(py, token),
            }
        });
        let tokens = PyList::new(py, tokens.collect::<PyResult<Vec<_>>>()?)?;
        Ok(Self {
            logprobs: Some(logprobs),
            tokens: Some(tokens.into_any().unbind()),
        })
    }
}

fn bulk_of<'a>(slf: &'a Bound<'_, ChoiceLogprobs>) -> PyResult<&'a Bulk> {
    let model: &BaseModel = slf.as_super().get();
    model.bulk(|json| Bulk::of(slf.py(), json))
}

#[pymethods]
impl ChoiceLogprobs {
    /// Every token's log probability, as an `array` of float64.
    #[getter]
    fn token_logprobs(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let bulk = bulk_of(slf)?;
        Ok(bulk.logprobs.as_ref().map(|logprobs| logprobs.clone_ref(slf.py())))
    }

    /// Every token's text.
    #[getter]
    fn tokens(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        let bulk = bulk_of(slf)?;
        Ok(bulk.tokens.as_ref().map(|tokens| tokens.clone_ref(slf.py())))
    }
}

//! The log probabilities of a whole answer at once: numbers and texts, without an object for each token.

use std::sync::{LazyLock, OnceLock};

use bytes::Bytes;
use memchr::memmem::Finder;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyInt, PyList, PyString};

use super::json::decode;
use super::model::{BaseModel, Schema, object_of, object_through, position, text_of};
use super::types::{ChatCompletion, ChatCompletionTokenLogprob, Choice, ChoiceLogprobs};
use crate::py::once::intern;
use crate::split::Cursor;

/// What is read of all tokens at once.
#[derive(Debug, Default)]
pub struct Bulk {
    logprobs: OnceLock<Option<Py<PyAny>>>,
    tokens: OnceLock<Option<Py<PyAny>>>,
}

const CHOICES: usize = position(ChatCompletion::SCHEMA.fields, "choices");
const LOGPROBS: usize = position(Choice::SCHEMA.fields, "logprobs");

const CONTENT: usize = position(ChoiceLogprobs::SCHEMA.fields, "content");
const LOGPROB: usize = position(ChatCompletionTokenLogprob::SCHEMA.fields, "logprob");

static SENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""logprobs""#));

/// Whether there are log probabilities in a reply: nearly every one has the name, with null.
fn has_objects(json: &[u8]) -> bool {
    SENT.find_iter(json).any(|at| {
        let after = json.get(at + SENT.needle().len()..).unwrap_or_default();
        let value = after.trim_ascii_start().strip_prefix(b":").unwrap_or_default();
        value.trim_ascii_start().starts_with(b"{")
    })
}

/// A whole completion; `each` is told its members, perhaps twice. If it has log probabilities they are read now: who asked for them will
/// read them, and all at once they take less time than one by one.
///
/// # Errors
/// Where Python has no memory for them.
pub fn completion<'a>(
    py: Python<'_>,
    text: &'a str,
    json: &Bytes,
    mut each: impl FnMut(&str, &'a str),
) -> PyResult<BaseModel> {
    const SCHEMA: &Schema = ChatCompletion::SCHEMA;
    let read = has_objects(json).then(|| object_through(py, SCHEMA, &mut Cursor::new(text), json, &mut each));
    // A value that Python cannot hold is found by whoever reads it.
    let Some(Ok(completion)) = read else {
        return Ok(object_of(py, SCHEMA, &mut Cursor::new(text), json, each));
    };
    let choices = completion.read_field(py, CHOICES)?;
    let Ok(choices) = choices.bind(py).cast::<PyList>() else {
        return Ok(completion);
    };
    for choice in choices {
        let Ok(choice) = choice.cast::<Choice>() else { continue };
        let logprobs = choice.as_super().get().read_field(py, LOGPROBS)?;
        if let Ok(logprobs) = logprobs.bind(py).cast::<ChoiceLogprobs>() {
            gather(logprobs)?;
        }
    }
    Ok(completion)
}

/// Takes the numbers from the objects of all tokens.
fn gather(slf: &Bound<'_, ChoiceLogprobs>) -> PyResult<()> {
    let py = slf.py();
    let model: &BaseModel = slf.as_super().get();
    let content = model.read_field(py, CONTENT)?;
    let Ok(content) = content.bind(py).cast::<PyList>() else {
        return Ok(());
    };
    let mut logprobs = Vec::with_capacity(content.len() * size_of::<f64>());
    for token in content {
        let token = token.cast::<ChatCompletionTokenLogprob>().ok();
        let number = token.as_ref().and_then(|token| token.as_super().get().own(LOGPROB));
        let number = match number.map(|number| number.bind(py)).filter(|number| is_number(number)) {
            Some(number) => match number.extract() {
                Ok(number) => number,
                // A whole number that is beyond all floats: what is asked for will be read from the text.
                Err(_) => return Ok(()),
            },
            None => f64::NAN,
        };
        logprobs.extend_from_slice(&number.to_ne_bytes());
    }
    let array = array_of(py, &logprobs)?;
    // A new object has none.
    drop(model.bulk().logprobs.set(Some(array)));
    Ok(())
}

fn is_number(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>()
}

/// An array of float64, of its bytes.
fn array_of(py: Python<'_>, numbers: &[u8]) -> PyResult<Py<PyAny>> {
    let array = py.import(intern!(py, "array"))?.getattr(intern!(py, "array"))?;
    Ok(array.call1(("d", PyBytes::new(py, numbers)))?.unbind())
}

/// The list of tokens, or what stands in its place for those of some servers: a list of their own with this name.
fn listed<'a>(json: &'a str, own_name: &str) -> (Option<&'a str>, Option<&'a str>) {
    let (mut content, mut refusal, mut own) = (None, None, None);
    Cursor::new(json).members(|name, value| match name {
        "content" => content = Some(value.value()),
        "refusal" => refusal = Some(value.value()),
        name if name == own_name => own = Some(value.value()),
        _ => drop(value.value()),
    });
    let is_list = |list: &&str| list.starts_with('[');
    (content.filter(is_list).or(refusal.filter(is_list)), own)
}

/// Calls `each` with the value that each token of the list has for this member.
fn each_of<'a>(list: &'a str, member: &str, mut each: impl FnMut(Option<&'a str>)) {
    Cursor::new(list).elements(|_, element| {
        let mut found = None;
        element.members(|name, value| {
            let value = value.value();
            if name == member {
                found = Some(value);
            }
        });
        each(found);
    });
}

fn logprobs_of(py: Python<'_>, json: &str) -> PyResult<Option<Py<PyAny>>> {
    let (list, own) = listed(json, "token_logprobs");
    let Some(list) = list else {
        return own.map(|own| Ok(decode(py, own)?.unbind())).transpose();
    };
    let mut logprobs: Vec<u8> = Vec::new();
    each_of(list, "logprob", |value| {
        let logprob: f64 = value.and_then(|value| value.parse().ok()).unwrap_or(f64::NAN);
        logprobs.extend_from_slice(&logprob.to_ne_bytes());
    });
    array_of(py, &logprobs).map(Some)
}

fn tokens_of(py: Python<'_>, json: &str) -> PyResult<Option<Py<PyAny>>> {
    let (list, own) = listed(json, "tokens");
    let Some(list) = list else {
        return own.map(|own| Ok(decode(py, own)?.unbind())).transpose();
    };
    let mut tokens = Vec::new();
    each_of(list, "token", |value| {
        let token = value.unwrap_or("null");
        let plain = token.strip_prefix('"').and_then(|token| token.strip_suffix('"'));
        tokens.push(match plain.filter(|plain| !plain.contains('\\')) {
            Some(plain) => Ok(PyString::new(py, plain).into_any()),
            None => decode(py, token),
        });
    });
    let tokens = PyList::new(py, tokens.into_iter().collect::<PyResult<Vec<_>>>()?)?;
    Ok(Some(tokens.into_any().unbind()))
}

/// What `read` makes of the server's text, the first time.
fn once<'a>(
    slf: &'a Bound<'_, ChoiceLogprobs>,
    place: impl Fn(&Bulk) -> &OnceLock<Option<Py<PyAny>>>,
    read: impl FnOnce(Python<'_>, &str) -> PyResult<Option<Py<PyAny>>>,
) -> PyResult<&'a Option<Py<PyAny>>> {
    let model: &BaseModel = slf.as_super().get();
    let place = place(model.bulk());
    if let Some(known) = place.get() {
        return Ok(known);
    }
    // Outside of the cell: Python code may run meanwhile.
    let fresh = read(slf.py(), text_of(model.sent())?)?;
    Ok(place.get_or_init(|| fresh))
}

fn numbers<'a>(slf: &'a Bound<'_, ChoiceLogprobs>) -> PyResult<&'a Option<Py<PyAny>>> {
    once(slf, |bulk| &bulk.logprobs, logprobs_of)
}

fn texts<'a>(slf: &'a Bound<'_, ChoiceLogprobs>) -> PyResult<&'a Option<Py<PyAny>>> {
    once(slf, |bulk| &bulk.tokens, tokens_of)
}

#[pymethods]
impl ChoiceLogprobs {
    /// Every token's log probability, as an `array` of float64.
    #[getter]
    fn token_logprobs(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        Ok(numbers(slf)?.as_ref().map(|logprobs| logprobs.clone_ref(slf.py())))
    }

    /// Every token's text.
    #[getter]
    fn tokens(slf: &Bound<'_, Self>) -> PyResult<Option<Py<PyAny>>> {
        Ok(texts(slf)?.as_ref().map(|tokens| tokens.clone_ref(slf.py())))
    }
}

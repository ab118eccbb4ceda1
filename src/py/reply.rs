//! A whole reply as what its caller asked for.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::prelude::*;

use super::errors::{raise, response};
use super::json::decode;
use super::logprobs::completion;
use super::model::{Kind, Schema, object_of};
use super::types::{ChatCompletion, ModelList};
use crate::api_error::ErrorBody;
use crate::error::{Error, Failure, Head};
use crate::exchange::{Call, Progress, Reply, Request};
use crate::json::{Member, beyond_python, find, is_object, members, tolerate};
use crate::ledger::Account;
use crate::split::Cursor;

/// What becomes of a whole reply.
#[derive(Clone)]
pub enum Output {
    /// An object of a response class.
    Model(&'static Schema),
    /// Plain data.
    Json,
    /// The reply as it is: (response, retries, seconds).
    Raw,
    /// Nothing: that there was one is enough.
    Nothing,
}

impl Output {
    /// Makes it.
    ///
    /// # Errors
    /// `APIResponseValidationError` where the reply is something else.
    fn make(&self, py: Python<'_>, reply: Reply, made: &Made, account: &Account) -> PyResult<Py<PyAny>> {
        let Reply { head, body: sent } = reply;
        match self {
            Self::Nothing => Ok(py.None()),
            Self::Raw => {
                settle_with(account, &sent);
                let record = response(py, &made.request, &head, &sent)?;
                let seconds = made.began.elapsed().as_secs_f64();
                Ok((record, made.progress.retries(), seconds)
                    .into_pyobject(py)?
                    .into_any()
                    .unbind())
            }
            Self::Json => {
                let body = tolerate(&sent);
                settle_with(account, &body);
                if body.is_empty() {
                    return Ok(py.None());
                }
                let text = std::str::from_utf8(&body);
                let decoded = text.ok().map(|text| decode(py, text));
                match decoded {
                    Some(Ok(value)) => Ok(value.unbind()),
                    _ => Err(made.invalid(py, "The reply is not JSON", head, body)),
                }
            }
            Self::Model(schema) => model(py, schema, head, sent, made, account),
        }
    }
}

/// A reply as an object of a class, with what it says counted.
fn model(
    py: Python<'_>,
    schema: &'static Schema,
    head: Arc<Head>,
    sent: Bytes,
    made: &Made,
    account: &Account,
) -> PyResult<Py<PyAny>> {
    // Nearly all replies are what they should be, and checked once.
    let is_right = is_object(text_of(&sent));
    let body = if is_right { sent } else { tolerate(&sent) };
    let text = text_of(&body);
    if !is_right && !is_object(text) {
        let kind = head.header("content-type").unwrap_or("none");
        let detail = format!(
            "The reply is not a JSON object (status {}, content type: {kind})",
            head.status
        );
        return Err(made.invalid(py, &detail, head, body));
    }
    if let Some(why) = beyond_python(text) {
        return Err(made.invalid(py, &unreadable(why), head, body));
    }
    let mut said = Said::default();
    let note = |name: &str, value| said.note(schema, name, value);
    let object = if schema.name == ChatCompletion::SCHEMA.name {
        completion(py, text, &body, note)?
    } else {
        object_of(py, schema, &mut Cursor::new(text), &body, note)
    };
    // Whoever reads it further could not take it apart.
    if said.has_odd_names && members(text).is_err() {
        return Err(made.invalid(py, &unreadable("a name in it has half of a surrogate pair"), head, body));
    }
    if said.odd_lists != 0 {
        return Err(made.invalid(py, &unreadable("what should be a list is none"), head, body));
    }
    if !said.is_answer
        && let Some(error) = ErrorBody::in_stream(&body)
    {
        let error = Error::InStream {
            body: Box::new(error),
            raw: body,
        };
        return Err(made.failure(py, error, head));
    }
    account.settle(said.usage, said.model);
    if schema.name == ModelList::SCHEMA.name
        && let Some(models) = said.data
    {
        account.ledger().list(models);
    }
    object.with_request_id(head.header("x-request-id")).wrap(py)
}

fn unreadable(why: &str) -> String {
    format!("The reply cannot be read: {why}")
}

/// What matters of a reply before anybody reads it. Of several members of a name it is the last.
#[derive(Default)]
struct Said<'a> {
    usage: Option<&'a str>,
    model: Option<&'a str>,
    data: Option<&'a str>,
    /// Whether it says anything else than what went wrong.
    is_answer: bool,
    /// Whether a name may have half of a surrogate pair.
    has_odd_names: bool,
    /// The fields that every reader expects to be lists and that are not: a bit for the position of each.
    odd_lists: u64,
}

impl<'a> Said<'a> {
    /// Takes note of a member.
    fn note(&mut self, schema: &Schema, name: &str, value: &'a str) {
        self.is_answer |= !matches!(name, "error" | "detail");
        self.has_odd_names |= name.contains(char::REPLACEMENT_CHARACTER);
        match name {
            "usage" => self.usage = Some(value),
            "model" => self.model = Some(value),
            "data" => self.data = Some(value),
            _ => {}
        }
        if let Some((at, field)) = schema.find(name)
            && matches!(field.kind, Kind::Many(_))
        {
            self.odd_lists &= !(1 << at);
            self.odd_lists |= u64::from(!value.starts_with(['[', 'n'])) << at;
        }
    }
}

/// Counts a reply that is handed out as it is.
fn settle_with(account: &Account, body: &[u8]) {
    let members = members_of(body);
    account.settle(find(&members, "usage"), find(&members, "model"));
}

/// The members of a body, where it is an object.
#[must_use]
pub fn members_of(body: &[u8]) -> Vec<Member<'_>> {
    members(text_of(body)).unwrap_or_default()
}

/// A body's text; empty where it is none.
fn text_of(body: &[u8]) -> &str {
    std::str::from_utf8(body).unwrap_or_default()
}

/// What came of a call whose reply is read whole.
pub struct Done {
    /// The reply, or what the call failed with.
    pub result: Result<Reply, Failure>,
    made: Made,
}

impl Done {
    /// This call's result, and what is told of the call.
    #[must_use]
    pub fn of(call: &Call, result: Result<Reply, Failure>) -> Self {
        let made = Made {
            request: Arc::clone(call.request()),
            progress: call.progress(),
            began: call.began(),
        };
        Self { result, made }
    }

    /// Makes of it what the caller gets.
    ///
    /// # Errors
    /// What the call failed with, or that the reply is something else than was asked for.
    pub fn finish(self, py: Python<'_>, output: &Output, account: &Account) -> PyResult<Py<PyAny>> {
        match self.result {
            Ok(reply) => output.make(py, reply, &self.made, account),
            Err(Failure {
                error: Error::Status { .. },
                ..
            }) if matches!(output, Output::Nothing) => Ok(py.None()),
            Err(failure) => Err(raise(py, failure, Some(&self.made.request), None)),
        }
    }
}

/// A request that has been made, and what it took.
struct Made {
    request: Arc<Request>,
    progress: Arc<Progress>,
    began: tokio::time::Instant,
}

impl Made {
    fn failure(&self, py: Python<'_>, error: Error, head: Arc<Head>) -> PyErr {
        let failure = Failure {
            error,
            head: Some(head),
            retries: self.progress.retries(),
        };
        raise(py, failure, Some(&self.request), None)
    }

    fn invalid(&self, py: Python<'_>, detail: &str, head: Arc<Head>, raw: Bytes) -> PyErr {
        self.failure(
            py,
            Error::Validation {
                detail: detail.to_owned(),
                raw,
            },
            head,
        )
    }
}

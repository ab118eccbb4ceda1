//! A whole reply as what its caller asked for.

use std::sync::Arc;

use bytes::Bytes;
use pyo3::prelude::*;

use super::errors::{raise, response};
use super::json::decode;
use super::logprobs::completion;
use super::model::{BaseModel, Field, Kind, Schema};
use super::types::{ChatCompletion, ModelList};
use crate::api_error::ErrorBody;
use crate::error::{Error, Failure, Head};
use crate::exchange::{Call, Progress, Reply, Request};
use crate::json::{Member, beyond_python, find, members, tolerate};
use crate::ledger::Account;

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
            Self::Model(schema) => {
                // Nearly all replies are what they should be, and looked through once.
                let (body, known) = match members(text_of(&sent)) {
                    Ok(known) => (sent.clone(), Some(known)),
                    Err(_) => (tolerate(&sent), None),
                };
                let text = text_of(&body);
                let Some(members) = known.or_else(|| members(text).ok()) else {
                    let kind = head.header("content-type").unwrap_or("none");
                    let detail = format!(
                        "The reply is not a JSON object (status {}, content type: {kind})",
                        head.status
                    );
                    return Err(made.invalid(py, &detail, head, body));
                };
                if let Some(why) = members_fault(schema, &members).or_else(|| beyond_python(text)) {
                    let detail = format!("The reply cannot be read: {why}");
                    return Err(made.invalid(py, &detail, head, body));
                }
                let is_error = members.iter().all(|(name, _)| name == "error" || name == "detail");
                if is_error && let Some(said) = ErrorBody::in_stream(&body) {
                    let error = Error::InStream {
                        body: Box::new(said),
                        raw: body,
                    };
                    return Err(made.failure(py, error, head));
                }
                account.settle(find(&members, "usage"), find(&members, "model"));
                if schema.name == ModelList::SCHEMA.name
                    && let Some(models) = find(&members, "data")
                {
                    account.ledger().list(models);
                }
                let made = if schema.name == ChatCompletion::SCHEMA.name {
                    completion(py, body.clone())?
                } else {
                    BaseModel::new(schema, body.clone())
                };
                made.with_request_id(head.header("x-request-id")).wrap(py)
            }
        }
    }
}

/// What of a reply's own fields is not of the kind that every reader expects.
fn members_fault(schema: &Schema, members: &[Member<'_>]) -> Option<&'static str> {
    let is_odd = |field: &Field| {
        matches!(field.kind, Kind::Many(_))
            && find(members, field.name).is_some_and(|value| !value.starts_with(['[', 'n']))
    };
    schema
        .fields
        .iter()
        .any(is_odd)
        .then_some("what should be a list is none")
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

//! What a stream took.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tokio::time::Instant;

use super::settings::{Reduced, reduced};
use crate::exchange::Progress;
use crate::json::member;
use crate::stream::Marks;

/// What a stream took, in seconds.
#[pyclass(frozen, get_all, eq, module = "tokstream._tokstream")]
#[derive(Debug, Clone, PartialEq)]
pub struct Timings {
    /// Making the connection; 0 where one was at hand.
    connect: f64,
    /// From the call to the first piece of the answer; `None` before it came.
    first_token: Option<f64>,
    /// From the call to the stream's end, or to now.
    total: f64,
    /// Tokens of the answer (chunks, where the server reports no usage) by the time from the first one to the last.
    tokens_per_second: Option<f64>,
    /// Attempts made after the first.
    retries: u32,
}

impl Timings {
    /// Of a stream that has had so many chunks, and this usage.
    #[must_use]
    pub fn of(marks: Marks, progress: &Progress, chunks: u64, usage: Option<&str>) -> Self {
        let Marks {
            began,
            first_token,
            ended,
        } = marks;
        let since = |moment: Instant| moment.saturating_duration_since(began).as_secs_f64();
        let total = since(ended.unwrap_or_else(Instant::now));
        let first_token = first_token.map(since);
        let tokens = usage.and_then(completion_tokens).unwrap_or(chunks);
        Self {
            connect: progress.connect().as_secs_f64(),
            first_token,
            total,
            // Of one there is no telling.
            tokens_per_second: first_token
                .filter(|_| chunks > 1)
                .and_then(|first| rate(tokens, total - first)),
            retries: progress.retries(),
        }
    }
}

fn completion_tokens(usage: &str) -> Option<u64> {
    member(usage, "completion_tokens")?.parse().ok()
}

/// Tokens per second; `None` where too little was seen to tell.
#[expect(clippy::cast_precision_loss, reason = "no stream has 2^52 tokens")]
fn rate(tokens: u64, seconds: f64) -> Option<f64> {
    (tokens > 0 && seconds > 0.0).then(|| tokens as f64 / seconds)
}

#[pymethods]
impl Timings {
    #[new]
    fn new(connect: f64, first_token: Option<f64>, total: f64, tokens_per_second: Option<f64>, retries: u32) -> Self {
        Self {
            connect,
            first_token,
            total,
            tokens_per_second,
            retries,
        }
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Reduced<'py>> {
        let (this, keywords) = (slf.get(), PyDict::new(slf.py()));
        keywords.set_item("connect", this.connect)?;
        keywords.set_item("first_token", this.first_token)?;
        keywords.set_item("total", this.total)?;
        keywords.set_item("tokens_per_second", this.tokens_per_second)?;
        keywords.set_item("retries", this.retries)?;
        reduced(slf, keywords)
    }

    fn __repr__(&self) -> String {
        let shown = |value: Option<f64>| value.map_or_else(|| "None".to_owned(), |value| format!("{value:.3}"));
        format!(
            "Timings(connect={:.3}, first_token={}, total={:.3}, tokens_per_second={}, retries={})",
            self.connect,
            shown(self.first_token),
            self.total,
            shown(self.tokens_per_second),
            self.retries
        )
    }
}

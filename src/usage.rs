//! Running totals of what a client's calls have used.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;

/// Totals over all calls of a client and of those derived from it.
#[derive(Debug, Default)]
pub struct Totals {
    requests: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
    total_tokens: AtomicU64,
    /// The bits of an `f64`, in USD.
    estimated_cost: AtomicU64,
}

/// The totals at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Snapshot {
    /// Requests that were answered with success.
    pub requests: u64,
    /// Tokens of the prompts.
    pub prompt_tokens: u64,
    /// Tokens of the answers.
    pub completion_tokens: u64,
    /// Tokens of both.
    pub total_tokens: u64,
    /// What it cost by the server's own estimate, in USD.
    pub estimated_cost: f64,
}

/// The parts of a usage object that add up. A part of an unexpected kind counts as absent.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    prompt_tokens: Option<serde_json::Value>,
    completion_tokens: Option<serde_json::Value>,
    total_tokens: Option<serde_json::Value>,
    estimated_cost: Option<serde_json::Value>,
}

impl Totals {
    /// Counts one request that was answered, and its usage object where it has one.
    pub fn add(&self, usage_json: Option<&str>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.add_usage(usage_json);
    }

    /// Counts the usage of a request that was counted before.
    pub fn add_usage(&self, usage_json: Option<&str>) {
        let Some(usage) = usage_json.and_then(|json| serde_json::from_str::<Usage>(json).ok()) else {
            return;
        };
        let count = |value: Option<serde_json::Value>| value.and_then(|value| value.as_u64()).unwrap_or(0);
        self.prompt_tokens
            .fetch_add(count(usage.prompt_tokens), Ordering::Relaxed);
        self.completion_tokens
            .fetch_add(count(usage.completion_tokens), Ordering::Relaxed);
        self.total_tokens
            .fetch_add(count(usage.total_tokens), Ordering::Relaxed);
        let cost = usage.estimated_cost.and_then(|value| value.as_f64()).unwrap_or(0.0);
        if cost != 0.0 {
            let _ = self
                .estimated_cost
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
                    Some((f64::from_bits(bits) + cost).to_bits())
                });
        }
    }

    /// The totals now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            requests: self.requests.load(Ordering::Relaxed),
            prompt_tokens: self.prompt_tokens.load(Ordering::Relaxed),
            completion_tokens: self.completion_tokens.load(Ordering::Relaxed),
            total_tokens: self.total_tokens.load(Ordering::Relaxed),
            estimated_cost: f64::from_bits(self.estimated_cost.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_adds_up_and_odd_parts_count_as_absent() {
        let totals = Totals::default();
        totals.add(Some(
            r#"{"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5, "estimated_cost": 0.5}"#,
        ));
        totals.add(Some(
            r#"{"prompt_tokens": null, "completion_tokens": "x", "estimated_cost": 0.25}"#,
        ));
        totals.add(None);
        let expected = Snapshot {
            requests: 3,
            prompt_tokens: 2,
            completion_tokens: 3,
            total_tokens: 5,
            estimated_cost: 0.75,
        };
        assert_eq!(totals.snapshot(), expected);
    }
}

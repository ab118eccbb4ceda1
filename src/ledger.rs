//! What a client's calls have used, and whether it may make another.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use serde::Deserialize;

use crate::json::{Text, find, members};
use crate::lock::lock;
use crate::split::Cursor;

/// The reply cap of most models, in tokens, where the server's list of models does not say.
const REPLY_CAP: u64 = 16_384;

/// What was used up to one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Totals {
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

impl Totals {
    /// What a usage object says, whose text is valid JSON. A part that is no count, or no cost, counts as absent.
    fn of(usage_json: &str) -> Self {
        let count = |value: &str| value.parse().unwrap_or(0);
        let cost = |value: &str| value.parse().ok().filter(|cost: &f64| cost.is_finite() && *cost >= 0.0);
        let mut totals = Self::default();
        Cursor::new(usage_json).members(|name, value| {
            let value = value.value();
            match name {
                "prompt_tokens" => totals.prompt_tokens = count(value),
                "completion_tokens" => totals.completion_tokens = count(value),
                "total_tokens" => totals.total_tokens = count(value),
                "estimated_cost" => totals.estimated_cost = cost(value).unwrap_or(0.0),
                _ => {}
            }
        });
        totals
    }

    fn add(&mut self, other: Self) {
        self.requests = self.requests.wrapping_add(other.requests);
        self.prompt_tokens = self.prompt_tokens.wrapping_add(other.prompt_tokens);
        self.completion_tokens = self.completion_tokens.wrapping_add(other.completion_tokens);
        self.total_tokens = self.total_tokens.wrapping_add(other.total_tokens);
        self.estimated_cost += other.estimated_cost;
    }
}

/// The totals over all calls of a client and of those derived from it, and what the next call may cost.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Books>);

#[derive(Debug, Default)]
struct Books {
    all: Totals,
    by_model: BTreeMap<String, Totals>,
    prices: BTreeMap<String, Price>,
    /// What the calls that are under way may cost at most, as far as prices are known, in USD.
    in_flight: f64,
    /// What streams may have cost that ended before the server said what they cost, in USD.
    unreported: f64,
}

/// What a token of a model costs at most, in USD.
#[derive(Debug, Clone, Copy)]
struct Price {
    input: f64,
    output: f64,
    /// The most tokens of one answer.
    cap: u64,
    /// Whether the server's list of models said so; otherwise it is taken from what replies cost.
    is_listed: bool,
}

impl Books {
    fn enter(&mut self, used: Totals, model: Option<&str>, asked_for: Option<&str>) {
        self.all.add(used);
        let Some(model) = model.or(asked_for) else { return };
        match self.by_model.get_mut(model) {
            Some(totals) => totals.add(used),
            None => drop(self.by_model.insert(model.to_owned(), used)),
        }
        self.learn(model, &used);
        if let Some(asked_for) = asked_for.filter(|asked_for| *asked_for != model) {
            self.learn(asked_for, &used);
        }
    }

    fn release(&mut self, reserved: Option<f64>) {
        self.in_flight = (self.in_flight - reserved.unwrap_or_default()).max(0.0);
    }

    /// A reply cost this much: no token of its answer cost more than all of them together, and those of a prompt cost
    /// no more than those of an answer.
    fn learn(&mut self, model: &str, used: &Totals) {
        let tokens = if used.completion_tokens > 0 {
            used.completion_tokens
        } else {
            used.prompt_tokens
        };
        if tokens == 0 || used.estimated_cost <= 0.0 {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let most = used.estimated_cost / tokens as f64;
        match self.prices.get_mut(model) {
            Some(price) if price.is_listed => {}
            Some(price) => {
                price.output = price.output.min(most);
                price.input = price.output;
            }
            None => {
                let learnt = Price {
                    input: most,
                    output: most,
                    cap: REPLY_CAP,
                    is_listed: false,
                };
                self.prices.insert(model.to_owned(), learnt);
            }
        }
    }
}

/// An entry of the server's list of models. What is of an unexpected kind is passed over.
#[derive(Deserialize)]
struct Listed {
    id: String,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    max_tokens: Option<u64>,
    pricing: Option<Pricing>,
}

/// In USD per million tokens.
#[derive(Deserialize)]
struct Pricing {
    input_tokens: f64,
    output_tokens: f64,
}

impl Ledger {
    /// The totals now.
    #[must_use]
    pub fn totals(&self) -> Totals {
        lock(&self.0).all
    }

    /// The totals of each model, by the name that the server gave it.
    #[must_use]
    pub fn by_model(&self) -> Vec<(String, Totals)> {
        let books = lock(&self.0);
        let totals = books.by_model.iter();
        totals.map(|(model, totals)| (model.clone(), *totals)).collect()
    }

    /// Adds the usage of a request that was counted before.
    pub fn add_usage(&self, usage_json: Option<&str>, model_json: Option<&str>) {
        let used = usage_json.map(Totals::of).unwrap_or_default();
        let model = name(model_json);
        lock(&self.0).enter(used, model.as_deref(), None);
    }

    /// Notes the prices that the server's list of models tells.
    pub fn list(&self, models_json: &str) {
        let Ok(models) = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(models_json) else {
            return;
        };
        let listed = models
            .into_iter()
            .filter_map(|model| serde_json::from_str::<Listed>(model.get()).ok());
        let mut books = lock(&self.0);
        for Listed { id, metadata } in listed {
            let Some(Metadata {
                max_tokens,
                pricing: Some(pricing),
            }) = metadata
            else {
                continue;
            };
            let price = Price {
                input: pricing.input_tokens / 1e6,
                output: pricing.output_tokens / 1e6,
                cap: max_tokens.unwrap_or(REPLY_CAP),
                is_listed: true,
            };
            books.prices.insert(id, price);
        }
    }
}

/// A JSON string's text, if it is one.
fn name(json: Option<&str>) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Text<'_>>(json?).ok().map(|text| text.0)
}

/// The limit of cost is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overspent {
    /// The limit, in USD.
    pub limit: f64,
    /// What replies cost so far by the server's own estimate, in USD.
    pub spent: f64,
    /// What else may have been spent: calls under way, and streams that ended before the server said what they cost.
    pub pending: f64,
}

impl fmt::Display for Overspent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit, spent, pending } = self;
        write!(f, "The budget of {limit} USD is spent: {spent} USD so far")?;
        if *pending > 0.0 {
            write!(f, ", and up to {pending} USD for calls whose cost is not known yet")?;
        }
        f.write_str("; this request was not sent. Raise max_cost")?;
        if spent < limit {
            f.write_str(", or wait for the calls under way")?;
        }
        Ok(())
    }
}

/// What a call asks for, where its cost matters.
#[derive(Debug)]
struct Plan {
    limit: f64,
    model: String,
    /// Bytes of the body: there are no more tokens than those.
    input: u64,
    /// Tokens of the answers, if the caller limits them.
    output: Option<u64>,
    answers: u64,
}

impl Plan {
    fn of(limit: f64, body: &str) -> Option<Self> {
        let members = members(body).ok()?;
        let count = |name| find(&members, name)?.parse::<u64>().ok();
        Some(Self {
            limit,
            model: name(find(&members, "model")).unwrap_or_default().into_owned(),
            input: body.len() as u64,
            output: count("max_completion_tokens").or_else(|| count("max_tokens")),
            answers: count("n").unwrap_or(1),
        })
    }

    /// What it costs at most, if the answers have no more tokens than `output`.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn cost(&self, price: &Price, output: u64) -> f64 {
        (self.input as f64).mul_add(price.input, output as f64 * price.output)
    }

    fn most(&self, price: &Price) -> f64 {
        let output = self.output.map_or(price.cap, |output| output.min(price.cap));
        self.cost(price, output.saturating_mul(self.answers))
    }
}

/// One call's place in the ledger: from the moment it begins until its cost is known.
#[derive(Debug)]
pub struct Account {
    ledger: Arc<Ledger>,
    plan: Option<Plan>,
    /// What was set aside for it, in USD; `None` where nothing is.
    reserved: Mutex<Option<f64>>,
}

impl Account {
    /// An account for a call with this body. A limit holds for calls that have one: others cost nothing.
    #[must_use]
    pub fn new(ledger: Arc<Ledger>, limit: Option<f64>, body: Option<&[u8]>) -> Self {
        let plan = limit.and_then(|limit| Plan::of(limit, std::str::from_utf8(body?).ok()?));
        Self {
            ledger,
            plan,
            reserved: Mutex::new(None),
        }
    }

    /// Sets aside what the call may cost.
    ///
    /// # Errors
    /// The limit is reached already.
    pub fn begin(&self) -> Result<(), Overspent> {
        let Some(plan) = &self.plan else { return Ok(()) };
        let mut books = lock(&self.ledger.0);
        let spent = books.all.estimated_cost;
        let pending = books.in_flight + books.unreported;
        if spent + pending >= plan.limit {
            return Err(Overspent {
                limit: plan.limit,
                spent,
                pending,
            });
        }
        let most = books.prices.get(&plan.model).map_or(0.0, |price| plan.most(price));
        books.in_flight += most;
        *lock(&self.reserved) = Some(most);
        Ok(())
    }

    /// Counts the call as answered, with what the reply says: its `usage` and its `model`.
    pub fn settle(&self, usage_json: Option<&str>, model_json: Option<&str>) {
        let used = Totals {
            requests: 1,
            ..usage_json.map(Totals::of).unwrap_or_default()
        };
        let model = name(model_json);
        let asked_for = self.plan.as_ref().map(|plan| plan.model.as_str());
        // In one go: between the two the call would count for nothing.
        let mut books = lock(&self.ledger.0);
        books.release(lock(&self.reserved).take());
        books.enter(used, model.as_deref(), asked_for);
    }

    /// Counts a stream that ended after so many chunks, and before the server said what it cost.
    pub fn settle_unreported(&self, model_json: Option<&str>, chunks: u64) {
        if let Some(plan) = &self.plan {
            let mut books = lock(&self.ledger.0);
            if let Some(price) = books.prices.get(&plan.model) {
                let cost = plan.cost(price, chunks).min(plan.most(price));
                books.unreported += cost;
            }
        }
        self.settle(None, model_json);
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

impl Drop for Account {
    /// A call that failed costs nothing.
    fn drop(&mut self) {
        let reserved = lock(&self.reserved).take();
        if reserved.is_some() {
            lock(&self.ledger.0).release(reserved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"model":"m","messages":[],"max_tokens":100}"#;

    fn account(ledger: &Arc<Ledger>, limit: Option<f64>) -> Account {
        Account::new(Arc::clone(ledger), limit, Some(BODY))
    }

    #[test]
    fn usage_adds_up_and_odd_parts_count_as_absent() {
        let ledger = Arc::new(Ledger::default());
        let account = account(&ledger, None);
        account.settle(
            Some(r#"{"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5, "estimated_cost": 0.5}"#),
            Some(r#""a""#),
        );
        account.settle(
            Some(r#"{"prompt_tokens": null, "completion_tokens": "x", "estimated_cost": 0.25}"#),
            Some(r#""b""#),
        );
        account.settle(None, None);
        let all = Totals {
            requests: 3,
            prompt_tokens: 2,
            completion_tokens: 3,
            total_tokens: 5,
            estimated_cost: 0.75,
        };
        assert_eq!(ledger.totals(), all);
        let names: Vec<_> = ledger
            .by_model()
            .into_iter()
            .map(|(name, one)| (name, one.requests))
            .collect();
        assert_eq!(names, [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    }

    #[test]
    fn a_call_under_way_counts_with_what_it_may_cost_at_most() {
        let ledger = Arc::new(Ledger::default());
        let first = account(&ledger, Some(1.0));
        first.begin().unwrap();
        // No price is known yet.
        account(&ledger, Some(1.0)).begin().unwrap();
        first.settle(Some(r#"{"completion_tokens": 10, "estimated_cost": 0.1}"#), None);
        let second = account(&ledger, Some(1.0));
        second.begin().unwrap();
        let refused = account(&ledger, Some(1.0)).begin().unwrap_err();
        assert!(refused.pending >= 1.0, "{refused:?}");
        drop(second);
        account(&ledger, Some(1.0)).begin().unwrap();
        let refused = account(&ledger, Some(0.1)).begin().unwrap_err();
        assert_eq!((refused.spent, refused.pending), (0.1, 0.0));
    }

    #[test]
    fn a_listed_price_is_believed_and_the_list_may_be_odd() {
        let ledger = Arc::new(Ledger::default());
        ledger.list(
            r#"[{"id":"m","metadata":{"max_tokens":null,"pricing":{"input_tokens":0,"output_tokens":10000}}},
                {"id":1},{"id":"x","metadata":null},{"id":"y","metadata":{"pricing":"z"}}]"#,
        );
        ledger.list("{}");
        let call = account(&ledger, Some(1.0));
        call.begin().unwrap();
        let refused = account(&ledger, Some(0.5)).begin().unwrap_err();
        assert!((refused.pending - 1.0).abs() < 1e-9, "{refused:?}");
    }

    #[test]
    fn a_stream_that_was_left_counts_with_what_it_brought() {
        let ledger = Arc::new(Ledger::default());
        ledger.list(r#"[{"id":"m","metadata":{"pricing":{"input_tokens":0,"output_tokens":10000}}}]"#);
        let call = account(&ledger, Some(1.0));
        call.begin().unwrap();
        call.settle_unreported(None, 40);
        let refused = account(&ledger, Some(0.4)).begin().unwrap_err();
        assert!((refused.pending - 0.4).abs() < 1e-9, "{refused:?}");
        assert!(refused.spent == 0.0, "{refused:?}");
    }
}

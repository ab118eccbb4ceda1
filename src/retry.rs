//! Whether and when to try again: decisions only, someone else waits.

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use crate::lock::lock;

/// How often failed requests are tried again, and how long to wait before.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Attempts after the first.
    pub max_retries: u32,
    /// The wait before the first retry; each further one is twice as long.
    pub initial_delay: Duration,
    /// The longest wait of the policy's own.
    pub max_delay: Duration,
    /// The part of a wait, 0 to 1, that chance may take off it.
    pub jitter: f64,
    /// The longest wait that a server may ask for; beyond it there is no retry.
    pub max_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_retries: 2,
            initial_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(8),
            jitter: 0.25,
            max_retry_after: Duration::from_secs(60),
        }
    }
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// No reply: no connection, a broken one, or a silence that was too long.
    Connection,
    /// A reply with an error status.
    Status {
        /// The reply's status code.
        status: u16,
        /// Whether another attempt may help, going by what the reply's body says.
        curable: bool,
        /// The wait that the server asks for, see [`parse_retry_after`].
        retry_after: Option<Duration>,
        /// The server's own decision, see [`parse_should_retry`]; it overrules status and body.
        should_retry: Option<bool>,
    },
}

impl Outcome {
    /// Whether another attempt may help.
    #[must_use]
    pub fn is_curable(&self) -> bool {
        match self {
            Self::Connection => true,
            Self::Status {
                status,
                curable,
                should_retry,
                ..
            } => should_retry.unwrap_or(*curable && matches!(status, 408 | 409 | 429 | 500..)),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Connection => None,
            Self::Status { retry_after, .. } => *retry_after,
        }
    }
}

impl RetryPolicy {
    /// The wait before the next attempt, or `None` if the failure is to be reported.
    ///
    /// `attempt` counts the retries already taken; `jitter01` is a random number from 0 to 1.
    #[must_use]
    pub fn next(&self, attempt: u32, outcome: &Outcome, jitter01: f64) -> Option<Duration> {
        if attempt >= self.max_retries || !outcome.is_curable() {
            return None;
        }
        match outcome.retry_after() {
            Some(asked) => (asked <= self.max_retry_after).then_some(asked),
            None => Some(self.backoff(attempt, jitter01)),
        }
    }

    fn backoff(&self, attempt: u32, jitter01: f64) -> Duration {
        let full = self
            .initial_delay
            .saturating_mul(2_u32.saturating_pow(attempt))
            .min(self.max_delay);
        let kept = 1.0 - fraction(self.jitter) * fraction(jitter01);
        // Of a length near Duration::MAX, rounding may make more than fits.
        Duration::try_from_secs_f64(full.as_secs_f64() * kept).map_or(full, |wait| wait.min(full))
    }
}

/// Tenths of a retry in a full [`Budget`].
const BUDGET_TENTHS: u32 = 1_000;
/// What one retry takes.
const RETRY_TENTHS: u32 = 10;
/// A call is the only one that retries when no other has taken a retry for this long: longer than the longest backoff.
const LONE_AFTER: Duration = Duration::from_secs(10);

/// How many retries all calls of a client may make together, so that an outage is not multiplied.
///
/// A bucket of 100: each retry takes one, each success gives back a tenth. A call that is the only one to retry has its
/// policy's retries whatever the bucket holds: it multiplies nothing.
#[derive(Debug, Default)]
pub struct Budget(Mutex<Bucket>);

#[derive(Debug)]
struct Bucket {
    tenths: u32,
    /// Which call took the last retry, and when.
    last: Option<(u64, Instant)>,
    /// When the last retry of any other call was taken.
    others: Option<Instant>,
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            tenths: BUDGET_TENTHS,
            last: None,
            others: None,
        }
    }
}

impl Budget {
    /// Takes one retry for the call of this number, if there is one for it.
    pub fn take(&self, call: u64, now: Instant) -> bool {
        let mut bucket = lock(&self.0);
        let others = match bucket.last {
            Some((last, at)) if last != call => Some(at),
            _ => bucket.others,
        };
        let is_lone = others.is_none_or(|at| now.saturating_duration_since(at) > LONE_AFTER);
        if bucket.tenths < RETRY_TENTHS && !is_lone {
            return false;
        }
        bucket.tenths = bucket.tenths.saturating_sub(RETRY_TENTHS);
        bucket.others = others;
        bucket.last = Some((call, now));
        true
    }

    /// Gives back a tenth of a retry for a success.
    pub fn give_back(&self) {
        let mut bucket = lock(&self.0);
        bucket.tenths = BUDGET_TENTHS.min(bucket.tenths + 1);
    }
}

/// `value` between 0 and 1; nan is 0.
fn fraction(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

/// The wait that a reply's headers ask for: `retry-after-ms`, else `retry-after` in seconds or as a date.
///
/// `header` gives the text of the header of a (lower-case) name. A value that is negative, not finite, unreadable or a
/// date that has passed counts as absent; one too large for a [`Duration`] is [`Duration::MAX`].
pub fn parse_retry_after<'h>(header: impl Fn(&'static str) -> Option<&'h str>, now: SystemTime) -> Option<Duration> {
    let millis = || number(header("retry-after-ms")?, 0.001);
    let seconds = || {
        let value = header("retry-after")?;
        number(value, 1.0).or_else(|| date(value, now))
    };
    millis().or_else(seconds)
}

/// The server's own decision about a retry in its `x-should-retry` header, if it made one.
///
/// `header` is as for [`parse_retry_after`].
pub fn parse_should_retry<'h>(header: impl Fn(&'static str) -> Option<&'h str>) -> Option<bool> {
    let value = header("x-should-retry")?.trim();
    if value.eq_ignore_ascii_case("true") {
        Some(true)
    } else if value.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn number(value: &str, unit_seconds: f64) -> Option<Duration> {
    let number: f64 = value.trim().parse().ok()?;
    let usable = number.is_finite() && !number.is_sign_negative();
    usable.then(|| Duration::try_from_secs_f64(number * unit_seconds).unwrap_or(Duration::MAX))
}

fn date(value: &str, now: SystemTime) -> Option<Duration> {
    let wait = httpdate::parse_http_date(value.trim()).ok()?.duration_since(now).ok()?;
    (!wait.is_zero()).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn status(status: u16) -> Outcome {
        Outcome::Status {
            status,
            curable: true,
            retry_after: None,
            should_retry: None,
        }
    }

    fn asked(retry_after: Duration) -> Outcome {
        Outcome::Status {
            status: 429,
            curable: true,
            retry_after: Some(retry_after),
            should_retry: None,
        }
    }

    #[test]
    fn an_outage_is_not_multiplied() {
        let budget = Budget::default();
        let now = Instant::now();
        assert_eq!((0..300).filter(|call| budget.take(*call, now)).count(), 100);
        for _ in 0..20 {
            budget.give_back();
        }
        assert_eq!((0..5).filter(|call| budget.take(*call, now)).count(), 2);
    }

    #[test]
    fn a_lone_call_has_its_retries() {
        let budget = Budget::default();
        let now = Instant::now();
        assert!((0..500).all(|_| budget.take(1, now)), "no other call retries");
        assert!(!budget.take(2, now), "now one does");
        assert!(budget.take(1, now));
        let later = now + LONE_AFTER + Duration::from_millis(1);
        assert!((0..500).all(|_| budget.take(3, later)));
        assert!(!budget.take(1, later));
    }

    #[test]
    fn successes_fill_the_bucket_and_no_more() {
        let budget = Budget::default();
        for _ in 0..5000 {
            budget.give_back();
        }
        let now = Instant::now();
        assert_eq!((0..300).filter(|call| budget.take(*call, now)).count(), 100);
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let policy = RetryPolicy {
            max_retries: u32::MAX,
            ..RetryPolicy::default()
        };
        let waits = [0, 1, 2, 3, 4, 5, 31, 32, 1000, u32::MAX - 1]
            .map(|attempt| policy.next(attempt, &Outcome::Connection, 0.0).unwrap().as_millis());
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000, 8000, 8000, 8000, 8000]);
    }

    #[test]
    fn chance_takes_at_most_a_quarter() {
        let policy = RetryPolicy::default();
        let wait = |jitter01| policy.next(0, &Outcome::Connection, jitter01).unwrap();
        assert_eq!(wait(1.0), Duration::from_millis(375));
        assert_eq!(wait(0.5), Duration::from_micros(437_500));
        for odd in [f64::NAN, f64::NEG_INFINITY, -1.0, -0.0] {
            assert_eq!(wait(odd), Duration::from_millis(500), "{odd}");
        }
        assert_eq!(wait(f64::INFINITY), Duration::from_millis(375));
    }

    #[test]
    fn odd_policies_do_not_panic() {
        for jitter in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -3.0, 5.0, 0.25] {
            for delay in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
                let policy = RetryPolicy {
                    max_retries: u32::MAX,
                    initial_delay: delay,
                    max_delay: Duration::MAX,
                    jitter,
                    max_retry_after: Duration::MAX,
                };
                for attempt in [0, 1, 63, 64, u32::MAX - 1] {
                    for jitter01 in [0.0, 1.0, f64::NAN] {
                        assert!(policy.next(attempt, &Outcome::Connection, jitter01).is_some());
                    }
                }
            }
        }
    }

    #[test]
    fn retries_end() {
        let policy = RetryPolicy::default();
        assert!(policy.next(1, &Outcome::Connection, 0.0).is_some());
        assert_eq!(policy.next(2, &Outcome::Connection, 0.0), None);
        assert_eq!(
            RetryPolicy {
                max_retries: 0,
                ..policy
            }
            .next(0, &Outcome::Connection, 0.0),
            None
        );
    }

    #[test]
    fn statuses() {
        let policy = RetryPolicy::default();
        for curable in [408, 409, 429, 500, 502, 503, 504, 529, 599] {
            assert!(policy.next(0, &status(curable), 0.0).is_some(), "{curable}");
        }
        for incurable in [400, 401, 402, 403, 404, 405, 413, 422, 200, 304] {
            assert_eq!(policy.next(0, &status(incurable), 0.0), None, "{incurable}");
        }
    }

    #[test]
    fn the_body_and_the_server_overrule() {
        let policy = RetryPolicy::default();
        let retried = |status, curable, should_retry| {
            let outcome = Outcome::Status {
                status,
                curable,
                retry_after: None,
                should_retry,
            };
            policy.next(0, &outcome, 0.0).is_some()
        };
        assert!(!retried(429, false, None));
        assert!(retried(429, false, Some(true)));
        assert!(!retried(503, true, Some(false)));
        assert!(retried(400, true, Some(true)));
    }

    #[test]
    fn retry_after_replaces_the_wait() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.next(0, &asked(SECOND * 60), 1.0), Some(SECOND * 60));
        assert_eq!(policy.next(0, &asked(Duration::ZERO), 1.0), Some(Duration::ZERO));
        assert_eq!(policy.next(0, &asked(Duration::from_millis(60_001)), 1.0), None);
        assert_eq!(policy.next(0, &asked(Duration::MAX), 1.0), None);
        assert_eq!(policy.next(2, &asked(SECOND), 1.0), None);
    }

    #[test]
    fn retry_after_headers() {
        let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        let parse = |millis: Option<&str>, seconds: Option<&str>| {
            let header = |name| match name {
                "retry-after-ms" => millis,
                "retry-after" => seconds,
                _ => None,
            };
            parse_retry_after(header, now)
        };
        assert_eq!(parse(None, None), None);
        assert_eq!(parse(Some("1500"), Some("7")), Some(Duration::from_millis(1500)));
        assert_eq!(parse(Some("0.5"), None), Some(Duration::from_micros(500)));
        assert_eq!(parse(None, Some("7")), Some(SECOND * 7));
        assert_eq!(parse(None, Some(" 0.25 ")), Some(Duration::from_millis(250)));
        assert_eq!(parse(None, Some("0")), Some(Duration::ZERO));
        for date in [
            "Sun, 06 Nov 1994 08:49:47 GMT",
            "Sunday, 06-Nov-94 08:49:47 GMT",
            "Sun Nov  6 08:49:47 1994",
        ] {
            assert_eq!(parse(None, Some(date)), Some(SECOND * 10), "{date}");
        }
        assert_eq!(parse(None, Some("1e300")), Some(Duration::MAX));
        for absent in [
            "",
            "-1",
            "-0.5",
            "nan",
            "inf",
            "-inf",
            "soon",
            "1,5",
            "Sun, 06 Nov 1994 08:49:36 GMT",
        ] {
            assert_eq!(parse(None, Some(absent)), None, "{absent}");
            assert_eq!(parse(Some(absent), Some("7")), Some(SECOND * 7), "{absent}");
        }
        assert_eq!(parse(None, Some("Sun, 06 Nov 1994 08:49:37 GMT")), None);
    }

    #[test]
    fn should_retry_header() {
        let parse = |value: Option<&'static str>| parse_should_retry(|name| value.filter(|_| name == "x-should-retry"));
        assert_eq!(parse(Some("true")), Some(true));
        assert_eq!(parse(Some(" False")), Some(false));
        assert_eq!(parse(Some("1")), None);
        assert_eq!(parse(None), None);
    }
}

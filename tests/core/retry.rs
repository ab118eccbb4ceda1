//! The retry policy.

use std::time::{Duration, SystemTime};

use proptest::num;
use proptest::option;
use proptest::prelude::*;
use tokstream::retry::{Outcome, RetryPolicy, parse_retry_after};

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos)),
        (0_u64..100_000).prop_map(Duration::from_millis),
        Just(Duration::MAX),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let status = (
        any::<u16>(),
        any::<bool>(),
        option::of(duration()),
        option::of(any::<bool>()),
    )
        .prop_map(|(status, curable, retry_after, should_retry)| Outcome::Status {
            status,
            curable,
            retry_after,
            should_retry,
        });
    prop_oneof![Just(Outcome::Connection), status]
}

proptest! {
    #[test]
    fn any_policy_decides(
        (max_retries, attempt) in (any::<u32>(), any::<u32>()),
        (initial_delay, max_delay, max_retry_after) in (duration(), duration(), duration()),
        (jitter, jitter01) in (num::f64::ANY, num::f64::ANY),
        outcome in outcome(),
    ) {
        let policy = RetryPolicy { max_retries, initial_delay, max_delay, jitter, max_retry_after };
        if let Some(wait) = policy.next(attempt, &outcome, jitter01) {
            prop_assert!(attempt < max_retries);
            prop_assert!(wait <= max_delay.max(max_retry_after));
        }
    }

    #[test]
    fn waits_stay_within_the_jitter(attempt in 0_u32..80, jitter in 0.0..=1.0_f64, jitter01 in 0.0..=1.0_f64) {
        let policy = RetryPolicy { max_retries: u32::MAX, jitter, ..RetryPolicy::default() };
        let wait = policy.next(attempt, &Outcome::Connection, jitter01).unwrap();
        let full = policy.next(attempt, &Outcome::Connection, 0.0).unwrap();
        prop_assert_eq!(full, Duration::from_millis(500 << attempt.min(4)));
        prop_assert!(wait <= full);
        prop_assert!(wait.as_secs_f64() >= full.as_secs_f64() * (1.0 - jitter) - 1e-6);
    }

    #[test]
    fn any_header_is_read(millis in option::of(".{0,12}"), seconds in option::of("[-+0-9a-zA-Z,.: ]{0,32}"), number in num::f64::ANY) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let number = number.to_string();
        for millis in [millis.as_deref(), Some(&number)] {
            for seconds in [seconds.as_deref(), Some(&number)] {
                parse_retry_after(|name| if name == "retry-after" { seconds } else { millis }, now);
            }
        }
        let read = parse_retry_after(|name| Some(number.as_str()).filter(|_| name == "retry-after"), now);
        let value: f64 = number.parse().unwrap();
        prop_assert_eq!(read.is_some(), value.is_finite() && value.is_sign_positive());
    }
}

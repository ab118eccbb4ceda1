//! The accumulator.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tokstream::accumulate::{Accumulator, Kind};

use crate::checks::accumulator::check;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_chunks_are_put_together_by_the_rules(decisions in vec(any::<u8>(), 0..400)) {
        check(&[&[0], &decisions[..]].concat());
    }

    #[test]
    fn any_lines_leave_json(
        lines in vec(
            select(&[
                "{", "}", "[", "]", ",", ":", "\n", "\"choices\":[{\"delta\":", "\"content\":", "\"tool_calls\":[{", "\"index\":", "\"a\"",
                "\"\\ud83d\"", "\"\\\\\"", "null", "1e5", "{\"choices\":[{\"delta\":{\"content\":\"\\ud83d\"}}]}", "{\"\\u0069d\":7}", "}]}",
            ][..]),
            0..30,
        ),
    ) {
        check(&[b"\x01", lines.concat().as_bytes()].concat());
    }
}

#[test]
fn a_hundred_thousand_chunks_take_linear_time() {
    let pushed = |count: usize| {
        let began = Instant::now();
        let mut sum = Accumulator::new(Kind::Chat);
        for n in 0..count {
            let chunk = format!(
                r#"{{"id":"x","choices":[{{"index":{},"delta":{{"content":"tok","tool_calls":[{{"index":{n},"function":{{"arguments":"a"}}}}]}},"logprobs":{{"content":[{{"token":"tok"}}]}}}}]}}"#,
                n % 1000,
            );
            sum.push(chunk.as_bytes()).unwrap();
        }
        let json = sum.completion_json();
        assert!(json.len() > 40 * count);
        began.elapsed()
    };
    // Ten times the chunks would take a hundred times as long if anything were looked through over and over.
    let (few, many) = (pushed(10_000), pushed(100_000));
    assert!(
        many < few * 50 + Duration::from_secs(1),
        "{few:?} for 10,000 and {many:?} for 100,000"
    );
}

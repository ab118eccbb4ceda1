//! The checks of the fuzz targets under input that random changes make, for a bounded time.
//!
//! `TOKSTREAM_FUZZ_RUNS` sets the number of inputs for each target, `TOKSTREAM_FUZZ_SEED` where to begin.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at what it does not expect"
)]

mod checks;

use std::panic::{self, AssertUnwindSafe};

use fastrand::Rng;

use checks::{accumulator, chunk, error_body, escape, parser};

const RUNS: u64 = 1000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// Runs a check over inputs that grow out of `pieces`; names the seed of one that fails.
fn fuzz(check: impl Fn(&[u8]), pieces: &[&[u8]]) {
    let first = setting("TOKSTREAM_FUZZ_SEED", 0);
    for seed in first..first + setting("TOKSTREAM_FUZZ_RUNS", RUNS) {
        let input = input(&mut Rng::with_seed(seed), pieces);
        let passed = panic::catch_unwind(AssertUnwindSafe(|| check(&input)));
        assert!(passed.is_ok(), "TOKSTREAM_FUZZ_SEED={seed}: {}", input.escape_ascii());
    }
}

fn input(rng: &mut Rng, pieces: &[&[u8]]) -> Vec<u8> {
    let mut input: Vec<u8> = (0..rng.usize(0..9)).map(|_| rng.u8(..)).collect();
    for _ in 0..rng.usize(0..40) {
        match rng.u8(0..12) {
            0 => input.push(rng.u8(..)),
            1 if !input.is_empty() => {
                let at = rng.usize(0..input.len());
                input[at] ^= 1 << rng.u8(0..8);
            }
            2 if !input.is_empty() => {
                let (from, to) = (rng.usize(0..input.len()), rng.usize(0..input.len()));
                input.drain(from.min(to)..from.max(to));
            }
            3 if input.len() < 1000 => input.extend_from_within(..),
            _ => input.extend_from_slice(pieces[rng.usize(0..pieces.len())]),
        }
    }
    input
}

#[test]
fn parser() {
    fuzz(
        parser::check,
        &[
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"data",
            b"data: ",
            b"event: x",
            b"id: ",
            b"retry: 5",
            b":",
            b"\0",
            b"\xEF\xBB\xBF",
            b"\xE2\x82",
            b"{}",
        ],
    );
}

#[test]
fn accumulator() {
    fuzz(
        accumulator::check,
        &[
            b"\n",
            br#"{"id":1,"choices":[{"index":0,"delta":{"content":"a"}}]}"#,
            br#"{"choices":[{"index":1,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}"#,
            br#"{"choices":[{"text":"\ud83d","logprobs":{"tokens":["a"]}}],"usage":{"total_tokens":1}}"#,
            br#""\ud83d\ude00\n""#,
            b"[",
            b"]",
            b"{",
            b"}",
            b",",
            b":",
        ],
    );
}

#[test]
fn chunk() {
    fuzz(
        |input| {
            // Random bytes seldom make a first line that is a chunk.
            for first in [
                br#"{"id":"a","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}],"n":1}"#.as_slice(),
                br#"{"choices" : [ {"delta":{"content":""}, "logprobs":null} ]}"#,
            ] {
                chunk::check(&[first, b"\n", input].concat());
            }
        },
        &[
            b"\n",
            b"\n{\"id\":\"a\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"",
            b"\"},\"finish_reason\":null}],\"n\":1}\n",
            b"\n{\"choices\" : [ {\"delta\":{\"content\":\"",
            b"\"}, \"logprobs\":null} ]}\n",
            br#""a\u00e9\ud83d\ude00\"\\""#,
            b"\"\"",
            b"\\ud83d",
            b"\"",
            b"\\",
            b"\x07",
            b"\xE2\x82",
            br#"","x":""#,
            b" ",
        ],
    );
}

#[test]
fn error_body() {
    fuzz(
        error_body::check,
        &[
            br#"{"error":{"message":"m","type":"t","param":null,"code":429}}"#,
            br#"{"error":"#,
            br#"{"detail":"#,
            br#"[{"loc":["body","a",0],"msg":"m","type":"t"}]"#,
            br#""choices":[]"#,
            br#""text""#,
            b"null",
            b"<html><title>",
            b"</title>",
            b"&amp;",
            b"[[[[",
            b"{",
            b"}",
            b",",
            b"\\ud83d",
        ],
    );
}

#[test]
fn escape() {
    fuzz(
        escape::check,
        &[
            b"plain text of thirty-two letters",
            b"    if x == 1:\n        return \"a\"\n",
            b"\"",
            b"\\",
            b"\n",
            b"\x01\x1f\x20\x7f",
            "é€🙂".as_bytes(),
            b"word",
            b"x",
        ],
    );
}

//! The event-stream parser.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use tokstream::sse::Parser;

use crate::checks::parser::{check, check_stream};

/// Pieces of which streams are made, the troublesome ones among them.
const PIECES: &[&[u8]] = &[
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"data",
    b"data:",
    b"data: ",
    b"event:",
    b"id: ",
    b"retry: ",
    b":",
    b" ",
    b"7",
    b"\0",
    b"\xEF\xBB\xBF",
    b"\xEF",
    b"\xBB",
    b"\xBF",
    b"\xE2\x82\xAC",
    b"\xE2",
    b"\x82",
    b"\xFF",
    b"\xC3",
    b"\xE2\x80\xA8",
    b"{\"a\":1}",
    b"a longer piece of text, so that lines pass the short cuts",
    b"[DONE]",
    b"x",
];

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => select(PIECES).prop_map(<[u8]>::to_vec), 1 => vec(any::<u8>(), 0..6)]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_split_of_any_stream_gives_what_the_grammar_says(
        stream in stream(),
        sizes in vec(1_usize..30, 1..8),
        bound in 0_usize..100,
    ) {
        check_stream(&stream, &sizes, bound);
    }

    #[test]
    fn any_bytes(input in vec(any::<u8>(), 0..300)) {
        check(&input);
    }

    #[test]
    fn a_well_formed_stream_gives_its_events(
        expected in vec("[^\r\n]{0,40}", 1..8),
        end in select(&["\n", "\r", "\r\n"][..]),
        size in 1_usize..60,
    ) {
        let mut stream = Vec::new();
        for data in &expected {
            stream.extend_from_slice(format!("data: {data}{end}{end}").as_bytes());
        }
        let (mut parser, mut events) = (Parser::new(1000), VecDeque::new());
        for part in stream.chunks(size) {
            parser.feed(&Bytes::copy_from_slice(part), &mut events).unwrap();
        }
        let data: Vec<_> = events.iter().map(|event| &event.data[..]).collect();
        prop_assert_eq!(data, expected.iter().map(String::as_bytes).collect::<Vec<_>>());
        prop_assert_eq!(parser.finish(), None);
    }
}

#[test]
fn every_split_in_three() {
    let stream = b"\xEF\xBB\xBFdata: a\r\n\r\n: \xE2\x82\xAC\rdata: \xE2\x82\xAC\xFF\r\r\ndata\nid: 1\n\n\revent: x\ndata: [DONE]";
    for first in 1..stream.len() {
        for second in 1..=stream.len() - first {
            check_stream(stream, &[first, second, stream.len()], 20);
        }
    }
}

#[test]
fn an_event_in_many_reads_takes_linear_time() {
    let fed = |length: usize, lines: usize, size: usize| {
        let line = [&b"data: "[..], &vec![b'a'; length / lines], b"\n"].concat();
        let stream = Bytes::from([&line.repeat(lines)[..], b"\n"].concat());
        let (mut parser, mut events) = (Parser::new(1 << 30), VecDeque::new());
        let began = Instant::now();
        for at in (0..stream.len()).step_by(size) {
            parser
                .feed(&stream.slice(at..stream.len().min(at + size)), &mut events)
                .unwrap();
        }
        assert_eq!(events.len(), 1);
        assert!(events[0].data.len() >= length);
        began.elapsed()
    };
    // Ten times the bytes would take a hundred times as long if bytes already seen were looked at again.
    for (lines, size) in [(1, 16), (1, 1), (10_000, 16), (10_000, 1 << 30)] {
        let (small, large) = (fed(200_000, lines, size), fed(2_000_000, lines, size));
        assert!(
            large < small * 50 + Duration::from_secs(1),
            "{small:?} and {large:?}: {lines} lines, reads of {size}"
        );
    }
}

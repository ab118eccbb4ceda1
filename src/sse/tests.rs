use std::collections::VecDeque;

use bytes::Bytes;

use super::{Event, EventTooLarge, Parser};

const NO_BOUND: usize = usize::MAX / 2;

/// What one feed of the whole stream gives: (type, data) of each event and the data left over.
fn parse(stream: &[u8]) -> (Vec<(Option<String>, String)>, Option<String>) {
    let mut parser = Parser::new(NO_BOUND);
    let mut out = VecDeque::new();
    parser.feed(&Bytes::copy_from_slice(stream), &mut out).unwrap();
    let whole = (shown(&out), parser.finish().map(string));
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        let mut parser = Parser::new(NO_BOUND);
        let mut out = VecDeque::new();
        parser.feed(&Bytes::copy_from_slice(head), &mut out).unwrap();
        parser.feed(&Bytes::copy_from_slice(tail), &mut out).unwrap();
        assert_eq!((shown(&out), parser.finish().map(string)), whole, "split at {at}");
    }
    let mut parser = Parser::new(NO_BOUND);
    let mut out = VecDeque::new();
    for byte in stream {
        parser.feed(&Bytes::copy_from_slice(&[*byte]), &mut out).unwrap();
        parser.feed(&Bytes::new(), &mut out).unwrap();
    }
    assert_eq!((shown(&out), parser.finish().map(string)), whole, "byte by byte");
    whole
}

fn shown(events: &VecDeque<Event>) -> Vec<(Option<String>, String)> {
    events
        .iter()
        .map(|e| (e.event.as_deref().map(str::to_owned), string(e.data.clone())))
        .collect()
}

fn string(data: Bytes) -> String {
    String::from_utf8(data.into()).unwrap()
}

fn data(stream: &[u8]) -> Vec<String> {
    parse(stream).0.into_iter().map(|(_, data)| data).collect()
}

#[test]
fn every_line_end() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = format!("data: a{end}data: b{end}{end}data: c{end}{end}");
        assert_eq!(data(stream.as_bytes()), ["a\nb", "c"], "{end:?}");
    }
    assert_eq!(
        data(b"data: a\r\n\ndata: b\n\r\ndata: c\r\r\ndata: d\n\r"),
        ["a", "b", "c", "d"]
    );
}

#[test]
fn a_lone_cr_dispatches_at_once() {
    let mut parser = Parser::new(NO_BOUND);
    let mut out = VecDeque::new();
    parser.feed(&Bytes::from_static(b"data: a\r\n\r"), &mut out).unwrap();
    assert_eq!(out.len(), 1);
    parser.feed(&Bytes::from_static(b"\ndata: b\r\r"), &mut out).unwrap();
    assert_eq!(out.len(), 2);
    parser.feed(&Bytes::from_static(b"\n\n\n"), &mut out).unwrap();
    assert_eq!(out.len(), 2);
}

#[test]
fn byte_order_mark_only_at_the_start() {
    assert_eq!(data(b"\xEF\xBB\xBFdata: a\n\n"), ["a"]);
    assert_eq!(data(b"\xEF\xBB\xBF\xEF\xBB\xBFdata: a\n\n"), [""; 0]);
    assert_eq!(data(b"data: a\n\n\xEF\xBB\xBFdata: b\n\n"), ["a"]);
    assert_eq!(data(b"\xEF\xBBdata: a\ndata: b\n\n"), ["b"]);
    assert_eq!(data(b"\xEF\xBB\xBF\n\xEF\xBB\xBF\ndata: b\n\n"), ["b"]);
    assert_eq!(data(b"\xEF\xBB"), [""; 0]);
}

#[test]
fn fields() {
    assert_eq!(data(b"data:a\ndata:  b\ndata: \n\n"), ["a\n b\n"]);
    assert_eq!(data(b"data\n\ndata\ndata\n\ndata:\n\n"), ["", "\n", ""]);
    assert_eq!(
        data(b"Data: a\n\n data: a\n\ndata : a\n\ndatas: a\n\ndat: a\n\n"),
        [""; 0]
    );
    assert_eq!(data(b"data: a: b\ndata::c\n\n"), ["a: b\n:c"]);
    assert_eq!(data(b": ping\n:\n\n:\ndata: a\n: x\ndata: b\nunknown: y\n\n"), ["a\nb"]);
    assert_eq!(
        data("data: \u{2028}\u{85}\u{b}\u{c}x\n\n".as_bytes()),
        ["\u{2028}\u{85}\u{b}\u{c}x"]
    );
}

#[test]
fn types_last_one_event() {
    let events = parse(b"event: a\ndata: 1\n\ndata: 2\n\nevent: b\nevent:\ndata: 3\n\nevent: c\n\ndata: 4\n\n").0;
    let expected = [(Some("a"), "1"), (None, "2"), (None, "3"), (None, "4")];
    assert_eq!(
        events,
        expected.map(|(event, data)| (event.map(str::to_owned), data.to_owned()))
    );
}

#[test]
fn ids_and_retry() {
    let mut parser = Parser::new(NO_BOUND);
    let mut out = VecDeque::new();
    let mut feed = |parser: &mut Parser, stream: &'static [u8]| {
        parser.feed(&Bytes::from_static(stream), &mut out).unwrap();
        (parser.last_event_id().to_owned(), parser.retry())
    };
    assert_eq!(feed(&mut parser, b"id: 1\n"), (String::new(), None));
    assert_eq!(feed(&mut parser, b"\n"), ("1".to_owned(), None));
    assert_eq!(feed(&mut parser, b"id: \0\nretry: 15\n\n"), ("1".to_owned(), Some(15)));
    assert_eq!(
        feed(&mut parser, b"retry: 1.5\nretry: -1\nretry:\nretry: 1s\n\n"),
        ("1".to_owned(), Some(15))
    );
    assert_eq!(
        feed(&mut parser, b"retry: 99999999999999999999999\n\n"),
        ("1".to_owned(), Some(15))
    );
    assert_eq!(feed(&mut parser, b"id\n\n"), (String::new(), Some(15)));
}

#[test]
fn an_unfinished_event_is_dropped_but_told() {
    assert_eq!(
        parse(b"data: a\n\ndata: [DONE]\n"),
        (vec![(None, "a".to_owned())], Some("[DONE]".to_owned()))
    );
    assert_eq!(parse(b"data: [DONE]").1.as_deref(), Some("[DONE]"));
    assert_eq!(parse(b"data: [DONE]\r").1.as_deref(), Some("[DONE]"));
    assert_eq!(parse(b"data: a\ndata: b\n: c\ndata: d").1.as_deref(), Some("a\nb\nd"));
    assert_eq!(parse(b"data: [DONE]\n\n: bye").1, None);
    assert_eq!(parse(b"").1, None);
}

#[test]
fn invalid_utf8_is_replaced_as_in_the_whole_stream() {
    let streams: [&[u8]; 5] = [
        b"data: \xFFa\xC3\n\n",
        b"data: \xF0\x9F\x98\ndata: \x80\n\n",
        b"data:\xE2\x82\xAC\xE2\x82\n\n",
        b"data: \xED\xA0\x80\xC0\xAF\n\n",
        b"event: \xF4\x90\ndata: x\n\n",
    ];
    for stream in streams {
        let decoded = String::from_utf8_lossy(stream).into_owned();
        assert_eq!(parse(stream), parse(decoded.as_bytes()));
    }
}

/// A chunk that begins and ends so and has a comment of so many bytes in between.
fn chunk(beginning: &[u8], comment: usize, end: &[u8]) -> Bytes {
    let comment = format!("{:.<length$}\n", ":", length = comment - 1);
    Bytes::from([beginning, comment.as_bytes(), end].concat())
}

fn large(beginning: &[u8], end: &[u8]) -> Bytes {
    chunk(beginning, 2000, end)
}

#[test]
fn small_data_that_are_most_of_a_chunk_keep_none_of_its_memory() {
    for (size, others, is_kept) in [
        (7, 1024, false),
        (7, 1025, true),
        (16 << 10, 1024, false),
        (16 << 10, 1025, true),
        ((16 << 10) + 1, 20, true),
    ] {
        let data = "a".repeat(size);
        let beginning = format!("data: {data}\n\n");
        let chunk = chunk(beginning.as_bytes(), others - (beginning.len() - size), b"");
        assert_eq!(chunk.len(), size + others);
        let mut out = VecDeque::new();
        Parser::new(NO_BOUND).feed(&chunk, &mut out).unwrap();
        assert_eq!(out[0].data, data);
        assert_eq!(!chunk.is_unique(), is_kept, "{size} and {others}");
    }
}

#[test]
fn one_line_in_one_large_chunk_is_not_copied() {
    let chunk = large(b"data: {\"a\":1}\n\n", b"");
    let mut out = VecDeque::new();
    Parser::new(NO_BOUND).feed(&chunk, &mut out).unwrap();
    assert_eq!(out[0].data.as_ptr(), chunk[6..].as_ptr());

    // Neither the half of a character before it nor an invalid one around it changes that.
    let chunk = large(b"\x82\xAC\n\ndata: a\n\ndata: \xFF\n\ndata: b\n\n", b"data: \xE2\x82");
    let mut out = VecDeque::new();
    let mut parser = Parser::new(NO_BOUND);
    parser.feed(&Bytes::from_static(b"data: \xE2"), &mut out).unwrap();
    parser.feed(&chunk, &mut out).unwrap();
    let shown: Vec<_> = out.iter().map(|event| event.data.as_ref()).collect();
    assert_eq!(shown, ["€", "a", "\u{FFFD}", "b"].map(str::as_bytes));
    assert_eq!(out[1].data.as_ptr(), chunk[10..].as_ptr());
    assert_eq!(out[3].data.as_ptr(), chunk[28..].as_ptr());
}

#[test]
fn the_bound_counts_what_is_being_collected() {
    let too_large = Err(EventTooLarge { max_event_bytes: 8 });
    let streams: [(&[u8], usize, bool); 8] = [
        (b"data:123\n\ndata:123\n\ndata:123", 2, false),
        (b"data:123\n\ndata:1234\n\ndata:5\n\n", 1, true),
        (b"data\ndata\ndata\n\n", 0, true),
        (b"data\ndata\n\n", 1, false),
        (b"data:1\n\n:234567890", 1, true),
        (b":1\n:2\n:3\n:4\n:5\n:6\ndata\n\n", 1, false),
        (b"unknown line", 0, true),
        (b"\n\n\n\n\n\n\n\n\n\n\n\ndata\n\n", 1, false),
    ];
    for (stream, events, fails) in streams {
        for size in 1..=stream.len() {
            let mut parser = Parser::new(8);
            let mut out = VecDeque::new();
            let mut result = Ok(());
            for part in stream.chunks(size) {
                result = result.and(parser.feed(&Bytes::copy_from_slice(part), &mut out));
            }
            assert_eq!(out.len(), events, "{}", stream.escape_ascii());
            assert_eq!(
                result,
                if fails { too_large } else { Ok(()) },
                "{}",
                stream.escape_ascii()
            );
            if fails {
                assert_eq!(parser.feed(&Bytes::from_static(b"\n\ndata:a\n\n"), &mut out), too_large);
                assert_eq!(
                    (out.len(), parser.pending_data(), parser.finish()),
                    (events, None, None)
                );
            }
        }
    }
}

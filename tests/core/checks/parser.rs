//! The event-stream parser against a naive one, under any split.

use std::collections::VecDeque;

use bytes::Bytes;
use tokstream::sse::{Event, EventTooLarge, Parser};

use super::dice::Dice;

const NO_BOUND: usize = usize::MAX / 2;

/// Everything that can be seen of a parsed stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    pub events: Vec<(Option<String>, String)>,
    pub last_event_id: String,
    pub retry: Option<u64>,
    pub pending: Option<String>,
}

/// The first bytes say how the rest, a stream, is split and bounded.
pub fn check(input: &[u8]) {
    let (head, stream) = input.split_at(input.len().min(8));
    let mut dice = Dice::new(head);
    let bound = dice.roll(64);
    let sizes: Vec<_> = (0..4).map(|_| 1 + dice.roll(40)).collect();
    check_stream(stream, &sizes, bound);
}

/// Checks one stream, split into parts of these sizes over and over.
pub fn check_stream(stream: &[u8], sizes: &[usize], bound: usize) {
    let expected = naive(stream);
    assert_eq!(
        parse(stream, &[stream.len().max(1)], NO_BOUND),
        (expected.clone(), Ok(())),
        "in one"
    );
    assert_eq!(
        parse(stream, sizes, NO_BOUND),
        (expected.clone(), Ok(())),
        "split by {sizes:?}"
    );
    assert_eq!(
        parse(stream, &[1], NO_BOUND),
        (expected.clone(), Ok(())),
        "byte by byte"
    );

    let (whole, result) = parse(stream, &[stream.len().max(1)], bound);
    assert_eq!(
        parse(stream, sizes, bound),
        (whole, result),
        "bound {bound}, split by {sizes:?}"
    );
    let (whole, result) = parse(stream, &[1], bound);
    match result {
        Ok(()) => assert_eq!(whole, expected, "bound {bound}"),
        Err(error) => {
            assert_eq!(error, EventTooLarge { max_event_bytes: bound });
            assert!(expected.events.starts_with(&whole.events), "bound {bound}");
            assert_eq!(whole.pending, None);
        }
    }
}

/// Feeds a stream in parts of these sizes, over and over.
fn parse(stream: &[u8], sizes: &[usize], bound: usize) -> (Parsed, Result<(), EventTooLarge>) {
    let mut parser = Parser::new(bound);
    let mut out = VecDeque::new();
    let mut result = Ok(());
    let mut rest = stream;
    for size in sizes.iter().cycle() {
        if rest.is_empty() || result.is_err() {
            break;
        }
        let (part, more) = rest.split_at(rest.len().min(*size));
        result = parser.feed(&Bytes::copy_from_slice(part), &mut out);
        rest = more;
    }
    let string = |data: Bytes| String::from_utf8(data.into()).unwrap();
    let shown = |Event { data, event }: Event| (event.map(Into::into), string(data));
    let parsed = Parsed {
        events: out.into_iter().map(shown).collect(),
        last_event_id: parser.last_event_id().to_owned(),
        retry: parser.retry(),
        pending: parser.pending_data().map(string),
    };
    assert_eq!(parser.finish().map(string), parsed.pending);
    (parsed, result)
}

/// The grammar taken by its word: decode everything, split it into lines, read them one by one.
fn naive(stream: &[u8]) -> Parsed {
    let text = String::from_utf8_lossy(stream).into_owned();
    // Half a mark at the end of input is not yet text.
    let text = if matches!(stream, b"\xEF" | b"\xEF\xBB") {
        String::new()
    } else {
        text
    };
    let text = text
        .strip_prefix('\u{FEFF}')
        .unwrap_or(&text)
        .replace("\r\n", "\n")
        .replace('\r', "\n");
    let mut lines: Vec<&str> = text.split('\n').collect();
    let unfinished = lines.pop().unwrap_or_default();

    let mut events = Vec::new();
    let (mut data, mut event, mut id) = (String::new(), String::new(), String::new());
    let (mut last_event_id, mut retry) = (String::new(), None);
    for line in lines {
        if line.is_empty() {
            last_event_id.clone_from(&id);
            if let Some(data) = data.strip_suffix('\n') {
                events.push((Some(event.clone()).filter(|event| !event.is_empty()), data.to_owned()));
            }
            data.clear();
            event.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => data.extend([value, "\n"]),
            "event" => value.clone_into(&mut event),
            "id" if !value.contains('\0') => value.clone_into(&mut id),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => retry = value.parse().ok().or(retry),
            _ => {}
        }
    }
    let (field, value) = unfinished.split_once(':').unwrap_or((unfinished, ""));
    if field == "data" {
        data.extend([value.strip_prefix(' ').unwrap_or(value), "\n"]);
    }
    let pending = data.strip_suffix('\n').map(str::to_owned);
    Parsed {
        events,
        last_event_id,
        retry,
        pending,
    }
}

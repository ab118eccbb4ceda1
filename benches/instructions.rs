//! One hot path of the core by its name, for callgrind to count the instructions of: `python3 dev.py bench-check`.
//!
//! Without a name it prints the names. Only what [`hot_path`] calls is counted.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "what is measured must work")]
#![expect(clippy::print_stdout, reason = "the names are asked for")]

use std::collections::VecDeque;
use std::hint::black_box;

use bytes::Bytes;
use tokstream::accumulate::{self, Accumulator};
use tokstream::api_error::ErrorBody;
use tokstream::chunk::Template;
use tokstream::escape::write_string;
use tokstream::reader::{Kind, Read, Reader};
use tokstream::sse::Parser;
use tokstream::stream::Item;

const ROUNDS: usize = 100;
const EVENTS: usize = 60;
const MAX_EVENT_BYTES: usize = 64 << 20;
const LOGPROBS: &str = r#"{"content":[{"token":" token","logprob":-0.25,"bytes":[32,116],"top_logprobs":[]}]}"#;

/// Callgrind counts from where this begins until it ends.
#[inline(never)]
fn hot_path(work: &mut dyn FnMut()) {
    for _ in 0..ROUNDS {
        work();
    }
}

fn chunk(content: &str, logprobs: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-8f3a2b1c9d4e4f6a8b7c6d5e4f3a2b1c","object":"chat.completion.chunk","created":1763990400,"model":"meta-llama/Llama-3.3-70B-Instruct-Turbo","choices":[{{"index":0,"delta":{{"role":"assistant","content":"{content}"}},"logprobs":{logprobs},"finish_reason":null}}],"usage":null}}"#
    )
}

/// Chunks that differ in their contents; each seventh has an escape.
fn chunks(logprobs: &str) -> Vec<Bytes> {
    let content = |n: usize| {
        if n.is_multiple_of(7) {
            r" line\n".to_owned()
        } else {
            format!(" tok{n}")
        }
    };
    (0..EVENTS).map(|n| chunk(&content(n), logprobs).into()).collect()
}

fn body() -> Bytes {
    let events = chunks("null")
        .into_iter()
        .map(|chunk| [b"data: ", &*chunk, b"\n\n"].concat());
    events.collect::<Vec<_>>().concat().into()
}

fn parser(size: usize) {
    let body = body();
    let parts: Vec<_> = (0..body.len())
        .step_by(size)
        .map(|at| body.slice(at..body.len().min(at + size)))
        .collect();
    let mut parser = Parser::new(MAX_EVENT_BYTES);
    let mut events = VecDeque::with_capacity(EVENTS);
    hot_path(&mut || {
        for part in &parts {
            parser.feed(black_box(part), &mut events).unwrap();
        }
        assert_eq!(events.len(), EVENTS);
        events.clear();
    });
}

fn template() {
    let chunks = chunks("null");
    let template = Template::of(&chunks[1]).unwrap();
    hot_path(&mut || {
        for chunk in &chunks {
            assert!(black_box(template.content(black_box(chunk))).is_some());
        }
    });
}

fn template_of() {
    let chunks = chunks("null");
    hot_path(&mut || assert!(black_box(Template::of(black_box(&chunks[1]))).is_some()));
}

fn push(logprobs: &str) {
    let chunks = chunks(logprobs);
    let mut sum = Accumulator::new(accumulate::Kind::Chat);
    hot_path(&mut || {
        for chunk in &chunks {
            sum.push(black_box(chunk)).unwrap();
        }
    });
}

fn push_content() {
    let mut sum = Accumulator::new(accumulate::Kind::Chat);
    sum.push(&chunks("null")[1]).unwrap();
    hot_path(&mut || {
        for _ in 0..EVENTS {
            assert!(sum.push_content(black_box(" token")));
        }
    });
}

fn completion_json() {
    let mut sum = Accumulator::new(accumulate::Kind::Chat);
    sum.push(&chunks("null")[1]).unwrap();
    (0..1000).for_each(|_| assert!(sum.push_content(" token")));
    hot_path(&mut || {
        black_box(sum.completion_json());
    });
}

fn reader(logprobs: &str, all_alike: bool) {
    let items: Vec<_> = chunks(logprobs).into_iter().map(Item::Data).collect();
    let mut reader = Reader::new(Kind::Chat);
    reader.read(&items[1]).unwrap();
    hot_path(&mut || {
        for item in &items {
            let read = reader.read(black_box(item)).unwrap();
            assert_eq!(matches!(read, Read::Alike { .. }), all_alike);
        }
    });
}

fn in_stream() {
    let chunks = chunks("null");
    hot_path(&mut || assert!(black_box(ErrorBody::in_stream(black_box(&chunks[1]))).is_none()));
}

fn escape(text: &str) {
    let mut out = Vec::new();
    hot_path(&mut || {
        out.clear();
        write_string(&mut out, black_box(text));
    });
}

fn main() {
    const ALL: &[(&str, fn())] = &[
        ("parser", || parser(usize::MAX)),
        ("parser, reads of 1,460 bytes", || parser(1460)),
        ("parser, reads of 100 bytes", || parser(100)),
        ("template", template),
        ("template made", template_of),
        ("reader", || reader("null", true)),
        ("reader, general", || reader(LOGPROBS, false)),
        ("accumulator", || push("null")),
        ("accumulator, logprobs", || push(LOGPROBS)),
        ("accumulator, contents", push_content),
        ("accumulator, completion", completion_json),
        ("error in stream", in_stream),
        ("escape", || escape(&"Why is the sky blue? ".repeat(50))),
        ("escape, code", || {
            escape(&"    if x == 1:\n        return \"a\"\n".repeat(50));
        }),
    ];
    // Cargo adds `--bench` to what it is told.
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with("--"));
    for (name, work) in ALL {
        match &wanted {
            None => println!("{name}"),
            Some(wanted) if wanted == name => work(),
            Some(_) => {}
        }
    }
}

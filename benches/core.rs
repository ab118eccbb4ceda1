//! The hot paths of the core: events out of bytes, chunks into a completion.
#![expect(clippy::unwrap_used, reason = "what is measured must work")]

use std::collections::VecDeque;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tokstream::accumulate::{Accumulator, Kind};
use tokstream::api_error::ErrorBody;
use tokstream::sse::Parser;

const EVENTS: usize = 60;
const MAX_EVENT_BYTES: usize = 64 << 20;

fn chunk(content: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-4f1c","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{{"index":0,"delta":{{"role":"assistant","content":"{content}"}},"finish_reason":null}}]}}"#
    )
}

/// One read's worth of a stream, about 10 kB.
fn read() -> Bytes {
    let mut read = Vec::new();
    for n in 0..EVENTS {
        read.extend_from_slice(b"data: ");
        read.extend_from_slice(chunk(&format!(" tok{n}")).as_bytes());
        read.extend_from_slice(b"\n\n");
    }
    read.into()
}

fn parser(c: &mut Criterion) {
    let read = read();
    let mut group = c.benchmark_group("sse");
    group.throughput(Throughput::Elements(EVENTS as u64));
    for size in [read.len(), 1460, 100, 1] {
        let parts: Vec<_> = (0..read.len())
            .step_by(size)
            .map(|at| read.slice(at..read.len().min(at + size)))
            .collect();
        group.bench_function(format!("{EVENTS} events in reads of {size} bytes"), |b| {
            let mut parser = Parser::new(MAX_EVENT_BYTES);
            let mut events = VecDeque::with_capacity(EVENTS);
            b.iter(|| {
                for part in &parts {
                    parser.feed(black_box(part), &mut events).unwrap();
                }
                assert_eq!(events.len(), EVENTS);
                events.clear();
            });
        });
    }
    group.finish();
}

fn accumulator(c: &mut Criterion) {
    let chunk = chunk(" token");
    let logprobs = chunk.replace(
        r#""finish_reason""#,
        r#""logprobs":{"content":[{"token":" token","logprob":-0.25,"bytes":[32,116],"top_logprobs":[]}]},"finish_reason""#,
    );
    let mut group = c.benchmark_group("accumulate");
    for (name, chunk) in [("push", &chunk), ("push with logprobs", &logprobs)] {
        group.bench_function(name, |b| {
            let mut sum = Accumulator::new(Kind::Chat);
            b.iter(|| sum.push(black_box(chunk.as_bytes())).unwrap());
        });
    }
    let mut first = Accumulator::new(Kind::Chat);
    first.push(chunk.as_bytes()).unwrap();
    group.bench_function("push_content", |b| {
        let mut sum = first.clone();
        b.iter(|| assert!(sum.push_content(black_box(" token"))));
    });
    group.sample_size(20);
    group.bench_function("completion_json of 100,000 contents", |b| {
        let mut sum = first.clone();
        (0..100_000).for_each(|_| assert!(sum.push_content(" token")));
        b.iter_batched(|| (), |()| sum.completion_json(), BatchSize::SmallInput);
    });
    group.finish();
}

fn errors(c: &mut Criterion) {
    let chunk = chunk(" token");
    c.bench_function("in_stream of a chunk", |b| {
        b.iter(|| ErrorBody::in_stream(black_box(chunk.as_bytes())));
    });
}

criterion_group!(benches, parser, accumulator, errors);
criterion_main!(benches);

//! The floor: what a client costs that does nothing but the work. reqwest on a current-thread runtime, events split at
//! blank lines, serde to a typed struct. No Python, no bounds, no retries, no errors worth the name.
//!
//! `floor KIND port=… model=… …` measures one kind of run and prints a line of JSON, as the drivers in `clients/` do.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::json;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, because a user may want it")]
struct Chunk {
    id: String,
    object: String,
    created: u64,
    model: String,
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, because a user may want it")]
struct Choice {
    index: u64,
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, because a user may want it")]
struct Delta {
    role: Option<String>,
    content: Option<String>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, because a user may want it")]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, because a user may want it")]
struct Completion {
    id: String,
    created: u64,
    model: String,
    choices: Vec<Answer>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, because a user may want it")]
struct Answer {
    index: u64,
    message: Delta,
    finish_reason: Option<String>,
    logprobs: Option<Logprobs>,
}

#[derive(Deserialize)]
struct Logprobs {
    content: Vec<Token>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "decoded, because a user may want it")]
struct Token {
    token: String,
    logprob: f64,
    bytes: Option<Vec<u8>>,
    #[serde(default)]
    top_logprobs: Vec<Token>,
}

/// What one stream received: when it was due and sent, and when it was here.
type Arrivals = Rc<RefCell<Vec<(String, u64)>>>;

#[derive(Clone)]
struct Floor {
    http: Client,
    url: String,
    body: String,
    arguments: Rc<HashMap<String, String>>,
}

fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let kind = words.next().ok_or("which kind of run?")?;
    let arguments: HashMap<String, String> = words
        .filter_map(|word| word.split_once('=').map(|(name, value)| (name.into(), value.into())))
        .collect();
    let model = arguments.get("model").cloned().ok_or("model=… is missing")?;
    let floor = Floor {
        http: Client::builder().build()?,
        url: format!("http://127.0.0.1:{}/v1/chat/completions", arguments["port"]),
        body: json!({"model": model, "messages": [{"role": "user", "content": "Hello!"}], "stream": kind.starts_with("stream")})
            .to_string(),
        arguments: Rc::new(arguments),
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let measured = LocalSet::new().block_on(&runtime, async {
        match kind.as_str() {
            "stream" => floor.streams().await,
            "stream-paced" => floor.paced().await,
            "stream-many" => floor.many().await,
            "stream-crowd" => floor.crowd().await,
            "whole" => floor.wholes().await,
            "logprobs" => floor.logprobs().await,
            _ => Err("no such kind of run".into()),
        }
    })?;
    println!("{measured}");
    Ok(())
}

impl Floor {
    fn number(&self, name: &str, default: u64) -> u64 {
        self.arguments
            .get(name)
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    }

    async fn request(&self) -> Result<Response, Failure> {
        let request = self.http.post(&self.url).header("content-type", "application/json");
        Ok(request.body(self.body.clone()).send().await?.error_for_status()?)
    }

    /// Reads a stream; `see` gets each content. Returns the number of its chunks.
    async fn stream(&self, mut see: impl FnMut(String)) -> Result<u64, Failure> {
        let mut response = self.request().await?;
        let mut pending: Vec<u8> = Vec::new();
        let mut count = 0;
        while let Some(bytes) = response.chunk().await? {
            pending.extend_from_slice(&bytes);
            let mut start = 0;
            while let Some(length) = pending[start..].windows(2).position(|pair| pair == b"\n\n") {
                let event = &pending[start..start + length];
                start += length + 2;
                let Some(data) = event.strip_prefix(b"data: ") else {
                    continue;
                };
                if data == b"[DONE]" {
                    continue;
                }
                let chunk: Chunk = serde_json::from_slice(data)?;
                count += 1;
                if let Some(choice) = chunk.choices.into_iter().next()
                    && let Some(content) = choice.delta.content
                {
                    see(content);
                }
            }
            pending.drain(..start);
        }
        Ok(count)
    }

    async fn streams(&self) -> Result<serde_json::Value, Failure> {
        let mut length = 0;
        self.stream(|content| length += content.len()).await?;
        let (start, mut chunks, mut length) = (Spent::now(), 0, 0);
        for _ in 0..self.number("repeat", 1) {
            chunks += self.stream(|content| length += content.len()).await?;
        }
        let used = start.until_now();
        Ok(
            json!({"cpu": used.cpu / chunks as f64, "wall": used.wall / chunks as f64, "chunks": chunks, "bytes": length}),
        )
    }

    async fn paced(&self) -> Result<serde_json::Value, Failure> {
        let skipped = self.number("skip", 50) as usize;
        let mut arrivals = Vec::new();
        let mut start = None;
        self.stream(|content| {
            arrivals.push((content, monotonic_ns()));
            if arrivals.len() == skipped {
                start = Some(Spent::now());
            }
        })
        .await?;
        let used = start.ok_or("too few chunks")?.until_now();
        let arrivals = &arrivals[skipped..];
        let mut line = lateness(arrivals);
        line["cpu"] = (used.cpu / arrivals.len() as f64).into();
        Ok(line)
    }

    async fn many(&self) -> Result<serde_json::Value, Failure> {
        let streams = self.number("streams", 500);
        let all: Vec<Arrivals> = (0..streams).map(|_| Arrivals::default()).collect();
        let began = monotonic_ns();
        for arrivals in &all {
            let (floor, arrivals) = (self.clone(), Rc::clone(arrivals));
            tokio::task::spawn_local(async move {
                let _ended = floor
                    .stream(|content| arrivals.borrow_mut().push((content, monotonic_ns())))
                    .await;
            });
        }
        while all.iter().any(|arrivals| arrivals.borrow().is_empty()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let started = (monotonic_ns() - began) as f64 / 1e9;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (from, start) = (monotonic_ns(), Spent::now());
        tokio::time::sleep(Duration::from_secs(self.number("seconds", 5))).await;
        let (used, to) = (start.until_now(), monotonic_ns());
        let seen: Vec<_> = all
            .iter()
            .flat_map(|arrivals| arrivals.borrow().clone())
            .filter(|(content, at)| !content.is_empty() && (from..to).contains(at))
            .collect();
        let mut line = lateness(&seen);
        line["cpu"] = (used.cpu / seen.len() as f64).into();
        line["rate"] = (seen.len() as f64 / (used.wall / 1e6) / streams as f64).into();
        line["started"] = started.into();
        Ok(line)
    }

    /// Streams that are open at once, and then the same again until all were had.
    async fn crowd(&self) -> Result<serde_json::Value, Failure> {
        let (streams, waves) = (self.number("streams", 1), self.number("waves", 1));
        self.wave(streams.min(10)).await;
        let (start, mut chunks) = (Spent::now(), 0);
        for _ in 0..waves {
            chunks += self.wave(streams).await;
        }
        let used = start.until_now();
        let all = (streams * waves) as f64;
        Ok(json!({"cpu": used.cpu / all, "wall": used.wall / all, "chunks": chunks}))
    }

    async fn wave(&self, streams: u64) -> u64 {
        let tasks: Vec<_> = (0..streams)
            .map(|_| {
                let floor = self.clone();
                tokio::task::spawn_local(async move { floor.stream(drop).await.unwrap_or_default() })
            })
            .collect();
        let mut chunks = 0;
        for task in tasks {
            chunks += task.await.unwrap_or_default();
        }
        chunks
    }

    async fn whole(&self) -> Result<Completion, Failure> {
        Ok(serde_json::from_slice(&self.request().await?.bytes().await?)?)
    }

    async fn wholes(&self) -> Result<serde_json::Value, Failure> {
        let (n, flight) = (self.number("n", 1000), self.number("flight", 1));
        self.flights(flight * 3, flight).await;
        let start = Spent::now();
        self.flights(n, flight).await;
        let used = start.until_now();
        Ok(json!({"cpu": used.cpu / n as f64, "wall": used.wall / n as f64}))
    }

    async fn flights(&self, n: u64, flight: u64) {
        let tasks: Vec<_> = (0..flight)
            .map(|_| {
                let floor = self.clone();
                tokio::task::spawn_local(async move {
                    for _ in 0..n / flight {
                        let completion = floor.whole().await.expect("an answer");
                        assert!(completion.choices[0].message.content.is_some());
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("no panic");
        }
    }

    async fn logprobs(&self) -> Result<serde_json::Value, Failure> {
        let mut cpus = Vec::new();
        let mut sum = 0.0;
        for _ in 0..=self.number("repeat", 3) {
            let start = Spent::now();
            let completion = self.whole().await?;
            cpus.push(start.until_now().cpu);
            let logprobs = completion.choices[0].logprobs.as_ref().ok_or("no logprobs")?;
            sum = logprobs.content.iter().map(|token| token.logprob).sum();
        }
        cpus.remove(0);
        cpus.sort_by(f64::total_cmp);
        Ok(json!({"cpu": cpus[cpus.len() / 2], "sum": sum}))
    }
}

/// Percentiles in µs of how long tokens took from the server to here, and of how late they were here.
fn lateness(arrivals: &[(String, u64)]) -> serde_json::Value {
    let (mut added, mut late) = (Vec::new(), Vec::new());
    for (content, at) in arrivals {
        let mut words = content
            .split_whitespace()
            .map(|word| word.parse::<u64>().unwrap_or_default());
        let (Some(due), Some(sent)) = (words.next(), words.next()) else {
            continue;
        };
        added.push(at.saturating_sub(sent) as f64 / 1e3);
        late.push(at.saturating_sub(due) as f64 / 1e3);
    }
    added.sort_by(f64::total_cmp);
    late.sort_by(f64::total_cmp);
    let at = |sorted: &[f64], percent: usize| sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied();
    json!({"p50": at(&added, 50), "p99": at(&added, 99), "late50": at(&late, 50), "late99": at(&late, 99)})
}

/// CPU time of this process and the time of the clock, in µs.
struct Spent {
    cpu: f64,
    wall: f64,
}

impl Spent {
    fn now() -> Self {
        // SAFETY: all zeros are an rusage, and the pointer is to it.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
            usage
        };
        let micros = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
        Self {
            cpu: micros(usage.ru_utime) + micros(usage.ru_stime),
            wall: monotonic_ns() as f64 / 1e3,
        }
    }

    fn until_now(&self) -> Self {
        let now = Self::now();
        Self {
            cpu: now.cpu - self.cpu,
            wall: now.wall - self.wall,
        }
    }
}

fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

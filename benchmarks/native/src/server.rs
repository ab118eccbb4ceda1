//! A chat-completions server for benchmarks, on loopback. It prints its ports, and stops when its standard input is closed.
//! `server CERTIFICATE KEY`, the names of two PEM files, has these, in this order:
//!
//! | port | what is spoken |
//! |---|---|
//! | plain | HTTP/1.1, written by hand: the base of most comparisons |
//! | TLS | the same |
//! | HTTP/2 | HTTP/2 without TLS, for clients that know it beforehand |
//! | HTTP/2 over TLS | HTTP/2 or HTTP/1.1, as the handshake agrees |
//! | far | HTTP/1.1 over TLS, each handshake as late as from far away |
//!
//! What it answers is asked for in the request's `model`, a mode and numbers, so that any client can ask for it:
//!
//! | model | answer |
//! |---|---|
//! | `flood:n=1000,k=60` | a stream of n chunks as fast as they are taken, k in each write |
//! | `paced:n=1000,rate=100` | a stream of n chunks, `rate` a second; each content says when it was due and when it was sent |
//! | `text:size=1000,event=100,cut=0` | a content of `size` bytes in chunks of `event`, the body in writes of `cut` bytes |
//! | `whole:size=500,delay=0` | a completion with a content of `size` bytes, after `delay` milliseconds |
//! | `logprobs:n=32768,top=5` | a completion of n tokens with their log probabilities and `top` alternatives to each |
//! | `tools:n=3` | a completion with n calls of tools |

mod http2;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::rc::Rc;
use std::time::Duration;

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const BACKLOG: u32 = 4096;
const ID: &str = "chatcmpl-8f3a2b1c9d4e4f6a8b7c6d5e4f3a2b1c";
const MODEL: &str = "meta-llama/Llama-3.3-70B-Instruct-Turbo";
const WORDS: [&str; 16] = [
    " the",
    " sky",
    " is",
    " blue",
    ",",
    " because",
    " air",
    " scatters",
    " short",
    " waves",
    " more",
    " than",
    " long",
    " ones",
    ".",
    " So",
];
/// How late a handshake on the far port is.
const FAR: Duration = Duration::from_millis(50);
/// Blocks of one flood that differ in their contents.
const BLOCKS: usize = 16;
const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";

type Answers = Rc<RefCell<HashMap<String, Rc<Answer>>>>;

/// What is made once for each model and sent many times.
enum Answer {
    /// Bytes after a delay, in the writes in which they go out.
    Ready { delay: Duration, writes: Vec<Vec<u8>> },
    /// Whole blocks by turns, then the rest.
    Flood {
        blocks: Vec<Vec<u8>>,
        turns: usize,
        rest: Vec<u8>,
    },
    /// A chunk each `period`.
    Paced { n: u64, period: Duration },
}

fn main() -> io::Result<()> {
    let (ended, end) = oneshot::channel::<()>();
    std::thread::spawn(|| {
        let _rest = io::stdin().read_to_end(&mut Vec::new());
        drop(ended);
    });
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        tokio::select! {
            served = serve() => served,
            _ended = end => Ok(()),
        }
    })
}

/// What is spoken on a port.
#[derive(Clone, Default)]
struct Port {
    tls: Option<TlsAcceptor>,
    http2: bool,
    delay: Duration,
}

async fn serve() -> io::Result<()> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    let mut ports = vec![Port::default()];
    if let [certificate, key] = files.as_slice() {
        let acceptor = |protocols: &[&str]| {
            acceptor(certificate, key, protocols)
                .map(Some)
                .map_err(io::Error::other)
        };
        ports.push(Port {
            tls: acceptor(&[])?,
            ..Port::default()
        });
        ports.push(Port {
            http2: true,
            ..Port::default()
        });
        ports.push(Port {
            tls: acceptor(&["h2", "http/1.1"])?,
            ..Port::default()
        });
        ports.push(Port {
            tls: acceptor(&[])?,
            delay: FAR,
            ..Port::default()
        });
    }
    let answers = Answers::default();
    let mut numbers = Vec::new();
    let mut tasks = Vec::new();
    for port in ports {
        let listener = listen()?;
        numbers.push(listener.local_addr()?.port().to_string());
        tasks.push(tokio::task::spawn_local(accept(listener, port, Rc::clone(&answers))));
    }
    println!("{}", numbers.join(" "));
    for task in tasks {
        task.await??;
    }
    Ok(())
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    socket.listen(BACKLOG)
}

fn acceptor(
    certificate: &str,
    key: &str,
    protocols: &[&str],
) -> Result<TlsAcceptor, Box<dyn std::error::Error + Send + Sync>> {
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

async fn accept(listener: TcpListener, port: Port, answers: Answers) -> io::Result<()> {
    loop {
        // Out of descriptors, say: the client will notice.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        stream.set_nodelay(true)?;
        let (port, answers) = (port.clone(), Rc::clone(&answers));
        tokio::task::spawn_local(async move {
            let _left = connected(stream, port, answers).await;
        });
    }
}

async fn connected(stream: TcpStream, port: Port, answers: Answers) -> io::Result<()> {
    let Some(acceptor) = port.tls else {
        return match port.http2 {
            true => http2::converse(stream, answers).await,
            false => converse(stream, answers).await,
        };
    };
    if !port.delay.is_zero() {
        sleep(port.delay).await;
    }
    let stream = acceptor.accept(stream).await?;
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => http2::converse(stream, answers).await,
        _ => converse(stream, answers).await,
    }
}

/// Answers the requests of one connection until it ends.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, answers: Answers) -> io::Result<()> {
    let mut read = Vec::new();
    loop {
        let body = loop {
            if let Some(body) = request(&read) {
                break body;
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        if body.is_empty() {
            // A client warms its connection up.
            read.drain(..body.end);
            stream.write_all(EMPTY.as_bytes()).await?;
        } else {
            let model = model(&read[body.clone()]).ok_or(io::ErrorKind::InvalidData)?.to_owned();
            read.drain(..body.end);
            let answer = answer_to(model, &answers)?;
            send(&mut stream, &answer).await?;
        }
        stream.flush().await?;
    }
}

/// What a model asks for, made when it is asked for first.
fn answer_to(model: String, answers: &Answers) -> io::Result<Rc<Answer>> {
    let known = answers.borrow().get(&model).cloned();
    Ok(match known {
        Some(answer) => answer,
        None => {
            let answer = Rc::new(Answer::of(&model).ok_or(io::ErrorKind::InvalidData)?);
            answers.borrow_mut().insert(model, Rc::clone(&answer));
            answer
        }
    })
}

/// Where the body of the first request in `read` stands, if all of it has come.
fn request(read: &[u8]) -> Option<std::ops::Range<usize>> {
    let head_end = read.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&read[..head_end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    });
    let end = head_end + length.unwrap_or(0);
    (read.len() >= end).then_some(head_end..end)
}

/// The model that a request's body names; all of them write it as `"model":"…"`, some with a blank.
fn model(body: &[u8]) -> Option<&str> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, rest) = body.split_once(r#""model":"#)?;
    rest.trim_start().strip_prefix('"')?.split('"').next()
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> io::Result<()> {
    match answer {
        Answer::Ready { delay, writes } => {
            if !delay.is_zero() {
                sleep(*delay).await;
            }
            for bytes in writes {
                stream.write_all(bytes).await?;
            }
        }
        Answer::Flood { blocks, turns, rest } => {
            stream.write_all(STREAM_HEAD.as_bytes()).await?;
            for block in blocks.iter().cycle().take(*turns) {
                stream.write_all(block).await?;
                stream.flush().await?;
            }
            stream.write_all(rest).await?;
        }
        Answer::Paced { n, period } => pace(stream, *n, *period).await?,
    }
    Ok(())
}

async fn pace(stream: &mut (impl AsyncWrite + Unpin), n: u64, period: Duration) -> io::Result<()> {
    stream.write_all(STREAM_HEAD.as_bytes()).await?;
    let pace = Pace::new(period);
    for at in 0..n {
        let event = pace.event(at).await;
        stream.write_all(&http_chunk(event.as_bytes())).await?;
        stream.flush().await?;
    }
    stream.write_all(&http_chunk(end_of_stream().as_bytes())).await?;
    stream.write_all(b"0\r\n\r\n").await
}

/// When the events of a paced stream are due.
struct Pace {
    start: Instant,
    start_ns: u64,
    nanos: u64,
    phase: u64,
}

impl Pace {
    fn new(period: Duration) -> Self {
        let nanos = period.as_nanos() as u64;
        let (start, start_ns) = (Instant::now(), monotonic_ns());
        // Streams that start together do not beat together.
        let phase = start_ns.wrapping_mul(0x9E37_79B9_7F4A_7C15) % nanos.max(1);
        Self {
            start,
            start_ns,
            nanos,
            phase,
        }
    }

    /// The event with this number, when it is due.
    async fn event(&self, at: u64) -> String {
        let offset = self.phase + at * self.nanos;
        sleep_until(self.start + Duration::from_nanos(offset)).await;
        event(&format!(" {} {}", self.start_ns + offset, monotonic_ns()))
    }
}

/// CLOCK_MONOTONIC, which every process of the machine shares.
fn monotonic_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a timespec of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

impl Answer {
    fn of(model: &str) -> Option<Self> {
        let (mode, numbers) = model.split_once(':')?;
        let numbers: HashMap<&str, u64> = numbers
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .filter_map(|(name, number)| Some((name, number.parse().ok()?)))
            .collect();
        let number = |name: &str| numbers.get(name).copied();
        Some(match mode {
            "flood" => flood(number("n")? as usize, number("k").unwrap_or(60) as usize),
            "paced" => Self::Paced {
                n: number("n")?,
                period: Duration::from_nanos(1_000_000_000 / number("rate")?),
            },
            "text" => text(
                number("size")? as usize,
                number("event")? as usize,
                number("cut").unwrap_or(0) as usize,
            ),
            "whole" => Self::Ready {
                delay: Duration::from_millis(number("delay").unwrap_or(0)),
                writes: vec![whole(&filler(number("size")? as usize), "null", "null")],
            },
            "tools" => Self::Ready {
                delay: Duration::ZERO,
                writes: vec![tools(number("n")? as usize)],
            },
            "logprobs" => Self::Ready {
                delay: Duration::ZERO,
                writes: vec![logprobs(number("n")? as usize, number("top").unwrap_or(0) as usize)],
            },
            _ => return None,
        })
    }
}

fn flood(n: usize, k: usize) -> Answer {
    let events = |from: usize, count: usize| {
        let events: String = (from..from + count).map(|at| event(WORDS[at * 7 % 16])).collect();
        http_chunk(events.as_bytes())
    };
    let mut rest = if n.is_multiple_of(k) {
        Vec::new()
    } else {
        events(0, n % k)
    };
    rest.extend(http_chunk(end_of_stream().as_bytes()));
    rest.extend(b"0\r\n\r\n");
    Answer::Flood {
        blocks: (0..BLOCKS).map(|block| events(block * k + block, k)).collect(),
        turns: n / k,
        rest,
    }
}

fn text(size: usize, of_event: usize, cut: usize) -> Answer {
    let content = filler(size);
    let mut events: Vec<String> = content
        .as_bytes()
        .chunks(of_event)
        .map(|part| event(std::str::from_utf8(part).expect("ASCII")))
        .collect();
    events.push(end_of_stream());
    let body = events.concat().into_bytes();
    let mut writes = vec![STREAM_HEAD.as_bytes().to_vec()];
    match cut {
        0 => writes.extend(events.iter().map(|event| http_chunk(event.as_bytes()))),
        _ => writes.extend(body.chunks(cut).map(http_chunk)),
    }
    writes.push(b"0\r\n\r\n".to_vec());
    Answer::Ready {
        delay: Duration::ZERO,
        writes,
    }
}

fn filler(size: usize) -> String {
    WORDS.concat().chars().cycle().take(size).collect()
}

/// One event, as servers write them: about 280 bytes.
fn event(content: &str) -> String {
    format!(
        r#"data: {{"id":"{ID}","object":"chat.completion.chunk","created":1763990400,"model":"{MODEL}","choices":[{{"index":0,"delta":{{"role":"assistant","content":"{content}"}},"logprobs":null,"finish_reason":null}}],"usage":null}}"#
    ) + "\n\n"
}

/// The chunk with `finish_reason` and usage, and the end of the stream.
fn end_of_stream() -> String {
    format!(
        r#"data: {{"id":"{ID}","object":"chat.completion.chunk","created":1763990400,"model":"{MODEL}","choices":[{{"index":0,"delta":{{"role":"assistant","content":""}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":12,"completion_tokens":100,"total_tokens":112}}}}"#
    ) + "\n\ndata: [DONE]\n\n"
}

fn http_chunk(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.extend(data);
    chunk.extend(b"\r\n");
    chunk
}

fn whole(content: &str, tool_calls: &str, logprobs: &str) -> Vec<u8> {
    let body = format!(
        r#"{{"id":"{ID}","object":"chat.completion","created":1763990400,"model":"{MODEL}","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}","name":null,"tool_calls":{tool_calls}}},"finish_reason":"stop","logprobs":{logprobs}}}],"usage":{{"prompt_tokens":12,"completion_tokens":100,"total_tokens":112,"estimated_cost":0.0000123}}}}"#
    );
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

fn tools(n: usize) -> Vec<u8> {
    let calls: Vec<String> = (0..n)
        .map(|at| {
            format!(
                r#"{{"id":"call_8f3a2b1c9d4e4f6a8b7c{at:04}","type":"function","function":{{"name":"get_weather","arguments":"{{\"city\": \"Tokyo\", \"days\": {at}, \"unit\": \"celsius\"}}"}}}}"#
            )
        })
        .collect();
    whole("", &format!("[{}]", calls.join(",")), "null")
}

fn logprobs(n: usize, top: usize) -> Vec<u8> {
    let token = |at: usize| {
        let word = WORDS[at * 7 % 16];
        let bytes: Vec<String> = word.bytes().map(|byte| byte.to_string()).collect();
        let logprob = -((at * 7919 % 100_003) as f64) / 10_007.0;
        format!(r#""token":"{word}","logprob":{logprob},"bytes":[{}]"#, bytes.join(","))
    };
    let tokens: Vec<String> = (0..n)
        .map(|at| {
            let others: Vec<String> = (1..=top).map(|other| format!("{{{}}}", token(at + other))).collect();
            format!(r#"{{{},"top_logprobs":[{}]}}"#, token(at), others.join(","))
        })
        .collect();
    let content: String = (0..n).map(|at| WORDS[at * 7 % 16]).collect();
    whole(&content, "null", &format!(r#"{{"content":[{}]}}"#, tokens.join(",")))
}

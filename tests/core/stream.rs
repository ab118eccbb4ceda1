//! A stream whose runtime has much else to do.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use reqwest::{Method, Url};
use tokio::task::{JoinHandle, yield_now};
use tokstream::config::{Limits, Timeouts};
use tokstream::error::Failure;
use tokstream::exchange::{Call, Request};
use tokstream::retry::RetryPolicy;
use tokstream::session::{Session, background};
use tokstream::stream::{EventStream, Item};
use tokstream::transport::{HttpVersion, TransportConfig, Verify};

/// More than the 61 tasks between two of the runtime's looks at its sockets: it has one in each turn of all tasks.
const OTHERS: u32 = 64;
const PATIENCE: Duration = Duration::from_secs(30);
const EVENT: &[u8] = b"data: {}\n\n";

/// A server of one event stream, whose head it sends.
fn server() -> io::Result<(SocketAddr, mpsc::Receiver<TcpStream>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let (tell, told) = mpsc::channel();
    thread::spawn(move || -> io::Result<()> {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let head = BufReader::new(&socket).lines();
        head.map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .for_each(drop);
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")?;
        drop(tell.send(socket));
        Ok(())
    });
    Ok((address, told))
}

/// A call on the background thread.
fn call(address: SocketAddr) -> Result<Call, Box<dyn std::error::Error>> {
    let config = TransportConfig {
        proxy: None,
        verify: Verify::Default,
        identity: None,
        http: HttpVersion::Http1,
    };
    let request = Request {
        method: Method::GET,
        url: Url::parse(&format!("http://{address}"))?,
        headers: Arc::default(),
        body: None,
        timeouts: Timeouts::default(),
        limits: Limits::default(),
        retry: RetryPolicy::default(),
    };
    let session = Session::new(config, false);
    Ok(session.shared_call(background()?, Arc::new(request))?)
}

async fn fill(stream: &mut EventStream) -> Result<VecDeque<Item>, Failure> {
    let mut items = VecDeque::new();
    stream.fill(&mut items, |_, _, _| false).await?;
    Ok(items)
}

/// Sends one event after another until nobody reads them.
fn send(accepted: mpsc::Receiver<TcpStream>, apart: Duration) {
    thread::spawn(move || -> io::Result<()> {
        let mut socket = accepted.recv().map_err(io::Error::other)?;
        loop {
            thread::sleep(apart);
            socket.write_all(EVENT)?;
        }
    });
}

/// So many tasks that do this again and again, each in its turn.
fn others(step: impl Fn() + Clone + Send + 'static) -> Vec<JoinHandle<()>> {
    let other = |_| {
        let step = step.clone();
        tokio::spawn(async move {
            loop {
                step();
                yield_now().await;
            }
        })
    };
    (0..OTHERS).map(other).collect()
}

#[test]
fn what_has_come_does_not_wait_while_others_have_their_turns() {
    /// What the others take of a turn. In this time the server sends several events.
    const TURN: Duration = Duration::from_millis(10);
    /// Turns until an event is handed out, at the most: some of them pass before it is there.
    const TURNS: usize = 8;
    let (address, accepted) = server().unwrap();
    let call = call(address).unwrap();
    send(accepted, TURN / 3);
    let steps = Arc::new(AtomicUsize::new(0));
    let (tell, told) = mpsc::channel();
    let reading = async move {
        let mut stream = EventStream::open(call, false).await.unwrap();
        let counted = Arc::clone(&steps);
        let others = others(move || {
            thread::sleep(TURN / OTHERS);
            counted.fetch_add(1, Ordering::Relaxed);
        });
        fill(&mut stream).await.unwrap();
        others.iter().for_each(JoinHandle::abort);
        tell.send(steps.load(Ordering::Relaxed) / OTHERS as usize).unwrap();
    };
    background().unwrap().begin(|| reading, false).unwrap();
    let turns = told.recv_timeout(PATIENCE).unwrap();
    assert!(turns <= TURNS, "{turns} turns");
}

#[test]
fn where_events_follow_each_other_it_reads_on() {
    /// The first ones do not follow each other yet.
    const FILLS: usize = 16;
    let (address, accepted) = server().unwrap();
    let call = call(address).unwrap();
    let (tell, told) = mpsc::channel();
    let reading = async move {
        let mut stream = EventStream::open(call, false).await.unwrap();
        let mut socket = accepted.recv().unwrap();
        // It has its turn between two of the stream's own.
        let sending = tokio::spawn(async move {
            while socket.write_all(EVENT).is_ok() {
                yield_now().await;
            }
        });
        let mut most = 0;
        for _ in 0..FILLS {
            most = fill(&mut stream).await.unwrap().len().max(most);
        }
        sending.abort();
        tell.send(most).unwrap();
    };
    background().unwrap().begin(|| reading, false).unwrap();
    assert!(told.recv_timeout(PATIENCE).unwrap() > 1);
}

#[test]
fn each_event_has_its_reader_polled_once() {
    const EVENTS: usize = 20;
    const APART: Duration = Duration::from_millis(3);
    /// For the head, and the look at the clocks.
    const MORE: usize = 5;
    let (address, accepted) = server().unwrap();
    let call = call(address).unwrap();
    send(accepted, APART);
    let (tell, told) = mpsc::channel();
    let reading = async move {
        let mut stream = EventStream::open(call, false).await.unwrap();
        let (mut items, mut polls, mut seen) = (VecDeque::new(), 0, 0);
        let mut filling = pin!(stream.fill(&mut items, |items, _, _| {
            seen += items.drain(..).count();
            seen < EVENTS
        }));
        let filled = poll_fn(|context| {
            polls += 1;
            filling.as_mut().poll(context)
        });
        filled.await.unwrap();
        tell.send(polls).unwrap();
    };
    background().unwrap().begin(|| reading, false).unwrap();
    let polls = told.recv_timeout(PATIENCE).unwrap();
    assert!(polls <= EVENTS + MORE, "{polls} polls");
}

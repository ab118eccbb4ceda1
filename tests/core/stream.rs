//! A stream whose runtime has much else to do.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use tokio::task::JoinHandle;
use tokstream::config::{Limits, Timeouts};
use tokstream::exchange::Request;
use tokstream::retry::RetryPolicy;
use tokstream::session::{Session, background};
use tokstream::stream::EventStream;
use tokstream::transport::{HttpVersion, TransportConfig, Verify};

/// More than the 61 tasks between two of the runtime's looks at its sockets: it has one in each turn of all tasks.
const OTHERS: u32 = 64;
/// What the others take of a turn. In this time the server sends several events.
const TURN: Duration = Duration::from_millis(10);
/// Turns until an event is handed out, at the most: some of them pass before it is there.
const TURNS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that sends one event after another until nobody reads them.
fn server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || -> io::Result<()> {
        let (mut socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let head = BufReader::new(&socket).lines();
        head.map_while(Result::ok)
            .take_while(|line| !line.is_empty())
            .for_each(drop);
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")?;
        loop {
            socket.write_all(b"data: {}\n\n")?;
            thread::sleep(TURN / 3);
        }
    });
    Ok(address)
}

#[test]
fn what_has_come_does_not_wait_until_nothing_more_is_at_hand() {
    let session = Session::new(
        TransportConfig {
            proxy: None,
            verify: Verify::Default,
            identity: None,
            http: HttpVersion::Http1,
        },
        false,
    );
    let request = Request {
        method: Method::GET,
        url: Url::parse(&format!("http://{}", server().unwrap())).unwrap(),
        headers: HeaderMap::new(),
        body: None,
        timeouts: Timeouts::default(),
        limits: Limits::default(),
        retry: RetryPolicy::default(),
    };
    let home = background().unwrap();
    let call = session.shared_call(home, Arc::new(request)).unwrap();
    let steps = Arc::new(AtomicUsize::new(0));
    let (tell, told) = mpsc::channel();
    let reading = async move {
        let mut stream = EventStream::open(call, false).await.unwrap();
        let others: Vec<_> = (0..OTHERS)
            .map(|_| {
                let steps = Arc::clone(&steps);
                tokio::spawn(async move {
                    loop {
                        thread::sleep(TURN / OTHERS);
                        steps.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        let mut items = VecDeque::new();
        stream.fill(&mut items).await.unwrap();
        others.iter().for_each(JoinHandle::abort);
        tell.send((items.len(), steps.load(Ordering::Relaxed) / OTHERS as usize))
            .unwrap();
    };
    home.begin(|| reading, false).unwrap();
    let (items, turns) = told.recv_timeout(PATIENCE).unwrap();
    assert!(items > 1, "it reads on");
    assert!(turns <= TURNS, "{turns} turns");
}

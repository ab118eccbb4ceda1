//! What passes to a stream's reader from whoever drives it, within bounds: to an event loop or a waiting thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;

use crate::error::{Failure, Head};
use crate::lock::lock;
use crate::process::generation;
use crate::py::asyncio::Waiter;
use crate::py::incoming::Incoming;
use crate::session::{Abort, Home, Session};
use crate::stream::{EventStream, Flow, Item, Marks, Waiting};

/// Bytes that are read ahead of a slow reader, at the most; then TCP holds the server back.
const READ_AHEAD_BYTES: usize = 1 << 18;

/// What passes to a stream's reader.
pub struct Feed {
    session: Arc<Session>,
    home: Home,
    state: Mutex<FeedState>,
    room: Notify,
    stopped: AtomicBool,
    /// It was stopped since the reader had found the stream's end in the bytes before the transport came to its own.
    is_enough: AtomicBool,
    asked: Notify,
    waiting: Arc<Waiting>,
    generation: u32,
}

struct FeedState {
    items: VecDeque<Item>,
    bytes: usize,
    news: Option<Result<Flow, Failure>>,
    head: Arc<Head>,
    marks: Marks,
    /// More than one where several tasks or threads read the stream.
    waiters: Vec<Waiter>,
}

impl Feed {
    /// A feed of which only the head has come.
    #[must_use]
    pub fn new(events: &EventStream, session: &Arc<Session>, home: Home) -> Arc<Self> {
        let feed = Arc::new(Self {
            session: Arc::clone(session),
            home,
            state: Mutex::new(FeedState {
                items: VecDeque::new(),
                bytes: 0,
                news: None,
                head: Arc::clone(events.head()),
                marks: events.marks(),
                waiters: Vec::new(),
            }),
            room: Notify::new(),
            stopped: AtomicBool::new(false),
            is_enough: AtomicBool::new(false),
            asked: Notify::new(),
            waiting: events.waiting(),
            generation: generation(),
        });
        let remembered: Weak<dyn Abort> = Arc::<Self>::downgrade(&feed);
        session.remember(remembered);
        feed
    }

    /// Reads the stream to its end, at its reader's pace, or until it is stopped.
    pub async fn pump(self: Arc<Self>, mut events: EventStream) {
        let mut items = VecDeque::new();
        loop {
            let outcome = tokio::select! {
                biased;
                () = self.stopped() => return self.leave(events).await,
                outcome = events.fill(&mut items) => outcome,
            };
            let goes_on = matches!(outcome, Ok(Flow::More));
            let in_order = outcome.is_ok();
            self.put(&mut items, outcome, &events);
            if !goes_on {
                if let Some(leftover) = events.into_leftover().filter(|_| in_order) {
                    self.session.drain(leftover, &self.home).await;
                }
                return;
            }
            while lock(&self.state).bytes > READ_AHEAD_BYTES {
                tokio::select! {
                    () = self.stopped() => return self.leave(events).await,
                    () = self.room.notified() => {}
                }
            }
        }
    }

    /// Gives the connection up, or, where the reader has all it wants, back.
    async fn leave(&self, events: EventStream) {
        if let Some(leftover) = events
            .into_leftover()
            .filter(|_| self.is_enough.load(Ordering::Acquire))
        {
            self.session.drain(leftover, &self.home).await;
        }
    }

    fn put(&self, items: &mut VecDeque<Item>, outcome: Result<Flow, Failure>, events: &EventStream) {
        let waiters = {
            let mut state = lock(&self.state);
            // Under the lock, as its beginning is: a reader that begins to wait meanwhile must not be left waiting.
            self.waiting.end();
            state.bytes += items.iter().map(|item| item.bytes().len()).sum::<usize>();
            state.items.append(items);
            state.news = Some(outcome);
            state.head.clone_from(events.head());
            state.marks = events.marks();
            std::mem::take(&mut state.waiters)
        };
        waiters.into_iter().for_each(Waiter::wake);
    }

    /// Moves what has come to the reader; if nothing has, `waiter` will be woken when something does.
    pub fn take(&self, incoming: &mut Incoming, waiter: &mut Option<Waiter>) -> bool {
        let mut state = lock(&self.state);
        let Some(news) = state.news.take() else {
            if let Some(waiter) = waiter.take() {
                // A thread asks again after each slice of its wait, which began before.
                if !state.waiters.iter().any(|other| other.is_the_thread_of(&waiter)) {
                    if waiter.is_elsewhere(&self.home) {
                        self.home.call_stand_in();
                    }
                    self.waiting.begin();
                    state.waiters.push(waiter);
                }
            }
            return false;
        };
        let FeedState {
            items,
            head,
            marks,
            bytes,
            ..
        } = &mut *state;
        incoming.receive(items, news, head, *marks);
        *bytes = 0;
        drop(state);
        self.room.notify_one();
        true
    }

    /// Whether another process opened it: what a child inherits is not its own to read or to stop.
    pub fn is_inherited(&self) -> bool {
        self.generation != generation()
    }

    /// Gives up the connection at once, and wakes whoever waits for more of it; whether anybody did.
    pub fn stop(&self) -> bool {
        let was_awaited = self.ask_to_stop();
        self.home.urge();
        was_awaited
    }

    fn ask_to_stop(&self) -> bool {
        if self.is_inherited() {
            return false;
        }
        self.stopped.store(true, Ordering::Release);
        self.asked.notify_one();
        let waiters = std::mem::take(&mut lock(&self.state).waiters);
        let was_awaited = !waiters.is_empty();
        waiters.into_iter().for_each(Waiter::wake);
        was_awaited
    }

    /// The stream is complete: what is left of it is read for the connection's sake.
    pub fn let_go(&self) {
        self.is_enough.store(true, Ordering::Release);
        self.ask_to_stop();
    }

    /// Whether the connection was given up, by the stream's own end or by the client's.
    pub fn was_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Whether the client was closed.
    pub fn client_is_closed(&self) -> bool {
        self.session.is_closed()
    }

    async fn stopped(&self) {
        while !self.was_stopped() {
            self.asked.notified().await;
        }
    }
}

impl Abort for Feed {
    fn abort(&self) {
        self.ask_to_stop();
    }
}

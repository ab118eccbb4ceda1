//! What passes to a stream's reader from whoever drives it, within bounds: to an event loop or a waiting thread.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use smallvec::SmallVec;
use tokio::sync::Notify;

use crate::error::{Failure, Head};
use crate::lock::lock;
use crate::process::generation;
use crate::py::asyncio::Waiter;
use crate::py::incoming::Incoming;
use crate::session::{Abort, Home, Session, Stop};
use crate::stream::{EventStream, Flow, Item, Marks, Waiting, append};

/// Bytes that are read ahead of a slow reader, at the most; then TCP holds the server back.
const READ_AHEAD_BYTES: usize = 1 << 18;

/// What passes to a stream's reader.
pub struct Feed {
    session: Arc<Session>,
    home: Home,
    state: Mutex<FeedState>,
    room: Notify,
    stop: Stop,
    /// It was stopped since the reader had found the stream's end in the bytes before the transport came to its own.
    is_enough: AtomicBool,
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
    waiters: SmallVec<[Waiter; 1]>,
}

impl FeedState {
    fn has_room(&self) -> bool {
        self.bytes <= READ_AHEAD_BYTES
    }
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
                waiters: SmallVec::new(),
            }),
            room: Notify::new(),
            stop: Stop::default(),
            is_enough: AtomicBool::new(false),
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
        let hand_over = |items: &mut _, head: &_, marks| self.put(items, Ok(Flow::More), head, marks);
        loop {
            let outcome = tokio::select! {
                biased;
                () = self.stop.asked() => return self.leave(events).await,
                outcome = events.fill(&mut items, hand_over) => outcome,
            };
            let goes_on = matches!(outcome, Ok(Flow::More));
            let in_order = outcome.is_ok();
            if !goes_on || !items.is_empty() {
                self.put(&mut items, outcome, events.head(), events.marks());
            }
            if !goes_on {
                if let Some(leftover) = events.into_leftover().filter(|_| in_order) {
                    self.session.drain(leftover, &self.home).await;
                }
                return;
            }
            while !lock(&self.state).has_room() {
                tokio::select! {
                    () = self.stop.asked() => return self.leave(events).await,
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

    /// Takes what has come for the reader; whether there is room for more.
    fn put(&self, items: &mut VecDeque<Item>, outcome: Result<Flow, Failure>, head: &Arc<Head>, marks: Marks) -> bool {
        let (waiters, has_room) = {
            let mut state = lock(&self.state);
            // Under the lock, as its beginning is: a reader that begins to wait meanwhile must not be left waiting.
            self.waiting.end();
            state.bytes += items.iter().map(|item| item.bytes().len()).sum::<usize>();
            append(items, &mut state.items);
            state.news = Some(outcome);
            if !Arc::ptr_eq(&state.head, head) {
                state.head = Arc::clone(head);
            }
            state.marks = marks;
            (std::mem::take(&mut state.waiters), state.has_room())
        };
        waiters.into_iter().for_each(Waiter::wake);
        has_room
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
        let had_room = state.has_room();
        state.bytes = 0;
        let FeedState { items, head, marks, .. } = &mut *state;
        incoming.receive(items, news, head, *marks);
        drop(state);
        if !had_room {
            self.room.notify_one();
        }
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
        self.stop.ask();
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
        self.stop.is_asked()
    }

    /// Whether the client was closed.
    pub fn client_is_closed(&self) -> bool {
        self.session.is_closed()
    }
}

impl Abort for Feed {
    fn abort(&self) {
        self.ask_to_stop();
    }
}

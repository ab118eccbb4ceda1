//! The clocks of a stream: first token, read and total; and what they measure.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::config::Timeouts;
use crate::error::{Error, Phase};
use crate::session::{looked, turn};

/// When nobody waits, the read clock is looked at again after this time.
const IDLE_LOOK: Duration = Duration::from_millis(50);

/// How often what lies in the socket is read before a clock that ran out while nobody read is believed.
const LATE_LOOKS: u8 = 16;
/// As often in any case, however long that takes.
const SURE_LOOKS: u8 = 2;

/// Stands for a wait whose clock has not been read yet.
const NOT_READ: u64 = u64::MAX;

/// How long a reader has been waiting for the server to say something; the clock of `read` runs only then.
#[derive(Debug)]
pub struct Waiting {
    origin: Instant,
    /// Nanoseconds since `origin`, plus one; zero while nobody waits.
    since: AtomicU64,
    /// Nanoseconds waited since the last content before that: for bytes that were none.
    before: AtomicU64,
}

impl Waiting {
    /// Nobody waits yet.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            origin: Instant::now(),
            since: AtomicU64::new(0),
            before: AtomicU64::new(0),
        })
    }

    /// The reader begins to wait.
    pub fn begin(&self) {
        self.since.store(self.now() + 1, Ordering::Release);
    }

    /// The reader begins to drive the stream itself: its clock begins when there is nothing for it at once.
    pub fn begin_to_drive(&self) {
        self.since.store(NOT_READ, Ordering::Release);
    }

    /// The reader is busy with what it has.
    pub fn end(&self) {
        let since = self.since.swap(0, Ordering::AcqRel);
        if since > 0 && since != NOT_READ {
            self.before
                .fetch_add(self.now().saturating_sub(since - 1), Ordering::AcqRel);
        }
    }

    /// Content has come.
    pub fn heard(&self) {
        self.before.store(0, Ordering::Release);
        if self.since.load(Ordering::Acquire) > 0 {
            self.begin_to_drive();
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX - 2)
    }

    /// How long the reader waited since the last content, in waits that are over.
    fn before(&self) -> Duration {
        Duration::from_nanos(self.before.load(Ordering::Acquire))
    }

    /// When the silence that the reader is waiting in began, not counting the time in which nobody waited.
    fn since(&self) -> Option<Instant> {
        if self.since.load(Ordering::Acquire) == NOT_READ {
            self.begin();
        }
        let since = self.since.load(Ordering::Acquire).checked_sub(1)?;
        let began = self.origin + Duration::from_nanos(since);
        Some(began.checked_sub(self.before()).unwrap_or(self.origin))
    }
}

/// When things happened in a stream.
#[derive(Debug, Clone, Copy)]
pub struct Marks {
    /// The call began.
    pub began: Instant,
    /// The first data came.
    pub first_token: Option<Instant>,
    /// The stream ended, well or not.
    pub ended: Option<Instant>,
}

/// How long bytes that amount to nothing are read after a clock has run out: in this time all is read that can have come
/// before.
const LATE_READING: Duration = Duration::from_millis(100);

/// The clocks of one stream, and the one timer that serves them all.
pub struct Clocks {
    timeouts: Timeouts,
    attempt_began: Instant,
    waiting: Arc<Waiting>,
    timer: Option<Pin<Box<Sleep>>>,
    /// How often one has been found to have run out before anybody looked, since content last came.
    found_late: u8,
    /// When bytes that amount to nothing were first read although one had run out.
    late_since: Option<Instant>,
}

impl Clocks {
    /// Clocks of a stream whose attempt began at this moment.
    #[must_use]
    pub fn new(timeouts: Timeouts, attempt_began: Instant) -> Self {
        Self {
            timeouts,
            attempt_began,
            waiting: Waiting::new(),
            timer: None,
            found_late: 0,
            late_since: None,
        }
    }

    /// Another attempt has been made.
    pub fn begin_attempt(&mut self, began: Instant) {
        self.attempt_began = began;
        self.timer = None;
    }

    /// The reader's own part of the read clock.
    #[must_use]
    pub fn waiting(&self) -> Arc<Waiting> {
        Arc::clone(&self.waiting)
    }

    /// Content has come.
    pub fn heard(&mut self) {
        self.waiting.heard();
        self.found_late = 0;
        self.late_since = None;
    }

    /// The clock that has run out although there is always more to be read: bytes came that amount to nothing. What came in
    /// time may lie behind them, and is looked for a while.
    pub fn run_out(&mut self, marks: &Marks) -> Option<Error> {
        let (deadline, running) = self.deadline(marks)?;
        let (phase, limit) = running?;
        let now = Instant::now();
        if now < deadline {
            return None;
        }
        let late_since = *self.late_since.get_or_insert(now);
        (now - late_since > LATE_READING).then_some(Error::Timeout { phase, limit })
    }

    /// Resolves when one of the clocks has run out. The timer is moved only when it fires: a chunk costs none.
    pub async fn expired(&mut self, marks: &Marks) -> Error {
        let began = Instant::now();
        loop {
            let Some((deadline, running)) = self.deadline(marks) else {
                return std::future::pending().await;
            };
            let timer = self
                .timer
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if timer.is_elapsed() || timer.deadline() > deadline {
                if let Some((phase, limit)) = running.filter(|_| deadline <= Instant::now()) {
                    looked().await;
                    // It ran out while nobody read: what lies in the socket has arrived in time, and is read before.
                    // Bytes that amount to nothing, of which there are always more, are not read for ever.
                    let late_since = *self.late_since.get_or_insert_with(Instant::now);
                    let is_sure = self.found_late >= SURE_LOOKS && late_since.elapsed() > LATE_READING;
                    if deadline <= began && self.found_late < LATE_LOOKS && !is_sure {
                        self.found_late += 1;
                        turn().await;
                        turn().await;
                    }
                    return Error::Timeout { phase, limit };
                }
                timer.as_mut().reset(deadline);
            }
            timer.as_mut().await;
        }
    }

    /// The next moment to look at the clocks, and which one has then run out, if nothing happens before.
    fn deadline(&self, marks: &Marks) -> Option<(Instant, Option<(Phase, Duration)>)> {
        let Timeouts {
            first_token,
            read,
            total,
            ..
        } = self.timeouts;
        let silence = if marks.first_token.is_none() {
            first_token.map(|limit| (self.attempt_began + limit, Some((Phase::FirstToken, limit))))
        } else {
            read.map(|limit| match self.waiting.since() {
                Some(since) => (since + limit, Some((Phase::Read, limit))),
                // It may have run out in the waits before.
                None if self.waiting.before() >= limit => (Instant::now(), Some((Phase::Read, limit))),
                None => (
                    Instant::now() + limit.saturating_sub(self.waiting.before()).max(IDLE_LOOK),
                    None,
                ),
            })
        };
        let total = total.map(|limit| (marks.began + limit, Some((Phase::Total, limit))));
        match (silence, total) {
            (Some(silence), Some(total)) => Some(if silence.0 <= total.0 { silence } else { total }),
            (one, other) => one.or(other),
        }
    }
}

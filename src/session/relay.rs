//! Threads that are woken one after another, where each soon waits again.
//!
//! Of many threads whose tokens have come at once only one can run Python code. The others, once woken, sleep again
//! until they get the interpreter, and are woken a second time. So here a thread wakes the next one when it waits again,
//! with the interpreter let go of. Where one does other work in between, all are woken as they come for a while.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::background;
use crate::lock::lock;
use crate::process::PerProcess;

/// A thread that has not come back after this time does other work.
const PATIENCE: Duration = Duration::from_millis(2);
/// Threads that all come back in time, but are so many that the last of them waits as long, do other work too.
const LINE: Duration = Duration::from_millis(20);
/// As long threads are woken as they come then.
const OPEN: Duration = Duration::from_millis(200);

static RELAY: PerProcess<Mutex<Relay>> = PerProcess::new();

thread_local! {
    static OWN: RefCell<Option<Runner>> = const { RefCell::new(None) };
}

/// A thread that waits now and then.
#[derive(Debug, Clone)]
pub struct Runner(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    thread: Thread,
    /// It was woken, and is to wake the next when it waits again.
    has_baton: AtomicBool,
}

#[derive(Debug, Default)]
struct Relay {
    /// When a thread was woken that has not waited again.
    since: Option<Instant>,
    next: VecDeque<Runner>,
    /// Since when there has always been a next one.
    lined_up: Option<Instant>,
    is_watched: bool,
    opened: Option<Instant>,
}

fn relay() -> &'static Mutex<Relay> {
    let Ok(relay) = RELAY.get_or_try_make(|| Ok::<_, Infallible>(Mutex::default()));
    relay
}

impl Runner {
    /// This thread.
    #[must_use]
    pub fn current() -> Self {
        OWN.with_borrow_mut(|own| {
            own.get_or_insert_with(|| {
                Self(Arc::new(Inner {
                    thread: thread::current(),
                    has_baton: AtomicBool::new(false),
                }))
            })
            .clone()
        })
    }

    /// Whether both are one thread.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Waits until it is woken, or for this time. Other threads can run Python code meanwhile.
    pub fn wait(&self, time: Duration) {
        if self.0.has_baton.swap(false, Ordering::AcqRel) {
            let next = lock(relay()).pass_on();
            if let Some(next) = next {
                next.run();
            }
        }
        thread::park_timeout(time);
    }

    /// Wakes it when it has its turn. Any thread may.
    pub fn wake(self) {
        let mut relay = lock(relay());
        if relay.has_to_queue() {
            relay.line_up(self);
            if !std::mem::replace(&mut relay.is_watched, true) {
                drop(relay);
                watch();
            }
        } else {
            drop(relay);
            self.run();
        }
    }

    fn run(self) {
        self.0.has_baton.store(true, Ordering::Release);
        self.0.thread.unpark();
    }
}

impl Relay {
    /// Whether a thread has to wait for its turn; if not, it is its turn.
    fn has_to_queue(&mut self) -> bool {
        if self.opened.is_some_and(|opened| opened.elapsed() < OPEN) {
            return false;
        }
        if self.since.is_some_and(|since| since.elapsed() < PATIENCE) {
            return true;
        }
        self.opened = None;
        self.since = Some(Instant::now());
        false
    }

    fn line_up(&mut self, runner: Runner) {
        self.next.push_back(runner);
        self.lined_up.get_or_insert_with(Instant::now);
    }

    fn pass_on(&mut self) -> Option<Runner> {
        let next = self.next.pop_front();
        self.since = next.as_ref().map(|_| Instant::now());
        if self.next.is_empty() {
            self.lined_up = None;
        }
        next
    }

    /// All that wait, where one was waited for in vain; whether there will be others to look after.
    fn look(&mut self) -> (VecDeque<Runner>, bool) {
        self.is_watched = !self.next.is_empty();
        let is_stuck = self.since.is_none_or(|since| since.elapsed() >= PATIENCE);
        let is_long = self.lined_up.is_some_and(|since| since.elapsed() >= LINE);
        if !self.is_watched || !(is_stuck || is_long) {
            return (VecDeque::new(), self.is_watched);
        }
        let next = std::mem::take(self).next;
        self.opened = Some(Instant::now());
        (next, false)
    }
}

/// Sees to it that no thread waits for long for another one.
fn watch() {
    let watched = background().map(|home| {
        home.handle().spawn(async {
            loop {
                tokio::time::sleep(PATIENCE).await;
                let (all, goes_on) = lock(relay()).look();
                all.into_iter().for_each(Runner::run);
                if !goes_on {
                    break;
                }
            }
        })
    });
    if watched.is_err() {
        let all = std::mem::take(&mut *lock(relay())).next;
        all.into_iter().for_each(Runner::run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runners(count: usize) -> Vec<Runner> {
        let each = |_| thread::spawn(Runner::current).join().unwrap();
        (0..count).map(each).collect()
    }

    /// The time does not run out while a test is held up.
    fn hold(relay: &mut Relay) {
        relay.since = relay.since.and(Instant::now().checked_add(Duration::from_hours(1)));
    }

    #[test]
    fn one_runs_and_the_others_have_their_turn_in_order() {
        let mut relay = Relay::default();
        assert!(!relay.has_to_queue());
        hold(&mut relay);
        let others = runners(2);
        for other in &others {
            assert!(relay.has_to_queue());
            relay.line_up(other.clone());
        }
        assert!(relay.pass_on().unwrap().is(&others[0]));
        hold(&mut relay);
        assert!(relay.has_to_queue());
        assert!(relay.pass_on().unwrap().is(&others[1]));
        assert!(relay.pass_on().is_none());
        assert!(!relay.has_to_queue());
    }

    #[test]
    fn one_that_is_gone_holds_no_other_up() {
        let mut relay = Relay::default();
        assert!(!relay.has_to_queue());
        relay.since = Instant::now().checked_sub(PATIENCE);
        assert!(!relay.has_to_queue());
    }

    #[test]
    fn where_one_does_not_come_back_all_are_woken() {
        let mut relay = Relay::default();
        assert!(!relay.has_to_queue());
        hold(&mut relay);
        for runner in runners(2) {
            relay.line_up(runner);
        }
        relay.lined_up = Instant::now().checked_add(LINE);
        let (woken, goes_on) = relay.look();
        assert!(woken.is_empty() && goes_on);
        relay.since = Instant::now().checked_sub(PATIENCE);
        let (woken, goes_on) = relay.look();
        assert!(woken.len() == 2 && !goes_on);
        relay.opened = relay.opened.and(Instant::now().checked_add(OPEN));
        assert!(!relay.has_to_queue() && !relay.has_to_queue());
        relay.opened = Instant::now().checked_sub(OPEN);
        assert!(!relay.has_to_queue());
        hold(&mut relay);
        assert!(relay.has_to_queue());
    }

    #[test]
    fn where_the_line_stays_all_are_woken() {
        let mut relay = Relay::default();
        assert!(!relay.has_to_queue());
        hold(&mut relay);
        relay.line_up(runners(1).remove(0));
        relay.lined_up = Instant::now().checked_sub(LINE);
        assert_eq!(relay.look().0.len(), 1);
        assert!(relay.lined_up.is_none() && !relay.has_to_queue());
    }

    #[test]
    fn all_that_wait_are_woken() {
        const COUNT: usize = 5;
        const LONG: Duration = Duration::from_mins(1);
        let (tell, told) = std::sync::mpsc::channel();
        let runs = |_| {
            let tell = tell.clone();
            thread::spawn(move || {
                let this = Runner::current();
                for _ in 0..2 {
                    tell.send(this.clone()).unwrap();
                    let began = Instant::now();
                    this.wait(LONG);
                    assert!(began.elapsed() < LONG);
                }
            })
        };
        let threads: Vec<_> = (0..COUNT).map(runs).collect();
        // Some wait again, others have come to their end.
        for _ in 0..2 * COUNT {
            told.recv().unwrap().wake();
        }
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

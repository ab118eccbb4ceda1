//! How one thread ends what another one waits for.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;

use super::Abort;

/// Lets any thread end another one's wait: a stream's own end, or the client's.
#[derive(Debug, Default)]
pub struct Stop {
    asked: AtomicBool,
    waker: AtomicWaker,
}

impl Stop {
    /// Asks the waiting thread, now or when it next waits, to stop.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether [`Stop::ask`] was called.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Resolves when [`Stop::ask`] was called. One may wait for it at a time.
    pub fn asked(&self) -> impl Future<Output = ()> + '_ {
        poll_fn(|context| self.poll_asked(context))
    }

    /// Whether [`Stop::ask`] was called; if not, the task is woken when it is.
    pub fn poll_asked(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_asked() {
            return Poll::Ready(());
        }
        self.waker.register(context.waker());
        // It may have been asked before the waker stood there.
        if self.is_asked() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Abort for Stop {
    fn abort(&self) {
        self.ask();
    }
}

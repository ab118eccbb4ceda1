//! How one thread ends what another one waits for.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use atomic_waker::AtomicWaker;

use super::Abort;

/// Lets any thread end another one's wait: a call or a stream that is given up, or the client's end.
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
    pub async fn asked(&self) {
        let _asked = Asked(self);
        poll_fn(|context| self.poll_asked(context)).await;
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

/// The wait for a [`Stop`]. After its end the task's memory is not kept for it.
struct Asked<'a>(&'a Stop);

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        drop(self.0.waker.take());
    }
}

impl Abort for Stop {
    fn abort(&self) {
        self.ask();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Wake, Waker};

    use super::*;

    struct Task;

    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_wait_that_is_over_keeps_no_task() {
        let (stop, task) = (Stop::default(), Arc::new(Task));
        let waker = Waker::from(Arc::clone(&task));
        {
            let asked = pin!(stop.asked());
            assert!(asked.poll(&mut Context::from_waker(&waker)).is_pending());
            assert_eq!(Arc::strong_count(&task), 3);
        }
        assert_eq!(Arc::strong_count(&task), 2);
        stop.ask();
        let asked = pin!(stop.asked());
        assert!(asked.poll(&mut Context::from_waker(&waker)).is_ready());
    }
}

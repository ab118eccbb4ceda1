//! The one thread of a process that drives what no waiting thread drives.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Context;
use std::thread;

use atomic_waker::AtomicWaker;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::home::Home;
use crate::error::{Cause, Error};
use crate::lock::lock;
use crate::process::PerProcess;

struct Background {
    home: Home,
    /// Dropped, it ends the thread.
    _stop: oneshot::Sender<()>,
}

static BACKGROUND: PerProcess<Background> = PerProcess::new();

/// What other threads have a runtime's thread begin. Who finds something there already need not wake it, which takes a
/// system call.
#[derive(Default)]
pub struct Inbox {
    left: Mutex<Vec<Beginning>>,
    waker: AtomicWaker,
}

/// Spawns a task of the runtime that it is called in.
type Beginning = Box<dyn FnOnce() + Send>;

impl Inbox {
    /// Leaves something to be begun.
    pub fn leave(&self, beginning: Beginning) {
        let was_empty = {
            let mut left = lock(&self.left);
            left.push(beginning);
            left.len() == 1
        };
        if was_empty {
            self.waker.wake();
        }
    }

    /// Begins what has been left; the task is woken when there is more. In exchange it leaves an empty `spare` list.
    fn empty(&self, context: &Context<'_>, spare: &mut Vec<Beginning>) {
        self.waker.register(context.waker());
        std::mem::swap(&mut *lock(&self.left), spare);
        for begin in spare.drain(..) {
            begin();
        }
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

/// This process's background thread. The thread never touches Python and dies with the process.
///
/// # Errors
/// [`Error::Connection`] where the system refuses a thread or a runtime.
pub fn background() -> Result<&'static Home, Error> {
    let background = BACKGROUND.get_or_try_make(|| {
        let (stop, mut stopped) = oneshot::channel::<()>();
        let runtime = runtime()?;
        let inbox = Arc::<Inbox>::default();
        let home = Home::in_background(runtime.handle().clone(), Arc::clone(&inbox));
        thread::Builder::new()
            .name("tokstream".into())
            .spawn(move || {
                let mut spare = Vec::new();
                runtime.block_on(poll_fn(|context| {
                    inbox.empty(context, &mut spare);
                    // Told or dropped, the process is done with this thread.
                    Pin::new(&mut stopped).poll(context).map(drop)
                }));
                runtime.shutdown_background();
            })
            .map_err(|e| no_runtime(&e))?;
        Ok::<_, Error>(Background { home, _stop: stop })
    })?;
    Ok(&background.home)
}

/// A runtime that is driven by one thread.
///
/// # Errors
/// [`Error::Connection`] where the system refuses it.
pub fn runtime() -> Result<Runtime, Error> {
    Builder::new_current_thread()
        .enable_all()
        .thread_name("tokstream-dns")
        .build()
        .map_err(|e| no_runtime(&e))
}

fn no_runtime(error: &std::io::Error) -> Error {
    Error::Connection {
        cause: Cause::Other,
        detail: format!("the system refuses the resources for another connection: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;
    use std::task::{Wake, Waker};
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn all_that_is_left_is_begun_in_order_for_one_wake() {
        let (inbox, woken) = (Inbox::default(), Arc::<Counted>::default());
        let waker = Waker::from(Arc::clone(&woken));
        let context = Context::from_waker(&waker);
        let (tell, told) = channel();
        let mut spare = Vec::new();
        for round in 1..=3 {
            inbox.empty(&context, &mut spare);
            for number in 0..5 {
                let tell = tell.clone();
                inbox.leave(Box::new(move || tell.send(number).unwrap()));
            }
            assert_eq!(woken.0.load(Ordering::Relaxed), round);
            assert!(told.try_recv().is_err());
            inbox.empty(&context, &mut spare);
            assert!(told.try_iter().eq(0..5));
        }
    }

    #[test]
    fn what_is_left_by_many_threads_is_begun() {
        const EACH: usize = 200;
        let (tell, told) = channel();
        let leaves = |_| {
            let tell = tell.clone();
            thread::spawn(move || {
                for _ in 0..EACH {
                    let tell = tell.clone();
                    let task = move || async move { tell.send(thread::current().id()).unwrap() };
                    background().unwrap().begin(task, false).unwrap();
                }
            })
        };
        let threads: Vec<_> = (0..4).map(leaves).collect();
        let began_on: Vec<_> = (0..threads.len() * EACH)
            .map(|_| told.recv_timeout(Duration::from_secs(60)).unwrap())
            .collect();
        assert!(began_on.windows(2).all(|pair| pair[0] == pair[1]));
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

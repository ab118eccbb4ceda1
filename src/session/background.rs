//! The one thread of a process that drives what no waiting thread drives.

use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::home::Home;
use crate::error::{Cause, Error};
use crate::process::PerProcess;

struct Background {
    home: Home,
    /// Dropped, it ends the thread.
    _stop: oneshot::Sender<()>,
}

static BACKGROUND: PerProcess<Background> = PerProcess::new();

/// This process's background thread. The thread never touches Python and dies with the process.
///
/// # Errors
/// [`Error::Connection`] where the system refuses a thread or a runtime.
pub fn background() -> Result<&'static Home, Error> {
    let background = BACKGROUND.get_or_try_make(|| {
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = runtime()?;
        let home = Home::new(runtime.handle().clone(), None);
        thread::Builder::new()
            .name("tokstream".into())
            .spawn(move || {
                // Either way the process is done with this thread.
                drop(runtime.block_on(stopped));
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

//! The one thread of a process that drives what no waiting thread drives.

use std::thread;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::error::{Cause, Error};
use crate::process::PerProcess;

struct Background {
    handle: Handle,
    /// Dropped, it ends the thread.
    _stop: oneshot::Sender<()>,
}

static BACKGROUND: PerProcess<Background> = PerProcess::new();

/// The runtime of this process's background thread. The thread never touches Python and dies with the process.
///
/// # Errors
/// [`Error::Connection`] where the system refuses a thread or a runtime.
pub fn background() -> Result<&'static Handle, Error> {
    let background = BACKGROUND.get_or_try_make(|| {
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = runtime()?;
        let handle = runtime.handle().clone();
        thread::Builder::new()
            .name("tokstream".into())
            .spawn(move || {
                // Either way the process is done with this thread.
                drop(runtime.block_on(stopped));
                runtime.shutdown_background();
            })
            .map_err(|e| no_runtime(&e))?;
        Ok::<_, Error>(Background { handle, _stop: stop })
    })?;
    Ok(&background.handle)
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

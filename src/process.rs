//! State that belongs to one process: after a fork the child starts with its own and never touches the parent's.

#![expect(
    unsafe_code,
    reason = "a value that must be leaked after a fork, and freed otherwise, is owned through a pointer; forks are counted by C"
)]

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

/// A number that tells this process from those it was forked from. Unlike the process's id it costs no system call.
#[must_use]
pub fn generation() -> u32 {
    #[cfg(unix)]
    {
        static COUNTING: std::sync::Once = std::sync::Once::new();
        extern "C" fn forked() {
            FORKS.fetch_add(1, Ordering::Relaxed);
        }
        COUNTING.call_once(|| {
            // SAFETY: the handler is a function that lives as long as the process and does nothing but add.
            // Where there is no memory for it, a child takes itself for its parent, as it would without this module.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(forked)) };
        });
    }
    FORKS.load(Ordering::Relaxed)
}

/// A value made once per process.
///
/// What a child inherits is leaked there: dropping it would close or unregister the parent's sockets, and a lock in it
/// may have been held by a thread that does not exist in the child.
#[derive(Debug)]
pub struct PerProcess<T> {
    current: AtomicPtr<Owned<T>>,
}

#[derive(Debug)]
struct Owned<T> {
    generation: u32,
    value: T,
}

impl<T> PerProcess<T> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            current: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// This process's value, if it was made.
    pub fn get(&self) -> Option<&T> {
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: a pointer in `current` comes from `Box::into_raw` and is freed only by `drop`, which has `&mut self`.
        let owned = unsafe { current.as_ref() }?;
        (owned.generation == generation()).then_some(&owned.value)
    }

    /// This process's value, made by `make` where there is none yet.
    ///
    /// # Errors
    /// What `make` failed with.
    pub fn get_or_try_make<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        let before = self.current.load(Ordering::Acquire);
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let fresh = Box::into_raw(Box::new(Owned {
            generation: generation(),
            value: make()?,
        }));
        let winner = match self
            .current
            .compare_exchange(before, fresh, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => fresh,
            Err(other) => {
                // SAFETY: `fresh` was never shared.
                drop(unsafe { Box::from_raw(fresh) });
                other
            }
        };
        // SAFETY: as in `get`; a winner other than ours was stored by a thread of this process just now.
        Ok(unsafe { &(*winner).value })
    }
}

impl<T> Default for PerProcess<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for PerProcess<T> {
    fn drop(&mut self) {
        let current = *self.current.get_mut();
        if self.get().is_some() {
            // SAFETY: the pointer is from `Box::into_raw`, belongs to this process, and nobody else can see it any more.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}

/// A value that is dropped only in the process that made it, and leaked in any other.
#[derive(Debug)]
pub struct InProcess<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> InProcess<T> {
    /// Owns `value` in this process.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self {
            generation: generation(),
            value: Some(value),
        }
    }

    /// The value, if this is the process that made it.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        let is_ours = self.generation == generation();
        self.value.as_mut().filter(|_| is_ours)
    }

    /// The value itself, if this is the process that made it.
    #[must_use]
    pub fn into_inner(mut self) -> Option<T> {
        if self.generation == generation() {
            self.value.take()
        } else {
            None
        }
    }
}

impl<T> Drop for InProcess<T> {
    #[expect(
        clippy::mem_forget,
        reason = "dropped in a child, a copy would close or unregister the parent's sockets"
    )]
    fn drop(&mut self) {
        if self.generation != generation() {
            std::mem::forget(self.value.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once() {
        let cell = PerProcess::new();
        assert!(cell.get().is_none());
        assert_eq!(cell.get_or_try_make(|| Ok::<_, ()>(1)), Ok(&1));
        assert_eq!(cell.get_or_try_make(|| Ok::<_, ()>(2)), Ok(&1));
        assert_eq!(cell.get(), Some(&1));
    }

    #[test]
    fn a_failure_to_make_leaves_it_empty() {
        let cell: PerProcess<u8> = PerProcess::new();
        assert_eq!(cell.get_or_try_make(|| Err("no")), Err("no"));
        assert!(cell.get().is_none());
    }
}

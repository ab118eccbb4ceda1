//! How a mutex is locked here.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock is held only for a moment, never across code that can panic halfway, and never while Python code runs.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

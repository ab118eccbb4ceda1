//! Server-sent events: bytes in, events out; no I/O.

mod event;
mod parser;
#[cfg(test)]
mod tests;

pub use event::{Event, EventTooLarge};
pub use parser::Parser;

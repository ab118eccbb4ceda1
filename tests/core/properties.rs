//! Properties of the core's pure modules, under generated input.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop at what it does not expect"
)]

mod accumulate;
mod api_error;
mod checks;
mod chunk;
mod escape;
mod retry;
mod sse;

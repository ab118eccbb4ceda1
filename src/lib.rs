//! The core of tokstream: an HTTP client and event-stream parser for OpenAI-compatible servers.
//!
//! A request flows through the modules in this order: [`config`] says where to and how, [`exchange`] makes attempts over
//! [`transport`] as [`retry`] allows, on connections that [`session`] lends out; [`stream`] turns a reply's bytes into
//! events with [`sse`]; [`reader`] understands them, with [`chunk`] for the many that are alike and [`accumulate`] for
//! the completion they add up to. What fails is an [`error`]. `py` is the binding for Python and holds no logic of its own.

pub mod accumulate;
pub mod api_error;
pub mod body;
pub mod chunk;
pub mod config;
pub mod decode;
pub mod error;
pub mod escape;
pub mod exchange;
pub mod headers;
pub mod json;
pub mod ledger;
pub mod lock;
pub mod process;
pub mod reader;
pub mod retry;
pub mod session;
pub mod split;
pub mod sse;
pub mod stream;
pub mod transport;

#[cfg(feature = "python")]
mod py;

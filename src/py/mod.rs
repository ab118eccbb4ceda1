//! The extension module `tokstream._tokstream`: its export list.

mod alike;
mod arguments;
mod asyncio;
mod begun;
mod blocking;
mod call;
mod chat;
mod client;
mod errors;
mod hider;
mod incoming;
mod json;
mod logprobs;
mod model;
mod once;
mod payload;
mod reply;
mod request;
mod settings;
mod stream;
mod timings;
mod types;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// What is kept for the process (classes, interned names, wakers) belongs to its main interpreter.
#[expect(unsafe_code, reason = "only the C interface tells which interpreter this is")]
fn refuse_subinterpreter() -> PyResult<()> {
    // SAFETY: the interpreter is attached while it imports a module.
    let current = unsafe { pyo3::ffi::PyInterpreterState_Get() };
    // SAFETY: as above, and the pointer is the current interpreter's.
    let number = unsafe { pyo3::ffi::PyInterpreterState_GetID(current) };
    if number == 0 {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "tokstream works in the main interpreter of a process only, not in subinterpreters: use threads or processes",
    ))
}

/// The Rust side of tokstream.
#[pymodule(gil_used = false)]
fn _tokstream(module: &Bound<'_, PyModule>) -> PyResult<()> {
    refuse_subinterpreter()?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<client::Core>()?;
    module.add_class::<stream::Stream>()?;
    module.add_class::<stream::AsyncStream>()?;
    module.add_class::<stream::TextStream>()?;
    module.add_class::<stream::AsyncTextStream>()?;
    module.add_class::<timings::Timings>()?;
    module.add_class::<settings::PyTimeout>()?;
    module.add_class::<settings::PyRetryPolicy>()?;
    module.add_class::<settings::PyLimits>()?;
    module.add_class::<asyncio::Awaitable>()?;
    asyncio::add_slots(module.py());
    // Made at their first use, they would let other threads run halfway.
    asyncio::make_classes(module.py());
    stream::make_classes(module.py());
    module.py().get_type::<hider::Hider>();
    module.add_class::<model::BaseModel>()?;
    module.add_function(wrap_pyfunction!(model::load, module)?)?;
    module.add_function(wrap_pyfunction!(client::failed_with, module)?)?;
    module.add_function(wrap_pyfunction!(is_secret, module)?)?;
    module.add_function(wrap_pyfunction!(chat::chat_body, module)?)?;
    types::add_to(module)
}

/// Whether a header or a parameter of this name carries a key or a password.
#[pyfunction]
#[pyo3(name = "_is_secret")]
fn is_secret(name: &str) -> bool {
    crate::config::is_secret(name)
}

//! The extension module `tokstream._tokstream`: its export list.

mod arguments;
mod asyncio;
mod blocking;
mod client;
mod errors;
mod incoming;
mod json;
mod model;
mod payload;
mod reply;
mod settings;
mod stream;
mod types;

use pyo3::prelude::*;

/// The Rust side of tokstream.
#[pymodule(gil_used = false)]
fn _tokstream(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<client::Core>()?;
    module.add_class::<stream::Stream>()?;
    module.add_class::<stream::AsyncStream>()?;
    module.add_class::<stream::TextStream>()?;
    module.add_class::<stream::AsyncTextStream>()?;
    module.add_class::<incoming::Timings>()?;
    module.add_class::<settings::PyTimeout>()?;
    module.add_class::<settings::PyRetryPolicy>()?;
    module.add_class::<settings::PyLimits>()?;
    module.add_class::<asyncio::Awaitable>()?;
    module.add_class::<model::BaseModel>()?;
    module.add_function(wrap_pyfunction!(model::load, module)?)?;
    types::add_to(module)
}

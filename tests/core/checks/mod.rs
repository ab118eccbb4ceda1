//! What must hold for any input. Property tests, the bounded fuzz loop and the fuzz targets call the same checks.

pub mod accumulator;
pub mod chunk;
pub mod dice;
pub mod error_body;
pub mod escape;
pub mod parser;

#![no_main]

#[path = "../../tests/core/checks/mod.rs"]
#[expect(dead_code, reason = "the other targets' checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| checks::escape::check(input));

//! The decoder of error bodies.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::checks::error_body::check;

const NAMES: &[&str] = &[
    "error", "detail", "message", "msg", "code", "type", "param", "loc", "choices", "object", "errors", "x",
];
const SCALARS: &[&str] = &[
    "null",
    "false",
    "true",
    "7",
    "-1.5e3",
    "\"\"",
    "\"text\"",
    "\"a\\n\\u0000b\"",
    "\"error\"",
    "{}",
    "[]",
    "[ ]",
];

/// JSON that looks like an error body or nearly so.
fn body() -> impl Strategy<Value = String> {
    let scalar = select(SCALARS).prop_map(str::to_owned);
    scalar.prop_recursive(6, 40, 5, |inner| {
        prop_oneof![
            3 => vec((select(NAMES), inner.clone()), 0..5).prop_map(|members| {
                let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\": {value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
            1 => vec(inner, 0..4).prop_map(|elements| format!("[{}]", elements.join(", "))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_json(body in body(), cut in any::<prop::sample::Index>()) {
        check(body.as_bytes());
        check(&body.as_bytes()[..cut.index(body.len())]);
    }

    #[test]
    fn any_bytes(body in vec(any::<u8>(), 0..200)) {
        check(&body);
    }

    #[test]
    fn any_page(body in "(<|</|<!--|-->|>|title|script|style|p|&amp;|&|;|é|\"| |x|\n){0,40}") {
        check(body.as_bytes());
    }
}

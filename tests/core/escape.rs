//! The writer of JSON strings.

use proptest::prelude::*;

use crate::checks::escape::check;

proptest! {
    #[test]
    fn any_text(text in r#"(\PC{0,50}|["\\\n\x00-\x1f]{0,5}|[ -~]{0,200}){0,6}"#) {
        check(text.as_bytes());
    }
}

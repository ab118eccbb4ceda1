//! The writer of JSON strings.

use tokstream::escape::write_string;

/// A text, behind others and with little room.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let expected = serde_json::to_string(&text).unwrap();
    let mut out = Vec::with_capacity(input.len() / 2);
    for _ in 0..2 {
        let before = out.len();
        write_string(&mut out, &text);
        assert_eq!(String::from_utf8_lossy(&out[before..]), expected);
    }
}

//! Valid JSON text taken apart one level at a time.
//!
//! What a server sends is checked once, as a whole. What is below is then only measured: strings and brackets, without a
//! stack.

use memchr::memchr2;

use crate::accumulate::text::Text;

/// A place in valid JSON text, in front of a value.
#[derive(Clone)]
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// In front of the value that `json` is.
    #[must_use]
    pub fn new(json: &'a str) -> Self {
        Self { text: json, at: 0 }
    }

    /// Whether the next value begins with this byte.
    #[inline]
    pub fn is_at(&mut self, byte: u8) -> bool {
        self.peek() == Some(byte)
    }

    /// Passes over the next value and returns its text; empty at the end of the text.
    #[inline]
    pub fn value(&mut self) -> &'a str {
        let bytes = self.text.as_bytes();
        let first = self.peek();
        let start = self.at;
        self.at = match first {
            Some(b'"') => string_end(bytes, start).0,
            Some(b'{' | b'[') => brackets_end(bytes, start),
            _ => bytes
                .iter()
                .skip(start)
                .position(|byte| !is_literal(*byte))
                .map_or(bytes.len(), |length| start + length),
        };
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Passes over the next value if it is this word, such as `null`. In valid JSON none begins with it that is another.
    #[inline]
    pub fn pass_word(&mut self, word: &str) -> bool {
        self.peek();
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let is_it = rest.starts_with(word.as_bytes());
        if is_it {
            self.at += word.len();
        }
        is_it
    }

    /// Passes over the next value and returns it if it is an integer of no more than 18 digits, which always fits.
    #[inline]
    pub fn small_integer(&mut self) -> Option<i64> {
        let is_negative = self.peek()? == b'-';
        let rest = self.text.as_bytes().get(self.at + usize::from(is_negative)..)?;
        let mut size = 0;
        let mut digits = 0;
        for byte in rest {
            if !byte.is_ascii_digit() {
                if is_literal(*byte) {
                    return None;
                }
                break;
            }
            if digits == MAX_DIGITS {
                return None;
            }
            size = size * 10 + i64::from(byte - b'0');
            digits += 1;
        }
        if digits == 0 {
            return None;
        }
        self.at += usize::from(is_negative) + digits;
        Some(if is_negative { -size } else { size })
    }

    /// Passes over the next value, which is a string, and returns its literal, and whether that has no escapes.
    #[inline]
    pub fn string(&mut self) -> (&'a str, bool) {
        self.peek();
        let start = self.at;
        let (end, is_plain) = string_end(self.text.as_bytes(), start);
        self.at = end;
        (self.text.get(start..end).unwrap_or_default(), is_plain)
    }

    /// The text of the next value, which `read` passes over.
    #[inline]
    pub fn read(&mut self, read: impl FnOnce(&mut Self)) -> &'a str {
        self.peek();
        let start = self.at;
        read(self);
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Whether the next value is this one, at the same place in memory; it need not be measured again to be passed over.
    #[inline]
    pub fn is_at_place(&mut self, value: &[u8]) -> bool {
        self.peek();
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        std::ptr::eq(rest.as_ptr(), value.as_ptr())
    }

    /// Passes over so many bytes.
    #[inline]
    pub fn pass(&mut self, length: usize) {
        self.at += length;
    }

    /// Calls `each` with every member's name, in front of its value; passes over a value that is no object.
    #[inline]
    pub fn members(&mut self, mut each: impl FnMut(&str, &mut Self)) {
        if !self.is_at(b'{') {
            self.value();
            return;
        }
        self.at += 1;
        while self.is_at(b'"') {
            let (name, is_plain) = self.string();
            if is_plain {
                each(name.get(1..name.len() - 1).unwrap_or_default(), self);
            } else {
                let mut text = Text::default();
                text.push_literal(name);
                each(text.as_str(), self);
            }
        }
        self.at += 1;
    }

    /// The same, and returns the object's text.
    #[inline]
    pub fn object(&mut self, each: impl FnMut(&str, &mut Self)) -> &'a str {
        self.read(|cursor| cursor.members(each))
    }

    /// Calls `each` in front of every element, with its position; passes over a value that is no array.
    #[inline]
    pub fn elements(&mut self, mut each: impl FnMut(usize, &mut Self)) {
        if !self.is_at(b'[') {
            self.value();
            return;
        }
        self.at += 1;
        for position in 0.. {
            match self.peek() {
                Some(b']') | None => break,
                Some(_) => {}
            }
            let before = self.at;
            each(position, self);
            if self.at == before {
                // Not JSON after all.
                self.at = self.text.len();
            }
        }
        self.at += 1;
    }

    /// The text of the next value's first member of this name; stays where it is.
    #[must_use]
    pub fn find(&self, wanted: &str) -> Option<&'a str> {
        let mut ahead = self.clone();
        if !ahead.is_at(b'{') {
            return None;
        }
        ahead.at += 1;
        while ahead.is_at(b'"') {
            let name = ahead.value();
            let value = ahead.value();
            if name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) == Some(wanted) {
                return Some(value);
            }
        }
        None
    }

    /// The first byte of the next value, or what closes the one around it.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }
}

/// So many digits always fit into 64 bits.
const MAX_DIGITS: usize = 18;

/// Whether a byte belongs to a number, `true`, `false` or `null`.
fn is_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')
}

/// A table of these bytes.
#[expect(
    clippy::indexing_slicing,
    reason = "runs while compiling, within bounds that it checks"
)]
const fn marks(of: &[u8]) -> [bool; 256] {
    let mut marks = [false; 256];
    let mut at = 0;
    while at < of.len() {
        marks[of[at] as usize] = true;
        at += 1;
    }
    marks
}

static STRUCTURE: [bool; 256] = marks(b"\"{}[]");

/// How many bytes a search by the processor's wide instructions is worth for.
const SHORT: usize = 32;

/// The next of the marked bytes, and where it is.
#[inline]
#[expect(clippy::indexing_slicing, reason = "the table has a place for every byte")]
fn next(bytes: &[u8], from: usize, marks: &[bool; 256]) -> Option<(usize, u8)> {
    let rest = bytes.get(from..)?;
    let found = rest.iter().position(|byte| marks[*byte as usize])?;
    Some((from + found, *rest.get(found)?))
}

/// Where the string that begins at `start` ends, and whether it has no escapes.
#[inline]
fn string_end(bytes: &[u8], start: usize) -> (usize, bool) {
    let mut at = start + 1;
    let mut is_plain = true;
    loop {
        let Some(found) = string_mark(bytes, at) else {
            return (bytes.len(), is_plain);
        };
        if bytes.get(found) == Some(&b'"') {
            return (found + 1, is_plain);
        }
        is_plain = false;
        at = found + 2;
    }
}

/// The next quotation mark or backslash.
#[inline]
pub fn string_mark(bytes: &[u8], from: usize) -> Option<usize> {
    let mut rest = bytes.get(from..)?;
    // Most strings are names or a token: words beat a search for as long as it is short.
    for _ in 0..SHORT / WORD {
        let Some((word, after)) = rest.split_first_chunk::<WORD>() else {
            break;
        };
        let word = u64::from_le_bytes(*word);
        let marks = zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES);
        if marks != 0 {
            return Some(bytes.len() - rest.len() + marks.trailing_zeros() as usize / 8);
        }
        rest = after;
    }
    let found = memchr2(b'"', b'\\', rest)?;
    Some(bytes.len() - rest.len() + found)
}

/// Bytes that are looked at together, and what they are compared with.
const WORD: usize = 8;
const QUOTES: u64 = u64::from_le_bytes([b'"'; WORD]);
const BACKSLASHES: u64 = u64::from_le_bytes([b'\\'; WORD]);

/// The highest bit of each byte that is zero; of bytes behind the first one it may be set too.
const fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(u64::from_le_bytes([1; WORD])) & !word & u64::from_le_bytes([0x80; WORD])
}

/// Where the object or array that begins at `at` ends.
fn brackets_end(bytes: &[u8], at: usize) -> usize {
    let mut at = at;
    let mut depth = 0_usize;
    while let Some((found, byte)) = next(bytes, at, &STRUCTURE) {
        at = found + 1;
        match byte {
            b'"' => at = string_end(bytes, found).0,
            b'{' | b'[' => depth += 1,
            _ if depth <= 1 => return at,
            _ => depth -= 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        Cursor::new(json).members(|name, value| found.push((name.to_owned(), value.value().to_owned())));
        found
    }

    fn elements(json: &str) -> Vec<&str> {
        let mut found = Vec::new();
        Cursor::new(json).elements(|position, value| {
            assert_eq!(position, found.len());
            found.push(value.value());
        });
        found
    }

    #[test]
    fn objects() {
        let json = r#" { "a" : 1.5e-3, "b\"\u0063":[1,"]",{"x":[]}] ,"":"\\","d":{"}":"{\""},"e":null,"f":"\ud83d" }"#;
        let expected = [
            ("a", "1.5e-3"),
            ("b\"c", r#"[1,"]",{"x":[]}]"#),
            ("", r#""\\""#),
            ("d", r#"{"}":"{\""}"#),
            ("e", "null"),
            ("f", r#""\ud83d""#),
        ];
        assert_eq!(
            members(json),
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        for none in ["{}", "[1,2]", "", "5"] {
            assert!(members(none).is_empty(), "{none}");
        }
        assert_eq!(Cursor::new(json).find("d"), Some(r#"{"}":"{\""}"#));
        assert_eq!(Cursor::new(json).find("}"), None);
        assert_eq!(Cursor::new("[]").find("a"), None);
    }

    #[test]
    fn arrays() {
        let json = "[ true,false , -1,\"a,b\",[[]],{}\n]";
        assert_eq!(elements(json), ["true", "false", "-1", "\"a,b\"", "[[]]", "{}"]);
        for none in ["[]", "{}", "null", ""] {
            assert!(elements(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn short_values() {
        let integer = |json| {
            let mut cursor = Cursor::new(json);
            let number = cursor.small_integer();
            (number, cursor.value())
        };
        assert_eq!(integer(" 12,3"), (Some(12), "3"));
        assert_eq!(integer("-7\n,8"), (Some(-7), "8"));
        assert_eq!(integer("-0"), (Some(0), ""));
        assert_eq!(integer("999999999999999999"), (Some(999_999_999_999_999_999), ""));
        for other in ["1000000000000000000", "1.5", "1e3", "-", "-x", "null", "\"1\"", ""] {
            assert_eq!(integer(other), (None, other));
        }
        let mut cursor = Cursor::new(" null, true");
        assert!(!cursor.pass_word("true"));
        assert!(cursor.pass_word("null"));
        assert!(cursor.pass_word("true"));
        assert!(!cursor.pass_word("true"));
    }

    #[test]
    fn levels_within_levels() {
        let mut seen = String::new();
        let mut cursor = Cursor::new(r#"[{"a":[1,2],"b":3},4,{"a":5}]6"#);
        cursor.elements(|_, element| {
            element.members(|name, value| {
                seen.push_str(name);
                value.elements(|_, value| seen.push_str(value.value()));
            });
        });
        assert_eq!(seen, "a12ba");
        assert_eq!(cursor.value(), "6");
    }

    #[test]
    fn long_strings() {
        for length in 0..80 {
            for json in [
                format!(r#"["{}","x"]"#, "a".repeat(length)),
                format!(r#"["{}\"","x"]"#, "b".repeat(length)),
            ] {
                let found = elements(&json);
                assert_eq!((found.len(), found[1]), (2, "\"x\""), "{json}");
            }
        }
    }

    #[test]
    fn text_that_is_not_json_ends_somewhere() {
        let odd = [
            "{", "[", "[1", r#"{"a"#, r#"{"a\"#, r#"{""#, r#"{"a":"#, "[[[", "[}", "{,:", "[~]", "{1:2}", "{é:é}",
            r#"{"a"}"#,
        ];
        for odd in odd {
            assert!(members(odd).len() + elements(odd).len() < 3, "{odd}");
            assert_eq!(Cursor::new(odd).find("x"), None);
        }
    }
}

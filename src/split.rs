//! Valid JSON text taken apart one level at a time.
//!
//! What a server sends is checked once, as a whole. What is below is then only measured: strings and brackets, without a
//! stack.

use std::borrow::Cow;

mod blocks;
mod known;

use crate::accumulate::text::Text;

use blocks::string_end;

pub use blocks::{first_of, is_ascii, string_marks};
pub use known::Known;

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

    /// Passes over the value that it is at and returns it if it is an integer of no more than 18 digits, which always fits.
    #[inline]
    pub fn small_integer(&mut self) -> Option<i64> {
        let bytes = self.text.as_bytes();
        let is_negative = *bytes.get(self.at)? == b'-';
        let rest = bytes.get(self.at + usize::from(is_negative)..)?;
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

    /// Passes over the string that it is at.
    #[inline]
    pub fn string(&mut self) -> Literal<'a> {
        let start = self.at;
        let (end, is_plain, is_ascii) = string_end(self.text.as_bytes(), start);
        self.at = end;
        Literal {
            whole: self.text,
            start,
            end,
            is_plain,
            is_ascii,
        }
    }

    /// Goes back to a string that it has passed over.
    pub fn back_to(&mut self, string: &Literal<'a>) {
        self.at = string.start;
    }

    /// Passes over the name of a member, which it is at.
    #[inline]
    pub fn name(&mut self) -> Cow<'a, str> {
        let literal = self.string();
        if literal.is_plain {
            return Cow::Borrowed(literal.content());
        }
        let mut text = Text::default();
        text.push_literal(literal.text());
        Cow::Owned(text.into())
    }

    /// Passes over what it is at, if it is this.
    #[inline]
    pub fn pass_known(&mut self, known: &Known) -> bool {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let is_it = known.begins(rest);
        if is_it {
            self.at += known.text.len();
        }
        is_it
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
            let name = self.name();
            each(&name, self);
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
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        let first = loop {
            match bytes.get(at) {
                Some(byte) if is_between(*byte) => at += 1,
                other => break other.copied(),
            }
        };
        self.at = at;
        first
    }
}

/// Whether a byte stands between values.
#[inline]
fn is_between(byte: u8) -> bool {
    matches!(byte, b',' | b':' | b' ' | b'\t' | b'\n' | b'\r')
}

/// The literal of a string.
#[derive(Debug, Clone, Copy)]
pub struct Literal<'a> {
    whole: &'a str,
    start: usize,
    end: usize,
    /// Whether nothing in it is escaped.
    pub is_plain: bool,
    /// Where that was seen on the way.
    is_ascii: Option<bool>,
}

impl<'a> Literal<'a> {
    /// Its text, with its quotation marks.
    #[inline]
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.whole.get(self.start..self.end).unwrap_or_default()
    }

    /// What is between the quotation marks.
    #[inline]
    #[must_use]
    pub fn content(&self) -> &'a str {
        let (start, end) = (self.start + 1, self.end.saturating_sub(1));
        self.whole.get(start..end).unwrap_or_default()
    }

    /// Whether all of it is ASCII.
    #[inline]
    #[must_use]
    pub fn is_ascii(&self) -> bool {
        self.is_ascii.unwrap_or_else(|| is_ascii(self.text().as_bytes()))
    }
}

/// So many digits always fit into 64 bits.
const MAX_DIGITS: usize = 18;

/// Whether a byte belongs to a number, `true`, `false` or `null`.
#[expect(clippy::indexing_slicing, reason = "the table has a place for every byte")]
fn is_literal(byte: u8) -> bool {
    static LITERAL: [bool; 256] = marks(b"+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
    LITERAL[byte as usize]
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

/// The next of the marked bytes, and where it is.
#[inline]
#[expect(clippy::indexing_slicing, reason = "the table has a place for every byte")]
fn next(bytes: &[u8], from: usize, marks: &[bool; 256]) -> Option<(usize, u8)> {
    let rest = bytes.get(from..)?;
    let found = rest.iter().position(|byte| marks[*byte as usize])?;
    Some((from + found, *rest.get(found)?))
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
            cursor.peek();
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
    fn names() {
        let name = |json| Cursor::new(json).name().into_owned();
        assert_eq!(name(r#""id": 5"#), "id");
        assert_eq!(name(r#""\u0069\"é": 5"#), "i\"é");
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

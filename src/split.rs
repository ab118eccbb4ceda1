//! Valid JSON text taken apart one level at a time.
//!
//! What a server sends is checked once, as a whole. What is below is then only measured: strings and brackets, without a
//! stack.

use std::borrow::Cow;

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

/// Whether all of it is ASCII: without a way out in the middle, which would cost the wide instructions.
#[inline]
#[must_use]
pub fn is_ascii(text: &[u8]) -> bool {
    text.iter().fold(0, |all, byte| all | byte).is_ascii()
}

/// What is looked for again and again: the literal of a string, or that of a name with its colon.
#[derive(Debug)]
pub struct Known {
    text: Box<[u8]>,
    /// What it begins with, and which bits of it are its own.
    head: (u128, u128),
}

impl Known {
    /// This text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (mut head, mut mask) = ([0; HEAD], [0; HEAD]);
        for ((byte, own), its) in head.iter_mut().zip(&mut mask).zip(text.as_bytes()) {
            (*byte, *own) = (*its, 0xFF);
        }
        Self {
            text: text.as_bytes().into(),
            head: (u128::from_le_bytes(head), u128::from_le_bytes(mask)),
        }
    }

    /// The literal of a name in which nothing need be escaped, and the colon behind it where there is no blank between them.
    #[must_use]
    pub fn name(name: &str) -> Self {
        Self::new(&format!("\"{name}\":"))
    }

    /// Whether a text begins with it. To compare as many bytes as the compiler knows of takes less time than fewer.
    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        let (head, mask) = self.head;
        let Some(first) = text.first_chunk::<HEAD>() else {
            return text.starts_with(&self.text);
        };
        (u128::from_le_bytes(*first) ^ head) & mask == 0 && (self.text.len() <= HEAD || text.starts_with(&self.text))
    }
}

/// So many bytes are compared together.
const HEAD: usize = size_of::<u128>();

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

/// Strings of so many bytes are searched by blocks, longer ones from there on by a search that takes longer to begin.
const SHORT: usize = 64;

/// The next of the marked bytes, and where it is.
#[inline]
#[expect(clippy::indexing_slicing, reason = "the table has a place for every byte")]
fn next(bytes: &[u8], from: usize, marks: &[bool; 256]) -> Option<(usize, u8)> {
    let rest = bytes.get(from..)?;
    let found = rest.iter().position(|byte| marks[*byte as usize])?;
    Some((from + found, *rest.get(found)?))
}

/// Where the string that begins at `start` ends, whether nothing in it is escaped, and whether all of it is ASCII, of a
/// short one.
#[inline]
fn string_end(bytes: &[u8], start: usize) -> (usize, bool, Option<bool>) {
    let mut at = start + 1;
    let (mut is_plain, mut others) = (true, 0);
    // Whether the byte behind a block is escaped.
    let mut carry = false;
    // Most strings are names or a token: blocks beat a search for as long as it is short.
    for _ in 0..SHORT / BLOCK {
        let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            break;
        };
        let (mut marks, beyond_ascii) = string_marks(*block);
        if std::mem::take(&mut carry) {
            marks &= u64::MAX << BITS_OF_A_BYTE;
        }
        while marks != 0 {
            let first = marks.trailing_zeros();
            let found = first_of(marks);
            if block.get(found) == Some(&b'"') {
                others |= beyond_ascii & ((1 << first) - 1);
                return (at + found + 1, is_plain, Some(others == 0));
            }
            // The byte behind a backslash is no mark.
            is_plain = false;
            carry = found + 1 == BLOCK;
            marks &= u64::MAX.checked_shl(first + BITS_OF_A_BYTE + 1).unwrap_or_default();
        }
        others |= beyond_ascii;
        at += BLOCK;
    }
    let (end, is_plain) = long_string_end(bytes, at + usize::from(carry), is_plain);
    (end, is_plain, None)
}

/// Where a string ends that is longer, or at the end of the text, and has been searched up to `at`.
#[inline(never)]
fn long_string_end(bytes: &[u8], at: usize, is_plain: bool) -> (usize, bool) {
    let (mut at, mut is_plain) = (at, is_plain);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(found) = memchr2(b'"', b'\\', rest) else {
            return (bytes.len(), is_plain);
        };
        if rest.get(found) == Some(&b'"') {
            return (at + found + 1, is_plain);
        }
        is_plain = false;
        at += found + 2;
    }
}

/// The position of the first byte of a block that has one of these marks.
#[inline]
#[must_use]
pub fn first_of(marks: u64) -> usize {
    (marks.trailing_zeros() / BITS_OF_A_BYTE) as usize
}

#[cfg(target_arch = "x86_64")]
pub use sse2::{BITS_OF_A_BYTE, BLOCK, string_marks};
#[cfg(not(target_arch = "x86_64"))]
pub use words::{BITS_OF_A_BYTE, BLOCK, string_marks};

/// Blocks of bytes, by instructions that every processor of this kind has.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the compiler makes these instructions of no other code")]
mod sse2 {
    use std::arch::x86_64::{__m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8};

    /// Bytes that are looked at together.
    pub const BLOCK: usize = size_of::<__m128i>();
    /// Those that a byte has in what is found.
    pub const BITS_OF_A_BYTE: u32 = 1;

    /// A bit for each quotation mark and backslash, the first byte's lowest, and one for each byte beyond ASCII.
    #[inline]
    pub fn string_marks(block: [u8; BLOCK]) -> (u64, u64) {
        // SAFETY: every processor of this kind has them.
        unsafe { marks(&block) }
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn marks(block: &[u8; BLOCK]) -> (u64, u64) {
        // SAFETY: the place has no need to be aligned.
        let bytes = unsafe { _mm_loadu_si128(block.as_ptr().cast()) };
        let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x22));
        let slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x5C));
        let bits = |bytes| u64::from(_mm_movemask_epi8(bytes).cast_unsigned());
        (bits(_mm_or_si128(quotes, slashes)), bits(bytes))
    }
}

/// The same for any processor, by words.
#[cfg(any(test, not(target_arch = "x86_64")))]
mod words {
    /// Bytes that are looked at together.
    pub const BLOCK: usize = 8;
    /// Those that a byte has in what is found.
    pub const BITS_OF_A_BYTE: u32 = 8;

    const HIGHEST: u64 = u64::from_le_bytes([0x80; BLOCK]);

    /// The highest bit of each quotation mark and backslash, and that of each byte beyond ASCII.
    #[inline]
    pub fn string_marks(block: [u8; BLOCK]) -> (u64, u64) {
        let word = u64::from_le_bytes(block);
        let quotes = zero_bytes(word ^ u64::from_le_bytes([b'"'; BLOCK]));
        let slashes = zero_bytes(word ^ u64::from_le_bytes([b'\\'; BLOCK]));
        (quotes | slashes, word & HIGHEST)
    }

    /// The highest bit of each byte that is zero.
    const fn zero_bytes(word: u64) -> u64 {
        !((word & !HIGHEST).wrapping_add(!HIGHEST) | word) & HIGHEST
    }
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
    fn strings() {
        for length in 0..SHORT + 2 * BLOCK {
            for odd in ["", r#"\""#, r"\\", r#"\\\""#, r"\n", "é", r"é\\"] {
                for at in 0..=length {
                    let literal = format!("\"{}{odd}{}\"", "a".repeat(at), "b".repeat(length - at));
                    for rest in ["", ",\"é\\", ", \"and so on, for longer than a block\""] {
                        let text = format!("{literal}{rest}");
                        let mut cursor = Cursor::new(&text);
                        let string = cursor.string();
                        assert_eq!(string.text(), literal, "{text}");
                        assert_eq!(format!("\"{}\"", string.content()), literal, "{text}");
                        assert_eq!(string.is_plain, !literal.contains('\\'), "{text}");
                        assert_eq!(string.is_ascii(), literal.is_ascii(), "{text}");
                        cursor.back_to(&string);
                        assert_eq!(cursor.value(), literal);
                    }
                }
            }
        }
    }

    #[test]
    fn names() {
        let name = |json| Cursor::new(json).name().into_owned();
        assert_eq!(name(r#""id": 5"#), "id");
        assert_eq!(name(r#""\u0069\"é": 5"#), "i\"é");
        for name in [
            "",
            "id",
            "fourteen_bytes",
            "fifteen_letters",
            "a_name_that_is_longer_than_a_block",
        ] {
            let known = Known::name(name);
            for rest in ["", "5}", "\"a longer text behind it\""] {
                let json = format!("\"{name}\":{rest}");
                let mut cursor = Cursor::new(&json);
                assert!(cursor.pass_known(&known), "{json}");
                assert_eq!(cursor.at, json.len() - rest.len());
                for other in [
                    format!("\"{name}_\":{rest}"),
                    format!("\"_{name}\":{rest}"),
                    format!("\"{name}\" :{rest}"),
                    format!("\"{name}\""),
                ] {
                    let mut cursor = Cursor::new(&other);
                    assert!(!cursor.pass_known(&known), "{other}");
                    assert_eq!(cursor.at, 0);
                }
            }
        }
    }

    /// Which bytes have a bit.
    fn marked(bits: u64, bits_of_a_byte: u32) -> Vec<u32> {
        let places = 0..u64::BITS / bits_of_a_byte;
        places
            .filter(|place| bits >> (place * bits_of_a_byte + bits_of_a_byte - 1) & 1 == 1)
            .collect()
    }

    /// Which bytes are so.
    fn places(bytes: &[u8], is_so: impl Fn(u8) -> bool) -> Vec<u32> {
        (0..)
            .zip(bytes)
            .filter(|(_, byte)| is_so(**byte))
            .map(|(at, _)| at)
            .collect()
    }

    #[test]
    fn every_byte_has_its_mark() {
        let is_mark = |byte| matches!(byte, b'"' | b'\\');
        let is_beyond_ascii = |byte: u8| !byte.is_ascii();
        for byte in 0..=u8::MAX {
            for other in [b'x', b'"', 0xFF] {
                for at in 0..BLOCK {
                    let mut block = [other; BLOCK];
                    block[at] = byte;
                    let (marks, beyond_ascii) = string_marks(block);
                    assert_eq!(marked(marks, BITS_OF_A_BYTE), places(&block, is_mark));
                    assert_eq!(marked(beyond_ascii, BITS_OF_A_BYTE), places(&block, is_beyond_ascii));
                    for word in block.as_chunks().0 {
                        let (marks, beyond_ascii) = words::string_marks(*word);
                        assert_eq!(marked(marks, words::BITS_OF_A_BYTE), places(word, is_mark));
                        assert_eq!(
                            marked(beyond_ascii, words::BITS_OF_A_BYTE),
                            places(word, is_beyond_ascii)
                        );
                    }
                }
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

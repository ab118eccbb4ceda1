//! Where strings end, found by blocks of bytes.

use memchr::memchr2;

/// Strings of so many bytes are searched by blocks, longer ones from there on by a search that takes longer to begin.
const SHORT: usize = 64;

/// Whether all of it is ASCII: without a way out in the middle, which would cost the wide instructions.
#[inline]
#[must_use]
pub fn is_ascii(text: &[u8]) -> bool {
    text.iter().fold(0, |all, byte| all | byte).is_ascii()
}

/// Where the string that begins at `start` ends, whether nothing in it is escaped, and whether all of it is ASCII, of a
/// short one.
#[inline]
pub fn string_end(bytes: &[u8], start: usize) -> (usize, bool, Option<bool>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Cursor;

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
}

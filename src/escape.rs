//! Text as a JSON string literal.

use crate::split::{first_of, string_marks};

/// So many bytes are looked at together.
const BLOCK: usize = 32;
/// The same of a text that has had nothing to escape for a while.
const STRETCH: usize = 4 * BLOCK;
/// Bytes of `\u0000`.
const LONGEST_ESCAPE: usize = 6;

/// Appends `text` as a string literal, escaping what JSON wants escaped and nothing else (RFC 8259 section 7).
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2 * BLOCK);
    out.push(b'"');
    let mut rest = text.as_bytes();
    // A text that has been plain for a while nearly always goes on so.
    let mut is_plain = true;
    while !rest.is_empty() {
        let before = rest.len();
        rest = write_plain(out, rest, is_plain);
        is_plain = before - rest.len() >= STRETCH;
        if let Some((byte, after)) = rest.split_first() {
            debug_assert!(is_escaped(*byte), "{byte} stands for itself");
            write_escape(out, *byte);
            rest = after;
        }
    }
    out.push(b'"');
}

/// What a string literal says, given without its quotation marks, in `room` that is used again; nothing if it has other
/// escapes than those of two characters.
#[must_use]
pub fn without_short_escapes<'a>(literal: &str, room: &'a mut Vec<u8>) -> Option<&'a str> {
    room.clear();
    room.reserve(literal.len() + BLOCK);
    let mut rest = literal.as_bytes();
    loop {
        // All quotation marks are escaped, and passed over with their backslashes.
        while let Some(block) = rest.first_chunk() {
            let (marks, _) = string_marks(*block);
            if marks == 0 {
                append(room, block, block.len());
                rest = rest.get(block.len()..)?;
            } else {
                let plain = first_of(marks);
                append(room, block, plain);
                rest = append_said(room, rest.get(plain..)?)?;
            }
        }
        let plain = rest.iter().position(|byte| *byte == b'\\').unwrap_or(rest.len());
        room.extend_from_slice(rest.get(..plain)?);
        rest = rest.get(plain..)?;
        if rest.is_empty() {
            return std::str::from_utf8(room).ok();
        }
        rest = append_said(room, rest)?;
    }
}

/// Appends what the escape says that a literal begins with; returns the rest.
#[inline]
fn append_said<'a>(out: &mut Vec<u8>, literal: &'a [u8]) -> Option<&'a [u8]> {
    let byte = *SAID.get(usize::from(*literal.get(1)?))?;
    out.push(byte);
    literal.get(2..).filter(|_| byte != 0)
}

/// Appends what a text begins with; returns the rest, which begins with a byte that is escaped, or is empty.
#[inline]
fn write_plain<'a>(out: &mut Vec<u8>, text: &'a [u8], is_plain: bool) -> &'a [u8] {
    if text.len() >= BLOCK {
        write_long(out, text, is_plain)
    } else if let Some((first, last)) = ends::<16>(text) {
        write_ends(out, text, first, last)
    } else if let Some((first, last)) = ends::<8>(text) {
        write_ends(out, text, first, last)
    } else if let Some((first, last)) = ends::<4>(text) {
        write_ends(out, text, first, last)
    } else {
        write_bytes(out, text)
    }
}

/// The first and the last bytes of a text, which overlap where it has less than twice as many.
#[inline]
fn ends<const N: usize>(text: &[u8]) -> Option<(&[u8; N], &[u8; N])> {
    text.first_chunk().zip(text.last_chunk())
}

/// Appends the plain beginning of a text that has no byte between these.
#[inline]
fn write_ends<'a, const N: usize>(out: &mut Vec<u8>, text: &'a [u8], first: &[u8; N], last: &[u8; N]) -> &'a [u8] {
    if has_escaped(first) || has_escaped(last) {
        return write_bytes(out, text);
    }
    append(out, first, text.len() - N);
    append(out, last, N);
    &[]
}

/// Appends the plain beginning of a text, byte by byte.
#[inline]
fn write_bytes<'a>(out: &mut Vec<u8>, text: &'a [u8]) -> &'a [u8] {
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first()
        && !is_escaped(*byte)
    {
        append(out, &[*byte], 1);
        rest = after;
    }
    rest
}

/// Appends the plain beginning of a text that has at least one block.
#[inline]
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "wider instructions than every processor of this kind has")]
fn write_long<'a>(out: &mut Vec<u8>, text: &'a [u8], is_plain: bool) -> &'a [u8] {
    #[target_feature(enable = "avx2")]
    fn write_wide<'a>(out: &mut Vec<u8>, text: &'a [u8], is_plain: bool) -> &'a [u8] {
        write_blocks(out, text, is_plain, |block| marks::wide(block))
    }

    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: this processor has them.
        return unsafe { write_wide(out, text, is_plain) };
    }
    write_blocks(out, text, is_plain, marks::narrow)
}

#[inline]
#[cfg(not(target_arch = "x86_64"))]
fn write_long<'a>(out: &mut Vec<u8>, text: &'a [u8], is_plain: bool) -> &'a [u8] {
    write_blocks(out, text, is_plain, marks_of)
}

/// The same by `marks_of`, which has a bit for each byte that is escaped, the first one lowest.
#[inline]
fn write_blocks<'a>(
    out: &mut Vec<u8>,
    text: &'a [u8],
    is_plain: bool,
    marks_of: impl Fn(&[u8; BLOCK]) -> u32,
) -> &'a [u8] {
    let mut rest = text;
    while is_plain
        && let Some((stretch, after)) = rest.split_first_chunk::<STRETCH>()
        && stretch.as_chunks().0.iter().fold(0, |all, block| all | marks_of(block)) == 0
    {
        append(out, stretch, STRETCH);
        rest = after;
    }
    while let Some((block, after)) = rest.split_first_chunk::<BLOCK>() {
        let marks = marks_of(block);
        if marks == 0 {
            append(out, block, BLOCK);
        } else if let Some(blocks) = rest.first_chunk() {
            write_marked(out, blocks, marks);
        } else {
            let plain = marks.trailing_zeros() as usize;
            append(out, block, plain);
            return rest.get(plain..).unwrap_or_default();
        }
        rest = after;
    }
    let Some(last) = text.last_chunk::<BLOCK>().filter(|_| !rest.is_empty()) else {
        return rest;
    };
    // What is left goes with the end of the block before it, which is written once more. That one was plain: behind one
    // with marks there is another, or the text is left at its first mark.
    let again = BLOCK - rest.len();
    let plain = marks_of(last).trailing_zeros() as usize;
    out.truncate(out.len() - again);
    append(out, last, plain);
    rest.get(plain - again..).unwrap_or_default()
}

/// Appends the first of two blocks, whose marked bytes are escaped.
#[inline]
#[expect(
    unsafe_code,
    reason = "a length that is kept in memory is waited for with each escape"
)]
fn write_marked(out: &mut Vec<u8>, blocks: &[u8; 2 * BLOCK], marks: u32) {
    /// What a block becomes at the most, and as much as is copied at once.
    const ROOM: usize = LONGEST_ESCAPE * BLOCK + BLOCK;

    out.reserve(ROOM);
    let room = out.spare_capacity_mut().as_mut_ptr().cast::<u8>();
    let (mut marks, mut done, mut written) = (marks, 0, 0);
    while marks != 0 {
        let at = marks.trailing_zeros() as usize;
        marks &= marks - 1;
        // SAFETY: no byte becomes longer than `LONGEST_ESCAPE`, and behind the last one there is room for a block.
        unsafe { put(room, written, block_at(blocks, done)) };
        written += at - done;
        let byte = blocks.get(at).copied().unwrap_or_default();
        if let Some((text, length)) = ESCAPES.get(usize::from(byte)) {
            // SAFETY: as for the block.
            unsafe { put(room, written, text) };
            written += length;
        }
        done = at + 1;
    }
    // SAFETY: as for the blocks before it.
    unsafe { put(room, written, block_at(blocks, done)) };
    written += BLOCK - done;
    // SAFETY: all of it has been written.
    unsafe { out.set_len(out.len() + written) };
}

/// Writes bytes at a place of `room`.
///
/// # Safety
/// There is room for them.
#[inline]
#[expect(unsafe_code, reason = "as for its only caller")]
unsafe fn put<const N: usize>(room: *mut u8, at: usize, bytes: &[u8; N]) {
    // SAFETY: the caller's.
    let place = unsafe { room.add(at) };
    // SAFETY: the caller's.
    unsafe { place.cast::<[u8; N]>().write_unaligned(*bytes) };
}

/// The block that begins within the first of two.
#[inline]
fn block_at(blocks: &[u8; 2 * BLOCK], at: usize) -> &[u8; BLOCK] {
    let rest = blocks.get(at..).unwrap_or_default();
    rest.first_chunk().unwrap_or(&[0; BLOCK])
}

#[inline]
fn write_escape(out: &mut Vec<u8>, byte: u8) {
    if let Some((text, length)) = ESCAPES.get(usize::from(byte)) {
        append(out, text, *length);
    }
}

/// Appends the first `length` of these bytes. All of them are copied: so many as the compiler knows of take less time
/// than fewer that it does not.
#[inline]
#[expect(unsafe_code, reason = "what is copied beyond the end is no part of the vector")]
fn append<const N: usize>(out: &mut Vec<u8>, bytes: &[u8; N], length: usize) {
    if out.capacity() - out.len() < N || length > N {
        extend(out, bytes.get(..length).unwrap_or(bytes));
        return;
    }
    let room = out.spare_capacity_mut().as_mut_ptr();
    // SAFETY: there is room for all of them.
    unsafe { room.cast::<[u8; N]>().write_unaligned(*bytes) };
    // SAFETY: no more than was written.
    unsafe { out.set_len(out.len() + length) };
}

#[cold]
fn extend(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
    out.reserve(BLOCK);
}

/// Bits for the bytes of a block that are escaped, the first one lowest.
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the compiler makes this of no other code")]
mod marks {
    use std::arch::x86_64::{
        __m128i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
        _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256,
        _mm256_set1_epi8,
    };

    use super::BLOCK;

    #[inline]
    pub fn narrow(block: &[u8; BLOCK]) -> u32 {
        let (halves, _) = block.as_chunks::<{ size_of::<__m128i>() }>();
        // SAFETY: every processor of this kind has these instructions.
        let half = |half| unsafe { of_half(half) };
        halves.iter().rev().fold(0, |marks, bytes| marks << 16 | half(bytes))
    }

    #[inline]
    #[target_feature(enable = "sse2")]
    fn of_half(half: &[u8; size_of::<__m128i>()]) -> u32 {
        // SAFETY: the place has no need to be aligned.
        let bytes = unsafe { _mm_loadu_si128(half.as_ptr().cast()) };
        let controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
        let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x22));
        let slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x5C));
        let all = _mm_or_si128(controls, _mm_or_si128(quotes, slashes));
        _mm_movemask_epi8(all).cast_unsigned()
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    pub fn wide(block: &[u8; BLOCK]) -> u32 {
        // SAFETY: the place has no need to be aligned.
        let bytes = unsafe { _mm256_loadu_si256(block.as_ptr().cast()) };
        let controls = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1F)), bytes);
        let quotes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(0x22));
        let slashes = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(0x5C));
        let all = _mm256_or_si256(controls, _mm256_or_si256(quotes, slashes));
        _mm256_movemask_epi8(all).cast_unsigned()
    }
}

/// A bit for each byte of a block that is escaped, the first one lowest.
#[inline]
#[cfg(not(target_arch = "x86_64"))]
fn marks_of(block: &[u8; BLOCK]) -> u32 {
    if !has_escaped(block) {
        return 0;
    }
    let bytes = block.iter().rev();
    bytes.fold(0, |marks, byte| marks << 1 | u32::from(is_escaped(*byte)))
}

#[inline]
fn has_escaped(bytes: &[u8]) -> bool {
    // A way out in the middle would cost the wide instructions.
    bytes.iter().fold(false, |found, byte| found | is_escaped(*byte))
}

#[inline]
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a way out in the middle would cost the wide instructions"
)]
const fn is_escaped(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// The bytes that have an escape of two characters, each with the second one.
const SHORT: [(u8, u8); 7] = [
    (b'"', b'"'),
    (b'\\', b'\\'),
    (0x08, b'b'),
    (b'\t', b't'),
    (b'\n', b'n'),
    (0x0C, b'f'),
    (b'\r', b'r'),
];

/// The escape of each byte that has one, and its length.
static ESCAPES: [([u8; 8], usize); 256] = escapes();

#[expect(
    clippy::indexing_slicing,
    reason = "runs while compiling, within bounds that it checks"
)]
const fn escapes() -> [([u8; 8], usize); 256] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut escapes = [([0; 8], 0); 256];
    let mut at = 0;
    while at < 0x20 {
        escapes[at] = ([b'\\', b'u', b'0', b'0', HEX[at >> 4], HEX[at & 15], 0, 0], 6);
        at += 1;
    }
    at = 0;
    while at < SHORT.len() {
        let (byte, letter) = SHORT[at];
        escapes[byte as usize] = ([b'\\', letter, 0, 0, 0, 0, 0, 0], 2);
        at += 1;
    }
    escapes
}

/// What the escapes of two characters say, by the second one.
static SAID: [u8; 256] = said();

#[expect(
    clippy::indexing_slicing,
    reason = "runs while compiling, within bounds that it checks"
)]
const fn said() -> [u8; 256] {
    let mut said = [0; 256];
    said[b'/' as usize] = b'/';
    let mut at = 0;
    while at < SHORT.len() {
        let (byte, letter) = SHORT[at];
        said[letter as usize] = byte;
        at += 1;
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_serde_reads_it() {
        let mut room = Vec::new();
        let read = |literal: &str| serde_json::from_str::<String>(&format!("\"{literal}\"")).unwrap();
        for length in 0..70 {
            for at in 0..=length {
                for odd in [r#"\""#, r"\\", r"\n\/\b\f\r\t", r"é\\", "é"] {
                    let literal = format!("{}{odd}{}", "x".repeat(at), "y".repeat(length - at));
                    assert_eq!(
                        without_short_escapes(&literal, &mut room),
                        Some(&*read(&literal)),
                        "{literal}"
                    );
                    for other in [r"\u0041", r"\uD83D"] {
                        let other = format!("{literal}{other}");
                        assert_eq!(without_short_escapes(&other, &mut room), None, "{literal}");
                    }
                }
            }
        }
        let all = r#"\"\\"#.repeat(40);
        assert_eq!(without_short_escapes(&all, &mut room), Some(&*read(&all)));
    }

    #[test]
    fn as_serde_writes_it() {
        let every: String = (0..=0x2100).filter_map(char::from_u32).collect();
        let mut texts = vec![String::new(), "plain".into(), every];
        for length in [
            1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 150, 300,
        ] {
            for at in 0..length {
                for odd in ['"', '\\', '\n', '\u{1}', 'é'] {
                    texts.push((0..length).map(|here| if here == at { odd } else { 'x' }).collect());
                }
            }
        }
        texts.push("\"\n".repeat(400));
        texts.push(format!("{0}\n{0}\\{0}", "x".repeat(2 * STRETCH + 1)));
        for text in texts {
            let mut out = Vec::new();
            write_string(&mut out, &text);
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn a_vector_that_is_nearly_full_grows() {
        for (text, room) in [("\u{1}", 0), ("\"", 1), ("x", 3), ("\u{1}", 70)] {
            for length in 0..140 {
                let text = text.repeat(length);
                let mut out = Vec::with_capacity(room + 1);
                out.push(b':');
                write_string(&mut out, &text);
                assert_eq!(
                    String::from_utf8(out).unwrap(),
                    format!(":{}", serde_json::to_string(&text).unwrap())
                );
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn narrow_instructions_write_the_same() {
        for odd in ['"', '\n', 'é'] {
            for length in BLOCK..STRETCH + 2 * BLOCK {
                for (at, step) in (0..length).zip([7, 40, 130].into_iter().cycle()) {
                    let is_odd = |here: usize| here >= at && (here - at).is_multiple_of(step);
                    let text: String = (0..length).map(|here| if is_odd(here) { odd } else { 'x' }).collect();
                    for is_plain in [false, true] {
                        let (mut narrow, mut best) = (Vec::new(), Vec::new());
                        let rest = write_blocks(&mut narrow, text.as_bytes(), is_plain, marks::narrow);
                        assert_eq!(rest, write_long(&mut best, text.as_bytes(), is_plain));
                        assert_eq!(narrow, best);
                    }
                }
            }
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "only where the processor has them")]
    fn each_byte_has_its_mark() {
        for byte in 0..=u8::MAX {
            for at in 0..BLOCK {
                let mut block = [b'x'; BLOCK];
                block[at] = byte;
                let expected = u32::from(is_escaped(byte)) << at;
                assert_eq!(marks::narrow(&block), expected);
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: this processor has them.
                    assert_eq!(unsafe { marks::wide(&block) }, expected);
                }
            }
        }
    }
}

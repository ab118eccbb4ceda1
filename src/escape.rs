//! Text as a JSON string literal.

/// So many bytes are looked at together.
const BLOCK: usize = 64;
/// The same of a text that has had nothing to escape for a while.
const STRETCH: usize = 4 * BLOCK;

/// Appends `text` as a string literal, escaping what JSON wants escaped and nothing else (RFC 8259 section 7).
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + STRETCH);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while rest.len() >= BLOCK {
        let is_plain_so_far;
        (rest, is_plain_so_far) = write_blocks(out, rest);
        // A text that has been plain for a while nearly always goes on so.
        while is_plain_so_far
            && let Some((stretch, after)) = rest.split_first_chunk::<STRETCH>()
            && is_plain(stretch)
        {
            append(out, stretch, STRETCH);
            rest = after;
        }
    }
    rest = write_words::<8>(out, rest);
    rest = write_words::<4>(out, rest);
    for byte in rest {
        write_byte(out, *byte);
    }
    out.push(b'"');
}

/// Appends the first blocks of a text; returns what is left of it, and whether they had nothing to escape.
#[inline]
fn write_blocks<'a>(out: &mut Vec<u8>, text: &'a [u8]) -> (&'a [u8], bool) {
    let mut rest = text;
    let mut is_plain = true;
    for _ in 0..STRETCH / BLOCK {
        let Some((block, after)) = rest.split_first_chunk::<BLOCK>() else {
            break;
        };
        let mut marks = marks_of(block);
        is_plain &= marks == 0;
        let mut done = 0;
        while marks != 0 {
            let at = marks.trailing_zeros() as usize;
            marks &= marks - 1;
            write_run(out, rest, done, at);
            write_escape(out, block.get(at).copied().unwrap_or_default());
            done = at + 1;
        }
        write_run(out, rest, done, BLOCK);
        rest = after;
    }
    (rest, is_plain)
}

/// Appends whole words of a text; returns what is left of it.
#[inline]
fn write_words<'a, const N: usize>(out: &mut Vec<u8>, text: &'a [u8]) -> &'a [u8] {
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk::<N>() {
        if has_escaped(word) {
            for byte in word {
                write_byte(out, *byte);
            }
        } else {
            append(out, word, N);
        }
        rest = after;
    }
    rest
}

/// Appends what stands there, which is less than a block.
#[inline]
fn write_run(out: &mut Vec<u8>, bytes: &[u8], from: usize, to: usize) {
    let bytes = bytes.get(from..).unwrap_or_default();
    match bytes.first_chunk::<BLOCK>() {
        Some(block) => append(out, block, to - from),
        None => out.extend_from_slice(bytes.get(..to - from).unwrap_or_default()),
    }
}

#[inline]
fn write_byte(out: &mut Vec<u8>, byte: u8) {
    if is_escaped(byte) {
        write_escape(out, byte);
    } else {
        append(out, &[byte], 1);
    }
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

/// A bit for each byte that is escaped, the first one lowest.
#[inline]
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the compiler makes this of no other code")]
fn marks_of(block: &[u8; BLOCK]) -> u64 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8,
    };

    #[inline]
    #[target_feature(enable = "sse2")]
    fn marks_of_part(part: &[u8; 16]) -> u64 {
        // SAFETY: the place has no need to be aligned.
        let bytes = unsafe { _mm_loadu_si128(part.as_ptr().cast()) };
        let controls = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
        let quotes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x22));
        let slashes = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x5C));
        let all = _mm_or_si128(controls, _mm_or_si128(quotes, slashes));
        u64::from(_mm_movemask_epi8(all).cast_unsigned())
    }

    let (parts, _) = block.as_chunks();
    parts.iter().rev().fold(0, |marks, part| {
        // SAFETY: every processor of this kind has these instructions.
        marks << 16 | unsafe { marks_of_part(part) }
    })
}

#[inline]
#[cfg(not(target_arch = "x86_64"))]
fn marks_of(block: &[u8; BLOCK]) -> u64 {
    if !has_escaped(block) {
        return 0;
    }
    let bytes = block.iter().rev();
    bytes.fold(0, |marks, byte| marks << 1 | u64::from(is_escaped(*byte)))
}

/// Whether nothing in it is escaped.
#[inline]
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "wider instructions than every processor of this kind has")]
fn is_plain(stretch: &[u8; STRETCH]) -> bool {
    #[target_feature(enable = "avx2")]
    fn is_plain_wide(stretch: &[u8; STRETCH]) -> bool {
        !has_escaped(stretch)
    }

    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: this processor has them.
        return unsafe { is_plain_wide(stretch) };
    }
    !has_escaped(stretch)
}

#[inline]
#[cfg(not(target_arch = "x86_64"))]
fn is_plain(stretch: &[u8; STRETCH]) -> bool {
    !has_escaped(stretch)
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

/// The escape of each byte that has one, and its length.
static ESCAPES: [([u8; 8], usize); 256] = escapes();

#[expect(
    clippy::indexing_slicing,
    reason = "runs while compiling, within bounds that it checks"
)]
const fn escapes() -> [([u8; 8], usize); 256] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    const SHORT: [(u8, u8); 7] = [
        (b'"', b'"'),
        (b'\\', b'\\'),
        (0x08, b'b'),
        (b'\t', b't'),
        (b'\n', b'n'),
        (0x0C, b'f'),
        (b'\r', b'r'),
    ];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_serde_writes_it() {
        let every: String = (0..=0x2100).filter_map(char::from_u32).collect();
        let mut texts = vec![String::new(), "plain".into(), every];
        for length in [1, 7, 8, 9, 63, 64, 65, 72, 127, 128, 129, 150, 255, 256, 257, 600] {
            for at in 0..length {
                for odd in ['"', '\\', '\n', '\u{1}', 'é'] {
                    texts.push((0..length).map(|here| if here == at { odd } else { 'x' }).collect());
                }
            }
        }
        texts.push("\"\n".repeat(400));
        for text in texts {
            let mut out = Vec::new();
            write_string(&mut out, &text);
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}

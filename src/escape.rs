//! Text as a JSON string literal.

/// So many bytes are looked at together: the compiler makes wide instructions of it.
const BLOCK: usize = 128;
/// The same where some byte of a block is escaped.
const WORD: usize = 8;

/// Appends `text` as a string literal, escaping what JSON wants escaped and nothing else (RFC 8259 section 7).
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let bytes = text.as_bytes();
    // What stands before this has been written.
    let mut start = 0;
    for (number, block) in bytes.chunks(BLOCK).enumerate() {
        if has_escaped(block) {
            let here = number * BLOCK;
            out.extend_from_slice(bytes.get(start..here).unwrap_or_default());
            write_block(out, block);
            start = here + block.len();
        }
    }
    out.extend_from_slice(bytes.get(start..).unwrap_or_default());
    out.push(b'"');
}

fn write_block(out: &mut Vec<u8>, block: &[u8]) {
    let (words, rest) = block.as_chunks::<WORD>();
    for word in words {
        if has_escaped(word) {
            write_bytes(out, word);
        } else {
            out.extend_from_slice(word);
        }
    }
    write_bytes(out, rest);
}

fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        if is_escaped(*byte) {
            write_escape(out, *byte);
        } else {
            out.push(*byte);
        }
    }
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
fn is_escaped(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn write_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0C => b'f',
        b'\r' => b'r',
        _ => {
            let digit = |value: u8| char::from_digit(u32::from(value), 16).map_or(b'0', |digit| digit as u8);
            out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(byte >> 4), digit(byte & 0x0F)]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_serde_writes_it() {
        let every: String = (0..=0x2100).filter_map(char::from_u32).collect();
        let mut texts = vec![String::new(), "plain".into(), every];
        for length in [1, 7, 8, 9, 127, 128, 129, 150, 256] {
            for at in 0..length {
                for odd in ['"', '\\', '\n', '\u{1}', 'é'] {
                    texts.push((0..length).map(|here| if here == at { odd } else { 'x' }).collect());
                }
            }
        }
        for text in texts {
            let mut out = Vec::new();
            write_string(&mut out, &text);
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}

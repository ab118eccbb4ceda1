//! A string that grows by JSON string literals.

use memchr::memchr;

/// The text so far, decoded.
///
/// JSON may name half of a surrogate pair, which UTF-8 cannot. A pair whose halves come in two pieces is put together;
/// a half that stays alone is U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text {
    text: String,
    /// The high surrogate that the U+FFFD at the end of `text` stands for.
    high: Option<u16>,
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends text as it is.
    #[inline]
    pub(crate) fn push(&mut self, text: &str) {
        if !text.is_empty() {
            self.high = None;
            self.text.push_str(text);
        }
    }

    /// Appends what a valid literal says, its quotation marks included in `literal`.
    pub(crate) fn push_literal(&mut self, literal: &str) {
        let mut rest = literal
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or_default();
        while let Some((plain, escape)) = memchr(b'\\', rest.as_bytes()).and_then(|at| rest.split_at_checked(at)) {
            self.push(plain);
            rest = self.push_escape(escape.get(1..).unwrap_or_default());
        }
        self.push(rest);
    }

    /// Appends what the escape at the start of `text`, without its backslash, stands for; returns what follows it.
    fn push_escape<'a>(&mut self, text: &'a str) -> &'a str {
        if let Some(digits) = text.strip_prefix('u')
            && let Some((digits, rest)) = digits.split_at_checked(4)
        {
            self.push_unit(u16::from_str_radix(digits, 16).unwrap_or_default());
            return rest;
        }
        let mut chars = text.chars();
        self.push_char(match chars.next() {
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(itself) => itself,
            None => return "",
        });
        chars.as_str()
    }

    fn push_char(&mut self, c: char) {
        self.high = None;
        self.text.push(c);
    }

    /// Appends one unit of UTF-16.
    fn push_unit(&mut self, unit: u16) {
        if let Some(high) = self.high.take()
            && let Some(Ok(c)) = char::decode_utf16([high, unit]).next()
        {
            self.text.pop();
            self.text.push(c);
            return;
        }
        self.push_char(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
        self.high = (0xD800..0xDC00).contains(&unit).then_some(unit);
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(literals: &[&str]) -> String {
        let mut text = Text::default();
        for literal in literals {
            text.push_literal(literal);
        }
        text.text
    }

    #[test]
    fn escapes() {
        assert_eq!(
            joined(&[r#""a\"\\\/\b\f\n\r\t\u00e9é\u4f60\u0000z""#, r#""""#]),
            "a\"\\/\u{8}\u{c}\n\r\té\u{e9}你\0z"
        );
        assert_eq!(joined(&[r#""\ud83d\ude00x\uD83D\uDE00""#]), "😀x😀");
    }

    #[test]
    fn halves_of_a_pair_meet_again() {
        assert_eq!(joined(&[r#""a\ud83d""#, r#""""#, r#""\ude00b""#]), "a😀b");
        let mut text = Text::default();
        text.push_literal(r#""\ud83d""#);
        assert_eq!(text.as_str(), "\u{FFFD}");
        text.push("");
        text.push_literal(r#""\ude00""#);
        assert_eq!(text.as_str(), "😀");
    }

    #[test]
    fn a_lone_half_is_replaced() {
        assert_eq!(joined(&[r#""\ud83d""#, r#""x\ude00""#]), "\u{FFFD}x\u{FFFD}");
        assert_eq!(joined(&[r#""\ud83d\ud83d\ude00""#]), "\u{FFFD}😀");
        assert_eq!(
            joined(&[r#""\ude00\ud83d\n""#, r#""\ude00""#]),
            "\u{FFFD}\u{FFFD}\n\u{FFFD}"
        );
    }
}

//! A reply's headers in memory of their own.

use std::str;

use reqwest::header::HeaderMap;

/// Headers as lines, one after another. Those of a [`HeaderMap`] would keep the buffer that the connection read them into,
/// for as long as somebody has the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers(Box<[u8]>);

/// Stands between a name and its value: no name has one (RFC 9110 section 5.1).
const COLON: u8 = b':';
/// Ends a value: no value has one (RFC 9110 section 5.5).
const END: u8 = b'\n';

impl Headers {
    /// Those of a reply, in the order in which a map has them: those of one name stand together.
    #[must_use]
    pub fn of(map: &HeaderMap) -> Self {
        let size = map
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 2)
            .sum();
        let mut lines = Vec::with_capacity(size);
        for (name, value) in map {
            lines.extend_from_slice(name.as_str().as_bytes());
            lines.push(COLON);
            lines.extend_from_slice(value.as_bytes());
            lines.push(END);
        }
        Self(lines.into_boxed_slice())
    }

    /// The names, in small letters, and the values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.split(|byte| *byte == END).filter_map(|line| {
            let colon = memchr::memchr(COLON, line)?;
            Some((str::from_utf8(line.get(..colon)?).ok()?, line.get(colon + 1..)?))
        })
    }

    /// The text of the first header of this name, in small letters; `None` if it is absent or not ASCII.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.iter().find(|(other, _)| *other == name)?;
        str::from_utf8(value).ok().filter(|text| text.is_ascii())
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn headers_are_what_they_were() {
        let mut map = HeaderMap::new();
        map.append("x-one", HeaderValue::from_static("a: b"));
        map.append("x-two", HeaderValue::from_static(""));
        map.append("x-one", HeaderValue::from_static("c"));
        map.append("x-three", HeaderValue::from_bytes(b"\xE9\tx").unwrap());
        let headers = Headers::of(&map);
        let expected: [(&str, &[u8]); 4] = [
            ("x-one", b"a: b"),
            ("x-one", b"c"),
            ("x-two", b""),
            ("x-three", b"\xE9\tx"),
        ];
        assert!(headers.iter().eq(expected));
        assert_eq!(headers.text("x-one"), Some("a: b"));
        assert_eq!(headers.text("x-two"), Some(""));
        assert_eq!(headers.text("x-three"), None);
        assert_eq!(headers.text("x-four"), None);
        assert_eq!(Headers::of(&HeaderMap::new()).iter().count(), 0);
    }
}

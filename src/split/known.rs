//! Literals that are expected.

/// What is looked for again and again: the literal of a string, or that of a name with its colon.
#[derive(Debug)]
pub struct Known {
    pub(super) text: Box<[u8]>,
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
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        let (head, mask) = self.head;
        let Some(first) = text.first_chunk::<HEAD>() else {
            return text.starts_with(&self.text);
        };
        (u128::from_le_bytes(*first) ^ head) & mask == 0 && (self.text.len() <= HEAD || text.starts_with(&self.text))
    }
}

/// So many bytes are compared together.
const HEAD: usize = size_of::<u128>();

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split::Cursor;

    #[test]
    fn names() {
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
}

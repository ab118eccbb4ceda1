//! Text that came from anywhere, made fit to be shown.

/// The most characters of a message that are kept; the raw body keeps the rest.
const MAX_CHARS: usize = 500;

/// The text with everything replaced that would do something to a terminal or break a line, and shortened.
#[must_use]
pub fn printable(text: &str) -> String {
    let text = text.trim();
    let mut shown: String = text.chars().take(MAX_CHARS).map(harmless).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

/// The character, or another one in the place of one that does something unseen.
#[must_use]
pub fn harmless(c: char) -> char {
    match c {
        '\n' | '\r' | '\t' => ' ',
        // Line and paragraph separators, the marks that turn the direction of writing, and those that have no width.
        '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}'
        | '\u{200B}'
        | '\u{200E}'
        | '\u{200F}'
        | '\u{061C}'
        | '\u{FEFF}' => char::REPLACEMENT_CHARACTER,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

/// The text on one line.
pub(super) fn joined(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// A page's title, or without one its text.
pub(super) fn of_html(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = element(page, &lower, "<title", "</title").map(|(title, _)| joined(&unescaped(title)));
    match title {
        Some(title) if !title.is_empty() => title,
        _ => joined(&unescaped(&without_tags(page, &lower))),
    }
}

/// The content of the first element that opens with `open`, and where it ends.
fn element<'a>(page: &'a str, lower: &str, open: &str, close: &str) -> Option<(&'a str, usize)> {
    let tag = lower.find(open)?;
    let start = tag + lower.get(tag..)?.find('>')? + 1;
    let end = lower
        .get(start..)?
        .find(close)
        .map_or(lower.len(), |length| start + length);
    Some((page.get(start..end)?, end))
}

fn without_tags(page: &str, lower: &str) -> String {
    let mut text = String::new();
    let mut at = 0;
    while let Some((rest, lower)) = page.get(at..).zip(lower.get(at..)) {
        let Some(tag) = rest.find('<') else {
            text.push_str(rest);
            break;
        };
        text.push_str(rest.get(..tag).unwrap_or_default());
        text.push(' ');
        let tag_lower = lower.get(tag..).unwrap_or_default();
        let unseen = [("<script", "</script"), ("<style", "</style"), ("<!--", "-->")]
            .into_iter()
            .find(|(open, _)| tag_lower.starts_with(open));
        let close = unseen.map_or(0, |(_, close)| tag_lower.find(close).unwrap_or(tag_lower.len()));
        let length = tag_lower
            .get(close..)
            .and_then(|rest| rest.find('>'))
            .map_or(tag_lower.len(), |end| close + end + 1);
        at += tag + length;
    }
    text
}

fn unescaped(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut text = text.to_owned();
    for (entity, character) in [
        ("&nbsp;", " "),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}

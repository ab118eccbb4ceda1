//! What the errors of connections mean.

use std::error::Error as StdError;

use crate::error::{Cause, Error};

/// How hyper's connector names a failed look-up of a host's name; its error has no type that can be named.
const LOOK_UP_FAILED: &str = "dns error";

/// What an attempt without reqwest failed with, or its body.
#[must_use]
pub fn classify_other(error: &(dyn StdError + 'static)) -> Error {
    let detail = words_of(Some(error)).join(": ");
    let cause = if detail.starts_with(LOOK_UP_FAILED) {
        Cause::Dns
    } else {
        cause_within(Some(error)).unwrap_or(Cause::Other)
    };
    Error::Connection { cause, detail }
}

/// What a failed attempt or a broken body means.
#[must_use]
pub fn classify(error: &reqwest::Error, proxied: bool) -> Error {
    let cause = match cause(error) {
        // The tunnel's own error type cannot be named from outside; what is left while connecting is its refusal. And what
        // was to be connected to is the proxy.
        None | Some(Cause::Dns | Cause::Refused | Cause::Unreachable) if proxied && error.is_connect() => Cause::Proxy,
        found => found.unwrap_or(Cause::Other),
    };
    let mut detail = chain(error);
    // Of HTTP/2 only these words come through.
    let of_heads = [
        "too_many_continuations",
        "header compression",
        "unspecific protocol error detected",
    ];
    if detail.contains("http2 error") && of_heads.iter().any(|words| detail.contains(words)) {
        detail += "; the head of the reply may be larger than 400 KiB, or its headers more than are understood";
    }
    Error::Connection { cause, detail }
}

fn cause(error: &reqwest::Error) -> Option<Cause> {
    if error.is_dns() {
        return Some(Cause::Dns);
    }
    cause_within(error.source())
}

fn cause_within(outermost: Option<&(dyn StdError + 'static)>) -> Option<Cause> {
    let mut found = None;
    let mut next = outermost;
    while let Some(current) = next {
        // The innermost error knows best.
        found = cause_of(current).or(found);
        next = match current
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            // An error wrapped in an io::Error is passed over by its `source`.
            Some(inner) => Some(inner),
            None => current.source(),
        };
    }
    found
}

fn cause_of(error: &(dyn StdError + 'static)) -> Option<Cause> {
    if error.is::<rustls::Error>() {
        return Some(Cause::Tls);
    }
    if let Some(io) = error.downcast_ref::<std::io::Error>() {
        return cause_of_io(io.kind());
    }
    let hyper = error.downcast_ref::<hyper::Error>()?;
    if hyper.is_incomplete_message() || hyper.is_canceled() || hyper.is_closed() {
        Some(Cause::Reset)
    } else if hyper.is_parse() {
        Some(Cause::Protocol)
    } else {
        None
    }
}

fn cause_of_io(kind: std::io::ErrorKind) -> Option<Cause> {
    use std::io::ErrorKind as K;
    match kind {
        K::ConnectionRefused => Some(Cause::Refused),
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof | K::NotConnected => {
            Some(Cause::Reset)
        }
        K::HostUnreachable | K::NetworkUnreachable | K::NetworkDown | K::AddrNotAvailable => Some(Cause::Unreachable),
        K::InvalidData | K::InvalidInput => Some(Cause::Protocol),
        _ => None,
    }
}

/// The words of an error's sources: its own only say that something failed.
#[must_use]
pub fn chain(error: &reqwest::Error) -> String {
    let words = words_of(error.source());
    if words.is_empty() {
        error.to_string()
    } else {
        words.join(": ")
    }
}

fn words_of(outermost: Option<&(dyn StdError + 'static)>) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut next = outermost;
    while let Some(current) = next {
        let text = current.to_string();
        if words.last().is_none_or(|last| !last.contains(&text)) {
            words.push(text);
        }
        next = current.source();
    }
    words
}

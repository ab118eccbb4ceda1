//! The proxies of the environment: `HTTP_PROXY` and its like, and what `NO_PROXY` excepts from them.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

/// The usual variables that name a proxy.
const PROXY_VARIABLES: [&str; 6] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
];

/// Whether one of the variables is set.
#[must_use]
pub fn may_be_set() -> bool {
    PROXY_VARIABLES.iter().any(|name| std::env::var_os(name).is_some())
}

/// Whether one of them names a proxy that is spoken to over TLS.
#[must_use]
pub fn may_need_tls() -> bool {
    PROXY_VARIABLES
        .iter()
        .any(|name| std::env::var(name).is_ok_and(|url| is_tls(&url)))
}

/// Whether a proxy is spoken to over TLS.
#[must_use]
pub fn is_tls(url: &str) -> bool {
    url.starts_with("https:")
}

/// The environment's proxies, as they were when they were read.
#[derive(Debug)]
pub struct Environment {
    matcher: Matcher,
    /// Hosts that no proxy is used for at one port. What has no port, the matcher knows.
    direct: Vec<(String, u16)>,
}

impl Environment {
    /// What the environment says now; `None` where it switches proxies off.
    #[must_use]
    pub fn read() -> Option<Self> {
        let direct = first_of(&["NO_PROXY", "no_proxy"]);
        // For addresses too, as in curl and in Python's own urllib.
        let is_off = |value: &str| value.split(',').any(|host| host.trim() == "*");
        if is_off(&direct) || is_off(&first_of(&["no_proxy", "NO_PROXY"])) {
            return None;
        }
        Some(Self {
            matcher: Matcher::from_env(),
            direct: direct.split(',').filter_map(host_and_port).collect(),
        })
    }

    /// Whether it has what reqwest's own reading of the environment passes over.
    #[must_use]
    pub fn has_ports(&self) -> bool {
        !self.direct.is_empty()
    }

    /// Whether a proxy stands between here and this address.
    #[must_use]
    pub fn is_proxied(&self, url: &Url) -> bool {
        !self.is_direct(url)
            && url
                .as_str()
                .parse()
                .is_ok_and(|uri| self.matcher.intercept(&uri).is_some())
    }

    /// The proxy for this address, as its variable has it.
    #[must_use]
    pub fn proxy_of(&self, url: &Url) -> Option<String> {
        if !self.is_proxied(url) {
            return None;
        }
        let own: &[&str] = if url.scheme() == "https" {
            &["HTTPS_PROXY", "https_proxy"]
        } else {
            &["HTTP_PROXY", "http_proxy"]
        };
        let all = || first_of(&["ALL_PROXY", "all_proxy"]);
        Some(first_of(own))
            .filter(|proxy| !proxy.is_empty())
            .or_else(|| Some(all()))
    }

    fn is_direct(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        self.direct.iter().any(|(name, port)| {
            url.port_or_known_default() == Some(*port)
                && host
                    .strip_suffix(name.as_str())
                    .is_some_and(|before| before.is_empty() || before.ends_with('.'))
        })
    }
}

/// An entry of `NO_PROXY` that names a port: `host:port`, `.domain:port`, `[address]:port`.
fn host_and_port(entry: &str) -> Option<(String, u16)> {
    let (host, port) = entry.trim().rsplit_once(':')?;
    let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    if name.is_none() && host.contains(':') {
        return None;
    }
    let name = name.unwrap_or(host).trim_start_matches('.').to_ascii_lowercase();
    Some((name, port.parse().ok()?)).filter(|(name, _)| !name.is_empty())
}

/// The first of these variables that is set.
fn first_of(names: &[&str]) -> String {
    names
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_with_a_port() {
        let found = |entry| host_and_port(entry).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(found(" Api.Example:8080 ").as_deref(), Some("api.example 8080"));
        assert_eq!(found(".example:80").as_deref(), Some("example 80"));
        assert_eq!(found("[::1]:80").as_deref(), Some("::1 80"));
        for other in ["example", "::1", "fe80::1:80", "example:", "example:x", ":80", ""] {
            assert_eq!(found(other), None, "{other}");
        }
    }
}

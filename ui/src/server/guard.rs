//! Who may ask, and what browsers may do with the answer.

use std::net::SocketAddr;

use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};

/// On every answer.
const HEADERS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    // The address holds the token: it goes to nobody.
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=()",
    ),
];

/// Adds the headers that keep the page to itself.
pub(super) fn protect(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
}

/// Whether the request names this server by a name of the loopback interface. A name of somebody else's that
/// was made to point here (DNS rebinding) does not.
pub(super) fn is_ours(headers: &HeaderMap, address: SocketAddr) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let port = address.port();
    let ours = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    ours.iter().any(|ours| host.as_bytes() == ours.as_bytes())
}

/// The path below the token; `None` without the right one.
pub(super) fn below_token<'a>(path: &'a str, token: &str) -> Option<&'a str> {
    let (given, rest) = path.strip_prefix('/')?.split_once('/')?;
    // The time that this takes tells nothing about the token.
    let differs = given
        .bytes()
        .zip(token.bytes())
        .fold(0, |differs, (a, b)| differs | (a ^ b));
    (given.len() == token.len() && differs == 0).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_opens_the_page() {
        assert_eq!(below_token("/abcd/", "abcd"), Some(""));
        assert_eq!(
            below_token("/abcd/api/snapshot", "abcd"),
            Some("api/snapshot")
        );
        for path in [
            "/", "/abcd", "/abc/", "/abce/", "/abcde/", "//", "", "/ABCD/",
        ] {
            assert_eq!(below_token(path, "abcd"), None, "{path}");
        }
    }

    #[test]
    fn only_names_of_the_loopback_interface_are_ours() {
        let address = SocketAddr::from(([127, 0, 0, 1], 8000));
        let ours = |hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_static(host));
            }
            is_ours(&headers, address)
        };
        assert!(ours(&["127.0.0.1:8000"]) && ours(&["localhost:8000"]));
        for hosts in [
            &[][..],
            &["evil.example:8000"],
            &["127.0.0.1"],
            &["127.0.0.1:8001"],
            &["127.0.0.1:8000", "evil.example"],
            &["localhost.evil.example:8000"],
        ] {
            assert!(!ours(hosts), "{hosts:?}");
        }
    }
}

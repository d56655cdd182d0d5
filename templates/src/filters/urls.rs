//! `urlsplit`, `urlencode`, `to_uuid`.

use sha1::{Digest, Sha1};

use super::Filter;
use crate::evaluation::arguments::Arguments;
use crate::python::{printing, value};
use crate::{Error, ErrorKind, Value};

pub(super) const FILTERS: &[(&str, Filter)] = &[
    ("urlsplit", |_, a| urlsplit(a)),
    ("urlencode", |_, a| {
        if a.input().as_str().is_some() || value::float(a.input()).is_some() {
            return Ok(Value::from(encoded(&a.input_text()?, "/")));
        }
        let pairs = match value::is_map(a.input()) {
            true => value::entries(a.input())?,
            false => a
                .input_items()?
                .iter()
                .map(|pair| match value::items(pair)?.as_slice() {
                    [key, found] => Ok((key.clone(), found.clone())),
                    _ => Err(Error::new(ErrorKind::Operation, "pairs are needed")),
                })
                .collect::<Result<_, _>>()?,
        };
        let mut out = Vec::new();
        for (key, found) in pairs {
            let (key, found) = (printing::text(&key)?, printing::text(&found)?);
            let plus = |text: &str| encoded(text, "").replace("%20", "+");
            out.push(format!("{}={}", plus(&key), plus(&found)));
        }
        Ok(Value::from(out.join("&")))
    }),
    ("urldecode", |_, a| {
        let text = a.input_text()?.replace('+', " ");
        Ok(Value::from(decoded(&text)))
    }),
    ("to_uuid", |_, a| {
        let namespace = a
            .text(1, "namespace")?
            .unwrap_or_else(|| "361e6d51-faec-444a-9079-341386da8e2e".into());
        to_uuid(&namespace, &a.input_text()?)
    }),
];

fn encoded(text: &str, safe: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || "_.-~".contains(c) || safe.contains(c) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let hex = text
            .get(at + 1..at + 3)
            .filter(|_| bytes[at] == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn urlsplit(arguments: &Arguments) -> Result<Value, Error> {
    let url = arguments.input_text()?;
    let (rest, fragment) = url.split_once('#').unwrap_or((&url, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let scheme_end = rest.find(':').filter(|end| {
        rest.starts_with(|c: char| c.is_ascii_alphabetic())
            && rest[..*end]
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    let (scheme, rest) = match scheme_end {
        Some(end) => (&rest[..end], &rest[end + 1..]),
        None => ("", rest),
    };
    let (netloc, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    let (user, host) = match netloc.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, netloc),
    };
    let (username, password) = match user.map(|user| user.split_once(':').ok_or(user)) {
        None => (None, None),
        Some(Ok((name, password))) => (Some(name), Some(password)),
        Some(Err(name)) => (Some(name), None),
    };
    let (hostname, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => match host.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host, None),
        },
    };
    let port = match port.filter(|port| !port.is_empty()) {
        Some(port) => Value::from(
            port.parse::<u16>()
                .map_err(|_| Error::new(ErrorKind::Operation, format!("`{port}` is not a port")))?,
        ),
        None => Value::from(()),
    };
    let optional = |text: Option<&str>| match text {
        Some(text) => Value::from(text),
        None => Value::from(()),
    };
    let hostname = Some(hostname.to_lowercase()).filter(|hostname| !hostname.is_empty());
    let parts = [
        ("fragment", Value::from(fragment)),
        ("hostname", optional(hostname.as_deref())),
        ("netloc", Value::from(netloc)),
        ("password", optional(password)),
        ("path", Value::from(path)),
        ("port", port),
        ("query", Value::from(query)),
        ("scheme", Value::from(scheme.to_lowercase())),
        ("username", optional(username)),
    ];
    match arguments.text(1, "query")? {
        Some(wanted) if !wanted.is_empty() => parts
            .into_iter()
            .find(|(name, _)| *name == wanted)
            .map(|(_, part)| part)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Operation,
                    format!("a URL has no part `{wanted}`"),
                )
                .with_next_step(
                    "use scheme, netloc, path, query, fragment, username, password, hostname or port",
                )
            }),
        _ => Ok(value::map(
            parts.into_iter().map(|(name, part)| (Value::from(name), part)),
        )),
    }
}

/// A name in a namespace as a UUID of version 5.
fn to_uuid(namespace: &str, name: &str) -> Result<Value, Error> {
    let digits: String = namespace.chars().filter(|c| *c != '-').collect();
    let number = u128::from_str_radix(&digits, 16)
        .ok()
        .filter(|_| digits.len() == 32)
        .ok_or_else(|| Error::new(ErrorKind::Operation, format!("`{namespace}` is not a UUID")))?;
    let mut hash = Sha1::new();
    hash.update(number.to_be_bytes());
    hash.update(name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x50;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Value::from(format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )))
}

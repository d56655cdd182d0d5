//! Hardware addresses.

use crate::evaluation::arguments::Arguments;
use crate::python::printing;
use crate::{Error, ErrorKind, Value};

pub(super) fn hwaddr(arguments: &Arguments) -> Result<Value, Error> {
    let query = arguments.text(1, "query")?.unwrap_or_default();
    let written = printing::text(arguments.input())?;
    let Some(bytes) = parsed(&written) else {
        return Ok(Value::from(""));
    };
    let joined = |separator: &str, group: usize, upper: bool| {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let digits = if upper { digits.to_uppercase() } else { digits };
        let groups: Vec<String> = digits
            .as_bytes()
            .chunks(group)
            .map(|group| String::from_utf8_lossy(group).into_owned())
            .collect();
        groups.join(separator)
    };
    Ok(Value::from(match query.as_str() {
        "" => written,
        "bool" => return Ok(Value::from(true)),
        "bare" => joined("", 12, true),
        "cisco" => joined(".", 4, false),
        "eui48" | "win" => joined("-", 2, true),
        "linux" => joined(":", 2, false),
        "unix" => {
            let parts = bytes.map(|byte| format!("{byte:x}"));
            parts.join(":")
        }
        "pgsql" | "postgresql" | "psql" => joined(":", 6, false),
        "int" => bytes
            .iter()
            .fold(0u64, |number, byte| number << 8 | u64::from(*byte))
            .to_string(),
        other => {
            return Err(Error::new(
                ErrorKind::Operation,
                format!("a hardware address can't be written as `{other}`"),
            )
            .with_next_step("use bare, bool, cisco, eui48, int, linux, pgsql, unix or win"));
        }
    }))
}

/// Six bytes: with `:`, `-` or `.` between groups, or without.
fn parsed(written: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let groups: Vec<&str> = written.split([':', '-', '.']).collect();
    let digits: String = match groups.len() {
        6 => groups.iter().map(|group| format!("{group:0>2}")).collect(),
        3 => groups.iter().map(|group| format!("{group:0>4}")).collect(),
        2 => groups.iter().map(|group| format!("{group:0>6}")).collect(),
        1 => written.to_owned(),
        _ => return None,
    };
    if digits.len() != 12 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

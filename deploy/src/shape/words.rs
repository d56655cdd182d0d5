//! Names and values as a person writes them.

use serde_json::Value;

/// `MaxFailureRatio` as `max_failure_ratio`, `NanoCPUs` as `cpus`.
pub fn key(name: &str) -> String {
    match name {
        "NanoCPUs" => return "cpus".into(),
        "MemoryBytes" => return "memory".into(),
        "DNSConfig" => return "dns".into(),
        "HealthCheck" => return "healthcheck".into(),
        "Args" => return "command".into(),
        "Command" => return "entrypoint".into(),
        "Dir" => return "working_dir".into(),
        "TTY" => return "tty".into(),
        "IPAM" => return "ipam".into(),
        _ => {}
    }
    // Only words in docker's manner; a map's own key stays as it is.
    if !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return name.to_owned();
    }
    let mut key = String::new();
    let mut before = None;
    for c in name.chars() {
        if c.is_uppercase() && before.is_some_and(char::is_lowercase) {
            key.push('_');
        }
        key.extend(c.to_lowercase());
        before = Some(c);
    }
    key
}

/// A value at its path.
pub fn value(path: &str, value: &Value) -> String {
    let last = path.rsplit('.').next().unwrap_or_default();
    match (value, value.as_i64()) {
        (Value::String(text), _) => text.clone(),
        (_, Some(number)) => match last {
            "delay" | "monitor" | "window" | "stop_grace_period" | "interval" | "timeout"
            | "start_period" | "start_interval" => duration(number),
            "memory" => bytes(number),
            "cpus" => decimal(number),
            _ => number.to_string(),
        },
        _ => value.to_string(),
    }
}

/// Nanoseconds: `90s`, `1.5s`.
fn duration(nanoseconds: i64) -> String {
    format!("{}s", decimal(nanoseconds))
}

/// Billionths.
fn decimal(billionths: i64) -> String {
    let (whole, rest) = (billionths / 1_000_000_000, billionths % 1_000_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = format!("{:09}", rest.abs());
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// `64 MiB`; exact, so that two different sizes never look alike.
fn bytes(bytes: i64) -> String {
    for (unit, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes != 0 && bytes % size == 0 {
            return format!("{} {unit}", bytes / size);
        }
    }
    format!("{bytes} bytes")
}

//! What services, networks, volumes and the like may be called.

use crate::yaml::report::{Place, Report};

/// Longest name of a service: it is a host name.
const LONGEST_SERVICE: usize = 63;

/// Checks the name of a service; `false` when it can't be deployed under it.
pub(crate) fn service(name: &str, place: Place, report: &mut Report<'_>) -> bool {
    if name.starts_with("hive-") {
        report.error(
            place,
            format!(
                "a service can't be called `{name}`: names that begin with `hive-` are hive's own"
            ),
            format!("call it `{}`", name.trim_start_matches("hive-")),
        );
        return false;
    }
    let plain = |c: char| c.is_ascii_alphanumeric();
    let inner = |c: char| plain(c) || c == '-' || c == '_';
    if !name.starts_with(plain)
        || !name.ends_with(plain)
        || !name.chars().all(inner)
        || name.len() > LONGEST_SERVICE
    {
        report.error(
            place,
            format!(
                "`{name}` can't be the host name of a container, so no service can be called that"
            ),
            format!("use letters, digits and inner hyphens, {LONGEST_SERVICE} at the most"),
        );
        return false;
    }
    if name.contains('_') {
        report.warn(
            place,
            format!(
                "`{name}` is no valid host name, though docker takes it: some programs will not"
            ),
            format!("call it `{}`", name.replace('_', "-")),
        );
    }
    true
}

/// Whether docker takes it as the name of a volume, network, secret or config.
pub(crate) fn is_object(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    name.len() >= 2
        && name.starts_with(plain)
        && name
            .chars()
            .all(|c| plain(c) || matches!(c, '_' | '.' | '-'))
}

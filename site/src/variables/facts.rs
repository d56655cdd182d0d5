//! Facts: what Ansible would learn from a running host. Nothing here asks a host.

use hive_templates::{Error, ErrorKind};

/// Settings of a connection, which are no facts though they begin alike.
const SETTINGS: [&str; 9] = [
    "ansible_become",
    "ansible_check_mode",
    "ansible_connection",
    "ansible_group_priority",
    "ansible_host",
    "ansible_password",
    "ansible_port",
    "ansible_python_interpreter",
    "ansible_user",
];

/// Whether a name is that of a fact.
pub(crate) fn is_fact(name: &str) -> bool {
    name.starts_with("ansible_") && !SETTINGS.contains(&name)
}

/// Why a fact has no value; `None` for other names.
pub(crate) fn missing(name: &str, host: &str) -> Option<Error> {
    is_fact(name).then(|| {
        Error::new(
            ErrorKind::Undefined(name.to_owned()),
            format!(
                "`{name}` is a fact, which exists on running hosts only, not for `{host}` here"
            ),
        )
        .with_next_step(
            "use a variable of the inventory, such as `hive_private_ip`, or write the value itself",
        )
    })
}

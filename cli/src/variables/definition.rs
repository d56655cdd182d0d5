//! The variables that there are: type, scope, default, and under which name an inventory sees them.
//! Names are an interface; that some are misspelt is part of it.

use super::value::Kind;

/// Where a value may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Nowhere: it comes from the command line or from the command itself.
    Unkept,
    /// One value for the site.
    Global,
    /// One value per stage.
    Stage,
}

impl Scope {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unkept => "none",
            Self::Global => "global",
            Self::Stage => "stage",
        }
    }
}

/// A variable.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Where it may be kept.
    pub scope: Scope,
    /// Its value when nobody gave one; `{name}` stands for the value of another variable.
    pub default: Option<&'static str>,
    /// What the inventory's templates call it.
    pub injected: Option<&'static str>,
    /// Whether it is shown only when asked for.
    pub secret: bool,
    /// Whether anything heeds it. The rest were settings of Ansible and are kept so that an existing file stays whole.
    pub used: bool,
    /// What it is for.
    pub about: &'static str,
}

impl Definition {
    const fn new(name: &'static str, kind: Kind, scope: Scope, about: &'static str) -> Self {
        Self {
            name,
            kind,
            scope,
            default: None,
            injected: None,
            secret: false,
            used: true,
            about,
        }
    }

    const fn default(mut self, text: &'static str) -> Self {
        self.default = Some(text);
        self
    }

    const fn injected(mut self, name: &'static str) -> Self {
        self.injected = Some(name);
        self
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// A setting of Ansible.
    const fn ansible(name: &'static str, kind: Kind) -> Self {
        let mut this = Self::new(name, kind, Global, "a setting of Ansible; has no effect");
        this.used = false;
        this
    }
}

/// The stages, in the order in which options are listed.
pub const STAGES: &[&str] = &["production", "staging", "private"];
/// The phases, in their order.
pub const PHASES: &[&str] = &[
    "build-infra",
    "setup-hosts",
    "build-images",
    "build-volumes",
    "build-networks",
    "deploy-services",
    "initialize-services",
];

use Kind::{Boolean, Dict, Directory, Enum, Integer, Text};
use Scope::{Global, Stage, Unkept};

/// All variables, in the order of `hive list`.
pub static TABLE: &[Definition] = &[
    Definition::new("root_dir", Directory, Unkept, "the site folder").injected("hive_root_dir"),
    Definition::new(
        "stage",
        Enum(STAGES),
        Global,
        "the stage that commands work on",
    )
    .default("private")
    .injected("hive_stage"),
    Definition::new(
        "inventory_path",
        Directory,
        Global,
        "the folder with the definitions",
    )
    .default("{root_dir}/inventory"),
    Definition::new(
        "context_dir",
        Directory,
        Stage,
        "the stage's private folder: keys, ssh files, images",
    )
    .default("{root_dir}/.hive/{stage}")
    .injected("hive_context_dir"),
    Definition::new("temp_dir", Directory, Stage, "the folder for passing files")
        .default("/var/tmp/hive")
        .injected("hive_temp_dir"),
    Definition::new("verbose", Boolean, Stage, "say more about what is done")
        .injected("hive_verbose"),
    Definition::new(
        "start_phase",
        Enum(PHASES),
        Stage,
        "where `hive all` goes on",
    )
    .default("build-infra"),
    Definition::new("phase", Enum(PHASES), Unkept, "the phase that runs").injected("hive_phase"),
    Definition::new("limit_target", Text, Unkept, "what -l names").injected("hive_limit"),
    Definition::new("destroy", Boolean, Unkept, "given by -D").injected("hive_destroy"),
    Definition::new("halt", Boolean, Unkept, "given by -H").injected("hive_halt"),
    Definition::new("check_mode", Boolean, Unkept, "given by -C"),
    Definition::new("tags", Text, Unkept, "what -T names"),
    Definition::new(
        "ssh_host",
        Text,
        Global,
        "the host of `hive ssh` without -t",
    ),
    Definition::new(
        "foward_zabbix",
        Boolean,
        Stage,
        "`hive ssh` forwards Zabbix's web page",
    )
    .default("false"),
    Definition::new(
        "foward_zabbix_port",
        Integer,
        Stage,
        "the local port for that",
    )
    .default("10052"),
    Definition::new(
        "port_forwarding",
        Text,
        Stage,
        "a forward of every `hive ssh`, as ssh -L has it",
    ),
    Definition::new(
        "first_hive",
        Integer,
        Stage,
        "number of the hive that founded the swarm",
    )
    .default("0"),
    Definition::new(
        "no_format",
        Boolean,
        Global,
        "never format a disk for mirrored volumes",
    )
    .default("false")
    .injected("hive_no_format"),
    Definition::new(
        "tls_logging",
        Boolean,
        Stage,
        "hosts send their logs over TLS",
    )
    .default("false")
    .injected("hive_tls_logging"),
    Definition::new(
        "drbd_device_map",
        Dict,
        Stage,
        "device ids of mirrored volumes",
    ),
    Definition::new(
        "published_port_map",
        Dict,
        Stage,
        "published ports that were chosen",
    ),
    Definition::new(
        "http_proxy",
        Text,
        Stage,
        "HOST:PORT of the proxy for downloads",
    )
    .injected("hive_http_proxy"),
    Definition::new(
        "http_proxy_port",
        Text,
        Stage,
        "port of the proxy on the hosts",
    )
    .default("3128")
    .injected("hive_http_proxy_port"),
    Definition::new("vagrant_proxy", Text, Stage, "proxy of vagrant machines")
        .injected("hive_vagrant_proxy"),
    Definition::new(
        "registry_mirror",
        Text,
        Stage,
        "mirror of the public registry",
    )
    .injected("hive_registry_mirror"),
    Definition::new("pip_index_url", Text, Stage, "Python package index")
        .injected("hive_pip_index_url"),
    Definition::new(
        "pip_trusted_host",
        Text,
        Stage,
        "host of a Python package index that is trusted without TLS",
    )
    .injected("hive_pip_trusted_host"),
    Definition::new(
        "zabbix_backup_cleanup_days_before",
        Integer,
        Global,
        "days that Zabbix's backups are kept",
    )
    .default("3")
    .injected("hive_zabbix_backup_cleanup_days_before"),
    Definition::new(
        "registry_backup_cleanup_days_before",
        Integer,
        Global,
        "days that the registry's backups are kept",
    )
    .default("3")
    .injected("hive_registry_backup_cleanup_days_before"),
    Definition::new("aws_access_key_id", Text, Stage, "credentials for aws").secret(),
    Definition::new("aws_secret_access_key", Text, Stage, "credentials for aws").secret(),
    Definition::new("azure_client_id", Text, Stage, "credentials for azure").secret(),
    Definition::new("azure_secret", Text, Stage, "credentials for azure").secret(),
    Definition::new(
        "azure_subscription_id",
        Text,
        Stage,
        "credentials for azure",
    )
    .secret(),
    Definition::new("azure_tenant", Text, Stage, "credentials for azure").secret(),
    Definition::new("vagrant_box_name", Text, Global, "box of vagrant machines")
        .default("almalinux/9"),
    Definition::new(
        "repository_docker_socket",
        Text,
        Global,
        "where the repository host's docker socket is forwarded to",
    )
    .default("{temp_dir}/repository_docker.sock")
    .injected("hive_repository_docker_socket"),
    Definition {
        injected: Some("hive_playbooks_dir"),
        ..Definition::ansible("playbooks_dir", Text)
    },
    Definition::ansible("roles_path", Text),
    Definition::ansible("collections_path", Text),
    Definition::ansible("forks", Integer),
    Definition::ansible("pipelining", Boolean),
    Definition::ansible("timeout", Integer),
    Definition::ansible("retries", Integer),
    Definition::ansible("force_handlers", Boolean),
    Definition::ansible("ssh_args", Text),
    Definition::ansible("interpreter_python", Text),
    Definition::ansible("inventory_plugins", Text),
    Definition::ansible("filter_plugins", Text),
    Definition::ansible("library", Text),
    Definition::ansible("enable_plugins", Text),
    Definition::ansible("unparsed_is_failed", Boolean),
    Definition::ansible("stdout_callback", Text),
    Definition::ansible("callback_enabled", Text),
    Definition::ansible("bin_ansible_callbacks", Boolean),
];

/// A name that is no variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no variable `{name}`{}", nearest.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
pub struct UnknownVariable {
    /// The name.
    pub name: String,
    /// A variable that is written alike.
    pub nearest: Option<&'static str>,
}

/// The variable with this name; `-` and `_` are the same here.
///
/// # Errors
/// There is none.
pub fn find(name: &str) -> Result<&'static Definition, UnknownVariable> {
    let plain = name.replace('-', "_");
    TABLE.iter().find(|d| d.name == plain).ok_or_else(|| {
        let near = TABLE
            .iter()
            .map(|d| (distance(&plain, d.name), d.name))
            .filter(|(far, known)| *far <= known.len().max(3) / 3)
            .min();
        UnknownVariable {
            name: name.to_owned(),
            nearest: near.map(|(_, known)| known),
        }
    })
}

/// How many letters must be put in, taken out or changed to make one word the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_there_once_and_defaults_are_of_their_type() {
        let names: BTreeSet<_> = TABLE.iter().map(|d| d.name).collect();
        assert_eq!(names.len(), TABLE.len());
        for definition in TABLE {
            if let Some(default) = definition.default.filter(|text| !text.contains('{')) {
                let read = definition.kind.parse(default);
                assert!(
                    read.is_ok() || definition.kind == Directory,
                    "{}",
                    definition.name
                );
            }
        }
    }

    #[test]
    fn an_unknown_name_is_told_with_the_nearest() {
        assert_eq!(
            find("forward_zabbix").unwrap_err().to_string(),
            "there is no variable `forward_zabbix`; did you mean `foward_zabbix`?"
        );
        assert_eq!(find("stge").unwrap_err().nearest, Some("stage"));
        assert_eq!(
            find("colour").unwrap_err().to_string(),
            "there is no variable `colour`"
        );
        assert_eq!(find("start-phase").unwrap().name, "start_phase");
    }
}

//! The variables that travel in the site layer, read into [`HostSettings`].

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use hive_inventory::seed::is_host_name;
use hive_inventory::settings::{Group, HostSettings, User};

use super::evaluation::Evaluation;
use super::layers;
use super::world::World;
use crate::hive::host::Host;
use crate::hive::provider::Provider;
use crate::hive::sealed;
use crate::hive::stage::StageName;
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::tree::{Entry, Node, Value};

/// Every variable that is read here; each is the same for all hosts of a stage.
const VARIABLES: &[&str] = &[
    "hive_timezone",
    "hive_locale",
    "hive_ntp_servers",
    "hive_users",
    "hive_user_groups",
    "hive_admin",
    "hive_sshd_port",
    "hive_safe_sshd_port",
    "hive_ssh_source_ips",
    "hive_registry_mirror",
];

/// The variables as one stage sees them.
pub(crate) struct StageVariables<'v> {
    pub world: &'v World,
    pub stage: StageName,
    /// The host in whose place templates are evaluated.
    pub host: String,
    /// Without it, what is a template counts as not given.
    pub evaluation: Option<&'v Evaluation>,
}

impl StageVariables<'_> {
    /// A variable with its templates evaluated.
    fn literal(&self, key: &str, report: &mut Report<'_>) -> Option<Entry> {
        let entry = self.world.files.of_stage(self.stage, key)?;
        self.evaluated(entry, &self.host, report)
    }

    fn evaluated(&self, entry: &Entry, host: &str, report: &mut Report<'_>) -> Option<Entry> {
        let mut entry = entry.clone();
        if layers::is_template(&entry.node) {
            entry = self.evaluation?.entry_value(&entry, host, report)?;
        }
        (!matches!(entry.node.value, Value::Null)).then_some(entry)
    }

    /// Whether a hive gets a disk for mirrored volumes: `hive_no_mirrored_device` keeps it from one.
    pub fn has_mirrored_disk(&self, host: &str, report: &mut Report<'_>) -> bool {
        let key = "hive_no_mirrored_device";
        let Some(entry) = self.world.find(host, self.stage, key) else {
            return true;
        };
        let Some(entry) = self.evaluated(entry, host, report) else {
            return true;
        };
        match &entry.node.value {
            Value::Bool { value, .. } => !value,
            Value::Text(text) if matches!(text.to_lowercase().as_str(), "yes" | "on" | "true") => {
                false
            }
            Value::Text(text) if matches!(text.to_lowercase().as_str(), "no" | "off" | "false") => {
                true
            }
            _ => {
                report.error(
                    entry.node.place,
                    format!("`{key}` must be True or False, found {}", entry.node.kind()),
                    format!("write `{key}: True`"),
                );
                true
            }
        }
    }

    /// A text of one line that `valid` accepts.
    fn word(
        &self,
        key: &str,
        valid: fn(&str) -> bool,
        example: &str,
        report: &mut Report<'_>,
    ) -> Option<String> {
        let node = self.literal(key, report)?.node;
        checked(&node, key, valid, example, report)
    }

    /// A list of such texts; a single one stands for a list of one.
    fn words(
        &self,
        key: &str,
        valid: fn(&str) -> bool,
        example: &str,
        report: &mut Report<'_>,
    ) -> Vec<String> {
        let Some(entry) = self.literal(key, report) else {
            return Vec::new();
        };
        let items = match &entry.node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&entry.node),
        };
        items
            .iter()
            .filter_map(|item| checked(item, key, valid, example, report))
            .collect()
    }

    /// `hive_locale`.
    pub fn locale(&self, report: &mut Report<'_>) -> Option<String> {
        self.word("hive_locale", sealed::is_locale, "ja_JP.UTF-8", report)
    }

    /// The settings, but for what comes from the stage's networks and hosts.
    pub fn read(&self, provider: Provider, report: &mut Report<'_>) -> HostSettings {
        let mut port = |key: &str| {
            let node = self.literal(key, report)?.node;
            fields::whole(&node, key, 1..=65535, report).and_then(|port| u16::try_from(port).ok())
        };
        // The manual's name wins over the newer one.
        let sshd_port = port("hive_safe_sshd_port").or(port("hive_sshd_port"));
        let groups = self.groups(report);
        HostSettings {
            timezone: self.word("hive_timezone", is_timezone, "Asia/Tokyo", report),
            ntp_servers: self.words("hive_ntp_servers", is_server, "ntp.example.com", report),
            admin: self
                .word("hive_admin", is_account, "admin", report)
                .unwrap_or_else(|| provider.admin().into()),
            users: self.users(&groups, report),
            groups,
            sshd_port,
            ssh_source_ips: self.words("hive_ssh_source_ips", is_source, "192.0.2.0/24", report),
            registry_mirrors: self.words(
                "hive_registry_mirror",
                is_url,
                "https://mirror.example.com",
                report,
            ),
            ..HostSettings::default()
        }
    }

    fn groups(&self, report: &mut Report<'_>) -> BTreeMap<String, Group> {
        let mut groups = BTreeMap::new();
        for entry in self.people("hive_user_groups", &["gid"], report) {
            let fields = person(&entry, "hive_user_groups", report);
            let Some(fields) = fields else { continue };
            let given = fields.required("gid", "2000", report);
            if let Some(gid) = given.and_then(|e| id(&e.node, "gid", report)) {
                groups.insert(entry.key.clone(), Group { gid });
            }
        }
        groups
    }

    fn users(
        &self,
        groups: &BTreeMap<String, Group>,
        report: &mut Report<'_>,
    ) -> BTreeMap<String, User> {
        let mut users = BTreeMap::new();
        let keys = &["uid", "group", "id_rsa_pub"];
        for entry in self.people("hive_users", keys, report) {
            let Some(fields) = person(&entry, "hive_users", report) else {
                continue;
            };
            let uid = fields.required("uid", "2001", report);
            let group = fields.required("group", "operators", report);
            let key = fields.required("id_rsa_pub", "\"ssh-ed25519 AAAA… name\"", report);
            let uid = uid.and_then(|e| id(&e.node, "uid", report));
            let name = group.and_then(|e| fields::text(&e.node, "group", report));
            if let (Some(group), Some(name)) = (group, &name)
                && !groups.contains_key(name)
            {
                self.judge_group(group, name, report);
                continue;
            }
            let key = key.and_then(|e| fields::text(&e.node, "id_rsa_pub", report));
            if let (Some(uid), Some(group), Some(key)) = (uid, name, key) {
                let user = User {
                    uid,
                    group,
                    id_rsa_pub: key.trim().to_owned(),
                };
                users.insert(entry.key.clone(), user);
            }
        }
        users
    }

    /// Says why the group of a user is not among the groups, unless that was said.
    fn judge_group(&self, at: &Entry, name: &str, report: &mut Report<'_>) {
        let groups = self.world.files.of_stage(self.stage, "hive_user_groups");
        // A template that has no value is told of where it stands.
        let waiting = groups.is_some_and(|entry| match entry.node.get(name) {
            Some(group) => layers::is_template(&group.node),
            None => layers::is_template(&entry.node),
        });
        if !waiting && groups.is_none_or(|entry| entry.node.get(name).is_none()) {
            report.error(
                at.node.place,
                format!("the group `{name}` is not in `hive_user_groups`"),
                format!("add `{name}: {{gid: 2000}}` to `hive_user_groups`"),
            );
            return;
        }
        if waiting && self.evaluation.is_some() && report.errors() == 0 {
            report.error(
                at.node.place,
                format!("the group `{name}` is not in `hive_user_groups`, whose templates were evaluated"),
                format!("make `hive_user_groups` have an entry `{name}` with a `gid`"),
            );
        }
        // Else the group has a mistake of its own, which is reported there.
    }

    /// The entries of a mapping from account names to mappings with these keys.
    fn people(&self, variable: &str, keys: &[&str], report: &mut Report<'_>) -> Vec<Entry> {
        let Some(entry) = self.literal(variable, report) else {
            return Vec::new();
        };
        let what = format!("`{variable}`");
        let Some(people) = Fields::open_any(&entry.node, entry.place, what, report) else {
            return Vec::new();
        };
        for entry in people.entries() {
            if !is_account(&entry.key) {
                report.error(
                    entry.place,
                    format!("`{}` can't be the name of an account", entry.key),
                    "begin with a letter, then letters, digits and `._-`, 32 in all",
                );
            }
            let Value::Map(others) = &entry.node.value else {
                continue;
            };
            for other in others {
                if !keys.contains(&other.key.as_str()) {
                    report.warn(
                        other.place,
                        format!(
                            "nothing reads `{}` in `{}` of `{variable}`",
                            other.key, entry.key
                        ),
                        crate::yaml::spelling::advice(&other.key, keys),
                    );
                }
            }
        }
        people.entries().to_vec()
    }

    /// Warns of values for single hosts: what travels in the site layer is the same for all.
    pub fn warn_of_single_hosts(&self, hosts: &[Host], report: &mut Report<'_>) {
        for key in VARIABLES {
            let groups = ["repository", "first_hive"];
            let in_groups = groups
                .iter()
                .filter_map(|group| self.world.files.in_group(group, key));
            let in_hosts = hosts
                .iter()
                .filter_map(|host| self.world.files.in_host(&host.name, key));
            for entry in in_groups.chain(in_hosts) {
                report.warn(
                    entry.place,
                    format!(
                        "`{key}` is the same on every host of a stage, so this value is not taken"
                    ),
                    format!("set it in group_vars/{}.yml", self.stage),
                );
            }
        }
    }
}

/// One entry of such a mapping, opened.
fn person<'e>(entry: &'e Entry, variable: &str, report: &mut Report<'_>) -> Option<Fields<'e>> {
    let what = format!("`{}` of `{variable}`", entry.key);
    Fields::open_any(&entry.node, entry.place, what, report)
}

fn checked(
    node: &Node,
    key: &str,
    valid: fn(&str) -> bool,
    example: &str,
    report: &mut Report<'_>,
) -> Option<String> {
    let text = fields::text(node, key, report)?;
    if valid(&text) {
        return Some(text);
    }
    report.error(
        node.place,
        format!(
            "`{key}` can't be `{}`",
            text.lines().next().unwrap_or_default()
        ),
        format!("write it like `{example}`"),
    );
    None
}

fn id(node: &Node, key: &str, report: &mut Report<'_>) -> Option<u32> {
    // 0 is root, and the two highest mean "no id" to the kernel.
    fields::whole(node, key, 1..=4_294_967_293, report).and_then(|id| u32::try_from(id).ok())
}

fn is_timezone(text: &str) -> bool {
    // It becomes a path below the zone database.
    !text.is_empty()
        && text.split('/').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric())
                && part
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "_+-".contains(c))
        })
}

fn is_account(text: &str) -> bool {
    text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_server(text: &str) -> bool {
    is_host_name(text) || text.parse::<IpAddr>().is_ok()
}

fn is_source(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok()
}

fn is_url(text: &str) -> bool {
    (text.starts_with("http://") || text.starts_with("https://"))
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

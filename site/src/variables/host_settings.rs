//! The variables that travel in the site layer, read into [`HostSettings`].

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use hive_inventory::seed::is_host_name;
use hive_inventory::settings::{Group, HostSettings, User};

use super::layers::{self, Variables};
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
    pub variables: &'v Variables,
    pub stage: StageName,
}

impl<'v> StageVariables<'v> {
    /// A variable whose value can be taken as it stands.
    fn literal(&self, key: &str, report: &mut Report<'_>) -> Option<&'v Entry> {
        let entry = self.variables.of_stage(self.stage, key)?;
        if layers::is_template(&entry.node) {
            report.warn(
                entry.place,
                format!("`{key}` is a template or encrypted, which is not evaluated yet: the default is taken"),
                "write the value itself if the image must have it",
            );
            return None;
        }
        (!matches!(entry.node.value, Value::Null)).then_some(entry)
    }

    /// A text of one line that `valid` accepts.
    fn word(
        &self,
        key: &str,
        valid: fn(&str) -> bool,
        example: &str,
        report: &mut Report<'_>,
    ) -> Option<String> {
        let node = &self.literal(key, report)?.node;
        checked(node, key, valid, example, report)
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
            let node = &self.literal(key, report)?.node;
            fields::whole(node, key, 1..=65535, report).and_then(|port| u16::try_from(port).ok())
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
        for (entry, fields) in self.people("hive_user_groups", &["gid"], report) {
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
        for (entry, fields) in self.people("hive_users", keys, report) {
            let uid = fields.required("uid", "2001", report);
            let group = fields.required("group", "operators", report);
            let key = fields.required("id_rsa_pub", "\"ssh-ed25519 AAAA… name\"", report);
            let uid = uid.and_then(|e| id(&e.node, "uid", report));
            let name = group.and_then(|e| fields::text(&e.node, "group", report));
            if let (Some(group), Some(name)) = (group, &name)
                && !groups.contains_key(name)
            {
                self.judge_group(group, name, &entry.key, report);
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

    /// Says why a user's group is not among the groups.
    fn judge_group(&self, at: &Entry, name: &str, user: &str, report: &mut Report<'_>) {
        let groups = self.variables.of_stage(self.stage, "hive_user_groups");
        let waiting = groups.is_some_and(|entry| match entry.node.get(name) {
            Some(group) => layers::is_template(&group.node),
            None => matches!(entry.node.value, Value::Text(_)),
        });
        if waiting {
            report.warn(
                at.node.place,
                format!("`{user}` is left out, because the group `{name}` is a template"),
                "write the value of `hive_user_groups` itself if the image must have it",
            );
        } else if groups.is_none_or(|entry| entry.node.get(name).is_none()) {
            report.error(
                at.node.place,
                format!("the group `{name}` is not in `hive_user_groups`"),
                format!("add `{name}: {{gid: 2000}}` to `hive_user_groups`"),
            );
        }
        // Else the group has a mistake of its own, which is reported there.
    }

    /// The entries of a mapping from account names to mappings with these keys.
    fn people(
        &self,
        variable: &str,
        keys: &[&str],
        report: &mut Report<'_>,
    ) -> Vec<(&'v Entry, Fields<'v>)> {
        let mapping = self
            .variables
            .of_stage(self.stage, variable)
            .filter(|entry| matches!(entry.node.value, Value::Map(_)));
        // A template in one entry keeps only that one aside.
        let Some(entry) = mapping.or_else(|| self.literal(variable, report)) else {
            return Vec::new();
        };
        let what = format!("`{variable}`");
        let Some(people) = Fields::open_any(&entry.node, entry.place, what, report) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for entry in people.entries() {
            if !is_account(&entry.key) {
                report.error(
                    entry.place,
                    format!("`{}` can't be the name of an account", entry.key),
                    "begin with a letter, then letters, digits and `._-`, 32 in all",
                );
            }
            let what = format!("`{}` of `{variable}`", entry.key);
            if layers::is_template(&entry.node) {
                report.warn(
                    entry.place,
                    format!("{what} holds a template, which is not evaluated yet: it is left out"),
                    "write the value itself if the image must have it",
                );
                continue;
            }
            let Some(fields) = Fields::open_any(&entry.node, entry.place, what, report) else {
                continue;
            };
            for other in fields.entries() {
                if !keys.contains(&other.key.as_str()) {
                    report.warn(
                        other.place,
                        format!("nothing reads `{}` in {}", other.key, fields.what),
                        crate::yaml::spelling::advice(&other.key, keys),
                    );
                }
            }
            found.push((entry, fields));
        }
        found
    }

    /// Warns of values for single hosts: what travels in the site layer is the same for all.
    pub fn warn_of_single_hosts(&self, hosts: &[Host], report: &mut Report<'_>) {
        for key in VARIABLES {
            let groups = ["repository", "first_hive"];
            let in_groups = groups
                .iter()
                .filter_map(|group| self.variables.in_group(group, key));
            let in_hosts = hosts
                .iter()
                .filter_map(|host| self.variables.in_host(&host.name, key));
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

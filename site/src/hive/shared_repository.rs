//! `shared_repository`: the repository as a container on the operator's machine, for several hives.

use crate::yaml::fields::{self, Fields};
use crate::yaml::report::Report;
use crate::yaml::tree::Entry;

const KEYS: &[&str] = &[
    "context_dir",
    "ssh_port",
    "dns_address",
    "zabbix_server_port",
    "zabbix_web_port",
    "zabbix_agent_port",
    "registry_port",
    "syslog_port",
];

/// `shared_repository` of a stage, ports with their defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedRepository {
    /// Where the container's files lie on the operator's machine.
    pub context_dir: String,
    /// Port of its sshd.
    pub ssh_port: u64,
    /// Name server; `None`: the first one of the operator's machine.
    pub dns_address: Option<String>,
    /// Port of the Zabbix server.
    pub zabbix_server_port: u64,
    /// Port of Zabbix' web pages.
    pub zabbix_web_port: u64,
    /// Port of its own Zabbix agent.
    pub zabbix_agent_port: u64,
    /// Port of the registry.
    pub registry_port: u64,
    /// Port that takes logs; `None`: the hive's.
    pub syslog_port: Option<u64>,
}

/// Reads the section.
pub(crate) fn read(entry: &Entry, report: &mut Report<'_>) -> Option<SharedRepository> {
    let what = "`shared_repository`";
    let fields = Fields::open(&entry.node, entry.place, what, KEYS, report)?;
    let context_dir = fields.required("context_dir", "../repository", report);
    let dns_address = fields.text("dns_address", report);
    let mut port = |key: &str| fields.whole(key, 1..=65535, report);
    let ports = (
        port("ssh_port"),
        port("zabbix_server_port"),
        port("zabbix_web_port"),
        port("zabbix_agent_port"),
        port("registry_port"),
        port("syslog_port"),
    );
    Some(SharedRepository {
        context_dir: fields::text(&context_dir?.node, "context_dir", report)?,
        dns_address,
        ssh_port: ports.0.unwrap_or(2222),
        zabbix_server_port: ports.1.unwrap_or(10052),
        zabbix_web_port: ports.2.unwrap_or(10051),
        zabbix_agent_port: ports.3.unwrap_or(10050),
        registry_port: ports.4.unwrap_or(5000),
        syslog_port: ports.5,
    })
}

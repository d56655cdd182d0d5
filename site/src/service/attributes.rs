//! The attributes of one service.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::definitions::Definition;
use super::evaluate::{Evaluate, whole};
use super::lifecycle;
use super::materials::{self, Kind};
use super::model::{Dns, EndpointMode, Logging, Mode, Placement, PublishMode, Service};
use super::mounts::{self, Declared};
use super::ports::{self, Wanted};
use super::surroundings::Surroundings;
use super::{backup, image, json_text, placement, resources, standalone, values};
use crate::yaml::fields::{self, Fields};
use crate::yaml::report::{Place, Report};
use crate::yaml::spelling;
use crate::yaml::tree::{Entry, Node, Value};

/// Attributes that are variables of the service, `hive_ATTRIBUTE`, so that `host_vars/` and
/// `group_vars/services.yml` may give them, too.
const VARIABLES: &[&str] = &[
    "backup_scripts",
    "cap_add",
    "cap_drop",
    "command",
    "configs",
    "cpu_limit",
    "dns",
    "endpoint_mode",
    "entrypoint",
    "environment",
    "healthcheck",
    "hosts",
    "ignore_error",
    "image",
    "init",
    "initialize_roles",
    "labels",
    "logging",
    "mem_limit",
    "mode",
    "monitor_error",
    "networks",
    "placement",
    "read_only",
    "replicas",
    "reservations",
    "restart_config",
    "rollback_config",
    "secrets",
    "standalone",
    "stop_grace_period",
    "sysctls",
    "ulimits",
    "update_config",
    "user",
    "working_dir",
];
/// Attributes that only a definition can give.
const OTHERS: &[&str] = &["available_on", "ports", "volumes"];

/// How long a container may take to stop, unless the definition says otherwise: docker's own default.
const STOP_GRACE_PERIOD: Duration = Duration::from_secs(10);

/// Names that services may refer to on the stage.
pub(crate) struct Known<'k> {
    pub networks: Vec<&'k str>,
    /// Networks of other stages, for a better answer.
    pub networks_elsewhere: Vec<&'k str>,
    pub secrets: Vec<&'k str>,
    pub configs: Vec<&'k str>,
}

/// A service before its ports have numbers.
pub(crate) struct Draft {
    pub service: Service,
    pub ports: Vec<Wanted>,
    pub volumes: Vec<Declared>,
}

/// Whether all attributes are known; said of services of other stages, too.
pub(crate) fn check_keys(definition: &Definition<'_>, report: &mut Report<'_>) {
    let Value::Map(entries) = &definition.node.value else {
        return;
    };
    let known: Vec<&str> = VARIABLES.iter().chain(OTHERS).copied().collect();
    for entry in entries {
        if !known.contains(&entry.key.as_str()) {
            report.error(
                entry.place,
                format!(
                    "unknown attribute `{}` in service `{}`",
                    entry.key, definition.name
                ),
                spelling::advice(&entry.key, &known),
            );
        }
    }
}

/// Reads a service of the stage.
pub(crate) fn read(
    definition: &Definition<'_>,
    known: &Known<'_>,
    around: &Surroundings<'_>,
    evaluate: &dyn Evaluate,
    report: &mut Report<'_>,
) -> Option<Draft> {
    let name = definition.name;
    let what = format!("service `{name}`");
    // Opened before it is evaluated, to say that it must be a mapping.
    Fields::open_any(definition.node, definition.place, &what, report)?;
    let given = effective(definition, evaluate);
    let evaluated = Node {
        value: Value::Map(evaluated(&given, name, evaluate, report)),
        place: definition.node.place,
    };
    let fields = Fields::open_any(&evaluated, definition.place, &what, report)?;
    let image_entry = given
        .iter()
        .find(|entry| entry.key == "image" && !matches!(entry.node.value, Value::Null));
    if image_entry.is_none() {
        report.error(
            definition.place,
            format!("{what} lacks `image`"),
            "add it, such as `image: nginx`",
        );
    }
    let standalone = fields.flag("standalone", report).unwrap_or(false);
    let image = image_entry
        .and_then(|entry| image::read(entry, name, standalone, around, evaluate, report));
    let (mounts, volumes) = fields
        .entry("volumes")
        .map(|entry| mounts::read(&entry.node, &definition.available_on, around, report))
        .unwrap_or_default();
    let ports = fields
        .entry("ports")
        .map(|entry| ports::read(&entry.node, report))
        .unwrap_or_default();
    let (networks, network_aliases) = networks(&fields, known, report);
    let (limits, reservations) = resources::read(&fields, report);
    let endpoint_mode = endpoint_mode(&fields, &ports, report);
    let source = &around.sources[definition.place.file];
    let mut service = Service {
        name: name.to_owned(),
        defined: (source.path.clone(), definition.place.line),
        available_on: definition.available_on.clone(),
        image: super::model::Image::Reference(String::new()),
        command: values::command(&fields, "command", report),
        entrypoint: values::command(&fields, "entrypoint", report),
        environment: environment(&fields, around, report),
        mounts,
        ports: Vec::new(),
        networks,
        network_aliases,
        labels: labels(&fields, standalone, report),
        logging: Some(logging(&fields, name, around, report)),
        mode: mode(&fields, report),
        placement: match fields.entry("placement") {
            Some(entry) => placement::read(entry, around, report),
            None => Placement::default(),
        },
        endpoint_mode,
        healthcheck: fields
            .entry("healthcheck")
            .and_then(|entry| lifecycle::healthcheck(entry, report)),
        restart: fields
            .entry("restart_config")
            .and_then(|entry| lifecycle::restart(entry, report)),
        stop_grace_period: values::duration(&fields, "stop_grace_period", report)
            .unwrap_or(STOP_GRACE_PERIOD),
        dns: Dns {
            servers: dns(&fields, report),
            ..Dns::default()
        },
        hosts: hosts(&fields, around, report),
        user: fields.text("user", report).filter(|user| !user.is_empty()),
        working_dir: working_dir(&fields, report),
        cap_add: capabilities(&fields, "cap_add", report),
        cap_drop: capabilities(&fields, "cap_drop", report),
        sysctls: text_map(&fields, "sysctls", report),
        limits,
        reservations,
        standalone,
        backup_scripts: fields
            .entry("backup_scripts")
            .map(|entry| backup::read(entry, report))
            .unwrap_or_default(),
        initialize_roles: fields
            .entry("initialize_roles")
            .map(|entry| image::role_names(&entry.node, "initialize_roles", around, report))
            .unwrap_or_default(),
        monitor_error: texts(&fields, "monitor_error", report),
        ignore_error: texts(&fields, "ignore_error", report),
        secrets: materials::grants(Kind::Secret, &fields, &known.secrets, report),
        configs: materials::grants(Kind::Config, &fields, &known.configs, report),
        update: fields
            .entry("update_config")
            .and_then(|entry| lifecycle::rollout(entry, report)),
        rollback: fields
            .entry("rollback_config")
            .and_then(|entry| lifecycle::rollout(entry, report)),
        init: fields.flag("init", report),
        read_only: fields.flag("read_only", report).unwrap_or(false),
        ulimits: fields
            .entry("ulimits")
            .map(|entry| lifecycle::ulimits(entry, report))
            .unwrap_or_default(),
    };
    service.image = image?;
    if standalone {
        standalone::complete(&mut service);
    }
    Some(Draft {
        service,
        ports,
        volumes,
    })
}

/// What is to be evaluated: the definition's attributes, with those of variable files above and below.
fn effective(definition: &Definition<'_>, evaluate: &dyn Evaluate) -> Vec<Entry> {
    let own = match &definition.node.value {
        Value::Map(entries) => entries.as_slice(),
        _ => &[],
    };
    let mut given: Vec<Entry> = own
        .iter()
        .filter(|entry| OTHERS.contains(&entry.key.as_str()))
        .cloned()
        .collect();
    for key in VARIABLES {
        let variable = format!("hive_{key}");
        let entry = evaluate
            .overriding(definition.name, &variable)
            .or_else(|| own.iter().find(|entry| entry.key == *key).cloned())
            .or_else(|| evaluate.fallback(definition.name, &variable));
        given.extend(entry.map(|entry| Entry {
            key: (*key).to_owned(),
            ..entry
        }));
    }
    given
}

/// Every attribute evaluated as its own kind of thing sees it; `image` is left to [`image::read`].
fn evaluated(
    given: &[Entry],
    service: &str,
    evaluate: &dyn Evaluate,
    report: &mut Report<'_>,
) -> Vec<Entry> {
    given
        .iter()
        .filter_map(|entry| {
            let node = match entry.key.as_str() {
                "image" | "available_on" => return None,
                "volumes" => mounts::evaluate(&entry.node, service, evaluate, report)?,
                _ => whole(evaluate, &entry.node, service, report)?,
            };
            Some(Entry {
                key: entry.key.clone(),
                place: entry.place,
                node,
            })
        })
        .collect()
}

fn text_map(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> BTreeMap<String, String> {
    fields
        .entry(key)
        .map(|entry| values::text_map(&entry.node, key, report))
        .unwrap_or_default()
}

fn texts(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Vec<String> {
    fields
        .entry(key)
        .map(|entry| values::texts(&entry.node, key, report))
        .unwrap_or_default()
}

fn environment(
    fields: &Fields<'_>,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> BTreeMap<String, String> {
    let mut environment = around.hive.proxies.clone();
    environment.extend(text_map(fields, "environment", report));
    environment
}

fn labels(
    fields: &Fields<'_>,
    standalone: bool,
    report: &mut Report<'_>,
) -> BTreeMap<String, String> {
    // Python's spelling: hosts of the predecessor look for it.
    let word = if standalone { "True" } else { "False" };
    let mut labels = BTreeMap::from([("HIVE_STANDALONE".to_owned(), word.to_owned())]);
    if let Some(entry) = fields.entry("labels")
        && let Some(given) = Fields::open_any(&entry.node, entry.place, "`labels`", report)
    {
        for label in given.entries() {
            if label.key.trim().is_empty() {
                report.error(label.place, "a label has no name", "write `name: value`");
            }
            labels.insert(label.key.clone(), json_text::label(&label.node));
        }
    }
    labels
}

/// `logging`; by default the repository host takes the logs. UDP, so that services start and run
/// while it is down.
fn logging(
    fields: &Fields<'_>,
    service: &str,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> Logging {
    if let Some(entry) = fields.entry("logging")
        && let Some(given) = Fields::open(
            &entry.node,
            entry.place,
            "`logging`",
            &["driver", "options"],
            report,
        )
    {
        given.required("driver", "syslog", report);
        return Logging {
            driver: given.text("driver", report).unwrap_or_default(),
            options: text_map(&given, "options", report),
        };
    }
    let hive = around.hive;
    let protocol = match hive.tls_logging {
        Some(_) => "tcp+tls",
        None => "udp",
    };
    let mut options = BTreeMap::from([
        (
            "syslog-address".to_owned(),
            format!("{protocol}://{}:{}", hive.repository, hive.syslog_port),
        ),
        ("syslog-facility".to_owned(), "local0".to_owned()),
        ("tag".to_owned(), service.to_owned()),
    ]);
    if let Some(tls) = &hive.tls_logging {
        options.extend([
            ("syslog-tls-ca-cert".to_owned(), tls.ca_cert.clone()),
            ("syslog-tls-cert".to_owned(), tls.cert.clone()),
            ("syslog-tls-key".to_owned(), tls.key.clone()),
        ]);
    }
    Logging {
        driver: "syslog".to_owned(),
        options,
    }
}

fn mode(fields: &Fields<'_>, report: &mut Report<'_>) -> Mode {
    let modes = [("replicated", false), ("global", true)];
    let global = values::choice(fields, "mode", &modes, report).unwrap_or(false);
    let Some(entry) = fields.entry("replicas") else {
        return if global {
            Mode::Global
        } else {
            Mode::Replicated(None)
        };
    };
    let number = values::integer(&entry.node).filter(|number| *number >= -1);
    if number.is_none() {
        report.error(
            entry.node.place,
            format!(
                "`replicas` must be a whole number, found {}",
                entry.node.kind()
            ),
            "write how many tasks shall run, or -1 to leave what is there",
        );
    }
    if global {
        if number.is_some_and(|number| number >= 0) {
            report.warn(
                entry.place,
                "`replicas` has no effect on a global service: it has one task on every host",
                "remove it, or write `mode: replicated`",
            );
        }
        return Mode::Global;
    }
    Mode::Replicated(number.and_then(|number| u64::try_from(number).ok()))
}

fn endpoint_mode(fields: &Fields<'_>, ports: &[Wanted], report: &mut Report<'_>) -> EndpointMode {
    let modes = [("vip", EndpointMode::Vip), ("dnsrr", EndpointMode::Dnsrr)];
    let mode = values::choice(fields, "endpoint_mode", &modes, report);
    if mode == Some(EndpointMode::Dnsrr)
        && let Some(port) = ports.iter().find(|port| port.mode == PublishMode::Ingress)
    {
        report.error(
            port.place,
            "a service with `endpoint_mode: dnsrr` can't publish a port through the routing mesh",
            format!(
                "write `{{published_port: {}, target_port: {}, mode: host}}`, or `endpoint_mode: vip`",
                port.published.unwrap_or(port.target),
                port.target
            ),
        );
    }
    mode.unwrap_or(EndpointMode::Vip)
}

type Aliases = BTreeMap<String, Vec<String>>;

fn networks(
    fields: &Fields<'_>,
    known: &Known<'_>,
    report: &mut Report<'_>,
) -> (Vec<String>, Aliases) {
    let mut names: Vec<String> = Vec::new();
    let mut aliases = Aliases::new();
    let Some(entry) = fields.entry("networks") else {
        names.extend(known.networks.iter().map(|name| (*name).to_owned()));
        return (names, aliases);
    };
    for item in values::items(&entry.node, "networks", report) {
        let (place, name) = match &item.value {
            Value::Map(_) => {
                let what = "an item of `networks`";
                let Some(inner) =
                    Fields::open(item, item.place, what, &["name", "aliases"], report)
                else {
                    continue;
                };
                let Some(given) = inner.required("name", "NETWORK", report) else {
                    continue;
                };
                let Some(name) = fields::text(&given.node, "name", report) else {
                    continue;
                };
                let more = texts(&inner, "aliases", report);
                if !more.is_empty() {
                    aliases.insert(name.clone(), more);
                }
                (given.node.place, name)
            }
            _ => match fields::text(item, "networks", report) {
                Some(name) => (item.place, name),
                None => continue,
            },
        };
        if !known.networks.contains(&name.as_str()) && name != "host" {
            unknown_network(&name, place, known, report);
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (names, aliases)
}

fn unknown_network(name: &str, place: Place, known: &Known<'_>, report: &mut Report<'_>) {
    let help = if known.networks_elsewhere.contains(&name) {
        "its file has an `available_on` without this stage; add the stage there".to_owned()
    } else {
        match spelling::nearest(name, known.networks.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => {
                "define it below `networks:` at the top of a service definition file".to_owned()
            }
        }
    };
    report.error(
        place,
        format!("there is no network `{name}` on this stage"),
        help,
    );
}

fn dns(fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<String> {
    let Some(entry) = fields.entry("dns") else {
        return Vec::new();
    };
    let mut servers = Vec::new();
    for item in values::items(&entry.node, "dns", report) {
        let Some(text) = fields::text(item, "dns", report) else {
            continue;
        };
        if text.trim().parse::<IpAddr>().is_err() {
            report.error(
                item.place,
                format!("`{text}` in `dns` is no address"),
                "write the address of a name server, such as `192.168.10.2`",
            );
        }
        servers.push(text.trim().to_owned());
    }
    servers
}

fn hosts(
    fields: &Fields<'_>,
    around: &Surroundings<'_>,
    report: &mut Report<'_>,
) -> BTreeMap<String, String> {
    let mut hosts: BTreeMap<String, String> = around
        .stage
        .hosts()
        .iter()
        .map(|host| (host.name.clone(), host.private_ip.to_string()))
        .collect();
    if let Some(entry) = fields.entry("hosts")
        && let Some(given) = Fields::open_any(&entry.node, entry.place, "`hosts`", report)
    {
        for host in given.entries() {
            let Some(text) = fields::text(&host.node, &host.key, report) else {
                continue;
            };
            if text.trim().parse::<IpAddr>().is_err() {
                report.error(
                    host.node.place,
                    format!("`{text}` of `{}` in `hosts` is no address", host.key),
                    "write an address, such as `192.168.10.2`",
                );
            }
            hosts.insert(host.key.clone(), text.trim().to_owned());
        }
    }
    hosts
}

fn working_dir(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<String> {
    let dir = fields
        .text("working_dir", report)
        .filter(|dir| !dir.is_empty())?;
    if !dir.starts_with('/') {
        report.error(
            fields.entry("working_dir")?.node.place,
            format!("`working_dir` can't be `{dir}`: it is no absolute path"),
            format!("write `/{dir}`"),
        );
    }
    Some(dir)
}

/// What Linux knows, without `CAP_` in front.
const CAPABILITIES: &[&str] = &[
    "ALL",
    "AUDIT_CONTROL",
    "AUDIT_READ",
    "AUDIT_WRITE",
    "BLOCK_SUSPEND",
    "BPF",
    "CHECKPOINT_RESTORE",
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "IPC_LOCK",
    "IPC_OWNER",
    "KILL",
    "LEASE",
    "LINUX_IMMUTABLE",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "MKNOD",
    "NET_ADMIN",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_RAW",
    "PERFMON",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_CHROOT",
    "SYS_MODULE",
    "SYS_NICE",
    "SYS_PACCT",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "WAKE_ALARM",
];

fn capabilities(fields: &Fields<'_>, key: &str, report: &mut Report<'_>) -> Vec<String> {
    let Some(entry) = fields.entry(key) else {
        return Vec::new();
    };
    let mut capabilities = Vec::new();
    for item in values::items(&entry.node, key, report) {
        let Some(text) = fields::text(item, key, report) else {
            continue;
        };
        let upper = text.trim().to_ascii_uppercase();
        let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
        if !CAPABILITIES.contains(&bare) {
            report.error(
                item.place,
                format!("there is no capability `{text}`"),
                match spelling::nearest(bare, CAPABILITIES.iter().copied()) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "see `man 7 capabilities`; write them such as `NET_ADMIN`".to_owned(),
                },
            );
        }
        capabilities.push(bare.to_owned());
    }
    capabilities
}

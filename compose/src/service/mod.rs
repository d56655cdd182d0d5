//! A service of the file, as docker is told of it.

mod container;
mod deploy;
mod environment;
mod health;
mod mount;
mod port;

use bollard::models::{
    EndpointSpec, EndpointSpecModeEnum, ServiceSpec, TaskSpec, TaskSpecLogDriver,
};
use hive_deploy::desired::{DesiredService, Owner};

use crate::attachment;
use crate::fields::Fields;
use crate::ignored::{self, Ignored};
use crate::stack::Context;
use hive_site::yaml::report::{Place, Report};
use hive_site::yaml::tree::Entry;

const KNOWN: [&str; 35] = [
    "image",
    "command",
    "entrypoint",
    "environment",
    "env_file",
    "ports",
    "volumes",
    "networks",
    "secrets",
    "configs",
    "labels",
    "deploy",
    "healthcheck",
    "logging",
    "stop_grace_period",
    "stop_signal",
    "user",
    "working_dir",
    "hostname",
    "extra_hosts",
    "dns",
    "dns_search",
    "dns_opt",
    "cap_add",
    "cap_drop",
    "sysctls",
    "ulimits",
    "init",
    "read_only",
    "tty",
    "stdin_open",
    "tmpfs",
    "restart",
    "extends",
    "log_driver",
];
const NOTHING: [Ignored; 0] = [];
/// The longest name of a service that docker takes.
const LONGEST: usize = 63;

/// A service, and what the stack has to know of it.
pub(crate) struct Read {
    pub service: DesiredService,
    /// Its networks by their names in the file.
    pub networks: Vec<String>,
    /// Ports that it takes on all hosts.
    pub ports: Vec<((i64, String), Place)>,
}

pub(crate) fn read(entry: &Entry, context: &Context<'_>, report: &mut Report<'_>) -> Option<Read> {
    let key = &entry.key;
    let what = format!("service `{key}`");
    let name = context.scoped(key);
    check_name(entry, &name, report);
    let fields = Fields::of(&entry.node, &what, &KNOWN, &ignored::SERVICE, report)?;
    refuse(&fields, report);
    let image = fields.text("image", report);
    if image.is_none() && fields.get("image").is_none() {
        let help = match entry.node.get("build") {
            Some(_) => "build and push it before, and name it here: a swarm builds nothing",
            None => "write `image: NAME:TAG`",
        };
        report.error(entry.place, format!("{what} has no image"), help);
    }
    let (networks, attachments) = attachment::read(&fields, key, context, report);
    let deploy = deploy::read(&fields, &what, report);
    let (ports, taken) = port::read(&fields, &what, report);
    let mut labels = deploy.labels;
    let owner = Owner::stack(context.name);
    labels.insert(owner.label, owner.value);
    let spec = ServiceSpec {
        name: Some(name.clone()),
        labels: Some(labels),
        task_template: Some(TaskSpec {
            container_spec: Some(container::read(&fields, &what, image, context, report)),
            resources: deploy.resources,
            restart_policy: deploy.restart,
            placement: deploy.placement,
            networks: Some(attachments),
            log_driver: logging(&fields, &what, report),
            ..Default::default()
        }),
        mode: Some(deploy.mode),
        update_config: deploy.update,
        rollback_config: deploy.rollback,
        networks: None,
        endpoint_spec: Some(EndpointSpec {
            mode: Some(deploy.endpoint_mode),
            ports: (!ports.is_empty()).then_some(ports),
        }),
    };
    if deploy.endpoint_mode == EndpointSpecModeEnum::DNSRR
        && let Some((_, place)) = taken.first()
    {
        report.error(
            *place,
            format!("{what} has endpoint_mode dnsrr and publishes a port on all hosts"),
            "publish it with mode: host, or leave endpoint_mode away",
        );
    }
    Some(Read {
        service: DesiredService {
            name,
            spec,
            keep_replicas: false,
        },
        networks,
        ports: taken,
    })
}

fn check_name(entry: &Entry, name: &str, report: &mut Report<'_>) {
    let good = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if entry.key.is_empty() || !entry.key.chars().all(good) {
        report.error(
            entry.place,
            format!("`{}` can't be the name of a service", entry.key),
            "letters, digits, `-`, `_` and `.` are allowed",
        );
    } else if name.len() > LONGEST {
        report.error(
            entry.place,
            format!(
                "the service would be called {name}, which has {} letters",
                name.len()
            ),
            format!("docker takes {LONGEST}; shorten it or the stack's name"),
        );
    }
}

/// What can't be left out without changing what is meant.
fn refuse(fields: &Fields<'_>, report: &mut Report<'_>) {
    if fields.get("extends").is_some() {
        report.error(
            fields.place_of("extends"),
            "`extends` is not supported in a stack",
            "use a YAML anchor (`x-base: &base` and `<<: *base`), or several files: -f base.yml -f more.yml",
        );
    }
    if fields.get("log_driver").is_some() {
        report.error(
            fields.place_of("log_driver"),
            "`log_driver` is from version 1 of compose files",
            "write logging: with driver and options",
        );
    }
}

fn logging(service: &Fields<'_>, what: &str, report: &mut Report<'_>) -> Option<TaskSpecLogDriver> {
    let node = service.get("logging")?;
    let what = format!("`logging` of {what}");
    let fields = Fields::of(node, what, &["driver", "options"], &NOTHING, report)?;
    let options = fields.labels("options", report);
    Some(TaskSpecLogDriver {
        name: fields.text("driver", report),
        options: (!options.is_empty()).then(|| options.into_iter().collect()),
    })
}

//! `hive stack ls`, `services` and `ps`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use bollard::models::ServiceSpec;
use hive_deploy::actual::{Actual, Found};
use hive_deploy::desired::Owner;
use serde::Serialize;

use crate::args::Global;
use crate::cluster::tasks::Running;
use crate::cluster::{self, session};
use crate::commands::ps;
use crate::deployment::connected::Connected;
use crate::error::{Result, Usage};
use crate::output;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Ls {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Services {
    /// The stack
    #[arg(value_name = "NAME")]
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Ps {
    /// The stack
    #[arg(value_name = "NAME")]
    name: String,
    /// Show tasks of the past, too
    #[arg(long, short)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A stack in the list.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct StackRow {
    name: String,
    services: u64,
    running: u64,
    wanted: u64,
}

/// A service in the list.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct ServiceRow {
    name: String,
    mode: &'static str,
    running: u64,
    wanted: u64,
    image: String,
    /// `8080→80/tcp`.
    ports: Vec<String>,
}

impl Ls {
    /// Lists them.
    ///
    /// # Errors
    /// The swarm can't be asked.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let stacks = stacks(&read(global)?);
        if self.json {
            output::json("stacks", &stacks)?;
            return Ok(ExitCode::SUCCESS);
        }
        let lines: Vec<Vec<String>> = stacks
            .iter()
            .map(|stack| {
                let tasks = format!("{}/{}", stack.running, stack.wanted);
                vec![stack.name.clone(), stack.services.to_string(), tasks]
            })
            .collect();
        output::data(&output::table(&["STACK", "SERVICES", "RUNNING"], &lines))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Services {
    /// Lists them.
    ///
    /// # Errors
    /// The swarm can't be asked, or has no such stack.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let actual = read(global)?;
        check(&self.name, &actual)?;
        let rows = services(&self.name, &actual);
        if self.json {
            output::json("services", &rows)?;
            return Ok(ExitCode::SUCCESS);
        }
        let lines: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.name.clone(),
                    row.mode.to_owned(),
                    format!("{}/{}", row.running, row.wanted),
                    row.image.clone(),
                    row.ports.join(", "),
                ]
            })
            .collect();
        let head = ["SERVICE", "MODE", "RUNNING", "IMAGE", "PORTS"];
        output::data(&output::table(&head, &lines))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Ps {
    /// Shows the tasks.
    ///
    /// # Errors
    /// The swarm can't be asked, or has no such stack.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        session::run(async {
            let cluster = cluster::of_stage(global).await?;
            let actual = Connected::to_swarm(&cluster).await.actual(false).await?;
            check(&self.name, &actual)?;
            let mut running = Running::read(&*cluster.manager().await).await?;
            let own = |spec: &ServiceSpec| stack_of(spec) == Some(self.name.as_str());
            running
                .services
                .retain(|s| s.spec.as_ref().is_some_and(own));
            ps::print(&running, self.all, self.json)?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

fn read(global: &Global) -> Result<Actual> {
    let work = async {
        let cluster = cluster::of_stage(global).await?;
        Connected::to_swarm(&cluster).await.actual(false).await
    };
    session::run_part(work, || "interrupted".into())
}

/// The stack that a service belongs to.
fn stack_of(spec: &ServiceSpec) -> Option<&str> {
    let label = Owner::stack("").label;
    Some(spec.labels.as_ref()?.get(&label)?.as_str())
}

/// The stack has to be there: services of it, or at least a network, secret or config.
pub fn check(name: &str, actual: &Actual) -> Result<()> {
    let Owner { label, value } = Owner::stack(name);
    let networks = actual.networks.values().map(|n| n.labels.as_ref());
    let secrets = actual.secrets.values().map(|s| s.spec.labels.as_ref());
    let configs = actual.configs.values().map(|c| c.spec.labels.as_ref());
    let services = actual.services.values().map(|s| s.spec.labels.as_ref());
    let mut labels = networks.chain(secrets).chain(configs).chain(services);
    if labels.any(|labels| labels.is_some_and(|labels| labels.get(&label) == Some(&value))) {
        return Ok(());
    }
    let stacks = stacks(actual);
    let names: Vec<&str> = stacks.iter().map(|stack| stack.name.as_str()).collect();
    let has = match names.as_slice() {
        [] => "it has none".to_owned(),
        names => format!("it has {}", names.join(", ")),
    };
    Err(Usage(format!("the swarm has no stack `{name}`; {has}")).into())
}

fn stacks(actual: &Actual) -> Vec<StackRow> {
    let mut stacks: BTreeMap<&str, StackRow> = BTreeMap::new();
    for found in actual.services.values() {
        if let Some(name) = stack_of(&found.spec) {
            let stack = stacks.entry(name).or_default();
            stack.name = name.to_owned();
            stack.services += 1;
            let (running, wanted) = found.tasks.unwrap_or_default();
            stack.running += running;
            stack.wanted += wanted;
        }
    }
    stacks.into_values().collect()
}

fn services(stack: &str, actual: &Actual) -> Vec<ServiceRow> {
    let services = actual.services.iter();
    let own = services.filter(|(_, found)| stack_of(&found.spec) == Some(stack));
    own.map(|(name, found)| service(name, found)).collect()
}

fn service(name: &str, found: &Found<ServiceSpec>) -> ServiceRow {
    let spec = &found.spec;
    let container = spec.task_template.as_ref();
    let container = container.and_then(|task| task.container_spec.as_ref());
    let image = container.and_then(|container| container.image.as_deref());
    let image = image.unwrap_or_default();
    let mode = spec.mode.as_ref();
    let ports = spec.endpoint_spec.as_ref().and_then(|e| e.ports.as_ref());
    let ports = ports.into_iter().flatten().map(|port| {
        let target = port.target_port.unwrap_or_default();
        let protocol = port.protocol.map_or("tcp".into(), |p| p.to_string());
        match port.published_port {
            Some(published) => format!("{published}→{target}/{protocol}"),
            None => format!("(any)→{target}/{protocol}"),
        }
    });
    let (running, wanted) = found.tasks.unwrap_or_default();
    ServiceRow {
        name: name.to_owned(),
        mode: match mode.is_some_and(|mode| mode.global.is_some()) {
            true => "global",
            false => "replicated",
        },
        running,
        wanted,
        image: image.split('@').next().unwrap_or(image).to_owned(),
        ports: ports.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actual() -> Actual {
        let mut actual = Actual::default();
        for (name, stack, tasks) in [
            ("shop_web", Some("shop"), (1, 2)),
            ("shop_db", Some("shop"), (1, 1)),
            ("blog_web", Some("blog"), (0, 3)),
            ("site", None, (1, 1)),
        ] {
            let labels = stack.map(|stack| {
                let owner = Owner::stack(stack);
                [(owner.label, owner.value)].into()
            });
            let spec = serde_json::from_value(serde_json::json!({
                "Name": name,
                "TaskTemplate": {"ContainerSpec": {"Image": "web:1@sha256:aa"}},
                "EndpointSpec": {"Ports": [{"PublishedPort": 80, "TargetPort": 8080, "Protocol": "udp"}]},
            }));
            let spec = ServiceSpec {
                labels,
                ..spec.unwrap()
            };
            let found = Found {
                spec,
                tasks: Some(tasks),
                paused: false,
                ..Found::default()
            };
            actual.services.insert(name.into(), found);
        }
        actual
    }

    #[test]
    fn services_are_counted_by_stack() {
        let stacks = stacks(&actual());
        let rows: Vec<_> = stacks
            .iter()
            .map(|s| (s.name.as_str(), s.services, s.running, s.wanted))
            .collect();
        assert_eq!(rows, [("blog", 1, 0, 3), ("shop", 2, 2, 3)]);
    }

    #[test]
    fn the_services_of_one_stack_are_shown_and_an_unknown_one_is_told() {
        let rows = services("blog", &actual());
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].ports, ["80→8080/udp"]);
        assert_eq!(rows[0].image, "web:1");
        assert!(check("shop", &actual()).is_ok());
        let told = check("shpo", &actual()).unwrap_err().text();
        assert!(told.contains("it has blog, shop"), "{told}");
    }
}

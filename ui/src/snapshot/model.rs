//! The types that the page reads, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

/// Version of the JSON that `/api/snapshot` answers with.
pub const SNAPSHOT_VERSION: u32 = 1;

/// Milliseconds since 1970, as JavaScript counts.
pub type Instant = i64;

/// A swarm at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// [`SNAPSHOT_VERSION`].
    pub version: u32,
    /// When the lists were asked for.
    pub taken_at: Instant,
    /// Name of the host whose engine was asked.
    pub through: String,
    /// The swarm as a whole.
    pub swarm: Swarm,
    /// By name.
    pub hosts: Vec<Host>,
    /// By name.
    pub services: Vec<Service>,
    /// By service, slot and then newest first.
    pub tasks: Vec<Task>,
    /// By name.
    pub networks: Vec<Network>,
    /// Worst first.
    pub problems: Vec<Problem>,
}

/// The swarm as a whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Swarm {
    /// Its id.
    pub id: Option<String>,
    /// How many managers it has.
    pub managers: usize,
    /// How many of them the leader reaches.
    pub managers_reachable: usize,
    /// How many more of them may fail before nothing can be changed.
    pub may_fail: usize,
    /// Name of the leader.
    pub leader: Option<String>,
}

/// What a host is to the swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Keeps the swarm's data and decides.
    Manager,
    /// Runs tasks only.
    Worker,
}

/// Whether a host answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// It answers.
    Ready,
    /// It was not heard for long.
    Down,
    /// It took leave and may come back.
    Disconnected,
    /// The leader does not know yet.
    Unknown,
}

/// Whether a host takes tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// It does.
    Active,
    /// It keeps what it has and takes nothing new.
    Pause,
    /// Its tasks were moved away.
    Drain,
}

/// A host of the swarm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Host {
    /// The node's id.
    pub id: String,
    /// Its host name.
    pub name: String,
    /// What it is to the swarm.
    pub role: Role,
    /// Whether it leads the managers.
    pub leader: bool,
    /// Whether the leader reaches it as a manager; `None` for a worker.
    pub reachable: Option<bool>,
    /// Whether it answers.
    pub state: HostState,
    /// What the swarm says about its state.
    pub message: Option<String>,
    /// When the swarm last wrote something about it.
    pub updated_at: Option<Instant>,
    /// Whether it takes tasks.
    pub availability: Availability,
    /// Its address as the swarm sees it.
    pub address: Option<String>,
    /// Version of its Docker Engine.
    pub engine: Option<String>,
    /// Operating system and processor, as in `linux/x86_64`.
    pub platform: Option<String>,
    /// Processors.
    pub cpus: Option<f64>,
    /// Memory in bytes.
    pub memory: Option<i64>,
    /// Labels of the node.
    pub labels: BTreeMap<String, String>,
    /// Labels that its engine was started with.
    pub engine_labels: BTreeMap<String, String>,
}

/// How a service spreads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A number of tasks.
    Replicated,
    /// One on each host.
    Global,
    /// A number of tasks that end.
    ReplicatedJob,
    /// One that ends on each host.
    GlobalJob,
}

/// A service. No values of its environment, no arguments and no options of its drivers: see [`super::service`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Service {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The stack that it was deployed with.
    pub stack: Option<String>,
    /// The image without the digest.
    pub image: String,
    /// The digest that the image was pinned to.
    pub digest: Option<String>,
    /// How it spreads.
    pub mode: Mode,
    /// How many tasks should run.
    pub wanted: u64,
    /// How many run.
    pub running: u64,
    /// How many of a job's tasks are done.
    pub completed: u64,
    /// When it was made.
    pub created_at: Option<Instant>,
    /// When its definition last changed.
    pub updated_at: Option<Instant>,
    /// The update that is under way or was the last.
    pub update: Option<Update>,
    /// Its published ports.
    pub ports: Vec<Port>,
    /// Names of its networks.
    pub networks: Vec<String>,
    /// `vip` or `dnsrr`.
    pub endpoint: Option<String>,
    /// Where its tasks may run.
    pub constraints: Vec<String>,
    /// Node attributes that its tasks are spread over.
    pub spread: Vec<String>,
    /// Most tasks on one host.
    pub most_per_host: Option<i64>,
    /// What it may use at most.
    pub limits: Share,
    /// What is kept free for it.
    pub reservations: Share,
    /// When its tasks are started again: `any`, `on-failure` or `none`.
    pub restart: String,
    /// Most restarts of a task.
    pub most_restarts: Option<i64>,
    /// What it mounts.
    pub mounts: Vec<Mount>,
    /// Names of secrets that it reads.
    pub secrets: Vec<String>,
    /// Names of configs that it reads.
    pub configs: Vec<String>,
    /// Names of its environment variables.
    pub environment: Vec<String>,
    /// Name of its log driver.
    pub log_driver: Option<String>,
    /// Whether its health is checked by a command of its definition (an image may have one too).
    pub health_check: bool,
    /// Its labels; values that look like credentials are concealed.
    pub labels: BTreeMap<String, String>,
}

/// State of an update.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Update {
    /// As the swarm calls it: `updating`, `paused`, `completed`, `rollback_started`, …
    pub state: String,
    /// When it began.
    pub started_at: Option<Instant>,
    /// When it ended.
    pub completed_at: Option<Instant>,
    /// What the swarm says about it.
    pub message: Option<String>,
}

/// A port that is open to the outside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Port {
    /// Where it is open.
    pub published: i64,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// The port within the container.
    pub target: i64,
    /// Only on hosts with a task, as opposed to all hosts.
    pub host_mode: bool,
}

/// A share of a host.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Share {
    /// Processors.
    pub cpus: Option<f64>,
    /// Memory in bytes.
    pub memory: Option<i64>,
}

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mount {
    /// `volume`, `bind`, `tmpfs`, …
    pub kind: String,
    /// Volume or path on the host.
    pub source: Option<String>,
    /// Path in the container.
    pub target: String,
    /// Whether nothing can be written.
    pub read_only: bool,
    /// The volume's driver, where the definition names one.
    pub driver: Option<String>,
}

/// What a task does, as a person would group it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It has no host yet.
    Waiting,
    /// It has a host and does not run yet.
    Starting,
    /// It runs.
    Running,
    /// It ended well.
    Complete,
    /// It was told to end.
    Stopped,
    /// It ended badly, or its host refused it.
    Failed,
    /// Its host is lost.
    Lost,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// Id of its service.
    pub service_id: String,
    /// Name of its service.
    pub service: String,
    /// Its number in the service; `None` with one task on each host.
    pub slot: Option<i64>,
    /// Id of its host.
    pub host_id: Option<String>,
    /// Name of its host.
    pub host: Option<String>,
    /// What it does.
    pub phase: Phase,
    /// The same as the swarm calls it.
    pub state: String,
    /// The state that the swarm wants.
    pub desired: String,
    /// Since when it does that.
    pub since: Option<Instant>,
    /// When it was made.
    pub created_at: Option<Instant>,
    /// The image without the digest.
    pub image: String,
    /// The exit code of its container, once that has ended.
    pub exit_code: Option<i64>,
    /// Ports on its host.
    pub ports: Vec<Port>,
    /// Whether it is the one of its slot that counts now.
    pub current: bool,
    /// What went wrong with it.
    pub failure: Option<Failure>,
}

/// A failure in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// A few words, the same for the same kind of failure.
    pub title: String,
    /// What happened, in a sentence.
    pub detail: String,
    /// What to do next.
    pub next: String,
    /// What the engine or the swarm said.
    pub said: String,
}

/// A network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Network {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The stack that it was deployed with.
    pub stack: Option<String>,
    /// Its driver.
    pub driver: String,
    /// `swarm` or `local`.
    pub scope: String,
    /// Its address ranges.
    pub subnets: Vec<String>,
    /// Whether traffic between hosts is encrypted.
    pub encrypted: bool,
    /// Whether containers that are no services may attach.
    pub attachable: bool,
    /// Whether it has no way to the outside.
    pub internal: bool,
    /// Whether it carries the published ports.
    pub ingress: bool,
    /// Names of services on it.
    pub services: Vec<String>,
}

/// How bad a problem is. The order is that of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something that should run does not.
    Error,
    /// It runs, but not for long or not as meant.
    Warning,
    /// Worth knowing.
    Notice,
}

/// What a problem is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum About {
    /// The swarm as a whole.
    Swarm,
    /// A host, by name.
    Host(String),
    /// A service, by name.
    Service(String),
}

/// Something that is wrong, with the next step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub about: About,
    /// A short sentence.
    pub title: String,
    /// Why, as far as is known: a sentence each.
    pub reasons: Vec<String>,
    /// What to do next: a sentence each.
    pub next: Vec<String>,
    /// What the engine or the swarm said, word for word.
    pub said: Vec<String>,
    /// Since when.
    pub since: Option<Instant>,
}

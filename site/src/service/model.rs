//! A service as the files define it, for one stage: every template evaluated, every default filled in
//! that does not depend on the cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::StageName;

/// All that services of a stage need and are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Services {
    /// The services available on the stage, by name.
    pub services: BTreeMap<String, Service>,
    /// The networks of the stage, by name; `hive_default_network` is always among them.
    pub networks: BTreeMap<String, Network>,
    /// The volumes that are made before services are deployed, by docker's name.
    pub volumes: BTreeMap<String, Volume>,
    /// The secrets of the stage, by name.
    pub secrets: BTreeMap<String, Material>,
    /// The configs of the stage, by name.
    pub configs: BTreeMap<String, Material>,
}

/// A service of the swarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name, which is the host name of its containers, too.
    pub name: String,
    /// Where it is defined: `inventory/services.yml`, and the line, counted from 1.
    pub defined: (String, usize),
    /// The stages in which it exists.
    pub available_on: Vec<StageName>,
    /// What its containers are made from.
    pub image: Image,
    /// Arguments (docker's CMD); `None` leaves the image's.
    pub command: Option<Vec<String>>,
    /// Program (docker's ENTRYPOINT); `None` leaves the image's.
    pub entrypoint: Option<Vec<String>>,
    /// Environment variables; proxy variables of the site are among them.
    pub environment: BTreeMap<String, String>,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// What is published; no two entries share published port, protocol and mode.
    pub ports: Vec<Port>,
    /// Names of the networks to attach; all of the inventory when the definition names none.
    pub networks: Vec<String>,
    /// More names by which containers are found, per network.
    pub network_aliases: BTreeMap<String, Vec<String>>,
    /// Labels of the service, `HIVE_STANDALONE` among them.
    pub labels: BTreeMap<String, String>,
    /// Log driver; `None` leaves the engine's.
    pub logging: Option<Logging>,
    /// How many tasks, and where.
    pub mode: Mode,
    /// Constraints and preferences.
    pub placement: Placement,
    /// How its name resolves.
    pub endpoint_mode: EndpointMode,
    /// `None` leaves the image's.
    pub healthcheck: Option<Healthcheck>,
    /// `None` leaves docker's.
    pub restart: Option<Restart>,
    /// How long a container may take to stop.
    pub stop_grace_period: Duration,
    /// Name servers, options and search domains.
    pub dns: Dns,
    /// Names to addresses, in the containers' `/etc/hosts`; all servers of the stage are among them.
    pub hosts: BTreeMap<String, String>,
    /// `None` leaves the image's.
    pub user: Option<String>,
    /// `None` leaves the image's.
    pub working_dir: Option<String>,
    /// Capabilities on top of docker's.
    pub cap_add: Vec<String>,
    /// Capabilities taken away.
    pub cap_drop: Vec<String>,
    /// Kernel settings of the container's namespaces.
    pub sysctls: BTreeMap<String, String>,
    /// Upper bounds.
    pub limits: Resources,
    /// What the scheduler sets aside.
    pub reservations: Resources,
    /// A container that runs systemd, like a small machine.
    pub standalone: bool,
    /// What the repository host saves.
    pub backup_scripts: Vec<BackupScript>,
    /// Roles applied inside the running container (phase initialize-services), by name.
    pub initialize_roles: Vec<String>,
    /// Log lines that raise an alert, as regular expressions.
    pub monitor_error: Vec<String>,
    /// Log lines that never do.
    pub ignore_error: Vec<String>,
    /// Secrets that its containers may read.
    pub secrets: Vec<Grant>,
    /// Configs that its containers may read.
    pub configs: Vec<Grant>,
    /// How an update goes; `None` leaves docker's.
    pub update: Option<Rollout>,
    /// How a rollback goes; `None` leaves docker's.
    pub rollback: Option<Rollout>,
    /// Docker's own init as process 1; `None` leaves the engine's default.
    pub init: Option<bool>,
    /// A root file system that can't be written.
    pub read_only: bool,
    /// Resource limits by name: soft, hard.
    pub ulimits: BTreeMap<String, (i64, i64)>,
}

/// What the containers of a service are made from.
#[derive(Debug, Clone, PartialEq)]
pub enum Image {
    /// A reference that is pulled.
    Reference(String),
    /// Built by roles (phase build-images); `reference` is what is deployed on this stage.
    Built {
        /// `REPOSITORY:5000/image_NAME:latest`, or `pull_from` on a stage of `pull_on`.
        reference: String,
        /// How it is built.
        build: Box<ImageBuild>,
    },
}

impl Image {
    /// What is deployed.
    pub fn reference(&self) -> &str {
        match self {
            Self::Reference(reference) | Self::Built { reference, .. } => reference,
        }
    }
}

/// An image that the phase build-images makes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ImageBuild {
    /// The image it starts from.
    pub from: String,
    /// Roles, in order.
    pub roles: Vec<String>,
    /// Runs the base image's own init while the roles are applied.
    pub standalone: bool,
    /// Environment of the image.
    pub env: BTreeMap<String, String>,
    /// Signal that stops it.
    pub stop_signal: Option<String>,
    /// User of the image.
    pub user: Option<String>,
    /// Working directory of the image.
    pub working_dir: Option<String>,
    /// Entry point of the image.
    pub entrypoint: Option<Vec<String>>,
    /// Command of the image.
    pub command: Option<Vec<String>>,
    /// Whether the build container is privileged.
    pub privileged: bool,
    /// Ports that the image exposes, as `80/tcp`.
    pub expose: Vec<String>,
    /// Stages in which nothing is built.
    pub pull_on: Vec<StageName>,
    /// What is deployed there.
    pub pull_from: Option<String>,
}

/// Something mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// A path on the host or a volume's name; empty for tmpfs and anonymous volumes.
    pub source: String,
    /// The path in the container.
    pub target: String,
    /// What kind of thing the source is.
    pub kind: MountKind,
    /// Whether writing is refused.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// A path of the host.
    Bind,
    /// A docker volume.
    Volume,
    /// Memory.
    Tmpfs,
}

/// A published port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The port that is reached from outside; given or chosen (61001 to 65534, kept per stage).
    pub published: u16,
    /// The port in the container.
    pub target: u16,
    /// Its protocol.
    pub protocol: Protocol,
    /// Through the routing mesh, or on the task's own host only.
    pub mode: PublishMode,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

/// Where a published port answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PublishMode {
    /// On every host.
    Ingress,
    /// On hosts with a task.
    Host,
}

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    /// Docker's name of the driver.
    pub driver: String,
    /// Its options.
    pub options: BTreeMap<String, String>,
}

/// How many tasks a service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// So many; `None` (the predecessor's -1) makes one, and leaves what is there.
    Replicated(Option<u64>),
    /// One on every host.
    Global,
}

/// Where tasks may run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placement {
    /// `node.labels.x == true` and the like; all have to hold.
    pub constraints: Vec<String>,
    /// Labels over whose values tasks are spread: `node.labels.zone`.
    pub spread: Vec<String>,
    /// So many tasks on one host at the most.
    pub max_replicas_per_node: Option<u64>,
}

/// How a service's name resolves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointMode {
    /// To a virtual address.
    Vip,
    /// To the addresses of its tasks.
    Dnsrr,
}

/// How docker looks whether a container is well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", …]` or `["CMD-SHELL", "…"]`; empty leaves the image's.
    pub test: Vec<String>,
    /// Between two looks.
    pub interval: Option<Duration>,
    /// How long one may take.
    pub timeout: Option<Duration>,
    /// So many failures in a row make it unhealthy.
    pub retries: Option<u64>,
    /// Failures this soon after the start don't count.
    pub start_period: Option<Duration>,
}

/// When tasks are started again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restart {
    /// `None` leaves docker's (any).
    pub condition: Option<RestartCondition>,
    /// Between two attempts.
    pub delay: Option<Duration>,
    /// Attempts within the window.
    pub max_attempts: Option<u64>,
    /// Over which attempts are counted.
    pub window: Option<Duration>,
}

/// After what a task is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestartCondition {
    /// Never.
    None,
    /// After a failure.
    OnFailure,
    /// Always.
    Any,
}

/// Name resolution of containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dns {
    /// Addresses of name servers.
    pub servers: Vec<String>,
    /// Options of `resolv.conf`.
    pub options: Vec<String>,
    /// Search domains.
    pub search: Vec<String>,
}

/// Processor and memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resources {
    /// Billionths of a processor.
    pub nano_cpus: Option<i64>,
    /// Bytes.
    pub memory: Option<i64>,
    /// Processes (limits only).
    pub pids: Option<i64>,
}

/// How a change is rolled out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rollout {
    /// So many tasks at once; 0 is all.
    pub parallelism: Option<u64>,
    /// Between two batches.
    pub delay: Option<Duration>,
    /// `pause`, `continue` or `rollback`.
    pub failure_action: Option<FailureAction>,
    /// How long a task is watched.
    pub monitor: Option<Duration>,
    /// What share may fail, 0 to 1.
    pub max_failure_ratio: Option<f64>,
    /// `stop-first` or `start-first`.
    pub order: Option<UpdateOrder>,
}

/// What happens when a task of an update fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FailureAction {
    Pause,
    Continue,
    Rollback,
}

/// Which of two tasks goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum UpdateOrder {
    StopFirst,
    StartFirst,
}

/// A secret or config that a service may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its name in the site.
    pub source: String,
    /// A file name below `/run/secrets` (secrets), or a path (configs).
    pub target: String,
    /// Owner of the file.
    pub uid: String,
    /// Group of the file.
    pub gid: String,
    /// Permissions of the file.
    pub mode: u32,
}

/// Where the bytes of a secret or config come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// A file; the path is relative to the site folder.
    File(String),
    /// A variable of the environment of the command.
    Environment(String),
    /// The text itself, after templates.
    Content(String),
    /// Random characters, made once and kept encrypted in the site; so many of them.
    Generated {
        /// How many characters.
        length: usize,
    },
    /// Made by somebody else under this name in the swarm.
    External(String),
}

/// A network that services attach to; always an attachable overlay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Its name in docker.
    pub name: String,
    /// Always `overlay`: services can't attach to others.
    pub driver: String,
    /// Options of the driver, `encrypted` among them.
    pub driver_opts: BTreeMap<String, String>,
    /// Address management.
    pub ipam: Ipam,
    /// Whether plain containers may attach.
    pub attachable: bool,
}

/// Address management of a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ipam {
    /// `None` is docker's default.
    pub driver: Option<String>,
    /// Options of that driver.
    pub options: BTreeMap<String, String>,
    /// Pools; docker chooses when there is none.
    pub config: Vec<IpamPool>,
}

/// A pool of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpamPool {
    /// The network in CIDR notation.
    pub subnet: String,
    /// Where containers get addresses from.
    pub ip_range: Option<String>,
    /// The router's address.
    pub gateway: Option<String>,
    /// Names to addresses that are taken already.
    pub aux_addresses: BTreeMap<String, String>,
}

/// A volume that is made before its services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Docker's name.
    pub name: String,
    /// Where it is defined: file and line.
    pub defined: (String, usize),
    /// The stages on which it is made.
    pub available_on: Vec<StageName>,
    /// What makes it.
    pub kind: VolumeKind,
}

/// What makes a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeKind {
    /// A driver of docker, on every host.
    Driver {
        /// `local` and others.
        driver: String,
        /// Its options.
        options: BTreeMap<String, String>,
    },
    /// Mirrored by DRBD.
    Drbd {
        /// Bytes.
        size: u64,
        /// `xfs` or `ext4`.
        fstype: String,
        /// 1 to 255; kept per stage for the life of the volume.
        device_id: u16,
        /// Short names of hosts that take part without a copy.
        diskless: Vec<String>,
        /// The volume group, when it is not the default.
        vgname: Option<String>,
    },
    /// A share of a cloud's file service.
    Nfs {
        /// Bytes, where the cloud wants a size.
        size: Option<u64>,
    },
}

/// What is saved of a service, by the repository host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupScript {
    /// Name of the backup.
    pub name: String,
    /// A directory that is packed.
    pub directory: Option<String>,
    /// A command whose output, or file, is the backup.
    pub backup_command: Option<String>,
    /// The file that the command leaves.
    pub backup_file: Option<String>,
    /// A command that takes a backup in.
    pub restore_command: Option<String>,
    /// Where the backup is put for it.
    pub restore_file: Option<String>,
    /// Extension of the file.
    pub ext: String,
    /// Older backups are removed after so many days.
    pub cleanup_days_before: Option<u32>,
    /// Commands that run before.
    pub batch_scripts: Vec<String>,
}

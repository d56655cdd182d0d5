//! Keys that are right in a compose file and mean nothing to a swarm. They are told, with their place.

use hive_site::yaml::report::{Place, Report};

/// A key without effect.
pub(crate) struct Ignored {
    /// The key.
    pub key: &'static str,
    /// What to do instead; empty if there is nothing.
    pub instead: &'static str,
}

const fn ignored(key: &'static str, instead: &'static str) -> Ignored {
    Ignored { key, instead }
}

impl Ignored {
    pub fn tell(&self, place: Place, what: &str, report: &mut Report<'_>) {
        let message = format!("`{}` of {what} has no effect in a swarm", self.key);
        report.warn(place, message, self.instead);
    }
}

const LIMITS: &str = "write deploy.resources.limits";
const NETWORKS: &str = "services of the stack reach each other by name over their networks";

/// Of services.
pub(crate) const SERVICE: [Ignored; 58] = [
    ignored("annotations", ""),
    ignored("attach", ""),
    ignored("blkio_config", ""),
    ignored(
        "build",
        "the image has to be built and pushed before; `image` names it",
    ),
    ignored("cgroup", ""),
    ignored("cgroup_parent", ""),
    ignored("cgroupns_mode", ""),
    ignored(
        "container_name",
        "a service has many containers; `hive exec SERVICE` finds them",
    ),
    ignored("cpu_count", LIMITS),
    ignored("cpu_percent", LIMITS),
    ignored("cpu_period", LIMITS),
    ignored("cpu_quota", LIMITS),
    ignored("cpu_rt_period", ""),
    ignored("cpu_rt_runtime", ""),
    ignored("cpu_shares", LIMITS),
    ignored("cpus", LIMITS),
    ignored("cpuset", ""),
    ignored("credential_spec", ""),
    ignored(
        "depends_on",
        "services start at once; let each wait for what it needs, restart policies help",
    ),
    ignored("develop", ""),
    ignored("device_cgroup_rules", ""),
    ignored(
        "devices",
        "mount what is needed below /dev as a volume, if that is enough",
    ),
    ignored("domainname", ""),
    ignored("expose", NETWORKS),
    ignored("external_links", NETWORKS),
    ignored(
        "gpus",
        "reserve generic resources: deploy.resources.reservations.generic_resources",
    ),
    ignored("group_add", ""),
    ignored("ipc", ""),
    ignored("isolation", ""),
    ignored("label_file", "write the labels here"),
    ignored("links", NETWORKS),
    ignored("mac_address", ""),
    ignored("mem_limit", LIMITS),
    ignored("mem_reservation", "write deploy.resources.reservations"),
    ignored("mem_swappiness", ""),
    ignored("memswap_limit", ""),
    ignored("network_mode", "attach the service to networks"),
    ignored("oom_kill_disable", ""),
    ignored("oom_score_adj", ""),
    ignored("pid", ""),
    ignored("pids_limit", "write deploy.resources.limits.pids"),
    ignored("platform", ""),
    ignored("post_start", ""),
    ignored("pre_stop", ""),
    ignored(
        "privileged",
        "name the capabilities that are needed: cap_add",
    ),
    ignored("profiles", "the service is deployed in any case"),
    ignored("provider", ""),
    ignored("pull_policy", ""),
    ignored("runtime", ""),
    ignored("scale", "write deploy.replicas"),
    ignored("security_opt", ""),
    ignored(
        "shm_size",
        "mount a tmpfs at /dev/shm: volumes with type: tmpfs and tmpfs.size",
    ),
    ignored("storage_opt", ""),
    ignored("use_api_socket", ""),
    ignored("userns_mode", ""),
    ignored("uts", ""),
    ignored("volume_driver", "write the driver at the volume"),
    ignored("volumes_from", "let the services share a volume"),
];

/// At the top of a file.
pub(crate) const TOP: [Ignored; 2] = [
    ignored(
        "include",
        "name the files one after the other: -f FILE -f FILE",
    ),
    ignored("models", ""),
];

/// Of the long form of ports.
pub(crate) const PORT: [Ignored; 3] = [
    ignored("app_protocol", ""),
    ignored(
        "host_ip",
        "the port is published on all addresses of all hosts",
    ),
    ignored("name", ""),
];

/// Of a service's networks.
pub(crate) const ATTACHMENT: [Ignored; 7] = [
    ignored(
        "ipv4_address",
        "the swarm gives addresses; services are reached by name",
    ),
    ignored(
        "ipv6_address",
        "the swarm gives addresses; services are reached by name",
    ),
    ignored("link_local_ips", ""),
    ignored("mac_address", ""),
    ignored("priority", ""),
    ignored("gw_priority", ""),
    ignored("interface_name", ""),
];

/// Of limits.
pub(crate) const RESERVATIONS: [Ignored; 1] = [ignored(
    "devices",
    "reserve generic resources: deploy.resources.reservations.generic_resources",
)];

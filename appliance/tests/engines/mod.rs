//! Machines as namespaces: each has its own network, host name, processes, Docker Engine and hived,
//! and `follow-swarm-service` if the test wants it, all below one folder. The network between them is
//! a bridge in a namespace of its own, so nothing of it is seen on the machine that runs the test, and
//! nothing is left when the processes are gone.

pub mod image;
mod space;

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bollard::models::Node;
use bollard::{API_DEFAULT_VERSION, Docker};
use hive_appliance::paths::Paths;
use hive_inventory::node::NodeStatus;
use hive_inventory::seed::Seed;

use space::Space;
pub use space::missing;

/// What a machine runs: its name, network and engine, then hived as its first process.
const MACHINE: &str = r#"
hostname "$1"
ip link set lo up
until ip link show eth0 >/dev/null 2>&1; do sleep 0.1; done
ip address add "$2/24" dev eth0
ip link set eth0 up
dockerd --data-root "$3/var/lib/docker" --exec-root "$3/run/docker" -H "unix://$3/run/docker.sock" \
    --pidfile "$3/run/docker.pid" --storage-driver vfs --iptables=false --ip6tables=false --bridge=none \
    >>"$3/dockerd.log" 2>&1 &
# As systemd would: started again half a second after it ends.
[ -z "$5" ] || while :; do "$5" --below "$3" >>"$3/follow.log" 2>&1; sleep 0.5; done &
exec "$4" --below "$3" >>"$3/hived.log" 2>&1
"#;

/// The network between machines.
pub struct Switch(Space);

impl Switch {
    /// Switched on.
    pub fn new() -> Self {
        let switch = Self(Space::start(&["-n", "-p"], &["sleep", "infinity"]));
        sleep(Duration::from_millis(300));
        switch.ip(&["link", "add", "br0", "type", "bridge"]);
        switch.ip(&["link", "set", "br0", "up"]);
        switch
    }

    /// Gives the switch an address of its own, as a router at it would have.
    pub fn gateway(&self, address: &str) {
        self.ip(&["address", "add", address, "dev", "br0"]);
    }

    fn ip(&self, words: &[&str]) {
        let told = self.try_ip(words);
        assert_eq!(told, Ok(()), "ip {words:?}");
    }

    fn try_ip(&self, words: &[&str]) -> Result<(), String> {
        let inner = self.0.inner().to_string();
        let output = Command::new("nsenter")
            .args(["-t", &inner, "-n", "ip"])
            .args(words)
            .output()
            .unwrap();
        let told = || String::from_utf8_lossy(&output.stderr).into_owned();
        output.status.success().then_some(()).ok_or_else(told)
    }
}

/// A machine. Dropping it is a power cut.
pub struct Machine {
    folder: PathBuf,
    name: String,
    address: Ipv4Addr,
    port: String,
    power: Option<Space>,
    /// Whether `follow-swarm-service` runs on it.
    pub follows: bool,
}

impl Machine {
    /// A machine with a blank disk below `site`, and its seed, off.
    pub fn new(site: &Path, name: &str, address: Ipv4Addr) -> Self {
        Self {
            folder: site.join(name),
            name: name.to_owned(),
            address,
            port: format!("v{}", address.octets()[3]),
            power: None,
            follows: false,
        }
    }

    /// Power on. What lies in memory on a real machine is new each time.
    pub fn on(&mut self, switch: &Switch, seed: &Seed) {
        let _ = fs::remove_dir_all(self.folder.join("run"));
        let paths = self.paths();
        fs::create_dir_all(paths.seed.parent().unwrap()).unwrap();
        fs::write(&paths.seed, serde_json::to_vec(seed).unwrap()).unwrap();
        File::create(self.folder.join("dockerd.log")).unwrap();
        let folder = self.folder.display().to_string();
        let (short, address) = (seed.short_name().to_owned(), self.address.to_string());
        let hived = env!("CARGO_BIN_EXE_hived");
        let follow = match self.follows {
            true => env!("CARGO_BIN_EXE_follow-swarm-service"),
            false => "",
        };
        let space = Space::start(
            &["-m", "-n", "-u", "-p", "--mount-proc"],
            &[
                "sh", "-c", MACHINE, "machine", &short, &address, &folder, hived, follow,
            ],
        );
        // The namespaces are there once the process within runs.
        sleep(Duration::from_millis(300));
        let inner = space.inner().to_string();
        let port = self.port.as_str();
        let (peer, netns) = ("eth0", inner.as_str());
        // The kernel takes down the cable of a machine that was cut off some time later.
        drop(switch.try_ip(&["link", "delete", port]));
        switch.ip(&[
            "link", "add", port, "type", "veth", "peer", "name", peer, "netns", netns,
        ]);
        switch.ip(&["link", "set", port, "master", "br0", "up"]);
        self.power = Some(space);
    }

    /// Pulls its cable out of the switch, or puts it back. Neither end sees its link go down.
    pub fn plug(&self, switch: &Switch, in_it: bool) {
        match in_it {
            true => switch.ip(&["link", "set", &self.port, "master", "br0"]),
            false => switch.ip(&["link", "set", &self.port, "nomaster"]),
        }
    }

    /// What a command within its namespaces prints.
    pub fn within(&self, words: &[&str]) -> String {
        let Some(space) = &self.power else {
            return String::new();
        };
        let output = space.within(words);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// A power cut.
    pub fn off(&mut self) {
        self.power = None;
    }

    /// A new disk; the machine has to be off.
    pub fn wipe(&self) {
        assert!(self.power.is_none());
        fs::remove_dir_all(&self.folder).unwrap();
    }

    /// What hived told last; `None` before it told anything.
    pub fn status(&self) -> Option<NodeStatus> {
        let text = fs::read(self.paths().status).ok()?;
        Some(serde_json::from_slice(&text).unwrap())
    }

    /// The list of nodes as the engine of this machine has it.
    pub async fn nodes(&self) -> Vec<Node> {
        let docker = self.docker();
        docker.list_nodes(None).await.unwrap()
    }

    /// The engine of this machine.
    pub fn docker(&self) -> Docker {
        let socket = self.paths().docker.display().to_string();
        Docker::connect_with_unix(&socket, 30, API_DEFAULT_VERSION).unwrap()
    }

    /// `hived WORDS…` on this machine: whether it went well, and what it said.
    pub fn hived(&self, words: &[&str]) -> (bool, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_hived"))
            .arg("--below")
            .arg(&self.folder)
            .args(words)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            output.status.success(),
            String::from_utf8_lossy(&said).into_owned(),
        )
    }

    /// What is worth reading after a failure.
    pub fn story(&self) -> String {
        let log = fs::read_to_string(self.folder.join("hived.log")).unwrap_or_default();
        let status = self.hived(&["status"]).1;
        let follow = fs::read_to_string(self.folder.join("follow.log")).unwrap_or_default();
        format!("=== {}\n{status}{log}{follow}", self.name)
    }

    fn paths(&self) -> Paths {
        Paths::below(&self.folder)
    }
}

/// Waits until `there`; a failure tells the machines' stories.
pub fn wait(what: &str, machines: &[&Machine], there: impl Fn() -> bool) {
    let start = Instant::now();
    // Far more than it takes: it ends a test that hangs and judges nothing.
    while start.elapsed() < Duration::from_secs(240) {
        if there() {
            eprintln!("{what}: after {:.0} s", start.elapsed().as_secs_f64());
            return;
        }
        sleep(Duration::from_millis(300));
    }
    let stories: Vec<String> = machines.iter().map(|machine| machine.story()).collect();
    panic!("waited in vain: {what}\n{}", stories.join("\n"));
}

//! Hosts as network namespaces, wired to one bridge in a namespace of its own: nothing of it is seen
//! on the machine that runs the test, and nothing is left when its processes are gone.

#![allow(dead_code, reason = "no test needs all of it")]

use std::fs::File;
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use hive_links::{Interface, Links};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// Far more than anything takes; it ends a test that hangs.
const SOON: Duration = Duration::from_secs(20);

/// Whether the tests can't run here; says why.
pub fn skipped(programs: &[&str]) -> bool {
    let why = missing(programs);
    if let Some(why) = &why {
        println!("SKIPPED: {why}");
    }
    why.is_some()
}

fn missing(programs: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".into());
    }
    for program in ["ip", "unshare", "nsenter", "setpriv"]
        .iter()
        .chain(programs)
    {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(program).exists())
        });
        if !found {
            return Some(format!("{program} is not installed"));
        }
    }
    match Command::new("unshare").args(["-n", "true"]).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(e) => Some(e.to_string()),
    }
}

type Job = Box<dyn FnOnce(&Runtime) + Send>;

/// A network namespace with a thread in it that does what it is told.
pub struct Host {
    /// Keeps the namespace, and ends with the test.
    holder: Child,
    jobs: Sender<Job>,
}

impl Host {
    /// A host without interfaces but loopback.
    pub fn new() -> Self {
        let mut holder = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "-n"])
            .args(["sh", "-c", "echo ready; exec sleep infinity"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = [0; 5];
        std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut ready).unwrap();
        let space = File::open(format!("/proc/{}/ns/net", holder.id())).unwrap();
        let (jobs, todo) = channel::<Job>();
        std::thread::spawn(move || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(space.as_fd(), kind).unwrap();
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            for job in todo {
                job(&runtime);
            }
        });
        let host = Self { holder, jobs };
        // The kernel's own duplicate detection would delay all of IPv6 by a second or two.
        host.sh("sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0");
        host.sh("ip link set lo up");
        host
    }

    /// Starts work in the namespace; its result comes later.
    pub fn start<T, F>(&self, work: F) -> Receiver<T>
    where
        T: Send + 'static,
        F: AsyncFnOnce(Links) -> T + Send + 'static,
    {
        let (sender, receiver) = channel();
        let job: Job = Box::new(move |runtime| {
            let result = runtime.block_on(async { work(Links::open().await.unwrap()).await });
            drop(sender.send(result));
        });
        self.jobs.send(job).unwrap();
        receiver
    }

    /// Does work in the namespace.
    pub fn run<T, F>(&self, work: F) -> T
    where
        T: Send + 'static,
        F: AsyncFnOnce(Links) -> T + Send + 'static,
    {
        self.start(work).recv_timeout(SOON).unwrap()
    }

    /// Runs a shell line in the namespace: whether it went well, and all it printed.
    pub fn try_sh(&self, line: &str) -> (bool, String) {
        let line = line.to_owned();
        self.run(async move |_| {
            let output = Command::new("sh").args(["-ec", &line]).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            (output.status.success(), said)
        })
    }

    /// Runs a shell line that goes well, and returns what it printed.
    pub fn sh(&self, line: &str) -> String {
        let (well, said) = self.try_sh(line);
        assert!(well, "{line}: {said}");
        said
    }

    /// Runs a shell line in the namespace while its thread is busy.
    pub fn beside(&self, line: &str) {
        let inner = self.id().to_string();
        let enter = ["-t", &inner, "-n", "sh", "-ec", line];
        let output = Command::new("nsenter").args(enter).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
    }

    /// What `ip -j` or `nft -j` prints.
    pub fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.sh(line)).unwrap()
    }

    /// The interface of that name.
    pub fn interface(&self, name: &str) -> Interface {
        let all = self.run(async |links| links.interfaces().await.unwrap());
        let found = all.into_iter().find(|interface| interface.name == name);
        found.unwrap_or_else(|| panic!("no {name}"))
    }

    /// The addresses of an interface as `ip` tells them: `IP/PREFIX`.
    pub fn addresses(&self, name: &str) -> Vec<String> {
        let told = self.json(&format!("ip -j address show dev '{name}'"));
        let all = told[0]["addr_info"].as_array().unwrap().iter();
        let plain = all.filter(|address| address["scope"] != "link");
        plain
            .map(|a| format!("{}/{}", a["local"].as_str().unwrap(), a["prefixlen"]))
            .collect()
    }

    /// The hardware address that the host's neighbour table has for `ip`.
    pub fn neighbour(&self, ip: &str) -> Option<String> {
        let told = self.json(&format!("ip -j neigh show {ip}"));
        told[0]["lladdr"].as_str().map(str::to_owned)
    }

    fn id(&self) -> u32 {
        self.holder.id()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // unshare without -f, setpriv and sh became the sleep: it is this very process.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The network between hosts.
pub struct Switch(Host);

impl Switch {
    /// A switch without members.
    pub fn new() -> Self {
        let switch = Self(Host::new());
        switch
            .0
            .sh("ip link add br0 type bridge mcast_snooping 0; ip link set br0 up");
        switch
    }

    /// Wires a host's new interface to the switch's port `port` and gives it its address. IPv6 is not
    /// probed, to be there at once.
    pub fn wire(&self, host: &Host, name: &str, port: &str, addresses: &[&str]) {
        let inner = host.id();
        self.0.sh(&format!(
            "ip link add {port} type veth peer name far netns {inner}; ip link set {port} master br0 up"
        ));
        host.sh(&format!(
            "ip link set far name '{name}'; ip link set '{name}' up"
        ));
        for address in addresses {
            let probed = if address.contains(':') { "nodad" } else { "" };
            host.sh(&format!("ip address add {address} dev '{name}' {probed}"));
        }
        wait(name, || host.interface(name).up);
        wait(port, || {
            let told = self.0.json(&format!("ip -j -d link show dev {port}"));
            told[0]["linkinfo"]["info_slave_data"]["state"] == "forwarding"
        });
    }

    /// Takes the carrier from a port, or gives it back.
    pub fn carrier(&self, port: &str, on: bool) {
        let state = if on { "up" } else { "down" };
        self.0.sh(&format!("ip link set {port} {state}"));
    }
}

/// Wires two hosts to each other.
pub fn wire(one: &Host, name: &str, other: &Host, far: &str) {
    let inner = other.id();
    one.sh(&format!(
        "ip link add {name} type veth peer name {far} netns {inner}; ip link set {name} up"
    ));
    other.sh(&format!("ip link set {far} up"));
}

/// Waits until `there`.
pub fn wait(what: &str, there: impl Fn() -> bool) {
    let start = Instant::now();
    while !there() {
        assert!(start.elapsed() < SOON, "waited in vain: {what}");
        sleep(Duration::from_millis(20));
    }
}

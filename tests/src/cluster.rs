//! Three hosts that are a swarm, and scripts that run on them.

use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use hive_qemu::{Mac, Switch, Vm};

use crate::image::{Image, Images};
use crate::swarm::patience;
use crate::{Site, hive_program, said};

/// The hosts.
pub const HOSTS: [&str; 3] = ["p-hive0", "p-hive1", "p-hive2"];
/// Their addresses on the private network.
pub const ADDRESSES: [Ipv4Addr; 3] = [
    Ipv4Addr::new(192, 168, 77, 4),
    Ipv4Addr::new(192, 168, 77, 5),
    Ipv4Addr::new(192, 168, 77, 6),
];

/// All managers answer, work, and have the labels that hived gives them.
const WHOLE: &str = r#"
whole() { [ "$(docker node ls --format '{{.Status}} {{.Availability}} {{.ManagerStatus}}' | sort | xargs)" = "Ready Active Leader Ready Active Reachable Ready Active Reachable" ] && [ "$(docker node ls -q -f node.label=hives=true | wc -l)" = 3 ]; }
within 300 whole
"#;
/// Tasks may be on all hosts again, and no service of a box is left.
const MEND: &str = r#"
for node in $(docker node ls -q); do
    docker node update --availability active $node >/dev/null || true
done
names=$(docker service ls --format '{{.Name}}' | grep ^t- || true)
[ -z "$names" ] || docker service rm $names >/dev/null
"#;
const PREAMBLE: &str = include_str!("preamble.sh");
const IMAGES: [Image; 2] = [
    Image {
        tag: "box:1",
        version: "one",
    },
    Image {
        tag: "box:2",
        version: "two",
    },
];

/// The swarm that all boxes look at.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    slow: u64,
    /// Goes with the cluster, and its machines with it.
    _site: Option<Site>,
}

/// By what limits in the scripts are multiplied.
fn slowness() -> u64 {
    patience().as_secs().div_ceil(600).max(2)
}

impl Cluster {
    /// Starts the hosts of a baked site and waits until they are one swarm.
    pub fn start(site: Site) -> Self {
        for host in HOSTS {
            site.host(host).start();
        }
        site.joined();
        Self::of(site)
    }

    /// Of hosts that are one swarm.
    pub fn of(site: Site) -> Self {
        let cluster = Self {
            folder: site.path(""),
            slow: slowness(),
            _site: Some(site),
        };
        cluster.load(&Images::new(&IMAGES));
        cluster
    }

    /// One that runs already in the site folder that `HIVE_CLUSTER` names, for working on boxes.
    pub fn running() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("HIVE_CLUSTER")?);
        let cluster = Self {
            folder,
            slow: slowness(),
            _site: None,
        };
        if std::env::var_os("HIVE_LOADED").is_none() {
            cluster.load(&Images::new(&IMAGES));
        }
        Some(cluster)
    }

    /// A path below the site folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Runs the command under test in the site.
    pub fn hive(&self, args: &[&str]) -> Output {
        let mut command = Command::new(hive_program());
        command.args(args).current_dir(&self.folder);
        command.output().unwrap()
    }

    /// Runs the command under test, which has to succeed; returns its standard output.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.hive(args);
        assert!(output.status.success(), "hive {args:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Gives every host the images.
    fn load(&self, images: &Images) {
        self.give(images, &HOSTS);
    }

    /// Gives these hosts the images of all boxes: what one with a new disk lacks.
    pub fn give_boxes(&self, hosts: &[&str]) {
        self.give(&Images::new(&IMAGES), hosts);
    }

    /// Gives these hosts images.
    pub fn give(&self, images: &Images, hosts: &[&str]) {
        let bytes = std::fs::read(images.archive()).unwrap();
        thread::scope(|all| {
            for host in hosts.iter().copied() {
                let bytes = &bytes;
                all.spawn(move || {
                    self.remote(host, "docker load -q", bytes)
                        .unwrap_or_else(|e| panic!("loading images on {host}: {e}"))
                });
            }
        });
    }

    /// Runs a bash script as root on a host, which has to succeed; returns what it printed.
    pub fn sh(&self, host: &str, script: &str) -> String {
        self.try_sh(host, script)
            .unwrap_or_else(|e| panic!("{host}: {e}"))
    }

    /// Runs a bash script as root on a host; returns what it printed, or what went wrong.
    pub fn try_sh(&self, host: &str, script: &str) -> Result<String, String> {
        let script = format!("SLOW={}\n{PREAMBLE}\n{script}", self.slow);
        // All of it is read first: commands in it must not read what is left of the script.
        self.remote(host, "bash -c 'eval \"$(cat)\"'", script.as_bytes())
    }

    /// The same script on these hosts at once; what each printed.
    pub fn each(&self, hosts: &[&str], script: &str) -> Vec<String> {
        thread::scope(|all| {
            let started = hosts
                .iter()
                .map(|host| all.spawn(move || self.sh(host, script)));
            let started: Vec<_> = started.collect();
            started.into_iter().map(|one| one.join().unwrap()).collect()
        })
    }

    /// The same script on all hosts at once; what each printed.
    pub fn everywhere(&self, script: &str) -> Vec<String> {
        self.each(&HOSTS, script)
    }

    /// A command as root on a host by the stage's ssh_config, not yet started, with pipes to all its
    /// ends. The connection is kept: under emulation a new one costs seconds.
    pub(crate) fn ssh(&self, host: &str, command: &str) -> Command {
        let socket = self.path(".ssh-%n");
        let mut ssh = ssh(&self.folder);
        ssh.args(["-o", "ControlMaster=auto", "-o", "ControlPersist=60"])
            .args(["-o", &format!("ControlPath={}", socket.display())])
            .args([host, &format!("sudo {command}")]);
        ssh
    }

    /// Runs a command as root on a host; returns what it printed, or what went wrong.
    fn remote(&self, host: &str, command: &str, stdin: &[u8]) -> Result<String, String> {
        let mut ssh = self.ssh(host, command).spawn().unwrap();
        let mut pipe = ssh.stdin.take().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || drop(pipe.write_all(stdin)));
            let output = ssh.wait_with_output().unwrap();
            match output.status.success() {
                true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
                false => Err(said(&output)),
            }
        })
    }
}

impl Cluster {
    /// Waits until all three hosts are managers that answer and take tasks.
    pub fn whole(&self) {
        self.whole_by(HOSTS[0]);
    }

    /// The same as this manager sees it.
    pub fn whole_by(&self, manager: &str) {
        self.sh(manager, WHOLE);
    }

    /// The machine of a host that runs.
    pub fn vm(&self, host: &str) -> Vm {
        Vm::attach(&self.path(".hive/private/run").join(host)).unwrap()
    }

    /// Starts a host that was switched off, without waiting for it.
    pub fn power_on(&self, host: &str) {
        self.ok(&["run", "--no-wait", host]);
    }

    /// Waits until `hive setup-hosts` is content.
    pub fn joined(&self) {
        let seconds = patience().as_secs().to_string();
        self.ok(&["setup-hosts", "--timeout", &seconds]);
    }

    /// Brings back what a box that failed may have taken away: cables, power and hosts for tasks. Services that
    /// boxes make begin with `t-`; those go.
    pub fn mend(&self) {
        let switch = self.switch();
        for host in HOSTS {
            switch.set_port(host, true).unwrap();
        }
        drop(switch);
        for host in HOSTS {
            // It says that the host runs already, if it does.
            drop(self.hive(&["run", "--no-wait", host]));
        }
        self.joined();
        self.try_mend(MEND);
    }

    /// Runs a script on a manager after a box that failed, and says so when that fails as well.
    pub fn try_mend(&self, script: &str) {
        if let Err(error) = self.try_sh(HOSTS[0], script) {
            println!("the cluster could not be mended: {error}");
        }
    }

    /// The private switch. One program at a time can have it, so it is not to be kept: the command
    /// needs it to start a host.
    pub fn switch(&self) -> Switch {
        Switch::attach(&self.path(".hive/private/run/switch")).unwrap()
    }
}

/// A connection by the ssh_config of the stage in a site folder, without host and command yet.
pub(crate) fn ssh(folder: &Path) -> Command {
    let mut ssh = Command::new("ssh");
    ssh.arg("-F")
        .arg(folder.join(".hive/private/ssh_config"))
        .args(["-o", "ConnectTimeout=60", "-o", "LogLevel=ERROR"])
        // A host that went without a word is given up; a slow one is not.
        .args([
            "-o",
            "ServerAliveInterval=20",
            "-o",
            "ServerAliveCountMax=9",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    ssh
}

/// The hardware address of a host on the private network, as `hive run` gives it.
pub fn mac(host: &str) -> Mac {
    let index = HOSTS.iter().position(|h| *h == host).unwrap();
    Mac::local((index << 4 | 1) as u32)
}

/// The host that has a hardware address of the private network.
pub fn host_of(address: Mac) -> Option<&'static str> {
    HOSTS.into_iter().find(|host| mac(host) == address)
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let config = self.path(".hive/private/ssh_config");
        let socket = self.path(".ssh-%n");
        for host in HOSTS {
            let end = Command::new("ssh")
                .arg("-F")
                .arg(&config)
                .args(["-o", &format!("ControlPath={}", socket.display())])
                .args(["-O", "exit", host])
                .stderr(Stdio::null())
                .status();
            drop(end);
        }
    }
}

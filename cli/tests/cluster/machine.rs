//! Hosts as namespaces: each has a Docker Engine with a network of its own, and OpenSSH's own server
//! on a port of this computer's loopback, in the mount namespace where `/run/docker.sock` is that
//! engine's. Nothing of it is left when the processes are gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bollard::{API_DEFAULT_VERSION, Docker};

/// Folder, port of ssh; then host name and address.
const MACHINE: &str = r#"
set -e
mount -t tmpfs tmpfs /run
# What the login shell of the person who runs this does at its start is no part of the test.
mount -t tmpfs tmpfs "$HOME"
mkdir /run/sshd
"$(command -v sshd || echo /usr/sbin/sshd)" -D -f "$1/sshd_config" -E "$1/sshd.log" &
exec unshare -n -u sh -c '
    hostname "$2"
    ip link set lo up
    until ip link show eth0 >/dev/null 2>&1; do sleep 0.1; done
    ip address add "$3/24" dev eth0
    ip link set eth0 up
    exec dockerd --data-root "$1/docker" --exec-root /run/docker -H unix:///run/docker.sock \
        --pidfile /run/docker.pid --storage-driver vfs --iptables=false --ip6tables=false --bridge=none \
        >>"$1/dockerd.log" 2>&1
' machine "$1" "$2" "$3"
"#;

/// Why these tests can't run here.
pub fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".into());
    }
    let programs = [
        "dockerd",
        "ip",
        "unshare",
        "nsenter",
        "setpriv",
        "ssh",
        "sshd",
        "ssh-keygen",
        "busybox",
    ];
    for program in programs {
        if which(program).is_none() {
            return Some(format!("{program} is not installed"));
        }
    }
    let linked = Command::new("ldd").arg(which("busybox")?).output();
    if linked.is_ok_and(|ldd| ldd.status.success()) {
        return Some("busybox is not static, and the containers have nothing else".into());
    }
    let namespaces = Command::new("unshare")
        .args(["-m", "-n", "-u", "-p", "-f", "--mount-proc", "true"])
        .output();
    match namespaces {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(e) => Some(e.to_string()),
    }
}

/// Where a program lies.
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders
        .map(|folder| folder.join(program))
        .find(|file| file.exists())
}

/// A process in namespaces of its own; all within ends with it.
struct Space(Child);

impl Space {
    fn start(flags: &[&str], program: &[&str]) -> Self {
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--kill-child=KILL", "-f"])
            .args(flags)
            .args(program)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// The first process within, as seen from outside, once it has a network of its own.
    fn inner(&self) -> u32 {
        let id = self.0.id();
        let network = |id: u32| fs::read_link(format!("/proc/{id}/ns/net")).ok();
        let ours = network(std::process::id());
        wait("a namespace", || {
            let text = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
            let inner = text.split_whitespace().next()?.parse().ok()?;
            let own = network(inner).is_some() && network(inner) != ours;
            own.then_some(inner)
        })
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The network between machines.
pub struct Switch(Space);

impl Switch {
    pub fn new() -> Self {
        let switch = Self(Space::start(&["-n", "-p"], &["sleep", "infinity"]));
        let inner = switch.0.inner();
        ip(inner, &["link", "add", "br0", "type", "bridge"]);
        ip(inner, &["link", "set", "br0", "up"]);
        switch
    }
}

fn ip(process: u32, words: &[&str]) {
    let output = Command::new("nsenter")
        .args(["-t", &process.to_string(), "-n", "ip"])
        .args(words)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {words:?}: {told}");
}

/// A host.
pub struct Machine {
    pub name: String,
    pub address: String,
    pub port: u16,
    inner: u32,
    _space: Space,
}

impl Machine {
    /// Starts host number `number`; whoever has `key` may log in.
    pub fn start(below: &Path, switch: &Switch, number: u8, key: &Path) -> Self {
        let name = format!("p-hive{number}");
        let address = format!("10.99.0.{}", number + 1);
        let folder = below.join(&name);
        fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        keygen(&folder.join("host_key"));
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {folder}/host_key\nPidFile none\nUsePAM no\n\
             StrictModes no\nPasswordAuthentication no\nPermitRootLogin yes\nAuthorizedKeysFile {key}.pub\n",
            folder = folder.display(),
            key = key.display(),
        );
        fs::write(folder.join("sshd_config"), config).unwrap();
        let space = Space::start(
            &["-m", "-p", "--mount-proc"],
            &[
                "sh",
                "-c",
                MACHINE,
                "machine",
                &folder.display().to_string(),
                &name,
                &address,
            ],
        );
        let inner = space.inner();
        let (link, netns) = (format!("v{number}"), inner.to_string());
        let outside = switch.0.inner();
        ip(
            outside,
            &[
                "link", "add", &link, "type", "veth", "peer", "name", "eth0", "netns", &netns,
            ],
        );
        ip(outside, &["link", "set", &link, "master", "br0", "up"]);
        Self {
            name,
            address,
            port,
            inner,
            _space: space,
        }
    }

    /// Its engine, past ssh.
    pub fn docker(&self) -> Docker {
        let socket = format!("/proc/{}/root/run/docker.sock", self.inner);
        wait("an engine's socket", || {
            Path::new(&socket).exists().then_some(())
        });
        Docker::connect_with_unix(&socket, 60, API_DEFAULT_VERSION).unwrap()
    }

    /// Its public key.
    pub fn host_key(&self, below: &Path) -> String {
        fs::read_to_string(below.join(&self.name).join("host_key.pub")).unwrap()
    }
}

/// A pair of keys.
pub fn keygen(path: &Path) {
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits until something is there.
pub fn wait<T>(what: &str, mut there: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    // Far more than it takes: it ends a test that hangs and judges nothing.
    while start.elapsed() < Duration::from_secs(180) {
        if let Some(found) = there() {
            return found;
        }
        sleep(Duration::from_millis(100));
    }
    panic!("waited in vain for {what}");
}

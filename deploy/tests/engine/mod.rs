//! A real Docker Engine in namespaces of its own: nothing of it is seen on the machine that runs the
//! test, and nothing is left when its process is gone.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bollard::{API_DEFAULT_VERSION, Docker};

const MACHINE: &str = r#"
hostname h1
ip link set lo up
ip link add eth0 type veth peer name eth1
ip address add 10.77.0.1/24 dev eth0
ip link set eth0 up
ip link set eth1 up
exec dockerd --data-root "$1/docker" --exec-root "$1/run" -H "unix://$1/docker.sock" \
    --pidfile "$1/docker.pid" --storage-driver vfs --iptables=false --ip6tables=false --bridge=none \
    >>"$1/dockerd.log" 2>&1
"#;

/// Why these tests can't run here.
pub fn missing() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".into());
    }
    for program in ["dockerd", "docker", "ip", "unshare", "setpriv"] {
        let found = std::env::var_os("PATH").is_some_and(|path| {
            std::env::split_paths(&path).any(|folder| folder.join(program).exists())
        });
        if !found {
            return Some(format!("{program} is not installed"));
        }
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

/// An engine that is a swarm of one. It ends with the test.
pub struct Engine {
    child: Child,
    folder: PathBuf,
}

impl Engine {
    /// Started, with a swarm.
    pub fn start(folder: &Path) -> Self {
        File::create(folder.join("dockerd.log")).unwrap();
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare", "--kill-child=KILL", "-f"])
            .args(["-m", "-n", "-u", "-p", "--mount-proc", "sh", "-c", MACHINE])
            .arg("machine")
            .arg(folder)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let engine = Self {
            child,
            folder: folder.to_owned(),
        };
        let start = Instant::now();
        while !engine.run(&["version"]).status.success() {
            assert!(
                start.elapsed() < Duration::from_secs(120),
                "{}",
                fs::read_to_string(folder.join("dockerd.log")).unwrap()
            );
            sleep(Duration::from_millis(200));
        }
        engine.docker_says(&["swarm", "init", "--advertise-addr", "10.77.0.1"]);
        engine
    }

    fn run(&self, words: &[&str]) -> std::process::Output {
        Command::new("docker")
            .arg("-H")
            .arg(format!(
                "unix://{}",
                self.folder.join("docker.sock").display()
            ))
            .args(words)
            .output()
            .unwrap()
    }

    /// `docker WORDS…`, which has to succeed.
    pub fn docker_says(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "docker {words:?}: {told}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// An image of `sleep` and the libraries that it needs, with something of its own inside.
    pub fn load(&self, tag: &str, mark: &str) {
        let root = self.folder.join("image");
        fs::create_dir_all(&root).unwrap();
        fs::write(root.join("mark"), mark).unwrap();
        let libraries = Command::new("ldd").arg("/usr/bin/sleep").output().unwrap();
        let libraries = String::from_utf8(libraries.stdout).unwrap();
        let files = libraries
            .split_whitespace()
            .filter(|word| word.starts_with('/'));
        let tar = self.folder.join("image.tar");
        let packed = Command::new("tar")
            .arg("-chf")
            .arg(&tar)
            .arg("-C")
            .arg(&root)
            .args(["mark", "-C", "/", "usr/bin/sleep"])
            .args(files.map(|file| file.trim_start_matches('/')))
            .status()
            .unwrap();
        assert!(packed.success());
        let path = "ENV PATH=/usr/bin";
        self.docker_says(&["import", "-c", path, &tar.display().to_string(), tag]);
    }

    /// A connection.
    pub fn connect(&self) -> Docker {
        let socket = self.folder.join("docker.sock").display().to_string();
        Docker::connect_with_unix(&socket, 60, API_DEFAULT_VERSION).unwrap()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Its own id only: ids within the namespace mean other processes out here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

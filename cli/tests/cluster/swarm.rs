//! Three hosts in one swarm, a site folder that knows the way to them, and services on them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use bollard::Docker;
use bollard::models::{ServiceSpec, SwarmInitRequest, SwarmJoinRequest};
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use serde_json::json;
use tempfile::TempDir;

use crate::machine::{Machine, Switch, keygen, wait, which};

/// Says a line on both streams, and another whenever `/tmp/say` is there.
const PROGRAM: &str = "echo out of $HOST; echo err of $HOST >&2; trap exit TERM; \
    while true; do if [ -e /tmp/say ]; then rm /tmp/say; echo said; fi; sleep 0.2; done";

/// What the tests look at.
pub struct Swarm {
    /// One may be switched off.
    pub machines: Vec<Option<Machine>>,
    dir: TempDir,
    _switch: Switch,
}

impl Swarm {
    /// All running.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        keygen(&key);
        let switch = Switch::new();
        let machines: Vec<Machine> = (0..3)
            .map(|number| Machine::start(dir.path(), &switch, number, &key))
            .collect();
        let swarm = Self {
            machines: machines.into_iter().map(Some).collect(),
            dir,
            _switch: switch,
        };
        fs::create_dir(swarm.runtime()).unwrap();
        fs::set_permissions(swarm.runtime(), Permissions::from_mode(0o700)).unwrap();
        assert!(swarm.hive(&["init"]).status.success());
        swarm.write_ssh_files();
        swarm
    }

    /// Makes one swarm of three managers, and a service with a task on each host.
    pub async fn found(&self) {
        let machines: Vec<&Machine> = self.machines.iter().flatten().collect();
        let [first, others @ ..] = machines.as_slice() else {
            unreachable!()
        };
        let docker = first.docker();
        // The engine takes its first question late, once it has loaded all.
        docker.ping().await.unwrap();
        let init = SwarmInitRequest {
            listen_addr: Some("0.0.0.0:2377".into()),
            advertise_addr: Some(first.address.clone()),
            ..SwarmInitRequest::default()
        };
        docker.init_swarm(init).await.unwrap();
        let token = docker.inspect_swarm().await.unwrap().join_tokens.unwrap();
        for machine in others {
            let join = SwarmJoinRequest {
                listen_addr: Some("0.0.0.0:2377".into()),
                advertise_addr: Some(machine.address.clone()),
                remote_addrs: Some(vec![format!("{}:2377", first.address)]),
                join_token: token.manager.clone(),
                ..SwarmJoinRequest::default()
            };
            machine.docker().join_swarm(join).await.unwrap();
        }
        for machine in &machines {
            import_image(&machine.docker()).await;
        }
        create(&docker, "web", &["sh", "-c", PROGRAM], 3).await;
        create(&docker, "broken", &["sh", "-c", "exit 3"], 1).await;
    }

    fn write_ssh_files(&self) {
        let context = self.dir.path().join(".hive/private");
        fs::create_dir_all(&context).unwrap();
        let (mut config, mut known) = (String::new(), String::new());
        for machine in self.machines.iter().flatten() {
            let full = format!("{}.hive.example", machine.name);
            known += &format!("{full} {}", machine.host_key(self.dir.path()));
            config += &format!(
                "Host {full} {short}\n  HostName 127.0.0.1\n  Port {port}\n  User root\n  IdentityFile {dir}/key\n  \
                 IdentitiesOnly yes\n  UserKnownHostsFile {dir}/.hive/private/known_hosts\n  HostKeyAlias {full}\n  \
                 StrictHostKeyChecking yes\n",
                short = machine.name,
                port = machine.port,
                dir = self.dir.path().display(),
            );
        }
        fs::write(context.join("ssh_config"), config).unwrap();
        fs::write(context.join("known_hosts"), known).unwrap();
    }

    /// The person's runtime folder, where sockets go.
    pub fn runtime(&self) -> PathBuf {
        self.dir.path().join("r")
    }

    /// A path in the site folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hive"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .env_clear()
            .env("XDG_RUNTIME_DIR", self.runtime())
            .env("HOME", self.dir.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the command to its end.
    pub fn hive(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs the command, with something to read.
    pub fn hive_reading(&self, args: &[&str], stdin: &str) -> Output {
        use std::io::Write;
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(stdin.as_bytes()).unwrap();
        drop(pipe);
        child.wait_with_output().unwrap()
    }

    /// Runs the command at a terminal of its own.
    pub fn hive_at_terminal(&self, words: &str, stdin: &str) -> Output {
        use std::io::Write;
        let line = format!("{} {words}", env!("CARGO_BIN_EXE_hive"));
        let mut child = Command::new("script")
            .args(["-qefc", &line, "/dev/null"])
            .current_dir(self.dir.path())
            .env("XDG_RUNTIME_DIR", self.runtime())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(stdin.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        drop(pipe);
        output
    }

    /// Begins to follow the log of `web`, and comes back when lines arrive.
    pub fn follow(&self) -> Child {
        use std::io::{BufRead, BufReader};
        let mut child = self.command(&["logs", "-f", "web"]).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().contains(" of "));
        // The rest goes nowhere, but somewhere it has to go.
        std::thread::spawn(move || lines.for_each(drop));
        child
    }

    /// Names of what lies in the runtime folder.
    pub fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.runtime()).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    /// Processes of ssh that forward a socket of ours.
    pub fn forwarders(&self) -> Vec<i32> {
        let ours = format!("{}/hive-ssh-", self.runtime().display());
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter_map(|entry| {
                let id: i32 = entry.file_name().to_str()?.parse().ok()?;
                let line = fs::read(entry.path().join("cmdline")).ok()?;
                String::from_utf8_lossy(&line).contains(&ours).then_some(id)
            })
            .collect()
    }

    /// Waits until the tasks of a service run.
    pub fn wait_for(&self, service: &str, count: usize) {
        wait("running tasks", || {
            let output = self.hive(&["ps", service, "--json"]);
            let json: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
            let tasks = json["tasks"].as_array()?;
            let running = tasks.iter().filter(|t| t["state"] == "running");
            (running.count() == count).then_some(())
        });
    }
}

/// A service of busybox on the network of its host, which needs nothing of the kernel.
async fn create(docker: &Docker, name: &str, command: &[&str], replicas: i64) {
    let spec = json!({
        "Name": name,
        "Mode": {"Replicated": {"Replicas": replicas}},
        "TaskTemplate": {
            "ContainerSpec": {"Image": "tiny", "Command": command, "Env": ["HOST={{.Node.Hostname}}"]},
            "Networks": [{"Target": "host"}],
            "RestartPolicy": {"Delay": 1_000_000_000},
        },
    });
    let spec: ServiceSpec = serde_json::from_value(spec).unwrap();
    docker.create_service(spec, None).await.unwrap();
}

async fn import_image(docker: &Docker) {
    let mut tar = tar::Builder::new(Vec::new());
    tar.append_path_with_name(which("busybox").unwrap(), "bin/busybox")
        .unwrap();
    for name in [
        "sh", "cat", "sleep", "rm", "tty", "stty", "ls", "touch", "mkdir", "ln",
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        header.set_mode(0o777);
        tar.append_link(&mut header, format!("bin/{name}"), "busybox")
            .unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_size(0);
    header.set_mode(0o1777);
    tar.append_data(&mut header, "tmp", std::io::empty())
        .unwrap();
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo("tiny")
        .build();
    let body = bollard::body_full(tar.into_inner().unwrap().into());
    let mut told = docker.create_image(Some(options), Some(body), None);
    while let Some(told) = told.next().await {
        told.unwrap();
    }
}

//! An operator with a site of six services.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;

use bollard::models::{Config, Service, VolumeCreateRequest};
use bollard::query_parameters::{
    InspectNetworkOptions, ListServicesOptions, RemoveVolumeOptions, UpdateServiceOptions,
};
use tokio::runtime::Runtime;

use crate::machine::{wait, which};
use crate::swarm::Swarm;

const SERVICES: &str = r#"plugin: hive_services
networks:
  back: {}
secrets:
  password: {generate: {length: 20}}
configs:
  motd: {content: hello}
  page: {file: page.txt}
services:
  alpha:
    image: tiny
    command: [sleep, '1000']
    environment: {MODE: first}
    mode: replicated
    replicas: 2
    networks: [back]
    secrets: [password]
    configs: [motd, {source: page, target: /srv/page, mode: 0440}]
  beta:
    image: tiny
    command: [sleep, '1001']
    environment: {MODE: first}
    mode: global
  gamma:
    image: tiny
    command: [sleep, '1002']
    environment: {MODE: first}
    volumes:
    - {source: data, target: /data, type: volume, driver: local}
    - {source: /tmp, target: /host, readonly: True}
  delta:
    image: tiny
    command: [sleep, '1003']
    environment: {MODE: first}
    ports: [{target_port: 80, protocol: tcp, mode: host}]
  epsilon:
    image: tiny
    command: [sleep, '1004']
    environment: {MODE: first}
    endpoint_mode: dnsrr
  zeta:
    image: tiny
    command: [sleep, '1005']
    environment: {MODE: first}
    replicas: 3
    update_config: {parallelism: 3, order: start-first}
"#;

/// What all services have: nothing outside takes logs here, and `sleep` heeds no signal.
const OF_ALL: &str = "hive_logging: {driver: json-file}\nhive_stop_grace_period: 1s\nhive_update_config: {parallelism: 0, monitor: 1s}\n";

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub struct Operator {
    pub swarm: Swarm,
    runtime: Runtime,
}

/// A command that goes on.
pub struct Running {
    pub process: Child,
    rest: JoinHandle<String>,
    read: String,
}

impl Running {
    /// Its end: the code, and all that it said.
    pub fn end(mut self) -> (Option<i32>, String) {
        let code = self.process.wait().unwrap().code();
        (code, self.read + &self.rest.join().unwrap())
    }
}

impl Operator {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let swarm = Swarm::start();
        runtime.block_on(swarm.found());
        swarm.wait_for("web", 3);
        runtime.block_on(async {
            let docker = swarm.machines[0].as_ref().unwrap().docker();
            for name in ["web", "broken"] {
                docker.delete_service(name).await.unwrap();
            }
        });
        let operator = Self { swarm, runtime };
        operator.write_services(SERVICES);
        fs::create_dir_all(operator.path("inventory/group_vars")).unwrap();
        fs::write(operator.path("inventory/group_vars/services.yml"), OF_ALL).unwrap();
        fs::write(operator.path("page.txt"), "a page").unwrap();
        // Counts connections.
        let bin = operator.path("bin");
        fs::create_dir(&bin).unwrap();
        let ssh = which("ssh").unwrap();
        let script = format!(
            "#!/bin/sh\necho x >>{}/started\nexec {} \"$@\"\n",
            bin.display(),
            ssh.display()
        );
        fs::write(bin.join("ssh"), script).unwrap();
        fs::set_permissions(bin.join("ssh"), Permissions::from_mode(0o755)).unwrap();
        operator
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.swarm.path(name)
    }

    pub fn services(&self) -> String {
        fs::read_to_string(self.path("inventory/services.yml")).unwrap()
    }

    pub fn write_services(&self, text: &str) {
        fs::write(self.path("inventory/services.yml"), text).unwrap();
    }

    /// Changes a variable of all services.
    pub fn mode(&self, word: &str) {
        let lines = self.services();
        let lines = lines.lines().map(|line| match line.contains("MODE: ") {
            true => format!("    environment: {{MODE: {word}}}\n"),
            false => format!("{line}\n"),
        });
        self.write_services(&lines.collect::<String>());
    }

    fn command(&self, args: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hive"));
        command
            .args(args)
            .current_dir(self.path("."))
            .env_clear()
            .env("XDG_RUNTIME_DIR", self.swarm.runtime())
            .env("HOME", self.path("."))
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the command to its end.
    pub fn hive(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The same, which ends well.
    pub fn passes(&self, args: &[&str]) -> Output {
        let output = self.hive(args);
        let told = (out(&output), err(&output));
        assert!(output.status.success(), "{args:?}\n{}{}", told.0, told.1);
        output
    }

    pub fn is_unchanged(&self) {
        let again = self.passes(&["deploy-services"]);
        assert_eq!(out(&again), "6 services unchanged\n");
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Starts the command, and comes back when it has said this.
    pub fn until(&self, args: &[&str], word: &str) -> Running {
        let mut process = self.spawn(args);
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let mut read = String::new();
        while !read.contains(word) {
            let line = lines.next().expect(&read).unwrap();
            read += &format!("{line}\n");
        }
        let rest = std::thread::spawn(move || lines.map_while(Result::ok).collect());
        Running {
            process,
            rest,
            read,
        }
    }

    /// How often ssh was started.
    pub fn connections(&self) -> usize {
        let lines = fs::read_to_string(self.path("bin/started"));
        lines.map_or(0, |lines| lines.lines().count())
    }

    fn listed(&self) -> Vec<Service> {
        self.runtime.block_on(async {
            let docker = self.swarm.machines[0].as_ref().unwrap().docker();
            let listed = docker.list_services(None::<ListServicesOptions>).await;
            listed.unwrap()
        })
    }

    /// The services, and the version of the definition of each.
    pub fn versions(&self) -> BTreeMap<String, u64> {
        let services = self.listed().into_iter();
        let version = |service: Service| {
            let index = service.version.unwrap().index.unwrap();
            (service.spec.unwrap().name.unwrap(), index)
        };
        services.map(version).collect()
    }

    /// What somebody does without hive.
    pub fn label_by_hand(&self, name: &str) {
        let mut all = self.listed().into_iter();
        let found = all.find(|s| s.spec.as_ref().unwrap().name.as_deref() == Some(name));
        let found = found.unwrap();
        let mut spec = found.spec.unwrap();
        let labels = spec.labels.get_or_insert_default();
        labels.insert("by".into(), "hand".into());
        let version = i32::try_from(found.version.unwrap().index.unwrap()).unwrap();
        let options = UpdateServiceOptions {
            version,
            ..Default::default()
        };
        self.runtime.block_on(async {
            let docker = self.swarm.machines[1].as_ref().unwrap().docker();
            let updated = docker.update_service(name, spec, options, None).await;
            updated.unwrap();
        });
    }

    /// The configs, and the version of each.
    pub fn configs(&self) -> BTreeMap<String, u64> {
        let docker = self.swarm.machines[0].as_ref().unwrap().docker();
        let listed = self.runtime.block_on(docker.list_configs(None)).unwrap();
        let version = |config: Config| {
            let index = config.version.unwrap().index.unwrap();
            (config.spec.unwrap().name.unwrap(), index)
        };
        listed.into_iter().map(version).collect()
    }

    /// What the hosts would do at the end of a removal.
    pub fn remove_config(&self, name: &str) {
        let docker = self.swarm.machines[0].as_ref().unwrap().docker();
        self.runtime.block_on(docker.delete_config(name)).unwrap();
    }

    /// What somebody does without hive.
    pub fn volume_by_hand(&self, host: usize, name: &str) {
        let docker = self.swarm.machines[host].as_ref().unwrap().docker();
        let request = VolumeCreateRequest {
            name: Some(name.into()),
            ..VolumeCreateRequest::default()
        };
        self.runtime
            .block_on(docker.create_volume(request))
            .unwrap();
    }

    /// As somebody does who clears up.
    pub fn remove_volume(&self, host: usize, name: &str) {
        let docker = self.swarm.machines[host].as_ref().unwrap().docker();
        let removed = docker.remove_volume(name, None::<RemoveVolumeOptions>);
        self.runtime.block_on(removed).unwrap();
    }

    /// As somebody does who clears up; tasks of removed services may need a moment to leave it.
    pub fn remove_network(&self, name: &str) {
        let docker = self.swarm.machines[0].as_ref().unwrap().docker();
        wait("a network to be free", || {
            let removed = self.runtime.block_on(docker.remove_network(name));
            removed.ok()
        });
        wait("a network to be gone", || {
            let there = docker.inspect_network(name, None::<InspectNetworkOptions>);
            self.runtime.block_on(there).is_err().then_some(())
        });
    }

    /// The site's own files and what they hold.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        for folder in [".hive/private", "secrets/private", "inventory"] {
            read_into(&self.path(folder), &mut files);
        }
        files
    }
}

fn read_into(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => read_into(&path, files),
            false => {
                files.insert(path.clone(), fs::read(&path).unwrap());
            }
        }
    }
}

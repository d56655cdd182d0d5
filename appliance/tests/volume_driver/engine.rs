//! A Docker Engine on a host, and what its user asks of it.

use std::fs;
use std::sync::Arc;

use bollard::models::{ContainerCreateBody, HostConfig, VolumeCreateRequest};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder, LogsOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveVolumeOptions, WaitContainerOptions,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::runtime::Runtime;

use super::host::Host;

const DOCKERD: &str = r#"
dockerd --data-root "$1/docker" --exec-root /run/docker -H "unix://$1/docker.sock" --pidfile /run/docker.pid \
    --storage-driver vfs --iptables=false --ip6tables=false --bridge=none $2 >>"$1/dockerd.log" 2>&1 &
"#;

const KILL: &str = r#"
daemon=$(cat /run/docker.pid) && kill -9 "$daemon" && while kill -0 "$daemon"; do sleep 0.1; done
"#;

/// An engine.
pub struct Engine {
    host: Arc<Host>,
    runtime: Runtime,
    docker: Docker,
}

type Asked<T> = Result<T, String>;

impl Engine {
    /// Starts dockerd on a host, with another option.
    pub fn start(host: &Arc<Host>, option: &str) -> Self {
        let (folder, runtime) = (host.folder.to_str().unwrap(), super::runtime());
        let words = ["sh", "-c", DOCKERD, "engine", folder, option];
        assert!(host.space.within(&words).status.success());
        let socket = format!("{folder}/docker.sock");
        let connect = || {
            let docker = Docker::connect_with_unix(&socket, 120, API_DEFAULT_VERSION).ok()?;
            let answers = runtime.block_on(docker.ping()).is_ok();
            answers.then_some(docker)
        };
        super::wait("docker answers", || connect().is_some());
        let docker = connect().unwrap();
        Self {
            host: Arc::clone(host),
            docker,
            runtime,
        }
    }

    /// `kill -9` of dockerd. What it started lives on.
    pub fn dies(self) {
        let killed = self.host.space.within(&["sh", "-c", KILL]);
        assert!(killed.status.success(), "{killed:?}");
    }

    /// The image with content where the volume will be.
    pub fn gets_image(&self) {
        let files = [("srv/from-image", "image\n")];
        self.runtime
            .block_on(super::image::import(&self.docker, &files));
    }

    /// `docker volume create -d drbd NAME`.
    pub fn creates_volume(&self, name: &str) -> Asked<()> {
        let wanted = VolumeCreateRequest {
            name: Some(name.to_owned()),
            driver: Some("drbd".to_owned()),
            ..VolumeCreateRequest::default()
        };
        self.ask(async { self.docker.create_volume(wanted).await.map(drop) })
    }

    /// `docker volume rm web`.
    pub fn removes_volume(&self) -> Asked<()> {
        let none = None::<RemoveVolumeOptions>;
        self.ask(self.docker.remove_volume("web", none))
    }

    /// Drivers and names of all volumes.
    pub fn volumes(&self) -> Vec<String> {
        let none = None::<bollard::query_parameters::ListVolumesOptions>;
        let listed = self.ask(self.docker.list_volumes(none)).unwrap();
        let volumes = listed.volumes.unwrap_or_default().into_iter();
        volumes
            .map(|volume| format!("{} {}", volume.driver, volume.name))
            .collect()
    }

    /// Where the volume is, as docker tells.
    pub fn mountpoint(&self) -> String {
        let told = self.ask(self.docker.inspect_volume("web"));
        told.unwrap().mountpoint
    }

    /// Starts a container with the volume at `/srv`.
    pub fn starts(&self, name: &str, command: &str) -> Asked<()> {
        let words = format!("/bin/busybox {command}");
        let container = ContainerCreateBody {
            image: Some("tiny".to_owned()),
            cmd: Some(words.split(' ').map(str::to_owned).collect()),
            host_config: Some(HostConfig {
                binds: Some(vec!["web:/srv".to_owned()]),
                volume_driver: Some("drbd".to_owned()),
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let named = CreateContainerOptionsBuilder::default().name(name).build();
        self.ask(async {
            self.docker.create_container(Some(named), container).await?;
            self.docker.start_container(name, None).await
        })
    }

    /// Starts a container that does nothing.
    pub fn keeps(&self, name: &str) {
        self.starts(name, "sleep 1000").unwrap();
    }

    /// What a container prints, from its start to its removal.
    pub fn runs(&self, command: &str) -> Asked<String> {
        let said = self.starts("once", command).and_then(|()| {
            let options = LogsOptionsBuilder::default().stdout(true).stderr(true);
            self.ask(async {
                let none = None::<WaitContainerOptions>;
                let mut ended = Box::pin(self.docker.wait_container("once", none));
                // How it ended is in what it says.
                while ended.next().await.is_some() {}
                let lines = self.docker.logs("once", Some(options.build()));
                let lines = lines.map_ok(|line| line.to_string());
                lines.try_collect::<String>().await
            })
        });
        // What did not get its volume may not even be made.
        let _ = self.remove("once");
        said.map(|said| said.trim().to_owned())
    }

    /// `docker rm -f NAME`.
    pub fn removes(&self, name: &str) {
        self.remove(name).unwrap();
    }

    fn remove(&self, name: &str) -> Asked<()> {
        let force = RemoveContainerOptionsBuilder::default().force(true).build();
        self.ask(self.docker.remove_container(name, Some(force)))
    }

    /// Whether a container runs.
    pub fn has_running(&self, name: &str) -> bool {
        let told = self.ask(self.docker.inspect_container(name, None)).unwrap();
        told.state.and_then(|state| state.running) == Some(true)
    }

    /// The process of a container, as its host numbers it.
    pub fn process(&self, name: &str) -> String {
        let told = self.ask(self.docker.inspect_container(name, None)).unwrap();
        told.state.unwrap().pid.unwrap().to_string()
    }

    /// `docker cp NAME:PATH -`.
    pub fn copies(&self, name: &str, path: &str) -> Vec<u8> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path);
        let copied = self.ask(async {
            let parts = self
                .docker
                .download_from_container(name, Some(options.build()));
            parts.try_collect::<Vec<_>>().await
        });
        copied.unwrap().concat()
    }

    fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, bollard::errors::Error>>,
    ) -> Asked<T> {
        self.runtime.block_on(question).map_err(|e| e.to_string())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.host.folder.join("dockerd.log");
            eprintln!("{}", fs::read_to_string(log).unwrap_or_default());
        }
    }
}

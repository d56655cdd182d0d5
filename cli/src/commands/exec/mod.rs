//! `hive exec`: a command in a container of a service, wherever it runs.

mod frames;
mod terminal;

use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use anyhow::Context;
use bollard::exec::{CreateExecOptions, ResizeExecOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Global;
use crate::cluster::tasks::{Running, container};
use crate::cluster::{self, Cluster, Hijacked, Link, session};
use crate::error::{Result, Usage};
use frames::{Frames, Output};
use terminal::Raw;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The exit code is that of the command. Without N the first running task is taken."
)]
pub struct Exec {
    /// The service, or one task of it: SERVICE.2, or SERVICE.HOST of a global service
    #[arg(value_name = "SERVICE[.N]")]
    service: String,
    /// Pass on what is typed or piped in
    #[arg(short, long)]
    interactive: bool,
    /// Give the command a terminal
    #[arg(short, long)]
    tty: bool,
    /// Run as this user: NAME or UID, with :GROUP if need be
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// Run in this folder
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Set a variable: NAME=VALUE
    #[arg(short, long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// The command
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Exec {
    /// Runs the command; its exit code is ours.
    ///
    /// # Errors
    /// No such task runs, its host can't be reached, or the connection is lost.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        if self.tty && self.interactive && !io::stdin().is_terminal() {
            let none =
                "`-t` together with `-i` wants a terminal, and there is none; leave `-t` away";
            return Err(Usage(none.into()).into());
        }
        session::run(async {
            let cluster = cluster::of_stage(global).await?;
            let (link, container) = find(&cluster, &self.service).await?;
            self.run_in(&link, &container).await
        })
    }

    async fn run_in(&self, link: &Link, container: &str) -> Result<ExitCode> {
        let docker = link.docker();
        let options = CreateExecOptions {
            attach_stdin: Some(self.interactive),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(self.tty),
            env: Some(self.env.clone()),
            cmd: Some(self.command.clone()),
            user: self.user.clone(),
            working_dir: self.workdir.clone(),
            ..CreateExecOptions::default()
        };
        let doing = || format!("running `{}` in {}", self.command.join(" "), self.service);
        let exec = match docker.create_exec(container, options).await {
            Ok(exec) => exec.id,
            Err(error) => return Err(link.explain(error).await.context(doing()).into()),
        };
        let path = format!("/exec/{exec}/start");
        let body = format!(r#"{{"Detach":false,"Tty":{}}}"#, self.tty);
        let started = Hijacked::post(link.socket(), &path, &body).await;
        let stream = match started {
            Ok(stream) => stream,
            Err(error) => {
                let error = link.lost_soon().await.unwrap_or(error);
                return Err(error.context(doing()).into());
            }
        };
        let raw = (self.tty && self.interactive)
            .then(Raw::enter)
            .transpose()?;
        let passed = self.pass(link, &exec, stream).await;
        drop(raw);
        if let Err(error) = passed {
            let error = link.lost_soon().await.unwrap_or(error);
            return Err(error.context(doing()).into());
        }
        match docker.inspect_exec(&exec).await {
            Ok(ended) => {
                let code = ended.exit_code.unwrap_or(1);
                Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
            }
            Err(error) => Err(link.explain(error).await.context(doing()).into()),
        }
    }

    /// Passes bytes both ways until the command has said all.
    async fn pass(&self, link: &Link, exec: &str, stream: Hijacked) -> anyhow::Result<()> {
        let Hijacked {
            mut output,
            input,
            first,
        } = stream;
        let typed = async {
            if self.interactive {
                return type_into(input).await;
            }
            // Held open: some engines take its end for the end of the whole.
            let _held = input;
            std::future::pending::<anyhow::Result<()>>().await
        };
        let said = async {
            let mut frames = Frames::new(self.tty);
            let mut bytes = first;
            loop {
                for part in frames.take(&bytes)? {
                    print(&part).context("writing what the command says")?;
                }
                bytes.clear();
                if output.read_buf(&mut bytes).await? == 0 {
                    return anyhow::Ok(());
                }
            }
        };
        let resized = async {
            if self.tty {
                follow_size(link, exec).await
            } else {
                std::future::pending::<anyhow::Result<()>>().await
            }
        };
        let mut typing = true;
        tokio::pin!(typed, said, resized);
        loop {
            tokio::select! {
                done = &mut said => return done,
                // The end of input is not the end of output.
                _ = &mut typed, if typing => typing = false,
                failed = &mut resized => failed?,
            }
        }
    }
}

/// The host and container of a running task.
///
/// # Errors
/// There is no such service or task, or its host can't be reached.
pub async fn find(cluster: &Cluster, word: &str) -> Result<(std::sync::Arc<Link>, String)> {
    let running = Running::read(&*cluster.manager().await).await?;
    let task = running.running_task(word)?;
    let name = running.task_name(task);
    let id = container(task).with_context(|| format!("{name} has no container yet"))?;
    let host = running
        .host(task)
        .with_context(|| format!("{name} has no host yet"))?;
    let link = cluster.host(host).await?;
    Ok((link, id.to_owned()))
}

fn print(part: &Output) -> io::Result<()> {
    match part {
        Output::Out(bytes) => {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        }
        Output::Err(bytes) => io::stderr().lock().write_all(bytes),
    }
}

/// Reads standard input in a thread, which nobody waits for: it may wait for a key for ever.
async fn type_into(mut input: tokio::net::unix::OwnedWriteHalf) -> anyhow::Result<()> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(4);
    std::thread::spawn(move || {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = io::stdin().read(&mut bytes) {
            if sender.blocking_send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    while let Some(bytes) = receiver.recv().await {
        input.write_all(&bytes).await?;
    }
    input.shutdown().await?;
    // Dropping the half would be a second end of input, which is none.
    std::future::pending::<()>().await;
    Ok(())
}

/// Tells the size of our terminal now, and whenever it changes.
async fn follow_size(link: &Link, exec: &str) -> anyhow::Result<()> {
    let mut changes = signal(SignalKind::window_change())?;
    loop {
        if let Some((width, height)) = terminal::size() {
            let size = ResizeExecOptions { height, width };
            // A command that ended meanwhile has no size; its end is told elsewhere.
            drop(link.docker().resize_exec(exec, size).await);
        }
        changes.recv().await;
    }
}

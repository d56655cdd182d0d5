//! `hive logs`: what a service's containers say, from all hosts in one stream.

mod line;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use bollard::query_parameters::LogsOptions;
use futures_util::StreamExt;

use crate::args::Global;
use crate::cluster::tasks::{Running, Target, service_name};
use crate::cluster::{self, Cluster, session};
use crate::error::{CommandError, Result, Usage};
use crate::{moment, output};
use line::{Line, Printer};

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct Logs {
    /// The service, or one task of it: SERVICE.2, or SERVICE.HOST of a global service
    #[arg(value_name = "SERVICE[.N]")]
    service: String,
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
    /// Begin with the last N lines of each task
    #[arg(long, value_name = "N")]
    tail: Option<u64>,
    /// Begin at a time (2026-01-31T12:00:00Z) or so long ago (10m, 2h, 1d)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Show when each line was said
    #[arg(short, long)]
    timestamps: bool,
}

impl Logs {
    /// Shows what the service says.
    ///
    /// # Errors
    /// The swarm can't be asked, has no such service, or its log driver gives nothing back.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let since = self.since.as_deref().map(since).transpose()?;
        session::run_with(
            async {
                let cluster = cluster::of_stage(global).await?;
                self.show(&cluster, since.unwrap_or_default()).await
            },
            // Following ends with Ctrl-C; that is no news.
            || None,
        )
    }

    async fn show(&self, cluster: &Cluster, since: i32) -> Result<ExitCode> {
        let link = cluster.manager().await;
        let mut running = Running::read(&link).await?;
        let target = running.target(&self.service)?;
        let options = LogsOptions {
            follow: self.follow,
            stdout: true,
            stderr: true,
            since,
            timestamps: self.timestamps,
            tail: self.tail.map_or("all".into(), |n| n.to_string()),
            ..LogsOptions::default()
        };
        // bollard's options lack `details`, which tells of which task a line is.
        let docker = link.docker().with_request_modifier(|mut request| {
            let uri = format!("{}&details=true", request.uri());
            if let Ok(uri) = uri.parse() {
                *request.uri_mut() = uri;
            }
            request
        });
        let service = running.service(&target.service)?;
        let id = service.id.clone().unwrap_or_default();
        warn_of_driver(service);
        let mut printer = Printer::new(output::is_terminal());
        let mut stream = std::pin::pin!(docker.service_logs(&id, Some(options)));
        let mut half = Vec::new();
        while let Some(part) = stream.next().await {
            let bytes = match part {
                Ok(part) => part.into_bytes(),
                Err(error) => {
                    let error = link.explain(error).await;
                    return Err(CommandError::from(
                        error.context(format!("reading the log of {}", target.service)),
                    ));
                }
            };
            half.extend_from_slice(&bytes);
            let whole = half
                .iter()
                .rposition(|b| *b == b'\n')
                .map_or(0, |at| at + 1);
            // A terminal's half line may wait; whatever comes framed ends with a line.
            let rest = half.split_off(whole);
            for text in half.split(|b| *b == b'\n').filter(|text| !text.is_empty()) {
                let line = Line::parse(&String::from_utf8_lossy(text), self.timestamps);
                if line.task().is_some_and(|task| {
                    !running.tasks.iter().any(|t| t.id.as_deref() == Some(task))
                }) {
                    // Of a task that began after we looked.
                    running = Running::read(&link).await?;
                }
                self.print(&running, &target, &line, &mut printer)?;
            }
            half = rest;
        }
        if self.follow
            && let Some(lost) = link.lost_soon().await
        {
            return Err(lost.into());
        }
        Ok(ExitCode::SUCCESS)
    }

    fn print(
        &self,
        running: &Running,
        target: &Target,
        line: &Line,
        printer: &mut Printer,
    ) -> Result<()> {
        let task = line
            .task()
            .and_then(|id| running.tasks.iter().find(|t| t.id.as_deref() == Some(id)));
        let name = task.map_or_else(|| target.service.clone(), |task| running.task_name(task));
        if let Some(wanted) = &target.task
            && name != format!("{}.{wanted}", target.service)
        {
            return Ok(());
        }
        let host = task.and_then(|task| running.host(task)).unwrap_or("?");
        // The name of a global service's task ends with its host already.
        let source = match name.ends_with(&format!(".{host}")) {
            true => name,
            false => format!("{name}@{host}"),
        };
        output::data(&printer.text(&source, line))
    }
}

/// Drivers that send lines away give them back only from docker's own copy, which may be off.
fn warn_of_driver(service: &bollard::models::Service) {
    let template = service.spec.as_ref().and_then(|s| s.task_template.as_ref());
    let driver = template.and_then(|t| t.log_driver.as_ref()?.name.as_deref());
    if driver == Some("none") {
        let name = service_name(service);
        output::warn(&format!("{name} keeps no log: its log driver is `none`"));
    }
}

/// A time for docker: seconds since 1970.
fn since(text: &str) -> Result<i32> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let ago = moment::length(text).map(|length| now.as_secs().saturating_sub(length));
    let seconds = ago
        .or_else(|| moment::seconds(text))
        .or_else(|| text.parse().ok());
    seconds
        .and_then(|seconds| i32::try_from(seconds).ok())
        .ok_or_else(|| {
            Usage(format!(
                "`{text}` is no time; write 10m, 2h, 1d, or 2026-01-31T12:00:00Z"
            ))
            .into()
        })
}

//! `hive cp`: files and folders into and out of a container of a service, wherever it runs.

mod pack;
mod place;
mod stream;
mod unpack;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use bollard::container::PathStatResponse;
use bollard::errors::Error;
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, DownloadFromContainerOptionsBuilder,
    UploadToContainerOptionsBuilder,
};

use super::exec::find;
use crate::args::Global;
use crate::cluster::{self, Link, session};
use crate::error::{Result, Usage};
use crate::output;
use place::{Destination, Place, destination, is_folder, is_link};

/// A large file takes its time before the engine answers.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "One side is in a container, SERVICE[.N]:PATH, the other here. As with `docker cp`, FOLDER/. means what is \
    in the folder. Files come to belong to you here and to root there, unless `-a` is given. A path of this \
    computer that has a colon is written with a slash: ./a:b"
)]
pub struct Cp {
    /// Keep user and group ids and all permission bits
    #[arg(short, long)]
    archive: bool,
    /// If SRC is a symbolic link, copy what it leads to
    #[arg(short = 'L', long)]
    follow_link: bool,
    /// What to copy
    #[arg(value_name = "SRC")]
    source: String,
    /// Where to
    #[arg(value_name = "DST")]
    destination: String,
}

/// What was copied.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Copied {
    files: u64,
    bytes: u64,
}

impl Cp {
    /// Copies.
    ///
    /// # Errors
    /// A side is not there or can't be written, or no such task runs.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        let (from, to) = (Place::parse(&self.source), Place::parse(&self.destination));
        session::run(async {
            let copied = match (&from, &to) {
                (Place::Container { service, path }, Place::Here(here)) => {
                    let cluster = cluster::of_stage(global).await?;
                    let (link, container) = find(&cluster, service).await?;
                    self.fetch(&link, &container, path, here).await
                }
                (Place::Here(here), Place::Container { service, path }) => {
                    let cluster = cluster::of_stage(global).await?;
                    let (link, container) = find(&cluster, service).await?;
                    self.send(&link, &container, here, path).await
                }
                _ => {
                    let wrong =
                        "exactly one of SRC and DST is to be in a container: SERVICE[.N]:PATH";
                    return Err(Usage(wrong.into()).into());
                }
            };
            let doing = || format!("copying {} to {}", self.source, self.destination);
            let Copied { files, bytes } = copied.with_context(doing)?;
            let noun = if files == 1 { "file" } else { "files" };
            output::say(&format!("copied {files} {noun}, {}", output::size(bytes)));
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn fetch(
        &self,
        link: &Link,
        container: &str,
        path: &str,
        here: &Path,
    ) -> anyhow::Result<Copied> {
        let contents = path.ends_with("/.");
        let mut path = trimmed(path).to_owned();
        let mut found = stat(link, container, &path)
            .await?
            .with_context(|| format!("the container has no {path}"))?;
        if self.follow_link && is_link(&found) {
            path = found.link_target.clone();
            found = stat(link, container, &path)
                .await?
                .with_context(|| format!("the link leads to {path}, which is not there"))?;
        }
        let meta = std::fs::metadata(here).ok();
        let target = destination(&Destination {
            path: &here.to_string_lossy(),
            exists: meta.is_some(),
            folder: meta.is_some_and(|m| m.is_dir()),
            source_name: &name_of(&path),
            source_folder: is_folder(&found),
            contents,
        })?;
        let options = DownloadFromContainerOptionsBuilder::default()
            .path(&path)
            .build();
        let docker = link.docker().with_timeout(PATIENCE);
        let parts = docker.download_from_container(container, Some(options));
        let (reader, pump) = stream::reader(parts);
        let archive = self.archive;
        let unpacked =
            tokio::task::spawn_blocking(move || unpack::all(reader, Path::new(&target), archive));
        let pumped = pump.await;
        let copied = unpacked.await.context("unpacking")?;
        if let Err(error) = pumped {
            return Err(link.explain(error).await);
        }
        copied
    }

    async fn send(
        &self,
        link: &Link,
        container: &str,
        here: &Path,
        path: &str,
    ) -> anyhow::Result<Copied> {
        let text = here.to_string_lossy();
        let contents = text.ends_with("/.");
        let source = PathBuf::from(trimmed(&text));
        let meta = match self.follow_link {
            true => std::fs::metadata(&source),
            false => std::fs::symlink_metadata(&source),
        };
        let meta = meta.with_context(|| format!("reading {}", source.display()))?;
        let real = std::fs::canonicalize(&source).unwrap_or_else(|_| source.clone());
        let mut there = stat(link, container, trimmed(path)).await?;
        if let Some(found) = there.as_ref().filter(|found| is_link(found)) {
            let led = stat(link, container, &found.link_target.clone()).await?;
            there = led.or(there);
        }
        let target = destination(&Destination {
            path,
            exists: there.is_some(),
            folder: there.as_ref().is_some_and(is_folder),
            source_name: &source
                .file_name()
                .or(real.file_name())
                .unwrap_or_default()
                .to_string_lossy(),
            source_folder: meta.is_dir(),
            contents,
        })?;
        // The archive is unpacked in a folder that is there: the destination's own, or the one above.
        let (folder, name) = target.rsplit_once('/').unwrap_or(("", target.as_str()));
        let folder = if folder.is_empty() { "/" } else { folder };
        let options = UploadToContainerOptionsBuilder::default()
            .path(folder)
            .build();
        let source = if self.follow_link { real } else { source };
        let (name, archive) = (name.to_owned(), self.archive);
        let (writer, parts) = stream::writer();
        let packed =
            tokio::task::spawn_blocking(move || pack::all(writer, &source, &name, archive));
        let docker = link.docker().with_timeout(PATIENCE);
        let body = bollard::body_try_stream(parts);
        let sent = docker
            .upload_to_container(container, Some(options), body)
            .await;
        let packed = packed.await.context("packing")?;
        match (sent, packed) {
            (Ok(()), packed) => packed,
            (
                Err(Error::DockerResponseServerError {
                    status_code: 404, ..
                }),
                _,
            ) => Err(anyhow!("the container has no folder {folder}")),
            // A file that can't be read ends the upload, and is the better reason.
            (Err(error), Err(reason)) if !stream::is_gone(&reason) => {
                Err(reason.context(error.to_string()))
            }
            (Err(error), _) => Err(link.explain(error).await),
        }
    }
}

/// What is at a path in a container; nothing, perhaps.
async fn stat(
    link: &Link,
    container: &str,
    path: &str,
) -> anyhow::Result<Option<PathStatResponse>> {
    let options = ContainerArchiveInfoOptionsBuilder::default()
        .path(path)
        .build();
    let found = link
        .docker()
        .get_container_archive_info(container, Some(options))
        .await;
    match found {
        Ok(found) => Ok(Some(found)),
        Err(Error::DockerResponseServerError {
            status_code: 404, ..
        }) => Ok(None),
        Err(error) => Err(link.explain(error).await),
    }
}

/// Without `/.` and slashes at the end.
fn trimmed(path: &str) -> &str {
    let path = path.strip_suffix("/.").unwrap_or(path);
    let short = path.trim_end_matches('/');
    if short.is_empty() && !path.is_empty() || path.is_empty() {
        "/"
    } else {
        short
    }
}

fn name_of(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

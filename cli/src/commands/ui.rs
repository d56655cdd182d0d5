//! `hive ui`: the page that shows the swarm, served to this computer only (crate hive-ui).

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use hive_system::Program;
use hive_ui::server::Title;
use hive_ui::watch::{Board, Connecting};
use hive_ui::{Connector, Server};

use crate::args::Global;
use crate::cluster::{Cluster, Link, session};
use crate::error::Result;
use crate::output;
use crate::site_folder::SiteFolder;

/// Options of `hive ui`.
#[derive(Debug, clap::Args)]
pub struct Ui {
    /// Port of 127.0.0.1 to listen on; 0 is any free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,
    /// Open the page in the browser of this computer
    #[arg(long)]
    open: bool,
}

impl Ui {
    /// Serves the page until Ctrl-C.
    ///
    /// # Errors
    /// No manager can be reached at the start, or the port is taken.
    pub fn run(self, global: &Global) -> Result<ExitCode> {
        session::run_with(self.serve(global), || None)
    }

    async fn serve(self, global: &Global) -> Result<ExitCode> {
        let folder = SiteFolder::open(global)?;
        let stage = folder.stage(global)?;
        let title = Title {
            site: folder.site.name.clone(),
            stage: stage.name.name().to_owned(),
        };
        let cluster = Cluster::connect(&folder.context(), stage).await?;
        let board = Arc::new(Board::default());
        let server = Server::bind(self.port, title, board.clone()).await?;
        let url = server.url();
        output::data(&format!("{url}\n"))?;
        output::say(
            "The address is for you alone: whoever knows it sees the swarm. Ctrl-C ends it.",
        );
        // Goes with this command.
        let _page = if self.open { Some(open(&url)?) } else { None };
        let managers = Arc::new(Managers::of(cluster).await);
        tokio::join!(server.run(), hive_ui::watch(managers, board));
        Ok(ExitCode::SUCCESS)
    }
}

/// Shows the address in a browser. Others of this computer can read the words that a program was started with, so the
/// browser gets a private file that leads on.
fn open(url: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::Builder::new().prefix("hive-ui-").tempdir();
    let folder = folder.context("making a private folder for the page's address")?;
    let file = folder.path().join("page.html");
    let html = format!(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\">\
         <meta http-equiv=\"refresh\" content=\"0; url={url}\"><title>hive</title>"
    );
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut opened| opened.write_all(html.as_bytes()))
        .with_context(|| format!("writing {}", file.display()))?;
    let opened = Program::new("xdg-open")
        .package("xdg-utils")
        .arg(&file)
        .output();
    if let Err(error) = opened {
        output::warn(&format!(
            "the page was not opened: {error}; open the address yourself"
        ));
    }
    Ok(folder)
}

/// The managers of a stage, one after the other.
struct Managers {
    cluster: Cluster,
    /// The one in use, and whether it was handed out already.
    current: Mutex<(Arc<Link>, bool)>,
}

impl Managers {
    async fn of(cluster: Cluster) -> Self {
        let manager = cluster.manager().await;
        Self {
            cluster,
            current: Mutex::new((manager, false)),
        }
    }

    fn current(&self) -> (Arc<Link>, bool) {
        let current = self.current.lock();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another manager; the same one again if there is none, since it may have come back.
    async fn next(&self, lost: &Link) -> Result<Arc<Link>> {
        match self.cluster.next_manager().await {
            Ok(next) => Ok(next),
            Err(error) => match self.cluster.host(lost.host()).await {
                Ok(again) => Ok(again),
                Err(_) => Err(error),
            },
        }
    }
}

impl Connector for Managers {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let (link, used) = self.current();
            let link = if used {
                let next = self.next(&link).await;
                next.map_err(|error| error.text().trim_start_matches("error: ").to_owned())?
            } else {
                link
            };
            let docker = link.docker();
            let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
            *current = (link, true);
            Ok(docker)
        })
    }

    fn target(&self) -> String {
        let (link, _) = self.current();
        let short = link.host().split('.').next();
        short.unwrap_or(link.host()).to_owned()
    }
}

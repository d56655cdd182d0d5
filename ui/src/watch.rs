//! Keeps an eye on a swarm: asks for all its lists again and again, at once when an event tells of a change.
//!
//! Events alone would not do: the swarm sends none about tasks, and each engine tells only of its own containers.
//! They make the page quick; the repeated look makes it right. An event stream that ends (bollard ends it at the first
//! event of a type that it does not know) is opened again after the next look.

mod board;
mod look;

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::{Stream, StreamExt};
use tokio::time::{sleep, timeout};

pub use board::{Board, now};
use look::{Trouble, look};

/// Between looks while somebody sees the page.
const BUSY: Duration = Duration::from_secs(2);
/// Between looks while nobody does.
const IDLE: Duration = Duration::from_secs(30);
/// Events come in bursts: so long is waited for the rest of one.
const BURST: Duration = Duration::from_millis(200);
/// A look that takes longer has failed.
const LONGEST: Duration = Duration::from_secs(30);
/// Between attempts to connect; doubles up to [`LONGEST_PAUSE`].
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Types of events that may change what the page shows; others are not sent by the engine.
const TYPES: [&str; 6] = [
    "node",
    "service",
    "container",
    "network",
    "secret",
    "config",
];

/// Any error of a connector.
pub type ConnectError = Box<dyn Error + Send + Sync>;

/// What a connector is at.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = Result<Docker, ConnectError>> + Send + 'a>>;

/// The way to the engine of a manager, to be gone again after it broke.
pub trait Connector: Send + Sync {
    /// A new connection, perhaps to another manager.
    fn connect(&self) -> Connecting<'_>;
    /// Whither it leads, for a person: `h1`.
    fn target(&self) -> String;
}

/// One connection that heals itself, as that of a local socket.
impl Connector for Docker {
    fn connect(&self) -> Connecting<'_> {
        Box::pin(async { Ok(self.clone()) })
    }

    fn target(&self) -> String {
        "the engine".to_owned()
    }
}

type Events = Pin<Box<dyn Stream<Item = Result<(), bollard::errors::Error>> + Send>>;

/// Writes to the board what the swarm holds, until the future is dropped.
pub async fn watch(connector: Arc<dyn Connector>, board: Arc<Board>) {
    let mut pause = PAUSE;
    loop {
        let docker = match timeout(LONGEST, connector.connect()).await {
            Ok(Ok(docker)) => docker,
            Ok(Err(e)) => {
                board.broken(&Trouble::unreachable(&connector.target(), e.as_ref()));
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                continue;
            }
            Err(_) => {
                board.broken(&Trouble::silent(&connector.target(), LONGEST));
                continue;
            }
        };
        let seen = board.looks();
        follow(&docker, &connector.target(), &board).await;
        if board.looks() > seen {
            pause = PAUSE;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Looks until the connection is of no more use.
async fn follow(docker: &Docker, target: &str, board: &Board) {
    let mut events: Option<Events> = None;
    loop {
        // Open before the look, so that no change falls between the two.
        let stream = events.get_or_insert_with(|| opened(docker));
        let began = Instant::now();
        match timeout(LONGEST, look(docker, target)).await {
            Ok(Ok(snapshot)) => board.seen(snapshot),
            Ok(Err(trouble)) => {
                board.broken(&trouble);
                if !trouble.connected {
                    return;
                }
            }
            Err(_) => {
                board.broken(&Trouble::silent(target, LONGEST));
                return;
            }
        }
        // A slow way is not filled with looks.
        let rest = if board.watched() { BUSY } else { IDLE }.max(began.elapsed() * 4);
        tokio::select! {
            () = sleep(rest) => {}
            () = board.somebody_came() => {}
            event = stream.next() => match event {
                Some(Ok(())) => {
                    sleep(BURST).await;
                    // What has come meanwhile is answered by the same look.
                    while let Some(Some(Ok(()))) = futures_util::FutureExt::now_or_never(stream.next()) {}
                }
                Some(Err(_)) | None => {
                    events = None;
                    sleep(BUSY).await;
                }
            }
        }
    }
}

fn opened(docker: &Docker) -> Events {
    let filters = std::collections::HashMap::from([("type", TYPES.to_vec())]);
    let options = EventsOptionsBuilder::default().filters(&filters).build();
    let docker = docker.clone();
    let stream = docker.events(Some(options)).map(|event| event.map(|_| ()));
    Box::pin(stream)
}

//! Changes, as server-sent events: `state` with everything when something is different, `seen` with the time of the
//! look when nothing is.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::unfold;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Bytes, Frame};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Body, Page, Title, Told};
use crate::snapshot::{Snapshot, State};

/// After so long without a word, one is said, so that a client that has gone is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

struct Listener {
    changes: watch::Receiver<State>,
    title: Title,
    last: Option<State>,
}

/// The events for one page.
pub(super) fn stream(page: &Page) -> Body {
    let listener = Listener {
        changes: page.board.subscribe(),
        title: page.title.clone(),
        last: None,
    };
    let events = unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        let frame = Frame::data(Bytes::from(text));
        Some((Ok::<_, Infallible>(frame), listener))
    });
    StreamBody::new(events).boxed_unsync()
}

impl Listener {
    async fn next(&mut self) -> Option<String> {
        if self.last.is_some() {
            match timeout(SIGN_OF_LIFE, self.changes.changed()).await {
                Ok(changed) => changed.ok()?,
                Err(_) => return Some(": still here\n\n".to_owned()),
            }
        }
        let state = self.changes.borrow_and_update().clone();
        let same = self.last.as_ref().is_some_and(|last| same(last, &state));
        let text = match (&state.snapshot, same) {
            (Some(snapshot), true) => format!("event: seen\ndata: {}\n\n", snapshot.taken_at),
            _ => {
                let told = Told {
                    title: &self.title,
                    state: &state,
                };
                let json = serde_json::to_string(&told).ok()?;
                format!("retry: 2000\nevent: state\ndata: {json}\n\n")
            }
        };
        self.last = Some(state);
        Some(text)
    }
}

/// Whether nothing differs but the time of the look.
fn same(a: &State, b: &State) -> bool {
    let content = |snapshot: &Option<Arc<Snapshot>>| {
        snapshot.as_ref().map(|snapshot| Snapshot {
            taken_at: 0,
            ..Snapshot::clone(snapshot)
        })
    };
    a.link == b.link && content(&a.snapshot) == content(&b.snapshot)
}

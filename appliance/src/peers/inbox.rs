//! Messages that came and wait for the loop.

use hive_membership::Message;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::Instant;

use super::WAIT;

/// More are refused, since peers repeat themselves.
const PLACES: usize = 256;

/// A message that came, from a hive that has proved its name.
pub type Heard = (String, Message);

/// Where messages are put in.
#[derive(Clone)]
pub struct Slot(Sender<(Instant, Heard)>);

/// Messages of the other hives, none of which has waited long.
pub struct Inbox(Receiver<(Instant, Heard)>);

/// Both ends.
pub fn channel() -> (Slot, Inbox) {
    let (slot, inbox) = mpsc::channel(PLACES);
    (Slot(slot), Inbox(inbox))
}

impl Slot {
    /// Puts a message in; tells whether there was room.
    pub fn put(&self, heard: Heard) -> bool {
        self.0.try_send((Instant::now(), heard)).is_ok()
    }
}

impl Inbox {
    /// The next message; may be given up at any time. `None`: nobody listens any more.
    pub async fn recv(&mut self) -> Option<Heard> {
        loop {
            let (came, heard) = self.0.recv().await?;
            if came.elapsed() <= WAIT {
                return Some(heard);
            }
        }
    }

    /// The message that is there now.
    #[cfg(test)]
    pub fn try_recv(&mut self) -> Option<Heard> {
        self.0.try_recv().ok().map(|(_, heard)| heard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_message_that_nobody_handled_in_time_is_dropped() {
        let (slot, mut inbox) = channel();
        let long_ago = Instant::now() - WAIT - Duration::from_secs(1);
        let old = ("h1.example".into(), Message::Grant { nonce: 1 });
        slot.0.try_send((long_ago, old)).unwrap();
        let new = ("h1.example".into(), Message::Grant { nonce: 2 });
        assert!(slot.put(new.clone()));
        assert_eq!(inbox.recv().await, Some(new));
    }
}

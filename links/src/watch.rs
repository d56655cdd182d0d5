//! Changes of links and addresses, as the kernel tells them.

use std::collections::{HashMap, VecDeque};

use crate::error::Error;
use crate::netlink::{self, LinkMessage, Listener, Message, Request};

const DOING: &str = "watching links and addresses";

/// What changed. Which addresses there are now is said by [`crate::Links::interfaces`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A link came up or went down, got another name or hardware address, is new, or lost its
    /// carrier for a moment. When it is up, announce the addresses on it again: what is behind it
    /// may be other switches and other neighbours.
    Link {
        /// The interface's number.
        index: u32,
        /// Its name.
        name: String,
        /// Whether frames pass now.
        up: bool,
    },
    /// An interface is gone, and its addresses with it.
    Gone {
        /// The number that it had.
        index: u32,
        /// The name that it had.
        name: String,
    },
    /// Addresses of the interface came, went or changed; ours are among them.
    Addresses {
        /// The interface's number.
        index: u32,
    },
    /// The kernel told more than was heard in time: look at everything again.
    Missed,
}

/// Changes of links and addresses of one network namespace.
#[derive(Debug)]
pub struct Watch {
    listener: Listener,
    known: HashMap<u32, LinkMessage>,
    ready: VecDeque<Change>,
}

impl Watch {
    pub(crate) async fn open() -> Result<Self, Error> {
        // Listening comes first, so that nothing falls between the two.
        let listener = Listener::open().map_err(Error::kernel(DOING))?;
        let mut known = HashMap::new();
        for message in netlink::request(DOING, &Request::Links).await? {
            if let Message::Link(link) = message {
                known.insert(link.index, link);
            }
        }
        let ready = VecDeque::new();
        Ok(Self {
            listener,
            known,
            ready,
        })
    }

    /// Waits for the next change, for as long as it takes. It may be dropped while it waits; no
    /// change is lost by that.
    ///
    /// # Errors
    /// The kernel tells nothing more; open another one.
    pub async fn next(&mut self) -> Result<Change, Error> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Ok(change);
            }
            match self.listener.next().await.map_err(Error::kernel(DOING))? {
                Some(messages) => {
                    for message in messages {
                        self.ready.extend(notice(&mut self.known, message));
                    }
                }
                None => {
                    // What is told next of any link may hide what was lost: it counts as news.
                    self.known.clear();
                    return Ok(Change::Missed);
                }
            }
        }
    }
}

/// What a message says that was not known before.
fn notice(known: &mut HashMap<u32, LinkMessage>, message: Message) -> Option<Change> {
    match message {
        Message::Link(link) => {
            let (index, name, up) = (link.index, link.name.clone(), link.up);
            let before = known.insert(index, link);
            (before.as_ref() != known.get(&index)).then_some(Change::Link { index, name, up })
        }
        Message::LinkGone(LinkMessage { index, name, .. }) => {
            known.remove(&index);
            Some(Change::Gone { index, name })
        }
        Message::Address(a) | Message::AddressGone(a) => Some(Change::Addresses { index: a.index }),
        Message::Way { .. } | Message::Done(_) | Message::End(_) | Message::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_a_change() {
        let mut known = HashMap::new();
        let link = |up, carrier_changes| {
            Message::Link(LinkMessage {
                index: 3,
                name: "eth0".into(),
                mac: None,
                up,
                carrier_changes,
            })
        };
        let change = |up| {
            Some(Change::Link {
                index: 3,
                name: "eth0".into(),
                up,
            })
        };
        assert_eq!(notice(&mut known, link(true, 1)), change(true));
        assert_eq!(notice(&mut known, link(true, 1)), None);
        assert_eq!(notice(&mut known, link(false, 2)), change(false));
        assert_eq!(notice(&mut known, link(true, 3)), change(true));
        // Down and up again between two messages.
        assert_eq!(notice(&mut known, link(true, 5)), change(true));
    }
}

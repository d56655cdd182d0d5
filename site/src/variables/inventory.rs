//! All hosts of a site and what stands in for hosts: operator's machines, services, images, volumes and
//! networks. Each is in groups and has variables that the definitions give it.

use std::collections::BTreeMap;

use super::groups::Groups;
use crate::yaml::report::Place;
use crate::yaml::tree::{Entry, Node, Value};

/// What a name of the inventory stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A machine of a stage.
    Host,
    /// The operator's machine, once a stage.
    Mother,
    Service,
    Image,
    Volume,
    Network,
}

impl Kind {
    /// The word for it in messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Host | Self::Mother => "host",
            Self::Service => "service",
            Self::Image => "image",
            Self::Volume => "volume",
            Self::Network => "network",
        }
    }
}

/// One name of the inventory.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub kind: Kind,
    /// What its definition says, as variables.
    pub given: Vec<Entry>,
    /// The file that defines it.
    pub file: usize,
}

/// Everything that templates can ask for by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Inventory {
    pub groups: Groups,
    pub members: BTreeMap<String, Member>,
    /// The names in the order of their definition.
    pub order: Vec<String>,
    /// The file that is being taken in.
    pub file: usize,
    /// Variables of whole groups that the definitions give: weaker than any file.
    pub of_groups: BTreeMap<&'static str, Vec<Entry>>,
}

impl Inventory {
    /// Adds a name; a second definition of it changes nothing.
    pub fn add(&mut self, name: &str, kind: Kind, given: Vec<Entry>) {
        if self.members.contains_key(name) {
            return;
        }
        let file = self.file;
        let member = Member { kind, given, file };
        self.members.insert(name.to_owned(), member);
        self.order.push(name.to_owned());
    }

    /// What a name is, for messages: "service `web`".
    pub fn describe(&self, name: &str) -> String {
        let word = self.members.get(name).map_or("host", |m| m.kind.word());
        match word {
            "image" | "volume" => {
                let own = name.strip_prefix(word).and_then(|n| n.strip_prefix('_'));
                format!("{word} `{}`", own.unwrap_or(name))
            }
            _ => format!("{word} `{name}`"),
        }
    }
}

/// A variable with a node that stands somewhere.
pub(crate) fn entry(key: &str, node: Node) -> Entry {
    Entry {
        key: key.to_owned(),
        place: node.place,
        node,
    }
}

/// A variable that was worked out from what stands at a place.
pub(crate) fn text(key: &str, text: impl Into<String>, place: Place) -> Entry {
    entry(
        key,
        Node {
            value: Value::Text(text.into()),
            place,
        },
    )
}

/// The same, for a number.
pub(crate) fn number(key: &str, number: impl std::fmt::Display, place: Place) -> Entry {
    entry(
        key,
        Node {
            value: Value::Number {
                written: number.to_string(),
            },
            place,
        },
    )
}

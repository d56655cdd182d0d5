//! Reading YAML.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::scalars;
use crate::python::{printing, value};
use crate::{Error, ErrorKind, Value};

/// Aliases may not make more of a text than this.
const MAX_NODES: usize = 1_000_000;

/// All documents of a text.
pub(super) fn read(text: &str) -> Result<Vec<Value>, Error> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
    };
    let mut documents = Vec::new();
    while let Some(event) = reader.next()? {
        if let Event::DocumentStart(..) = event {
            let first = reader.next()?.ok_or_else(ended)?;
            documents.push(match first {
                Event::DocumentEnd => Value::from(()),
                first => reader.node(first)?.0,
            });
        }
    }
    Ok(documents)
}

fn failed(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Operation, format!("this is not YAML: {why}"))
}

fn ended() -> Error {
    failed("it ends early")
}

struct Reader<'a, I: granit_parser::BorrowedInput<'a>> {
    events: Parser<'a, I>,
    anchors: HashMap<usize, (Value, usize)>,
    nodes: usize,
}

impl<'a, I: granit_parser::BorrowedInput<'a>> Reader<'a, I> {
    fn next(&mut self) -> Result<Option<Event<'a>>, Error> {
        loop {
            match self.events.next() {
                None => return Ok(None),
                Some(Ok((Event::Comment(..) | Event::Anchor(..), _))) => {}
                Some(Ok((event, _))) => return Ok(Some(event)),
                Some(Err(error)) => return Err(failed(error)),
            }
        }
    }

    /// A node, and how many nodes it is made of.
    fn node(&mut self, event: Event<'a>) -> Result<(Value, usize), Error> {
        let before = self.nodes;
        self.nodes += 1;
        let (found, anchor) = match event {
            Event::Alias(id) => {
                let (found, size) = self
                    .anchors
                    .get(&id)
                    .cloned()
                    .ok_or_else(|| failed("an alias has no anchor"))?;
                self.nodes += size;
                (found, 0)
            }
            Event::Scalar(text, style, anchor, tag) => (
                scalar(&text, style == ScalarStyle::Plain, tag.as_deref())?,
                anchor,
            ),
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                loop {
                    match self.next()?.ok_or_else(ended)? {
                        Event::SequenceEnd => break,
                        event => items.push(self.node(event)?.0),
                    }
                }
                (value::list(items), anchor)
            }
            Event::MappingStart(_, anchor, _) => (self.mapping()?, anchor),
            _ => return Err(failed("it is broken")),
        };
        if self.nodes > MAX_NODES {
            return Err(failed("its aliases make it too large"));
        }
        let size = self.nodes - before;
        if anchor != 0 {
            self.anchors.insert(anchor, (found.clone(), size));
        }
        Ok((found, size))
    }

    fn mapping(&mut self) -> Result<Value, Error> {
        let mut own = Vec::new();
        let mut merged = Vec::new();
        loop {
            let key = match self.next()?.ok_or_else(ended)? {
                Event::MappingEnd => break,
                Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<" => None,
                event => Some(self.node(event)?.0),
            };
            let event = self.next()?.ok_or_else(ended)?;
            let (found, _) = self.node(event)?;
            match key {
                Some(key) if value::is_map(&key) || value::is_list(&key) => {
                    return Err(failed(format!(
                        "a key has to be a scalar, this is {}",
                        value::described(&key)
                    )));
                }
                Some(key) => own.push((key, found)),
                None if value::is_list(&found) => {
                    // Of several, the first wins.
                    for one in value::items(&found)?.iter().rev() {
                        merged.extend(value::entries(one)?);
                    }
                }
                None => merged.extend(value::entries(&found)?),
            }
        }
        merged.extend(own);
        Ok(value::map(merged))
    }
}

fn scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, Error> {
    let tag = tag.map(ToString::to_string).unwrap_or_default();
    let name = tag.rsplit([':', '!']).next().unwrap_or_default();
    match name {
        "str" => return Ok(Value::from(text)),
        "vault" | "vault-encrypted" => {
            return Err(Error::new(
                ErrorKind::Encrypted,
                "a value is encrypted with ansible-vault, which is not supported",
            )
            .with_next_step(
                "decrypt it with `ansible-vault decrypt`, or keep it in a file and use `lookup('password', …)`",
            ));
        }
        "int" | "float" | "bool" | "null" => {
            return scalars::resolved(text).ok_or_else(|| {
                let text = printing::repr(&Value::from(text)).unwrap_or_default();
                failed(format!("{text} is not of the type `{name}`"))
            });
        }
        _ => {}
    }
    Ok(match scalars::resolved(text) {
        Some(found) if plain => found,
        _ => Value::from(text),
    })
}

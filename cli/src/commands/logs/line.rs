//! A line of a service's log, as docker sends it with details:
//! `[TIME ]KEY=VALUE,KEY=VALUE MESSAGE`. Pure.

use std::collections::BTreeMap;

/// Docker's key of the task that said a line.
const TASK: &str = "com.docker.swarm.task.id";
/// Colours of the terminal that are readable on dark and light (ECMA-48).
const COLOURS: [u8; 6] = [36, 33, 32, 35, 34, 31];

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// When it was said, if asked for.
    time: Option<String>,
    details: BTreeMap<String, String>,
    message: String,
}

impl Line {
    /// Takes a line apart. One without details is a message as a whole.
    pub fn parse(text: &str, with_time: bool) -> Self {
        let text = text.trim_end_matches('\r');
        let (time, rest) = match text.split_once(' ') {
            Some((time, rest)) if with_time => (Some(time.to_owned()), rest),
            _ => (None, text),
        };
        let (head, message) = rest.split_once(' ').unwrap_or((rest, ""));
        let pairs: Option<BTreeMap<_, _>> = head
            .split(',')
            .map(|pair| {
                let (key, value) = pair.split_once('=')?;
                Some((key.to_owned(), value.to_owned()))
            })
            .collect();
        match pairs {
            Some(details) if details.contains_key(TASK) => Self {
                time,
                details,
                message: message.to_owned(),
            },
            _ => Self {
                time,
                details: BTreeMap::new(),
                message: rest.to_owned(),
            },
        }
    }

    /// The id of the task that said it.
    pub fn task(&self) -> Option<&str> {
        self.details.get(TASK).map(String::as_str)
    }
}

/// Gives sources a colour and a column of their own.
#[derive(Debug)]
pub struct Printer {
    coloured: bool,
    width: usize,
    colours: BTreeMap<String, u8>,
}

impl Printer {
    /// With colours, if a person looks.
    pub fn new(coloured: bool) -> Self {
        Self {
            coloured,
            width: 0,
            colours: BTreeMap::new(),
        }
    }

    /// `web.2@p-hive0 | message`.
    pub fn text(&mut self, source: &str, line: &Line) -> String {
        self.width = self.width.max(source.chars().count());
        let next = COLOURS[self.colours.len() % COLOURS.len()];
        let colour = *self.colours.entry(source.to_owned()).or_insert(next);
        let time = line
            .time
            .as_ref()
            .map(|t| format!("{t} "))
            .unwrap_or_default();
        let head = format!("{source:width$} |", width = self.width);
        let head = match self.coloured {
            true => format!("\x1b[{colour}m{head}\x1b[0m"),
            false => head,
        };
        format!("{head} {time}{}\n", line.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETAILS: &str =
        "com.docker.swarm.node.id=n1,com.docker.swarm.service.id=s1,com.docker.swarm.task.id=t1";

    #[test]
    fn details_tell_the_task_and_are_not_shown() {
        let line = Line::parse(&format!("{DETAILS} a=b c\r"), false);
        assert_eq!(line.task(), Some("t1"));
        assert_eq!(
            Printer::new(false).text("web.1@a", &line),
            "web.1@a | a=b c\n"
        );
        let line = Line::parse(&format!("2026-01-02T03:04:05Z {DETAILS} hello"), true);
        let text = Printer::new(false).text("web.1@a", &line);
        assert_eq!(text, "web.1@a | 2026-01-02T03:04:05Z hello\n");
    }

    #[test]
    fn a_line_without_details_is_a_message() {
        let line = Line::parse("a=b c", false);
        assert_eq!((line.task(), line.message.as_str()), (None, "a=b c"));
        let empty = Line::parse(DETAILS, false);
        assert_eq!((empty.task(), empty.message.as_str()), (Some("t1"), ""));
    }

    #[test]
    fn sources_keep_their_colour_and_line_up() {
        let mut printer = Printer::new(true);
        let line = Line::parse("x", false);
        let first = printer.text("web.10@a", &line);
        let second = printer.text("web.1@b", &line);
        assert_eq!(first, "\x1b[36mweb.10@a |\x1b[0m x\n");
        assert_eq!(second, "\x1b[33mweb.1@b  |\x1b[0m x\n");
        assert_eq!(printer.text("web.10@a", &line), first);
    }
}

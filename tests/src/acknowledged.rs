//! Records that a writer on the hosts acknowledged, heard as they are printed.
//!
//! On each host somebody reads the output of the writer's containers to us. What came here before the
//! power went was acknowledged to somebody; what did not come was not, so a lost log changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::followed::Followed;

/// A record as it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Of the record.
    pub number: u64,
    /// Milliseconds since 1970, by the writer's clock.
    pub time: u64,
    /// Who wrote it: the short id of a container.
    pub writer: String,
    /// When it was heard.
    pub heard: Instant,
}

/// All that was heard.
#[derive(Debug, Default)]
pub struct Heard {
    records: BTreeMap<u64, Acknowledgement>,
    contradictions: Vec<(Acknowledgement, Acknowledgement)>,
}

/// Listens, until it is dropped.
#[derive(Debug)]
pub struct Listener {
    heard: Arc<Mutex<Heard>>,
    /// Goes with it.
    _followed: Followed,
}

impl Heard {
    /// A line `NUMBER MILLISECONDS WRITER`; the same line again changes nothing.
    pub fn line(&mut self, line: &str, heard: Instant) {
        let Some((number, time, writer)) = parsed(line) else {
            return;
        };
        let new = Acknowledgement {
            number,
            time,
            writer: writer.to_owned(),
            heard,
        };
        match self.records.get(&number) {
            Some(old) if (old.time, &old.writer) != (time, &new.writer) => {
                self.contradictions.push((old.clone(), new));
            }
            Some(_) => {}
            None => drop(self.records.insert(number, new)),
        }
    }

    /// The last one.
    pub fn last(&self) -> Option<&Acknowledgement> {
        self.records.values().next_back()
    }

    /// Two acknowledgements of one number: what the first writer was told is not so.
    pub fn contradictions(&self) -> &[(Acknowledgement, Acknowledgement)] {
        &self.contradictions
    }

    /// Everybody who wrote.
    pub fn writers(&self) -> BTreeSet<String> {
        self.records.values().map(|r| r.writer.clone()).collect()
    }

    /// Everybody whose records were heard after a moment.
    pub fn writers_since(&self, moment: Instant) -> BTreeSet<String> {
        let records = self.records.values();
        let since = records.filter(|record| record.heard > moment);
        since.map(|record| record.writer.clone()).collect()
    }

    /// The first record that somebody wrote who is none of these.
    pub fn first_of_others(&self, writers: &BTreeSet<String>) -> Option<&Acknowledgement> {
        let mut records = self.records.values();
        records.find(|record| !writers.contains(&record.writer))
    }

    /// The last record that one of these wrote.
    pub fn last_of(&self, writers: &BTreeSet<String>) -> Option<&Acknowledgement> {
        let mut records = self.records.values().rev();
        records.find(|record| writers.contains(&record.writer))
    }

    /// The first record that was heard after a moment.
    pub fn first_after(&self, moment: Instant) -> Option<&Acknowledgement> {
        self.records.values().find(|record| record.heard > moment)
    }

    /// The longest time in which nothing was heard, of a time until now.
    pub fn silence(&self, since: Instant) -> Duration {
        let heard = self.records.values().map(|record| record.heard);
        let mut moments: Vec<Instant> = heard.filter(|moment| *moment > since).collect();
        moments.extend([since, Instant::now()]);
        moments.sort_unstable();
        let gaps = moments.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().unwrap_or_default()
    }

    /// Records from a number on that a list in the same words has otherwise, or not at all.
    pub fn missing_in(&self, list: &str, first: u64) -> Vec<&Acknowledgement> {
        let there: BTreeMap<u64, (u64, &str)> = list
            .lines()
            .filter_map(parsed)
            .map(|(number, time, writer)| (number, (time, writer)))
            .collect();
        let records = self.records.range(first..).map(|(_, record)| record);
        records
            .filter(|r| there.get(&r.number) != Some(&(r.time, r.writer.as_str())))
            .collect()
    }
}

fn parsed(line: &str) -> Option<(u64, u64, &str)> {
    let mut words = line.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let time = words.next()?.parse().ok()?;
    Some((number, time, words.next()?))
}

impl Listener {
    /// Listens to a service on all hosts.
    pub fn to(cluster: &Cluster, service: &str) -> Self {
        let heard = Arc::new(Mutex::new(Heard::default()));
        let lines = Arc::clone(&heard);
        let hear = move |_, line: &str| lines.lock().unwrap().line(line, Instant::now());
        Self {
            heard,
            _followed: Followed::new(cluster, &reading(service), hear),
        }
    }

    /// Looks at what was heard.
    pub fn look<T>(&self, look: impl FnOnce(&Heard) -> T) -> T {
        look(&self.heard.lock().unwrap())
    }
}

/// Reads all containers of a service that there are or will be; the empty lines show whether
/// anybody listens still. Docker tells of new ones: asking it again and again is what an emulated host can't afford.
fn reading(service: &str) -> String {
    let label = format!("label=com.docker.swarm.service.name={service}");
    format!(
        r#"
trap "" PIPE
# One that has only just been started may be taken for one that ended.
follow() {{
    while docker logs -f $1; [ "$(docker inspect -f "{{{{.State.Running}}}}" $1)" = true ]; do
        sleep 1
    done 2>/dev/null
}}
declare -A read
while echo; do
    since=$EPOCHSECONDS
    exec 3< <(
        docker ps -q --no-trunc -f {label} -f status=running -f status=exited
        exec docker events --since $since -f type=container -f event=start -f {label} --format "{{{{.ID}}}}"
    )
    events=$!
    while :; do
        id=
        read -r -t 2 -u 3 id
        case $? in
        0)  [ -z "${{read[$id]:-}}" ] || continue
            read[$id]=1
            follow $id & ;;
        1)  break ;;
        *)  echo || break ;;
        esac
    done
    exec 3<&-
    kill $events
    sleep 1
done 2>/dev/null
kill $(jobs -p)"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Heard {
        let mut heard = Heard::default();
        for line in lines {
            heard.line(line, Instant::now());
        }
        heard
    }

    #[test]
    fn a_number_that_is_acknowledged_twice_is_a_contradiction() {
        let all = heard(&["1 10 a", "2 11 a", "1 10 a", "", "no record"]);
        assert_eq!(all.last().unwrap().number, 2);
        assert!(all.contradictions().is_empty());
        let all = heard(&["1 10 a", "2 11 a", "2 12 b"]);
        assert_eq!(all.contradictions().len(), 1);
    }

    #[test]
    fn the_next_writer_is_found() {
        let all = heard(&["1 10 a", "2 11 b", "3 12 c"]);
        let first = all.first_of_others(&BTreeSet::from(["a".to_owned()]));
        assert_eq!(first.unwrap().number, 2);
        assert!(all.first_of_others(&all.writers()).is_none());
        let last = all.last_of(&BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        assert_eq!(last.unwrap().number, 2);
    }

    #[test]
    fn what_a_list_lacks_is_told() {
        let all = heard(&["1 10 a", "2 11 a", "3 12 b"]);
        assert!(all.missing_in("2 11 a\n3 12 b\n4 13 b\n", 2).is_empty());
        let numbers =
            |list: &str| -> Vec<u64> { all.missing_in(list, 1).iter().map(|r| r.number).collect() };
        assert_eq!(numbers("1 10 a\n2 99 a\n"), [2, 3]);
    }
}

//! The network between the machines.

use hive_membership::{Event, MESSAGE_AGE, Message};

use crate::world::{Happening, World};

impl World {
    pub fn linked(&self, a: usize, b: usize) -> bool {
        a == b || !self.cut.contains(&(a.min(b), a.max(b)))
    }

    pub fn send(&mut self, from: usize, to: &str, message: Message) {
        let Some(to) = self.hives.iter().position(|hive| hive.name == to) else {
            return;
        };
        let (loss, twice) = if self.calm {
            (0, 0)
        } else {
            (self.weather.loss, self.weather.twice)
        };
        if !self.linked(from, to) || self.random.chance(loss) {
            return;
        }
        let until = self.now + u64::try_from(MESSAGE_AGE.as_millis()).expect("seconds");
        for _ in 0..=u64::from(self.random.chance(twice)) {
            let late = !self.calm && self.random.chance(self.weather.late);
            let wait = self
                .random
                .within(2, if late { self.weather.latest } else { 50 });
            let message = message.clone();
            let arrival = Happening::Deliver {
                from,
                to,
                message,
                until,
            };
            self.after(wait, arrival);
        }
    }

    /// What is on its way is lost if the network parts before it is there.
    pub fn deliver(&mut self, from: usize, to: usize, message: Message, until: u64) {
        if !self.linked(from, to) {
            return;
        }
        if self.hosts[to].stalled && self.weather.wide {
            // It lies there until the machine goes on, or is too old by then.
            if self.now + 1000 <= until {
                let later = Happening::Deliver {
                    from,
                    to,
                    message,
                    until,
                };
                self.after(1000, later);
            }
            return;
        }
        let from = self.hives[from].name.clone();
        self.event(to, Event::Heard { from, message });
    }
}

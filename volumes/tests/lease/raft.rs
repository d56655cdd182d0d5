//! The swarm's Raft as hosts see it: a history of states, reads that may be old, changes that may be late
//! or answered by silence.

use hive_volumes::State;

/// A compare-and-swap on its way.
#[derive(Debug, Clone)]
pub struct Change {
    pub host: usize,
    /// Which of the host's questions it answers; a host that gave up has another one by then.
    pub ticket: u64,
    /// Index in the history that it was made for.
    pub expected: usize,
    pub state: State,
    /// A broken client leaves out the version.
    pub blind: bool,
}

pub struct Raft {
    pub history: Vec<State>,
    pub queue: Vec<Change>,
    pub epoch: u64,
}

impl Raft {
    pub fn newest(&self) -> &State {
        &self.history[self.history.len() - 1]
    }

    /// Whether the change took effect.
    pub fn apply(&mut self, change: &Change) -> bool {
        let newest = self.history.len() - 1;
        if change.blind {
            let mut state = self.newest().clone();
            state.lease.current = change.state.lease.current.clone();
            self.history.push(state);
            return true;
        }
        if change.expected != newest {
            return false;
        }
        assert!(change.state.turn > self.newest().turn, "a turn went back");
        self.history.push(change.state.clone());
        true
    }

    /// A person makes a new swarm of a manager that lags `lost` changes behind.
    pub fn recover(&mut self, lost: usize) {
        let index = (self.history.len() - 1).saturating_sub(lost);
        let state = self.history[index].clone();
        self.history.push(state);
        self.queue.clear();
        self.epoch += 1;
    }
}

//! A host in memory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hive_volumes::Record;
use hive_volumes::driver::users::Users;
use hive_volumes::driver::{Next, Step};

use super::LONG;
use crate::volumes::locks::{Held, Locks};
use crate::volumes::plugin::hands::Hands;

/// A host that refuses steps in the wrong order.
#[derive(Default)]
pub struct Bench {
    known: Mutex<BTreeMap<String, Record>>,
    pub raft: Mutex<bool>,
    /// Another host has the volume in use.
    pub elsewhere: Mutex<bool>,
    pub state: Mutex<State>,
    users: Mutex<BTreeMap<String, Users>>,
    /// Containers have it, by what the kernel knows.
    pub contained: Mutex<bool>,
    /// How long a check takes.
    pub checking: Mutex<Duration>,
    locks: Locks,
    pub done: Mutex<Vec<Step>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct State {
    pub primary: bool,
    pub mounted: bool,
}

impl Bench {
    pub fn with(records: &[Record]) -> Arc<Self> {
        let known = records
            .iter()
            .map(|r| (r.identity.name.as_str().to_owned(), r.clone()));
        Arc::new(Self {
            known: Mutex::new(known.collect()),
            raft: Mutex::new(true),
            ..Self::default()
        })
    }

    /// How many containers count as users.
    pub fn count(&self) -> usize {
        let users = self.users.lock().unwrap();
        users.get("db").map_or(0, Users::count)
    }

    /// Until so many count.
    pub async fn counts(&self, users: usize) {
        self.comes_to(|bench| bench.count() == users).await;
    }

    /// Until it is neither mounted nor in use.
    pub async fn is_let_go(&self) {
        self.comes_to(|bench| *bench.state.lock().unwrap() == State::default())
            .await;
    }

    /// Until it is mounted.
    pub async fn gets_mounted(&self) {
        self.comes_to(|bench| bench.state.lock().unwrap().mounted)
            .await;
    }

    /// Until that is being done.
    pub async fn does(&self, what: &str) {
        let does = |bench: &Self| bench.doing("db").is_some_and(|doing| doing.contains(what));
        self.comes_to(does).await;
    }

    async fn comes_to(&self, there: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !there(self) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(LONG, waiting).await.unwrap();
    }

    pub fn story(&self) -> Vec<Step> {
        self.done.lock().unwrap().clone()
    }

    /// A run of docker's daemon mounted it for these containers before.
    pub fn was_mounted(&self, daemon: &str, ids: &[&str]) {
        let mut users = self.users("db").unwrap();
        for id in ids {
            users.mounts(id, daemon);
            assert!(users.is_mounted(id));
        }
        self.set_users("db", &users).unwrap();
        *self.state.lock().unwrap() = State {
            primary: true,
            mounted: true,
        };
    }
}

impl Hands for Bench {
    type Held = Held;

    fn me(&self) -> &str {
        "h0"
    }

    async fn record(&self, name: &str) -> Result<Option<Record>, String> {
        match *self.raft.lock().unwrap() {
            true => Ok(self.known.lock().unwrap().get(name).cloned()),
            false => Err("no manager answers".into()),
        }
    }

    fn known(&self) -> Vec<Record> {
        self.known.lock().unwrap().values().cloned().collect()
    }

    async fn lock(&self, name: &str) -> Held {
        self.locks.lock(name).await
    }

    fn doing(&self, name: &str) -> Option<String> {
        self.locks.doing(name)
    }

    async fn to_mount(&self, _: &Record, checked: bool) -> Result<Next, String> {
        assert!(self.count() > 0, "the upkeep would take it for idle");
        if *self.elsewhere.lock().unwrap() {
            return Ok(Next::Wait("it is in use on h1".into()));
        }
        let state = *self.state.lock().unwrap();
        Ok(match (state.primary, checked, state.mounted) {
            (_, _, true) => Next::Done,
            (false, ..) => Next::Do(Step::Promote),
            (true, false, _) => Next::Do(Step::Check),
            (true, true, _) => Next::Do(Step::Mount),
        })
    }

    async fn to_unmount(&self, _: &Record) -> Result<Next, String> {
        let state = *self.state.lock().unwrap();
        Ok(match (self.count(), state.mounted, state.primary) {
            (0, true, _) => Next::Do(Step::Unmount),
            (0, false, true) => Next::Do(Step::Demote),
            _ => Next::Done,
        })
    }

    async fn carry_out(&self, held: &Held, _: &Record, step: Step) -> Result<(), String> {
        held.says(step.to_string());
        if step == Step::Check {
            let checking = *self.checking.lock().unwrap();
            tokio::time::sleep(checking).await;
        }
        let mut state = self.state.lock().unwrap();
        let before = *state;
        let (primary, mounted) = (before.primary, before.mounted);
        let fits = match step {
            Step::Promote => !primary,
            Step::Check | Step::Mount => primary && !mounted,
            Step::Unmount => mounted,
            Step::Demote => primary && !mounted,
        };
        assert!(fits, "{step:?} at {before:?}");
        match step {
            Step::Promote => state.primary = true,
            Step::Check => {}
            Step::Mount => state.mounted = true,
            Step::Unmount => state.mounted = false,
            Step::Demote => state.primary = false,
        }
        self.done.lock().unwrap().push(step);
        Ok(())
    }

    fn users(&self, name: &str) -> Result<Users, String> {
        let users = self.users.lock().unwrap();
        Ok(users.get(name).cloned().unwrap_or_else(Users::none))
    }

    fn set_users(&self, name: &str, users: &Users) -> Result<(), String> {
        let mut all = self.users.lock().unwrap();
        all.insert(name.to_owned(), users.clone());
        Ok(())
    }

    async fn in_containers(&self, _: &Record) -> Result<bool, String> {
        Ok(*self.contained.lock().unwrap())
    }

    fn folder(&self, record: &Record) -> PathBuf {
        Path::new("/mounted").join(record.identity.name.as_str())
    }

    fn look_again(&self, _: &str) {}
}

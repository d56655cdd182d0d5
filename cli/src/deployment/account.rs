//! What state things are in, for the moment when a signal ends the command.

use std::cell::RefCell;

/// How far a command has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// Hosts are being connected to, and asked.
    #[default]
    Looking,
    /// Images are being pulled.
    Pulling,
    /// Steps of a plan are being carried out.
    CarryingOut {
        /// So many are done.
        done: usize,
        /// Of so many.
        all: usize,
        /// The one under way.
        now: Option<String>,
    },
    /// All is written; services are being waited for, of which these do not run yet.
    Waiting(Vec<String>),
    /// All records are written; hosts are being waited for, of which these are not done yet.
    Settling(Vec<String>),
}

/// The state of a command, told while it goes on.
#[derive(Debug, Default)]
pub struct Account(RefCell<State>);

impl Account {
    /// The command has come this far.
    pub fn is(&self, state: State) {
        self.0.replace(state);
    }

    /// A step begins.
    pub fn begins(&self, what: String) {
        if let State::CarryingOut { now, .. } = &mut *self.0.borrow_mut() {
            *now = Some(what);
        }
    }

    /// It ended.
    pub fn ended(&self) {
        if let State::CarryingOut { now, done, .. } = &mut *self.0.borrow_mut() {
            *now = None;
            *done += 1;
        }
    }

    /// Whether nothing was changed yet.
    pub fn is_at_rest(&self) -> bool {
        matches!(*self.0.borrow(), State::Looking | State::Pulling)
    }

    /// What a person has to know.
    pub fn words(&self) -> String {
        match &*self.0.borrow() {
            State::Looking => "interrupted; nothing was changed".into(),
            State::Pulling => {
                "interrupted while images were pulled; the swarm was not changed, and images that are there are not pulled twice".into()
            }
            State::CarryingOut { done, all, now } => {
                let now = match now {
                    Some(now) => format!("; whether \"{now}\" was done is not known"),
                    None => String::new(),
                };
                format!(
                    "interrupted: {done} of {all} steps were done{now}. Nothing is half made, and running the command again completes it"
                )
            }
            State::Settling(parts) => format!(
                "interrupted while waiting: the swarm knows what is wanted, and the hosts go on by themselves. Not seen done yet: {}. Running the command again waits for them, `hive volumes` shows them",
                parts.join(", ")
            ),
            State::Waiting(names) => format!(
                "interrupted while waiting: everything is written, and the swarm goes on by itself. Not seen running yet: {}. Running the command again waits for them, `hive ps` shows them",
                names.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_follow_the_steps() {
        let account = Account::default();
        assert_eq!(account.words(), "interrupted; nothing was changed");
        account.is(State::CarryingOut {
            done: 0,
            all: 3,
            now: None,
        });
        account.begins("create service web".into());
        account.ended();
        account.begins("create service db".into());
        let words = account.words();
        assert!(
            words.contains("1 of 3 steps were done; whether \"create service db\""),
            "{words}"
        );
        account.is(State::Waiting(vec!["web".into()]));
        assert!(account.words().contains("Not seen running yet: web."));
        account.is(State::Settling(vec!["data on h1".into()]));
        assert!(account.words().contains("Not seen done yet: data on h1."));
    }
}

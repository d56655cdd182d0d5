//! Values that are kept once and told apart by their place, and answers that are computed once: most
//! steps of the model repeat what one host did before in another company.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::{LazyLock, RwLock};

/// A value that is kept until the test ends.
pub struct Id<T: 'static>(&'static T);

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl<T> Eq for Id<T> {}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::from_ref(self.0).addr().hash(state);
    }
}

impl<T: fmt::Debug> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> Deref for Id<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0
    }
}

/// All values of a kind.
pub struct Table<T: 'static>(LazyLock<RwLock<HashSet<&'static T>>>);

impl<T: Eq + Hash> Table<T> {
    pub const fn new() -> Self {
        Self(LazyLock::new(Default::default))
    }

    pub fn id(&self, value: T) -> Id<T> {
        if let Some(id) = self.0.read().unwrap().get(&value) {
            return Id(id);
        }
        let mut values = self.0.write().unwrap();
        if let Some(id) = values.get(&value) {
            return Id(id);
        }
        let id: &'static T = Box::leak(Box::new(value));
        values.insert(id);
        Id(id)
    }
}

/// Answers to questions.
pub struct Memo<K, V>(LazyLock<RwLock<HashMap<K, V>>>);

impl<K: Eq + Hash, V: Copy> Memo<K, V> {
    pub const fn new() -> Self {
        Self(LazyLock::new(Default::default))
    }

    pub fn answer(&self, question: K, compute: impl FnOnce() -> V) -> V {
        if let Some(answer) = self.0.read().unwrap().get(&question) {
            return *answer;
        }
        let answer = compute();
        // Two threads may have computed it: it is the same but for its place.
        *self.0.write().unwrap().entry(question).or_insert(answer)
    }
}

//! `loop` inside of a `for`.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Object, ObjectRepr};

use crate::Value;

/// Where a loop is.
#[derive(Debug, Clone)]
pub(super) struct Loop {
    items: Arc<Vec<Value>>,
    index: usize,
    /// How often the loop was called by itself.
    depth: usize,
    /// The statement's place in the evaluator's list, for a loop that may call itself.
    statement: Option<usize>,
    /// What `loop.changed` was asked last.
    asked: Arc<Mutex<Option<Vec<Value>>>>,
}

impl From<Loop> for Value {
    fn from(state: Loop) -> Value {
        Value::from_object(state)
    }
}

impl Loop {
    pub fn over(items: Vec<Value>, depth: usize, statement: Option<usize>) -> Loop {
        Loop {
            items: Arc::new(items),
            index: 0,
            depth,
            statement,
            asked: Arc::default(),
        }
    }

    pub fn item(&self) -> Option<Value> {
        self.items.get(self.index).cloned()
    }

    pub fn advance(&mut self) {
        self.index += 1;
    }

    /// `loop.cycle(…)`: one of the values, in turns.
    pub fn cycle(&self, values: &[Value]) -> Option<Value> {
        values.get(self.index % values.len().max(1)).cloned()
    }

    /// `loop.changed(…)`: whether the values are others than at the last time.
    pub fn changed(&self, values: &[Value]) -> bool {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = asked.as_deref() != Some(values);
        *asked = Some(values.to_vec());
        changed
    }

    /// The statement to run again when the loop is called, and how deep that is.
    pub fn recursion(&self) -> Option<(usize, usize)> {
        Some((self.statement?, self.depth + 1))
    }

    /// The item before this one.
    pub fn previous(&self) -> Option<&Value> {
        self.items.get(self.index.checked_sub(1)?)
    }
}

impl Object for Loop {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let length = self.items.len();
        Some(match key.as_str()? {
            "index" => Value::from(self.index + 1),
            "index0" => Value::from(self.index),
            "revindex" => Value::from(length - self.index),
            "revindex0" => Value::from(length - self.index - 1),
            "first" => Value::from(self.index == 0),
            "last" => Value::from(self.index + 1 == length),
            "length" => Value::from(length),
            "depth" => Value::from(self.depth + 1),
            "depth0" => Value::from(self.depth),
            "previtem" => return self.previous().cloned(),
            "nextitem" => return self.items.get(self.index + 1).cloned(),
            _ => return None,
        })
    }
}

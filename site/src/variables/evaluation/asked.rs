//! The variables that need each other at the moment, so that a loop and a chain without an end are told.

use std::cell::RefCell;
use std::sync::Arc;

use hive_templates::{Error, ErrorKind};

use super::scope::Scope;

/// So many variables may need each other in a row. Nobody writes that; a file made by a program might,
/// and must not exhaust the stack.
const DEEPEST: usize = 40;

thread_local! {
    /// The variables that are being evaluated on this thread: whose evaluation, host, name.
    static ASKED: RefCell<Vec<(usize, Arc<str>, String)>> = const { RefCell::new(Vec::new()) };
}

/// A variable on the way to its value, for as long as this lives.
pub(super) struct Asked;

impl Asked {
    /// It is asked for now.
    ///
    /// # Errors
    /// It needs itself, or the chain is too long.
    pub(super) fn push(scope: &Scope, name: &str) -> Result<Self, Error> {
        let owner = Arc::as_ptr(&scope.evaluation.inner) as usize;
        ASKED.with_borrow_mut(|asked| {
            let same = |(of, host, known): &(usize, Arc<str>, String)| {
                *of == owner && *host == scope.host && known == name
            };
            if let Some(start) = asked.iter().position(same) {
                let through: Vec<String> = asked[start..]
                    .iter()
                    .map(|(_, host, known)| match *host == scope.host {
                        true => known.clone(),
                        false => format!("{known} of {host}"),
                    })
                    .collect();
                return Err(Error::variable_loop(name, &through));
            }
            if asked.len() >= DEEPEST {
                return Err(Error::new(
                    ErrorKind::Variable(name.to_owned()),
                    format!("more than {DEEPEST} variables need each other in a row"),
                )
                .with_next_step(
                    "shorten the chain: give one of them a value that needs no other",
                ));
            }
            asked.push((owner, scope.host.clone(), name.to_owned()));
            Ok(Self)
        })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        ASKED.with_borrow_mut(|asked| {
            asked.pop();
        });
    }
}

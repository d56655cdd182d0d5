//! Variables as templates see them: evaluated when they are asked for, once a host.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use hive_templates::{Error, ErrorKind, LazyMap, Surroundings, Templates, Value, Variables};

use super::injected::Injected;
use super::trace::{self, Trace};
use super::world::World;
use super::{facts, layers, scalar};
use crate::hive::stage::StageName;
use crate::service::Kept;
use crate::yaml::report::{Place, Report};
use crate::yaml::spelling;
use crate::yaml::tree::{self, Entry, Node};

/// So many variables may need each other in a row. Nobody writes that; a file made by a program might,
/// and must not exhaust the stack.
const DEEPEST: usize = 40;

/// What `omit` is: a value that leaves out the key that has it.
pub(crate) const OMIT: &str = "__omit_place_holder__";

/// Names that every scope has.
const MAGIC: [&str; 10] = [
    "group_names",
    "groups",
    "hostvars",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "omit",
    "playbook_dir",
    "vars",
];

thread_local! {
    /// The variables that are being evaluated on this thread: whose evaluation, host, name.
    static ASKED: RefCell<Vec<(usize, Arc<str>, String)>> = const { RefCell::new(Vec::new()) };
}

/// The variables of a site while one stage is worked on.
#[derive(Clone)]
pub struct Evaluation {
    inner: Arc<Inner>,
}

/// What became of a variable.
type Outcome = Result<Value, Error>;

struct Inner {
    world: Arc<World>,
    stage: StageName,
    injected: Injected,
    /// What depends on kept numbers: ports and device ids, by host; stronger than the definition.
    numbered: BTreeMap<String, Vec<Entry>>,
    kept: Kept,
    templates: Templates,
    /// What variables of hosts turned out to be.
    known: Mutex<HashMap<(Arc<str>, String), Outcome>>,
}

impl std::fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Evaluation")
            .field("stage", &self.inner.stage)
            .finish_non_exhaustive()
    }
}

impl Evaluation {
    pub(crate) fn new(
        world: Arc<World>,
        stage: StageName,
        surroundings: Arc<dyn Surroundings>,
        injected: Injected,
    ) -> Self {
        let (numbered, kept) = super::numbers::numbered(&world, stage, &injected.kept);
        Self {
            inner: Arc::new(Inner {
                world,
                stage,
                injected,
                numbered,
                kept,
                templates: Templates::new(surroundings),
                known: Mutex::default(),
            }),
        }
    }

    /// The stage that is worked on.
    pub fn stage(&self) -> StageName {
        self.inner.stage
    }

    /// The variables of a host, service, image (`image_NAME`), volume (`volume_NAME`) or network.
    pub fn scope(&self, host: &str) -> Arc<dyn Variables> {
        Arc::new(self.scope_of(host))
    }

    /// The value of a variable of a host; `None` if there is none of that name.
    ///
    /// # Errors
    /// Its template has no value, or one that it needs.
    pub fn variable(&self, host: &str, name: &str) -> Option<Result<Value, crate::Diagnostics>> {
        let value = self.scope_of(host).value(name)?;
        Some(value.map_err(|error| {
            let mut report = Report::new(&self.inner.world.sources);
            let place = self.entry(host, name).map_or(NOWHERE, |entry| entry.place);
            self.trace(&error, place).report(&mut report);
            match report.finish() {
                Err(diagnostics) => diagnostics,
                Ok(_) => crate::Diagnostics(Vec::new()),
            }
        }))
    }

    /// Published ports and device ids as they are now: those of earlier runs, and new ones.
    pub fn numbers(&self) -> &Kept {
        &self.inner.kept
    }

    /// The files that places point into.
    pub(crate) fn sources(&self) -> &[crate::SourceFile] {
        &self.inner.world.sources
    }

    /// The numbers that were kept from earlier runs.
    pub(crate) fn kept(&self) -> &Kept {
        &self.inner.injected.kept
    }

    pub(crate) fn world(&self) -> &World {
        &self.inner.world
    }

    /// The strongest definition of a variable, as it is written.
    pub(crate) fn entry(&self, host: &str, name: &str) -> Option<&Entry> {
        self.inner.entry(host, name)
    }

    /// All definitions of a host's variables, the strongest of each name.
    pub(crate) fn entries(&self, host: &str) -> BTreeMap<&str, &Entry> {
        let mut found = BTreeMap::new();
        for part in self.inner.parts(host) {
            for entry in part.iter().rev() {
                found.entry(entry.key.as_str()).or_insert(entry);
            }
        }
        found
    }

    /// A tree with all its templates evaluated, as `host` sees them; places stay. What is wrong goes to
    /// the report, and then, or if the value asks to be left out, `None` comes back.
    pub(crate) fn node(&self, node: &Node, host: &str, report: &mut Report<'_>) -> Option<Node> {
        let mut walk = Walk {
            scope: self.scope_of(host),
            path: Vec::new(),
            failed: false,
        };
        let found = walk.tree(node, report);
        found.filter(|_| !walk.failed)
    }

    /// A key and its value with all templates evaluated; errors name the key.
    pub(crate) fn entry_value(
        &self,
        entry: &Entry,
        host: &str,
        report: &mut Report<'_>,
    ) -> Option<Entry> {
        let tree = Node {
            value: tree::Value::Map(vec![entry.clone()]),
            place: entry.node.place,
        };
        match self.node(&tree, host, report)?.value {
            tree::Value::Map(found) => found.into_iter().next(),
            _ => None,
        }
    }

    fn trace(&self, error: &Error, place: Place) -> Trace {
        Trace::of(error).cloned().unwrap_or_else(|| Trace {
            message: error.message().to_owned(),
            place,
            help: trace::advice(error),
            needed_by: Vec::new(),
        })
    }

    fn scope_of(&self, host: &str) -> Scope {
        Scope {
            evaluation: self.clone(),
            host: host.into(),
        }
    }
}

/// A tree on the way to its values.
struct Walk {
    scope: Scope,
    /// The keys that lead to where it is.
    path: Vec<String>,
    /// Whether anything had no value. Counting errors would not do: a report keeps equal ones once.
    failed: bool,
}

impl Walk {
    fn tree(&mut self, node: &Node, report: &mut Report<'_>) -> Option<Node> {
        let value = match &node.value {
            tree::Value::Text(text) => match self.scope.text(node, text) {
                Ok(None) => node.value.clone(),
                Ok(Some(value)) if value.as_str() == Some(OMIT) => return None,
                Ok(Some(value)) => return scalar::node(&value, node.place),
                Err(error) => {
                    self.fail(&error, node, report);
                    return None;
                }
            },
            tree::Value::List(items) => tree::Value::List(
                items
                    .iter()
                    .filter_map(|item| self.tree(item, report))
                    .collect(),
            ),
            tree::Value::Map(entries) => {
                let mut found = Vec::new();
                for entry in entries {
                    self.path.push(entry.key.clone());
                    let evaluated = self.tree(&entry.node, report);
                    self.path.pop();
                    found.extend(evaluated.map(|node| Entry {
                        node,
                        ..entry.clone()
                    }));
                }
                tree::Value::Map(found)
            }
            other => other.clone(),
        };
        Some(Node {
            value,
            place: node.place,
        })
    }

    fn fail(&mut self, error: &Error, node: &Node, report: &mut Report<'_>) {
        self.failed = true;
        let evaluation = &self.scope.evaluation;
        let mut trace = evaluation.trace(error, node.place);
        // What stands at the place itself needs no explanation.
        if !trace.needed_by.is_empty() {
            let owner = evaluation.inner.world.inventory.describe(&self.scope.host);
            let what = match self.path.is_empty() {
                true => owner,
                false => format!("`{}` of {owner}", self.path.join(".")),
            };
            // A variable of a file that is read for its own sake was named just now.
            let line = (node.place.file, node.place.line);
            if let Some((last, place)) = trace.needed_by.last()
                && (place.file, place.line) == line
                && what.starts_with(last)
            {
                trace.needed_by.pop();
            }
            trace.needed_by.push((what, node.place));
        }
        trace.report(report);
    }
}

/// The place of what stands in no file.
const NOWHERE: Place = Place {
    file: 0,
    line: 1,
    column: 1,
    length: 1,
};

impl Inner {
    fn parts(&self, host: &str) -> Vec<&[Entry]> {
        let mut parts = self.world.parts(host, self.stage);
        if let Some(numbered) = self.numbered.get(host) {
            // Behind the host's own file, before its definition.
            parts.insert(1, numbered);
        }
        parts
    }

    fn entry(&self, host: &str, name: &str) -> Option<&Entry> {
        let own = self.parts(host);
        own.into_iter()
            .find_map(|part| layers::last(part, name))
            .or_else(|| self.world.default_for_others(host, name))
    }
}

/// The variables of one host.
#[derive(Clone)]
struct Scope {
    evaluation: Evaluation,
    host: Arc<str>,
}

impl Scope {
    fn inner(&self) -> &Inner {
        &self.evaluation.inner
    }

    /// What a text evaluates to; `None` when it is no template.
    fn text(&self, node: &Node, text: &str) -> Result<Option<Value>, Error> {
        if scalar::is_encrypted(text) {
            let error = Error::new(
                ErrorKind::Encrypted,
                "the value is encrypted by ansible-vault",
            );
            return Err(self.traced(error, node, text));
        }
        if !hive_templates::is_template(text)
            || scalar::is_unsafe(node, &self.inner().world.sources)
        {
            return Ok(None);
        }
        let variables: Arc<dyn Variables> = Arc::new(self.clone());
        let rendered = self.inner().templates.render(text, variables);
        rendered
            .map(Some)
            .map_err(|error| self.traced(error, node, text))
    }

    /// Gives an error its place, unless it comes from further below.
    fn traced(&self, error: Error, node: &Node, text: &str) -> Error {
        if Trace::of(&error).is_some() {
            return error;
        }
        let sources = &self.inner().world.sources;
        let place = match error.range() {
            Some(range) => scalar::place_within(node.place, text, range, sources),
            None => node.place,
        };
        let first = trace::first(&error);
        let trace = Trace {
            message: first.message().to_owned(),
            place,
            help: self.meant(first).unwrap_or_else(|| trace::advice(first)),
            needed_by: Vec::new(),
        };
        trace.into_error(first.kind().clone())
    }

    /// The variable that was meant by a name that does not exist.
    fn meant(&self, error: &Error) -> Option<String> {
        let ErrorKind::Undefined(name) = error.kind() else {
            return None;
        };
        let root = name.split(['.', '[']).next()?.trim();
        if facts::is_fact(root) || root.is_empty() {
            return None;
        }
        let names = self.names();
        if names.iter().any(|known| known == root) {
            return None;
        }
        let meant = spelling::nearest(root, names.iter().map(String::as_str))?;
        Some(format!("did you mean `{meant}`?"))
    }

    /// The value of a tree.
    fn value_of(&self, node: &Node) -> Result<Value, Error> {
        match &node.value {
            tree::Value::Text(text) => Ok(self
                .text(node, text)?
                .unwrap_or_else(|| self.inner().world.plain(node))),
            tree::Value::List(items) => {
                let items: Result<Vec<Value>, Error> = items
                    .iter()
                    .map(|item| self.value_of(item))
                    .filter(|value| !matches!(value, Ok(value) if value.as_str() == Some(OMIT)))
                    .collect();
                Ok(Value::from(items?))
            }
            tree::Value::Map(entries) => {
                let mut map = Vec::new();
                for entry in entries {
                    let value = self.value_of(&entry.node)?;
                    if value.as_str() != Some(OMIT) {
                        map.push((entry.key.as_str(), value));
                    }
                }
                Ok(Value::from_pairs(map))
            }
            _ => Ok(self.inner().world.plain(node)),
        }
    }

    /// The value of a variable, evaluated once.
    fn evaluated(&self, name: &str, entry: &Entry) -> Result<Value, Error> {
        let key = (self.host.clone(), name.to_owned());
        let known = || {
            self.inner()
                .known
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(result) = known().get(&key) {
            return result.clone();
        }
        let _asked = Asked::push(self, name)?;
        let result = self.value_of(&entry.node).map_err(|error| {
            let mut trace = self.evaluation.trace(&error, entry.place);
            trace.needed_by.push((format!("`{name}`"), entry.place));
            trace.into_error(error.kind().clone())
        });
        let too_deep =
            matches!(&result, Err(error) if matches!(error.kind(), ErrorKind::Variable(_)));
        if !too_deep {
            known().insert(key, result.clone());
        }
        result
    }

    fn magic(&self, name: &str) -> Option<Value> {
        let world = &self.inner().world;
        let list = |names: Vec<String>| Value::from(names);
        Some(match name {
            "inventory_hostname" => Value::from(&*self.host),
            "inventory_hostname_short" => {
                Value::from(self.host.split('.').next().unwrap_or_default())
            }
            "group_names" => list(
                world
                    .groups_of(&self.host)
                    .iter()
                    .map(|g| (*g).into())
                    .collect(),
            ),
            "groups" => {
                let groups = world.groups();
                let names = groups.all().into_iter().chain(["all"]);
                let with_hosts = names.map(|group| (group, list(groups.hosts(group))));
                Value::from_pairs(with_hosts.chain([("ungrouped", list(Vec::new()))]))
            }
            "hostvars" => Value::from(LazyMap(Arc::new(HostVars(self.evaluation.clone())))),
            "vars" => Value::from(LazyMap(Arc::new(self.clone()))),
            "omit" => Value::from(OMIT),
            "inventory_dir" => self.below_root("inventory"),
            "inventory_file" => {
                let member = world.inventory.members.get(&*self.host);
                let file = member.and_then(|member| world.sources.get(member.file));
                self.below_root(file.map_or("inventory/hive.yml", |file| &file.path))
            }
            "playbook_dir" => self.below_root(""),
            _ => return None,
        })
    }

    fn below_root(&self, path: &str) -> Value {
        let root = self.inner().injected.value("hive_root_dir");
        let root = root.and_then(Value::as_str).unwrap_or(".");
        match path {
            "" => Value::from(root),
            // A folder of inventories elsewhere.
            path if path.starts_with('/') => Value::from(path),
            path => Value::from(format!("{}/{path}", root.trim_end_matches('/'))),
        }
    }
}

impl Variables for Scope {
    fn is_written_as_template(&self, name: &str) -> bool {
        let entry = self.inner().entry(&self.host, name);
        entry.is_some_and(|entry| match &entry.node.value {
            tree::Value::Text(text) => hive_templates::is_template(text),
            _ => false,
        })
    }

    fn value(&self, name: &str) -> Option<Result<Value, Error>> {
        if let Some(value) = self.magic(name) {
            return Some(Ok(value));
        }
        if name == "hive_stage" {
            return Some(Ok(Value::from(self.inner().stage.name())));
        }
        if let Some(value) = self.inner().injected.value(name) {
            return Some(Ok(value.clone()));
        }
        match self.inner().entry(&self.host, name) {
            Some(entry) => Some(self.evaluated(name, entry)),
            None => facts::missing(name, &self.host).map(Err),
        }
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = MAGIC.iter().map(|name| (*name).to_owned()).collect();
        names.push("hive_stage".to_owned());
        names.extend(self.inner().injected.names().map(str::to_owned));
        let entries = self.evaluation.entries(&self.host);
        names.extend(entries.keys().map(|name| (*name).to_owned()));
        names.sort();
        names.dedup();
        names
    }
}

/// `hostvars`: the variables of every host.
struct HostVars(Evaluation);

impl Variables for HostVars {
    fn value(&self, host: &str) -> Option<Result<Value, Error>> {
        let known = self.0.inner.world.inventory.members.contains_key(host);
        known.then(|| Ok(Value::from(LazyMap(Arc::new(self.0.scope_of(host))))))
    }

    fn names(&self) -> Vec<String> {
        self.0.inner.world.inventory.order.clone()
    }
}

/// A variable on the way to its value, for as long as this lives.
struct Asked;

impl Asked {
    fn push(scope: &Scope, name: &str) -> Result<Self, Error> {
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

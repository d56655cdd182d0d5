//! Evaluating a template: minijinja's parser gives the tree, this walks it as Jinja2 with Ansible's
//! settings does (its own evaluator has neither undefined values that can be carried along nor
//! Python's operators).

pub(crate) mod arguments;
mod calls;
mod expressions;
mod functions;
mod loops;
mod preparation;
mod result;
mod statements;

use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::ast;
use minijinja::syntax::SyntaxConfig;

use crate::python::undefined::Undefined;
use crate::python::value;
use crate::variables::LazyMap;
use crate::{Error, ErrorKind, Surroundings, Value, Variables};
pub(crate) use calls::{is_callable, method};
pub(crate) use functions::member;
use preparation::Prepared;

/// What Ansible replaces by leaving the option out.
pub(crate) const OMIT: &str = "__omit_place_holder__";

/// Macros that call each other deeper than this never end.
const MAX_DEPTH: usize = 60;

/// Evaluates one text.
pub(crate) struct Evaluator<'a> {
    pub surroundings: Arc<dyn Surroundings>,
    pub variables: Arc<dyn Variables>,
    scopes: Vec<Vec<(String, Value)>>,
    macros: Vec<&'a ast::Macro<'a>>,
    /// Loops that may call themselves.
    recursive: Vec<&'a ast::ForLoop<'a>>,
    /// The body of a `{% call %}`, for the macro that is called next.
    pending_caller: Option<Value>,
    depth: usize,
}

/// The value of a text with templates in it, as a value of an inventory.
pub(crate) fn value_of(
    surroundings: &Arc<dyn Surroundings>,
    variables: &Arc<dyn Variables>,
    text: &str,
) -> Result<Value, Error> {
    let prepared = Prepared::value(text);
    let result = parsed(&prepared.text, |children| {
        Evaluator::new(surroundings, variables).value(children, text)
    });
    result.map_err(|error| finished(error, &prepared, variables))
}

/// What a template file says: text, in which backslashes are those of Jinja.
pub(crate) fn text_of(
    surroundings: &Arc<dyn Surroundings>,
    variables: &Arc<dyn Variables>,
    scopes: Vec<Vec<(String, Value)>>,
    text: &str,
) -> Result<String, Error> {
    let prepared = Prepared::file(text);
    let result = parsed(&prepared.text, |children| {
        let mut evaluator = Evaluator::new(surroundings, variables);
        evaluator.scopes.extend(scopes);
        let mut out = String::new();
        evaluator.body(children, &mut out)?;
        Ok(result::with_newlines(out, text))
    });
    result.map_err(|error| finished(error, &prepared, variables))
}

fn parsed<T>(
    text: &str,
    run: impl for<'a> FnOnce(&'a [ast::Stmt<'a>]) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true);
    let syntax = syntax
        .build()
        .map_err(|error| Error::new(ErrorKind::Syntax, error.to_string()))?;
    let tree = minijinja::machinery::parse(text, "template", syntax).map_err(syntax_error)?;
    match &tree {
        ast::Stmt::Template(template) => run(&template.children),
        _ => Err(Error::new(ErrorKind::Syntax, "this is not a template")),
    }
}

fn syntax_error(error: minijinja::Error) -> Error {
    let detail = error.detail().unwrap_or("it can't be read").to_owned();
    let mut message = Error::new(
        ErrorKind::Syntax,
        format!("the template is not well formed: {detail}"),
    )
    .with_next_step("close every `{{` with `}}`, every `{%` with `%}` and every quote and bracket");
    if let Some(range) = error.range() {
        message = message.with_range(range);
    }
    message
}

/// Places as in the original text, and the name that was probably meant.
fn finished(error: Error, prepared: &Prepared, variables: &Arc<dyn Variables>) -> Error {
    let error = error.map_range(|offset| prepared.original(offset));
    let ErrorKind::Undefined(name) = error.kind() else {
        return error;
    };
    if error.next_step().is_some() || error.cause().is_some() {
        return error;
    }
    let next_step = match crate::spelling::nearest(
        name,
        variables.names().iter().map(String::as_str),
    ) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "give `{name}` a value, or say what to use without it: `{{{{ {name} | default(…) }}}}`"
        ),
    };
    error.with_next_step(next_step)
}

impl<'a> Evaluator<'a> {
    fn new(surroundings: &Arc<dyn Surroundings>, variables: &Arc<dyn Variables>) -> Evaluator<'a> {
        Evaluator {
            surroundings: surroundings.clone(),
            variables: variables.clone(),
            scopes: vec![Vec::new()],
            macros: Vec::new(),
            recursive: Vec::new(),
            pending_caller: None,
            depth: 0,
        }
    }

    /// The value of a name.
    fn name(&self, name: &str, range: Range<usize>) -> Result<Value, Error> {
        for scope in self.scopes.iter().rev() {
            if let Some((_, value)) = scope.iter().rev().find(|(known, _)| known == name) {
                return Ok(value.clone());
            }
        }
        match self.variable(name)? {
            Some(value) => Ok(value),
            None => Ok(Undefined::named(name.to_owned()).at(range).value()),
        }
    }

    /// The value of a variable of the inventory.
    pub fn variable(&self, name: &str) -> Result<Option<Value>, Error> {
        match self.variables.value(name) {
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(error)) if error.is_undefined() => {
                Ok(Some(Undefined::because(name.to_owned(), error).value()))
            }
            Some(Err(error)) => Err(value::variable_failed(name, error)),
            None => Ok(match name {
                "omit" => Some(Value::from(OMIT)),
                "vars" => Some(LazyMap(self.variables.clone()).into()),
                _ => None,
            }),
        }
    }

    /// Gives a name a value in the innermost scope.
    fn store(&mut self, name: &str, value: Value) {
        let Some(scope) = self.scopes.last_mut() else {
            return;
        };
        match scope.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => *old = value,
            None => scope.push((name.to_owned(), value)),
        }
    }

    /// Gives a name a new value where it has one already.
    fn replace(&mut self, name: &str, value: Value) {
        for scope in self.scopes.iter_mut().rev() {
            if let Some((_, old)) = scope.iter_mut().find(|(known, _)| known == name) {
                *old = value;
                return;
            }
        }
        if let Some(scope) = self.scopes.first_mut() {
            scope.push((name.to_owned(), value));
        }
    }

    /// The names that templates of other files see.
    pub fn scopes(&self) -> Vec<Vec<(String, Value)>> {
        self.scopes.clone()
    }

    /// One template or macro inside of another.
    pub fn deeper<T>(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.depth >= MAX_DEPTH {
            return Err(Error::new(
                ErrorKind::Operation,
                "macros or template files call each other without end",
            ));
        }
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        result
    }
}

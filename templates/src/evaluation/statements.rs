//! `{% … %}`.

use minijinja::machinery::ast::{self, Expr, Stmt};

use super::loops::Loop;
use super::{Evaluator, expressions};
use crate::python::{printing, undefined, value};
use crate::{Error, ErrorKind, Value};

/// How a body ended.
#[derive(PartialEq)]
pub(super) enum Flow {
    /// At its end.
    Done,
    /// With `{% break %}`.
    Break,
    /// With `{% continue %}`.
    Continue,
}

impl<'a> Evaluator<'a> {
    pub(super) fn body(
        &mut self,
        statements: &'a [Stmt<'a>],
        out: &mut String,
    ) -> Result<Flow, Error> {
        for statement in statements {
            let flow = self.statement(statement, out)?;
            if flow != Flow::Done {
                return Ok(flow);
            }
        }
        Ok(Flow::Done)
    }

    fn captured(&mut self, statements: &'a [Stmt<'a>]) -> Result<String, Error> {
        let mut out = String::new();
        self.body(statements, &mut out)?;
        Ok(out)
    }

    fn statement(&mut self, statement: &'a Stmt<'a>, out: &mut String) -> Result<Flow, Error> {
        match statement {
            Stmt::Template(template) => return self.body(&template.children, out),
            Stmt::EmitRaw(raw) => out.push_str(raw.raw),
            Stmt::EmitExpr(emit) => {
                let found = self.expression(&emit.expr)?;
                let place = expressions::range(&emit.expr);
                undefined::refuse(&found).map_err(|error| error.with_range(place.clone()))?;
                if !found.is_none() {
                    let text = printing::text(&found).map_err(|error| error.with_range(place))?;
                    out.push_str(&text);
                }
            }
            Stmt::IfCond(condition) => {
                let branch = match self.condition(&condition.expr)? {
                    true => &condition.true_body,
                    false => &condition.false_body,
                };
                return self.body(branch, out);
            }
            Stmt::ForLoop(for_loop) => self.for_loop(for_loop, out)?,
            Stmt::WithBlock(with) => {
                let mut scope = Vec::new();
                for (target, expr) in &with.assignments {
                    let found = self.expression(expr)?;
                    scope.push((target, found));
                }
                self.scopes.push(Vec::new());
                let result = scope
                    .into_iter()
                    .try_for_each(|(target, found)| self.assign(target, found))
                    .and_then(|()| self.body(&with.body, out));
                self.scopes.pop();
                return result;
            }
            Stmt::Set(set) => {
                let found = self.expression(&set.expr)?;
                self.assign(&set.target, found)?;
            }
            Stmt::SetBlock(set) => {
                let mut found = Value::from(self.captured(&set.body)?);
                if let Some(filter) = &set.filter {
                    found = self.filter_chain(filter, found)?;
                }
                self.assign(&set.target, found)?;
            }
            Stmt::FilterBlock(block) => {
                let text = Value::from(self.captured(&block.body)?);
                let found = self.filter_chain(&block.filter, text)?;
                out.push_str(&printing::text(&found)?);
            }
            Stmt::AutoEscape(block) => return self.body(&block.body, out),
            Stmt::Block(block) => return self.body(&block.body, out),
            Stmt::Macro(declared) => {
                let made = self.declare(declared);
                self.store(declared.name, made);
            }
            Stmt::CallBlock(block) => {
                let caller = self.declare(&block.macro_decl);
                self.pending_caller = Some(caller);
                let result = self.call(&block.call);
                self.pending_caller = None;
                out.push_str(&printing::text(&result?)?);
            }
            Stmt::Do(done) => {
                self.call(&done.call)?;
            }
            Stmt::Break(_) => return Ok(Flow::Break),
            Stmt::Continue(_) => return Ok(Flow::Continue),
            Stmt::Include(include) => self.include(include, out)?,
            Stmt::Import(_) | Stmt::FromImport(_) | Stmt::Extends(_) => {
                return Err(Error::new(
                    ErrorKind::Syntax,
                    "`import` and `extends` are not supported in templates of an inventory",
                )
                .with_next_step("put the macros into the template that uses them"));
            }
        }
        Ok(Flow::Done)
    }

    fn include(&mut self, include: &'a ast::Include<'a>, out: &mut String) -> Result<(), Error> {
        let named = self.expression(&include.name)?;
        let candidates = match named.as_str() {
            Some(_) => vec![named],
            None => value::items(&named)?,
        };
        for name in candidates.iter().filter_map(Value::as_str) {
            let Ok(bytes) = self.surroundings.read_file(name) else {
                continue;
            };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let included = self.deeper(|evaluator| {
                let scopes = evaluator.scopes.clone();
                super::text_of(&evaluator.surroundings, &evaluator.variables, scopes, &text)
            });
            let included = included.map_err(|cause| {
                Error::new(
                    cause.kind().clone(),
                    format!("the template file `{name}` can't be evaluated"),
                )
                .with_cause(cause)
            })?;
            out.push_str(&included);
            return Ok(());
        }
        if include.ignore_missing {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Lookup("include".into()),
            "the template file to include does not exist",
        )
        .with_range(expressions::range(&include.name)))
    }

    fn for_loop(&mut self, this: &'a ast::ForLoop<'a>, out: &mut String) -> Result<(), Error> {
        let iterated = self.expression(&this.iter)?;
        let items = value::items(&iterated)
            .map_err(|error| error.with_range(expressions::range(&this.iter)))?;
        let statement = this.recursive.then(|| {
            self.recursive.push(this);
            self.recursive.len() - 1
        });
        self.go_through(this, items, (statement, 0), out)
    }

    /// A loop that calls itself: `loop(items)`.
    pub(super) fn again(&mut self, state: &Loop, found: &Value) -> Option<Result<Value, Error>> {
        let (statement, depth) = state.recursion()?;
        let this = *self.recursive.get(statement)?;
        Some(value::items(found).and_then(|items| {
            self.deeper(|evaluator| {
                let mut out = String::new();
                evaluator.go_through(this, items, (Some(statement), depth), &mut out)?;
                Ok(Value::from(out))
            })
        }))
    }

    fn go_through(
        &mut self,
        this: &'a ast::ForLoop<'a>,
        mut items: Vec<Value>,
        (statement, depth): (Option<usize>, usize),
        out: &mut String,
    ) -> Result<(), Error> {
        if let Some(filter) = &this.filter_expr {
            let mut kept = Vec::new();
            for item in items {
                self.scopes.push(Vec::new());
                let result = self
                    .assign(&this.target, item.clone())
                    .and_then(|()| self.condition(filter));
                self.scopes.pop();
                if result? {
                    kept.push(item);
                }
            }
            items = kept;
        }
        if items.is_empty() {
            self.body(&this.else_body, out)?;
            return Ok(());
        }
        let mut state = Loop::over(items, depth, statement);
        while let Some(item) = state.item() {
            self.scopes
                .push(vec![("loop".to_owned(), state.clone().into())]);
            let result = self
                .assign(&this.target, item)
                .and_then(|()| self.body(&this.body, out));
            self.scopes.pop();
            if result? == Flow::Break {
                break;
            }
            state.advance();
        }
        Ok(())
    }

    /// Gives the target of `set`, `for` or `with` its value.
    pub(super) fn assign(&mut self, target: &'a Expr<'a>, found: Value) -> Result<(), Error> {
        let parts = match target {
            Expr::Var(var) => {
                self.store(var.id, found);
                return Ok(());
            }
            Expr::GetAttr(attribute) => {
                let namespace = self.expression(&attribute.expr)?;
                return match namespace.downcast_object_ref::<super::functions::Namespace>() {
                    Some(namespace) => {
                        namespace.set(attribute.name, found);
                        Ok(())
                    }
                    None => Err(Error::new(
                        ErrorKind::Operation,
                        "only attributes of a `namespace()` can be set",
                    )
                    .with_range(expressions::range(target))),
                };
            }
            Expr::List(list) => &list.items,
            Expr::Tuple(tuple) => &tuple.items,
            _ => {
                return Err(Error::new(ErrorKind::Syntax, "nothing can be set here")
                    .with_range(expressions::range(target)));
            }
        };
        let items = value::items(&found)?;
        if items.len() != parts.len() {
            return Err(Error::new(
                ErrorKind::Operation,
                format!("{} names for {} values", parts.len(), items.len()),
            )
            .with_range(expressions::range(target)));
        }
        parts
            .iter()
            .zip(items)
            .try_for_each(|(part, item)| self.assign(part, item))
    }
}

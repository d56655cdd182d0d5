//! Calls: macros, functions, methods.

use std::sync::Arc;

use minijinja::machinery::ast::{self, Expr};
use minijinja::value::{Object, ObjectRepr};

use super::arguments::Arguments;
use super::loops::Loop;
use super::{Evaluator, expressions, functions};
use crate::python::undefined::Undefined;
use crate::python::{methods, undefined, value};
use crate::{Error, ErrorKind, Value};

/// A macro as a value: its place in the evaluator's list, and the scopes it sees.
#[derive(Debug)]
struct Macro {
    index: usize,
    scopes: usize,
}

impl Object for Macro {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// A method as a value, with what it is a method of: `text | attr('upper')`.
#[derive(Debug)]
struct Method {
    of: Value,
    name: String,
}

impl Object for Method {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// A method of a value, not called yet.
pub(crate) fn method(of: &Value, name: &str) -> Option<Value> {
    methods::has(of, name).then(|| {
        Value::from_object(Method {
            of: of.clone(),
            name: name.to_owned(),
        })
    })
}

/// Whether a value can be called.
pub(crate) fn is_callable(found: &Value) -> bool {
    found.downcast_object_ref::<Method>().is_some()
        || found.downcast_object_ref::<Macro>().is_some()
}

impl<'a> Evaluator<'a> {
    /// A macro as a value.
    pub(super) fn declare(&mut self, declared: &'a ast::Macro<'a>) -> Value {
        self.macros.push(declared);
        Value::from_object(Macro {
            index: self.macros.len() - 1,
            scopes: self.scopes.len(),
        })
    }

    pub(super) fn call(&mut self, call: &'a ast::Call<'a>) -> Result<Value, Error> {
        let place = expressions::range(&call.expr);
        match &call.expr {
            Expr::Var(var) => {
                let arguments = self.arguments(&call.args)?;
                self.function(var.id, expressions::range(&call.expr), &arguments)
                    .map_err(|error| error.with_range(place))
            }
            Expr::GetAttr(attribute) => {
                let object = self.expression(&attribute.expr)?;
                let arguments = self.arguments(&call.args)?;
                self.method(&object, attribute, &arguments)
                    .map_err(|error| error.with_range(expressions::range(&call.expr)))
            }
            other => {
                let called = self.expression(other)?;
                undefined::refuse(&called)?;
                let arguments = self.arguments(&call.args)?;
                match self.result_of(&called, &arguments) {
                    Some(result) => result,
                    None => Err(not_callable(&expressions::path(other), &called)),
                }
            }
        }
    }

    fn function(
        &mut self,
        name: &str,
        place: std::ops::Range<usize>,
        arguments: &Arguments,
    ) -> Result<Value, Error> {
        let found = self.name(name, place)?;
        if let Some(state) = found.downcast_object_ref::<Loop>() {
            let result = self.again(state, arguments.need(0, "iterable")?);
            return result.unwrap_or_else(|| {
                Err(not_callable(name, &found)
                    .with_next_step("write `recursive` at the end of its `{% for … %}`"))
            });
        }
        if !undefined::is(&found) {
            return match self.result_of(&found, arguments) {
                Some(result) => result,
                None => Err(not_callable(name, &found)),
            };
        }
        match functions::call(self, name, arguments) {
            Some(result) => result,
            None => {
                let mut error = Error::new(
                    ErrorKind::Function(name.to_owned()),
                    format!("there is no function `{name}`"),
                );
                let macros = self.macros.iter().map(|declared| declared.name);
                if let Some(near) =
                    crate::spelling::nearest(name, functions::NAMES.iter().copied().chain(macros))
                {
                    error = error.with_next_step(format!("did you mean `{near}`?"));
                } else if crate::filters::exists(name) {
                    error = error
                        .with_next_step(format!("`{name}` is a filter: write `value | {name}`"));
                }
                Err(error)
            }
        }
    }

    /// The result of a value that is a macro or a method.
    fn result_of(&mut self, called: &Value, arguments: &Arguments) -> Option<Result<Value, Error>> {
        if let Some(method) = called.downcast_object_ref::<Method>() {
            return methods::call(&method.of, &method.name, arguments).transpose();
        }
        self.macro_result(called, arguments)
    }

    /// The result of a value that is a macro.
    fn macro_result(
        &mut self,
        called: &Value,
        arguments: &Arguments,
    ) -> Option<Result<Value, Error>> {
        let handle = called.downcast_object_ref::<Macro>()?;
        let declared = *self.macros.get(handle.index)?;
        let visible = handle.scopes;
        let caller = self.pending_caller.take();
        Some(self.deeper(|evaluator| {
            // A macro sees what was there when it was declared, not the caller's names.
            let hidden = evaluator
                .scopes
                .split_off(visible.min(evaluator.scopes.len()));
            evaluator.scopes.push(Vec::new());
            if let Some(caller) = caller {
                evaluator.store("caller", caller);
            }
            let result = evaluator.bind(declared, arguments).and_then(|()| {
                let mut out = String::new();
                evaluator.body(&declared.body, &mut out)?;
                Ok(Value::from(out))
            });
            evaluator.scopes.truncate(visible);
            evaluator.scopes.extend(hidden);
            result
        }))
    }

    fn bind(&mut self, declared: &'a ast::Macro<'a>, arguments: &Arguments) -> Result<(), Error> {
        let without_default = declared.args.len() - declared.defaults.len();
        for (place, parameter) in declared.args.iter().enumerate() {
            let name = expressions::path(parameter);
            let found = match arguments.get(place, &name) {
                Some(found) => found.clone(),
                None => match place
                    .checked_sub(without_default)
                    .and_then(|place| declared.defaults.get(place))
                {
                    Some(default) => self.expression(default)?,
                    None => Undefined::named(name).value(),
                },
            };
            self.assign(parameter, found)?;
        }
        let more = arguments.rest(declared.args.len()).to_vec();
        let others = arguments.named.iter().filter(|(name, _)| {
            !declared
                .args
                .iter()
                .any(|parameter| expressions::path(parameter) == *name)
        });
        let others =
            value::map(others.map(|(name, found)| (Value::from(name.as_str()), found.clone())));
        self.store("varargs", value::tuple(more));
        self.store("kwargs", others);
        Ok(())
    }

    fn method(
        &mut self,
        object: &Value,
        attribute: &'a ast::GetAttr<'a>,
        arguments: &Arguments,
    ) -> Result<Value, Error> {
        let name = attribute.name;
        undefined::refuse(object)?;
        if let Some(state) = object.downcast_object_ref::<Loop>() {
            match name {
                "cycle" => return Ok(state.cycle(&arguments.positional).unwrap_or_default()),
                "changed" => return Ok(Value::from(state.changed(&arguments.positional))),
                _ => {}
            }
        }
        if let Some((changed, result)) = methods::change(object, name, arguments)? {
            self.put_back(&attribute.expr, changed)?;
            return Ok(result);
        }
        if let Some(result) = methods::call(object, name, arguments)? {
            return Ok(result);
        }
        if let Some(found) = functions::member(object, &Value::from(name))?
            && let Some(result) = self.result_of(&found, arguments)
        {
            return result;
        }
        Err(Error::new(
            ErrorKind::Function(name.to_owned()),
            format!("{} has no method `{name}`", value::described(object)),
        ))
    }

    /// Gives what a method has changed back to where it came from.
    fn put_back(&mut self, origin: &'a Expr<'a>, changed: Value) -> Result<(), Error> {
        let (base, key) = match origin {
            Expr::Var(var) => {
                self.replace(var.id, changed);
                return Ok(());
            }
            Expr::GetAttr(inner) => (&inner.expr, Value::from(inner.name)),
            Expr::GetItem(inner) => (&inner.expr, self.expression(&inner.subscript_expr)?),
            // The result of an expression: nobody can see the change.
            _ => return Ok(()),
        };
        let parent = self.expression(base)?;
        if let Some(namespace) = parent.downcast_object_ref::<functions::Namespace>() {
            if let Some(name) = key.as_str() {
                namespace.set(name, changed);
            }
            return Ok(());
        }
        if value::is_map(&parent) {
            let mut entries = value::entries(&parent)?;
            entries.push((key, changed));
            return self.put_back(base, value::map(entries));
        }
        if let (true, Some(index)) = (value::is_list(&parent), value::integer(&key)) {
            let mut items = value::items(&parent)?;
            let index = if index < 0 {
                index + items.len() as i128
            } else {
                index
            };
            if let Some(item) = usize::try_from(index).ok().and_then(|at| items.get_mut(at)) {
                *item = changed;
            }
            return self.put_back(base, value::list(items));
        }
        Ok(())
    }
}

fn not_callable(name: &str, found: &Value) -> Error {
    Error::new(
        ErrorKind::Function(name.to_owned()),
        format!(
            "`{name}` can't be called, it is {}",
            value::described(found)
        ),
    )
}

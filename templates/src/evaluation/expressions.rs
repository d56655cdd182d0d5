//! `{{ … }}`.

use std::ops::Range;

use minijinja::machinery::ast::{BinOpKind, CompareOpKind, Expr, Filter, UnaryOpKind};

use super::Evaluator;
use super::arguments::Arguments;
use crate::python::undefined::Undefined;
use crate::python::{comparison, operators, printing, undefined, value};
use crate::{Error, ErrorKind, Value, filters, predicates};

/// The bytes of an expression, from its first operand on.
pub(super) fn range(expr: &Expr<'_>) -> Range<usize> {
    let span = expr.span();
    let own = span.start_offset as usize..span.end_offset as usize;
    let first = match expr {
        Expr::GetAttr(inner) => range(&inner.expr),
        Expr::GetItem(inner) => range(&inner.expr),
        Expr::Slice(inner) => range(&inner.expr),
        Expr::Call(inner) => range(&inner.expr),
        Expr::BinOp(inner) => {
            let (left, right) = (range(&inner.left), range(&inner.right));
            return left.start.min(right.start)..left.end.max(right.end);
        }
        _ => return own,
    };
    first.start.min(own.start)..own.end
}

/// How a person would call what an expression means: `a.b[0]`.
pub(super) fn path(expr: &Expr<'_>) -> String {
    match expr {
        Expr::Var(var) => var.id.to_owned(),
        Expr::GetAttr(inner) => format!("{}.{}", path(&inner.expr), inner.name),
        Expr::GetItem(inner) => {
            let key = match &inner.subscript_expr {
                Expr::Const(key) => printing::repr(&key.value).unwrap_or_else(|_| "…".into()),
                key => path(key),
            };
            format!("{}[{key}]", path(&inner.expr))
        }
        Expr::Filter(inner) => match &inner.expr {
            Some(expr) => format!("({} | {})", path(expr), inner.name),
            None => format!("({})", inner.name),
        },
        Expr::Call(inner) => format!("{}(…)", path(&inner.expr)),
        _ => "(…)".into(),
    }
}

impl<'a> Evaluator<'a> {
    /// The value of an expression; may be undefined.
    pub(super) fn expression(&mut self, expr: &'a Expr<'a>) -> Result<Value, Error> {
        self.evaluate(expr)
            .map_err(|error| error.with_range(range(expr)))
    }

    /// Whether an expression is true; it has to be defined.
    pub(super) fn condition(&mut self, expr: &'a Expr<'a>) -> Result<bool, Error> {
        let found = self.expression(expr)?;
        undefined::refuse(&found).map_err(|error| error.with_range(range(expr)))?;
        Ok(found.is_true())
    }

    fn evaluate(&mut self, expr: &'a Expr<'a>) -> Result<Value, Error> {
        match expr {
            Expr::Var(var) => self.name(var.id, range(expr)),
            Expr::Const(constant) => Ok(constant.value.clone()),
            Expr::List(list) => Ok(value::list(self.all(&list.items)?)),
            Expr::Tuple(tuple) => Ok(value::tuple(self.all(&tuple.items)?)),
            Expr::Map(map) => {
                let keys = self.all(&map.keys)?;
                let values = self.all(&map.values)?;
                for key in &keys {
                    undefined::refuse(key)?;
                }
                Ok(value::map(keys.into_iter().zip(values)))
            }
            Expr::UnaryOp(operation) => match operation.op {
                UnaryOpKind::Not => Ok(Value::from(!self.condition(&operation.expr)?)),
                UnaryOpKind::Neg => operators::negate(&self.expression(&operation.expr)?),
            },
            Expr::BinOp(operation) => {
                self.operation(operation.op, &operation.left, &operation.right)
            }
            Expr::Compare(chain) => {
                let mut left = self.expression(&chain.expr)?;
                for step in &chain.ops {
                    let right = self.expression(&step.expr)?;
                    if !compare(step.op, &left, &right)? {
                        return Ok(Value::from(false));
                    }
                    left = right;
                }
                Ok(Value::from(true))
            }
            Expr::IfExpr(choice) => {
                match (self.condition(&choice.test_expr)?, &choice.false_expr) {
                    (true, _) => self.expression(&choice.true_expr),
                    (false, Some(other)) => self.expression(other),
                    // Ansible prints nothing here, though it is undefined for Jinja.
                    (false, None) => Ok(Value::from("")),
                }
            }
            Expr::Filter(filter) => self.filtered(filter, None),
            Expr::Test(test) => {
                let input = self.expression(&test.expr)?;
                let mut arguments = self.arguments(&test.args)?;
                arguments.positional.insert(0, input);
                predicates::apply(self, test.name, &arguments).map(Value::from)
            }
            Expr::GetAttr(inner) => {
                let parent = self.expression(&inner.expr)?;
                self.member(parent, &Value::from(inner.name), expr, &inner.expr)
            }
            Expr::GetItem(inner) => {
                let parent = self.expression(&inner.expr)?;
                let key = self.expression(&inner.subscript_expr)?;
                undefined::refuse(&key)?;
                self.member(parent, &key, expr, &inner.expr)
            }
            Expr::Slice(slice) => {
                let sliced = self.expression(&slice.expr)?;
                let mut bound = |expr: &'a Option<Expr<'a>>| match expr {
                    Some(expr) => self.expression(expr).map(Some),
                    None => Ok(None),
                };
                let (start, stop, step) = (
                    bound(&slice.start)?,
                    bound(&slice.stop)?,
                    bound(&slice.step)?,
                );
                super::functions::slice(&sliced, start, stop, step)
            }
            Expr::Call(call) => self.call(call),
        }
    }

    fn all(&mut self, exprs: &'a [Expr<'a>]) -> Result<Vec<Value>, Error> {
        exprs.iter().map(|expr| self.expression(expr)).collect()
    }

    fn operation(
        &mut self,
        operator: BinOpKind,
        left: &'a Expr<'a>,
        right: &'a Expr<'a>,
    ) -> Result<Value, Error> {
        let first = self.expression(left)?;
        match operator {
            BinOpKind::ScAnd | BinOpKind::ScOr => {
                undefined::refuse(&first).map_err(|error| error.with_range(range(left)))?;
                let decided = first.is_true() == matches!(operator, BinOpKind::ScOr);
                return if decided {
                    Ok(first)
                } else {
                    self.expression(right)
                };
            }
            _ => {}
        }
        let second = self.expression(right)?;
        let comparison = match operator {
            BinOpKind::Eq => CompareOpKind::Eq,
            BinOpKind::Ne => CompareOpKind::Ne,
            BinOpKind::Lt => CompareOpKind::Lt,
            BinOpKind::Lte => CompareOpKind::Lte,
            BinOpKind::Gt => CompareOpKind::Gt,
            BinOpKind::Gte => CompareOpKind::Gte,
            BinOpKind::In => CompareOpKind::In,
            BinOpKind::Concat => {
                let joined = printing::shown(&first)? + &printing::shown(&second)?;
                return Ok(Value::from(joined));
            }
            _ => return operators::apply(operator, &first, &second),
        };
        compare(comparison, &first, &second).map(Value::from)
    }

    /// An entry, item or attribute; undefined if there is none.
    fn member(
        &mut self,
        parent: Value,
        key: &Value,
        whole: &Expr<'_>,
        base: &Expr<'_>,
    ) -> Result<Value, Error> {
        if undefined::is(&parent) {
            // What is missing is the parent, that is what the error will say.
            return Ok(parent);
        }
        if let Some(found) = super::functions::member(&parent, key)? {
            return Ok(found);
        }
        let name = path(whole);
        let key_text = printing::text(key)?;
        let (message, next_step) = if value::is_map(&parent) {
            let keys = value::items(&parent)?;
            let near = crate::spelling::nearest(&key_text, keys.iter().filter_map(Value::as_str))
                .map(|near| format!("did you mean `{near}`?"));
            (format!("`{}` has no entry `{key_text}`", path(base)), near)
        } else if value::is_list(&parent) && value::integer(key).is_some() {
            let length = value::items(&parent)?.len();
            (
                format!("`{}` has no item {key_text}, it has {length}", path(base)),
                None,
            )
        } else {
            (
                format!(
                    "`{}` has no `{key_text}`, it is {}",
                    path(base),
                    value::described(&parent)
                ),
                None,
            )
        };
        Ok(Undefined::named(name)
            .saying(message, next_step)
            .at(range(whole))
            .value())
    }

    /// `{{ input | filter }}`; the innermost of a chain may have its input from a block.
    fn filtered(&mut self, filter: &'a Filter<'a>, block: Option<Value>) -> Result<Value, Error> {
        let input = match (&filter.expr, block) {
            (Some(Expr::Filter(inner)), block @ Some(_)) => self.filtered(inner, block)?,
            (Some(expr), _) => self.expression(expr)?,
            (None, Some(block)) => block,
            (None, None) => {
                return Err(Error::new(ErrorKind::Syntax, "there is nothing to filter"));
            }
        };
        let mut arguments = self.arguments(&filter.args)?;
        arguments.positional.insert(0, input);
        filters::apply(self, filter.name, &arguments)
    }

    pub(super) fn filter_chain(
        &mut self,
        filter: &'a Expr<'a>,
        block: Value,
    ) -> Result<Value, Error> {
        match filter {
            Expr::Filter(filter) => self.filtered(filter, Some(block)),
            _ => Err(Error::new(ErrorKind::Syntax, "a filter is needed here")),
        }
    }

    /// The arguments of a call, evaluated.
    pub(super) fn arguments(
        &mut self,
        args: &'a [minijinja::machinery::ast::CallArg<'a>],
    ) -> Result<Arguments, Error> {
        use minijinja::machinery::ast::CallArg;
        let mut arguments = Arguments::default();
        for arg in args {
            match arg {
                CallArg::Pos(expr) => arguments.positional.push(self.expression(expr)?),
                CallArg::Kwarg(name, expr) => {
                    let found = self.expression(expr)?;
                    arguments.named.push(((*name).to_owned(), found));
                }
                CallArg::PosSplat(expr) => {
                    let found = self.expression(expr)?;
                    arguments.positional.extend(value::items(&found)?);
                }
                CallArg::KwargSplat(expr) => {
                    let found = self.expression(expr)?;
                    for (key, entry) in value::entries(&found)? {
                        arguments.named.push((printing::text(&key)?, entry));
                    }
                }
            }
        }
        Ok(arguments)
    }
}

fn compare(operator: CompareOpKind, left: &Value, right: &Value) -> Result<bool, Error> {
    Ok(match operator {
        CompareOpKind::Eq => comparison::equal(left, right)?,
        CompareOpKind::Ne => !comparison::equal(left, right)?,
        CompareOpKind::Lt => comparison::order(left, right)?.is_lt(),
        CompareOpKind::Lte => comparison::order(left, right)?.is_le(),
        CompareOpKind::Gt => comparison::order(left, right)?.is_gt(),
        CompareOpKind::Gte => comparison::order(left, right)?.is_ge(),
        CompareOpKind::In => comparison::contains(right, left)?,
        CompareOpKind::NotIn => !comparison::contains(right, left)?,
    })
}

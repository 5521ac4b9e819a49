//! Statements, compiled to code that tells how it ended.

use std::sync::Arc;

use super::leaving::always_leaves;
use super::scope::Local;
use super::value::thrown;
use super::{Binder, Bound, Node};
use crate::class::Type;
use crate::diagnostic::{Fault, Span};
use crate::exception::Thrown;
use crate::machine::{Code, Machine};
use crate::syntax::{Catch, Expr, ExprKind, Name, Stmt, StmtKind, TypeName};
use crate::types::{self, Id};
use crate::value::Value;

/// How a statement ended.
pub(super) enum Flow {
    Break,
    Continue,
    Next,
    Return(Value),
}

/// Compiled statement.
pub(super) type Run = Box<dyn Fn(&mut Machine<'_>) -> Result<Flow, Thrown> + Send + Sync>;

impl Binder {
    /// Binds the body of a function; with `returns` unknown, what it returns is found out.
    pub(super) fn body(
        &mut self,
        body: &[Stmt],
        returns: Option<Type>,
        wants_value: bool,
    ) -> Result<(Code, Type), Fault> {
        self.function().returns.clone_from(&returns);
        let run = self.block(body)?;
        if wants_value && !always_leaves(body) {
            let end = body.last().map_or(Span::default(), |s| s.span);
            return Err(Fault::new(end, "not every path returns a value").suggest("end it with return …;"));
        }
        let class = match returns {
            Some(class) => class,
            None => {
                let mut found: Option<Type> = None;
                for class in std::mem::take(&mut self.function().returned) {
                    found = Some(match found {
                        None => class,
                        Some(before) => {
                            super::value::common(&before, None, &class, None).unwrap_or(Type::OBJECT)
                        }
                    });
                }
                found.unwrap_or(Type::VOID)
            }
        };
        let code: Code = Box::new(move |m| match run(m)? {
            Flow::Return(value) => Ok(value),
            _ => Ok(Value::Null),
        });
        Ok((code, class))
    }

    fn block(&mut self, body: &[Stmt]) -> Result<Run, Fault> {
        self.scoped(|b| {
            let mut runs: Vec<Run> = Vec::with_capacity(body.len());
            for statement in body {
                if let StmtKind::Function(name, lambda) = &statement.kind {
                    let announce = b.announce(name, lambda)?;
                    runs.push(expression_run(announce));
                }
            }
            // Local functions may be called before their text.
            for statement in body {
                if matches!(statement.kind, StmtKind::Function(..)) && !uses_later_variables(body) {
                    runs.push(b.statement(statement)?);
                }
            }
            for statement in body {
                if matches!(statement.kind, StmtKind::Function(..)) && !uses_later_variables(body) {
                    continue;
                }
                runs.push(b.statement(statement)?);
            }
            Ok(sequence(runs))
        })
    }

    pub(super) fn statement(&mut self, statement: &Stmt) -> Result<Run, Fault> {
        self.count(statement.span)?;
        let span = statement.span;
        Ok(match &statement.kind {
            StmtKind::Empty => Box::new(|_| Ok(Flow::Next)),
            StmtKind::Block(body) => self.block(body)?,
            StmtKind::Expr(value) => self.expression_statement(value)?,
            StmtKind::Declare { class, constant, variables } => {
                self.declaration(class.as_ref(), *constant, variables)?
            }
            StmtKind::Deconstruct(names, value) => self.deconstruct(names, value, span)?,
            StmtKind::Function(name, lambda) => expression_run(self.local_function(name, lambda)?),
            StmtKind::If(branches, last) => self.branches(branches, last.as_deref())?,
            StmtKind::While(condition, body) => {
                let condition = self.value_as(condition, &Type::BOOLEAN)?.code;
                let body = self.loop_body(body)?;
                Box::new(move |m| {
                    while matches!(condition(m)?, Value::Boolean(true)) {
                        m.step()?;
                        match body(m)? {
                            Flow::Break => break,
                            Flow::Return(value) => return Ok(Flow::Return(value)),
                            _ => {}
                        }
                    }
                    Ok(Flow::Next)
                })
            }
            StmtKind::Do(body, condition) => {
                let body = self.loop_body(body)?;
                let condition = self.value_as(condition, &Type::BOOLEAN)?.code;
                Box::new(move |m| {
                    loop {
                        m.step()?;
                        match body(m)? {
                            Flow::Break => break,
                            Flow::Return(value) => return Ok(Flow::Return(value)),
                            _ => {}
                        }
                        if !matches!(condition(m)?, Value::Boolean(true)) {
                            break;
                        }
                    }
                    Ok(Flow::Next)
                })
            }
            StmtKind::For { first, condition, each, body } => {
                self.for_loop(first, condition.as_ref(), each, body)?
            }
            StmtKind::ForEach { class, name, sequence, body } => {
                self.for_each(class.as_ref(), name, sequence, body)?
            }
            StmtKind::Break => {
                if self.function().loops + self.function().switches == 0 {
                    return Err(Fault::new(span, "'break' stands in no loop and no switch"));
                }
                Box::new(|_| Ok(Flow::Break))
            }
            StmtKind::Continue => {
                if self.function().loops == 0 {
                    return Err(Fault::new(span, "'continue' stands in no loop"));
                }
                Box::new(|_| Ok(Flow::Continue))
            }
            StmtKind::Return(value) => self.return_statement(value.as_ref(), span)?,
            StmtKind::Throw(Some(value)) => {
                let exception = self.value_as(value, &Type::Plain(Id::Exception))?.code;
                Box::new(move |m| Err(thrown(&exception(m)?)))
            }
            StmtKind::Throw(None) => match self.catches.last().copied() {
                Some(slot) => Box::new(move |m| Err(thrown(&m.load(slot)))),
                None => return Err(Fault::new(span, "'throw;' stands in no catch")),
            },
            StmtKind::Try { body, catches, finally } => self.try_catch(body, catches, finally.as_deref())?,
            StmtKind::Using { declaration, body } => self.scoped(|b| {
                let first = b.statement(declaration)?;
                let body = b.statement(body)?;
                Ok(sequence(vec![first, body]))
            })?,
            StmtKind::Switch(value, sections) => self.switch(value, sections)?,
        })
    }

    pub(super) fn expression_statement(&mut self, value: &Expr) -> Result<Run, Fault> {
        let acts = match &value.kind {
            ExprKind::Assign { .. }
            | ExprKind::Call { .. }
            | ExprKind::Step { .. }
            | ExprKind::New { .. } => true,
            ExprKind::NullConditional(_, rest) => {
                matches!(rest.kind, ExprKind::Call { .. } | ExprKind::NullConditional(..))
            }
            _ => false,
        };
        if !acts {
            return Err(Fault::new(
                value.span,
                "the statement does nothing: only assignments, calls, ++ and -- may stand alone",
            ));
        }
        Ok(expression_run(self.value(value)?.code))
    }

    fn declaration(
        &mut self,
        written: Option<&TypeName>,
        constant: bool,
        variables: &[(Name, Option<Expr>)],
    ) -> Result<Run, Fault> {
        let class = match written {
            Some(written) => Some(self.resolve(written)?),
            None => None,
        };
        let mut runs = Vec::with_capacity(variables.len());
        for (name, value) in variables {
            let node = match (value, &class) {
                (Some(value), Some(class)) => self.value_as(value, class)?,
                (Some(value), None) => {
                    let bound = self.bind(value)?;
                    let node = match bound {
                        Bound::Lambda(..) => {
                            return Err(Fault::new(name.span, "the type of a lambda is not known here")
                                .suggest("write Func<…> instead of var"));
                        }
                        other => self.as_value(other, value.span)?,
                    };
                    if node.class == Type::Null {
                        return Err(Fault::new(name.span, "the type of the variable is not known from null")
                            .suggest("write its type instead of var"));
                    }
                    node
                }
                (None, Some(class)) => Node::constant(class.clone(), Value::default_of(class)),
                (None, None) => return Err(Fault::new(name.span, "the variable needs a value")),
            };
            if constant {
                let Some(known) = node.constant else {
                    return Err(Fault::new(name.span, "the value of a const must be known at load"));
                };
                let local = Local {
                    slot: 0,
                    class: node.class,
                    shared: false,
                    constant: Some(known),
                    readonly: true,
                };
                self.remember(&name.text, local);
                continue;
            }
            let local = self.declare(&name.text, node.class, name.span)?;
            let code = node.code;
            runs.push(Box::new(move |m: &mut Machine<'_>| {
                let value = code(m)?;
                m.declare(local.slot, local.shared, value);
                Ok(Flow::Next)
            }) as Run);
        }
        Ok(sequence(runs))
    }

    fn deconstruct(&mut self, names: &[Name], value: &Expr, span: Span) -> Result<Run, Fault> {
        let node = self.value(value)?;
        let Type::Generic(Id::ValueTuple | Id::Tuple | Id::KeyValuePair, items) = node.class.clone() else {
            return Err(Fault::new(span, format!("'{}' cannot be taken apart", node.class)));
        };
        if items.len() != names.len() {
            return Err(Fault::new(
                span,
                format!("{} values are given for {} variables", items.len(), names.len()),
            ));
        }
        let mut locals = Vec::with_capacity(names.len());
        for (name, class) in names.iter().zip(items.iter()) {
            locals.push(self.declare(&name.text, class.clone(), name.span)?);
        }
        let code = node.code;
        Ok(Box::new(move |m| {
            let tuple = code(m)?;
            for (n, local) in locals.iter().enumerate() {
                let item = types::record_item(&tuple, n)?;
                m.declare(local.slot, local.shared, item);
            }
            Ok(Flow::Next)
        }))
    }

    fn branches(&mut self, branches: &[(Expr, Stmt)], last: Option<&Stmt>) -> Result<Run, Fault> {
        let mut compiled = Vec::with_capacity(branches.len());
        for (condition, body) in branches {
            let condition = self.value_as(condition, &Type::BOOLEAN)?.code;
            compiled.push((condition, self.embedded(body)?));
        }
        let last = match last {
            Some(last) => Some(self.embedded(last)?),
            None => None,
        };
        Ok(Box::new(move |m| {
            for (condition, body) in &compiled {
                if matches!(condition(m)?, Value::Boolean(true)) {
                    return body(m);
                }
            }
            match &last {
                Some(last) => last(m),
                None => Ok(Flow::Next),
            }
        }))
    }

    pub(super) fn embedded(&mut self, statement: &Stmt) -> Result<Run, Fault> {
        self.scoped(|b| b.statement(statement))
    }

    fn return_statement(&mut self, value: Option<&Expr>, span: Span) -> Result<Run, Fault> {
        let returns = self.function().returns.clone();
        let Some(value) = value else {
            if returns.as_ref().is_some_and(|r| *r != Type::VOID) {
                return Err(Fault::new(span, "'return' needs a value"));
            }
            return Ok(Box::new(|_| Ok(Flow::Return(Value::Null))));
        };
        let code = match returns {
            Some(class) if class == Type::VOID => {
                return Err(Fault::new(span, "nothing can be returned here"));
            }
            Some(class) => {
                let node = self.value_as(value, &class)?;
                if node.class == Type::VOID {
                    return Err(Fault::new(span, "the call yields no value"));
                }
                node.code
            }
            None => {
                let node = self.value(value)?;
                self.function().returned.push(node.class.clone());
                node.code
            }
        };
        Ok(Box::new(move |m| code(m).map(Flow::Return)))
    }

    fn try_catch(
        &mut self,
        body: &[Stmt],
        catches: &[Catch],
        finally: Option<&[Stmt]>,
    ) -> Result<Run, Fault> {
        let body = self.block(body)?;
        let mut handlers = Vec::with_capacity(catches.len());
        for catch in catches {
            let class = match &catch.class {
                Some(written) => self.resolve(written)?,
                None => Type::Plain(Id::Exception),
            };
            if !class.converts_to(&Type::Plain(Id::Exception)) {
                return Err(Fault::new(
                    catch.class.as_ref().map_or(Span::default(), |c| c.span),
                    format!("'{class}' is no exception"),
                ));
            }
            let handler = self.scoped(|b| {
                let slot = match &catch.name {
                    Some(name) => {
                        let local = b.declare(&name.text, class.clone(), name.span)?;
                        (local.slot, local.shared)
                    }
                    None => (b.slot(), false),
                };
                b.catches.push(slot.0);
                let when = match &catch.when {
                    Some(when) => b.value_as(when, &Type::BOOLEAN).map(|n| Some(n.code)),
                    None => Ok(None),
                };
                let body = b.block(&catch.body);
                b.catches.pop();
                Ok((class, slot, when?, body?))
            })?;
            handlers.push(handler);
        }
        let finally = match finally {
            Some(finally) => Some(self.block(finally)?),
            None => None,
        };
        Ok(Box::new(move |m| {
            let mut outcome = body(m);
            if let Err(Thrown::Exception(exception)) = &outcome {
                let value = Value::handle(Arc::clone(exception) as Arc<dyn crate::value::Object>);
                for (class, (slot, shared), when, body) in &handlers {
                    if !value.is_instance(class) {
                        continue;
                    }
                    m.declare(*slot, *shared, value.clone());
                    // A filter that throws counts as no match.
                    let applies = match when {
                        Some(when) => matches!(when(m), Ok(Value::Boolean(true))),
                        None => true,
                    };
                    if applies {
                        outcome = body(m);
                        break;
                    }
                }
            }
            if let Some(finally) = &finally
                && !matches!(outcome, Err(Thrown::Limit(_)))
            {
                finally(m)?;
            }
            outcome
        }))
    }
}

/// Whether a local function names a variable that its block declares: then it is made where it stands.
fn uses_later_variables(body: &[Stmt]) -> bool {
    body.iter().any(|s| matches!(s.kind, StmtKind::Declare { .. }))
}

pub(super) fn sequence(mut runs: Vec<Run>) -> Run {
    if runs.len() == 1
        && let Some(only) = runs.pop()
    {
        return only;
    }
    Box::new(move |m| {
        for run in &runs {
            match run(m)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    })
}

fn expression_run(code: Code) -> Run {
    Box::new(move |m| {
        m.step()?;
        code(m)?;
        Ok(Flow::Next)
    })
}

//! Loops.

use super::statement::{Flow, Run};
use super::{Binder, Bound, Node};
use crate::class::Type;
use crate::diagnostic::Fault;
use crate::exception::Thrown;
use crate::machine::Machine;
use crate::syntax::{Expr, Name, Stmt, TypeName};
use crate::types::{self, Id};
use crate::value::Value;

impl Binder {
    pub(super) fn loop_body(&mut self, body: &Stmt) -> Result<Run, Fault> {
        self.function().loops += 1;
        let run = self.embedded(body);
        self.function().loops -= 1;
        run
    }

    pub(super) fn for_loop(
        &mut self,
        first: &[Stmt],
        condition: Option<&Expr>,
        each: &[Expr],
        body: &Stmt,
    ) -> Result<Run, Fault> {
        self.scoped(|b| {
            let mut starts = Vec::with_capacity(first.len());
            for statement in first {
                starts.push(b.statement(statement)?);
            }
            let condition = match condition {
                Some(condition) => Some(b.value_as(condition, &Type::BOOLEAN)?.code),
                None => None,
            };
            let mut steps = Vec::with_capacity(each.len());
            for step in each {
                steps.push(b.expression_statement(step)?);
            }
            let body = b.loop_body(body)?;
            Ok(Box::new(move |m: &mut Machine<'_>| {
                for start in &starts {
                    start(m)?;
                }
                loop {
                    if let Some(condition) = &condition
                        && !matches!(condition(m)?, Value::Boolean(true))
                    {
                        break;
                    }
                    m.step()?;
                    match body(m)? {
                        Flow::Break => break,
                        Flow::Return(value) => return Ok(Flow::Return(value)),
                        _ => {}
                    }
                    for step in &steps {
                        step(m)?;
                    }
                }
                Ok(Flow::Next)
            }) as Run)
        })
    }

    pub(super) fn for_each(
        &mut self,
        written: Option<&TypeName>,
        name: &Name,
        sequence: &Expr,
        body: &Stmt,
    ) -> Result<Run, Fault> {
        let sequence_node = self.value(sequence)?;
        let pairs = sequence_node.class.is(Id::JObject);
        let element = if pairs {
            Some(Type::generic(Id::KeyValuePair, [Type::STRING, Type::TOKEN]))
        } else if sequence_node.class.is(Id::Dynamic) {
            Some(Type::Plain(Id::Dynamic))
        } else {
            sequence_node.class.element()
        };
        let Some(element) = element else {
            return Err(Fault::new(sequence.span, format!("'{}' is no sequence", sequence_node.class)));
        };
        let class = match written {
            Some(written) => self.resolve(written)?,
            None => element.clone(),
        };
        self.scoped(|b| {
            let item_slot = b.slot();
            let item = Node::new(element, Box::new(move |m: &mut Machine<'_>| Ok(m.load(item_slot))));
            let item = b.cast(Bound::Value(item), &class, name.span)?.code;
            let local = b.declare(&name.text, class, name.span)?;
            let body = b.loop_body(body)?;
            let code = sequence_node.code;
            Ok(Box::new(move |m: &mut Machine<'_>| {
                let sequence = code(m)?;
                if sequence.is_null() {
                    return Err(Thrown::null_reference());
                }
                let mut cursor =
                    if pairs { types::open_pairs(m, &sequence)? } else { types::open(m, &sequence)? };
                while let Some(next) = cursor.next(m)? {
                    m.step()?;
                    m.declare(item_slot, false, next);
                    let value = item(m)?;
                    m.declare(local.slot, local.shared, value);
                    match body(m)? {
                        Flow::Break => break,
                        Flow::Return(value) => return Ok(Flow::Return(value)),
                        _ => {}
                    }
                }
                Ok(Flow::Next)
            }) as Run)
        })
    }
}

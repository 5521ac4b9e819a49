//! `switch`.

use super::Binder;
use super::leaving::always_leaves;
use super::pattern::Test;
use super::statement::{Flow, Run, sequence};
use crate::class::Type;
use crate::diagnostic::Fault;
use crate::machine::Code;
use crate::syntax::{Expr, Section, StmtKind};
use crate::value::Value;

impl Binder {
    pub(super) fn switch(&mut self, value: &Expr, sections: &[Section]) -> Result<Run, Fault> {
        let value = self.value(value)?;
        let class = value.class.clone();
        self.function().switches += 1;
        let mut compiled: Vec<(Vec<(Test, Option<Code>)>, Run)> = Vec::with_capacity(sections.len());
        let mut default = None;
        for section in sections {
            let bound = self.section(section, &class);
            let (tests, run, is_default) = match bound {
                Ok(bound) => bound,
                Err(fault) => {
                    self.function().switches -= 1;
                    return Err(fault);
                }
            };
            if is_default {
                default = Some(compiled.len());
            }
            compiled.push((tests, run));
        }
        self.function().switches -= 1;
        let code = value.code;
        Ok(Box::new(move |m| {
            let value = code(m)?;
            let mut chosen = default;
            'search: for (n, (tests, _)) in compiled.iter().enumerate() {
                for (test, when) in tests {
                    if !test(m, &value)? {
                        continue;
                    }
                    let applies = match when {
                        Some(when) => matches!(when(m)?, Value::Boolean(true)),
                        None => true,
                    };
                    if applies {
                        chosen = Some(n);
                        break 'search;
                    }
                }
            }
            match chosen.and_then(|n| compiled.get(n)) {
                Some((_, run)) => match run(m)? {
                    Flow::Break => Ok(Flow::Next),
                    other => Ok(other),
                },
                None => Ok(Flow::Next),
            }
        }))
    }

    fn section(
        &mut self,
        section: &Section,
        class: &Type,
    ) -> Result<(Vec<(Test, Option<Code>)>, Run, bool), Fault> {
        let last = section.body.last();
        let ends = always_leaves(&section.body)
            || last
                .is_some_and(|s| matches!(s.kind, StmtKind::Break | StmtKind::Continue) || ends_in_break(s));
        if !ends {
            let span = last.map(|s| s.span).unwrap_or_default();
            return Err(Fault::new(span, "the case goes on into the next one").suggest("end it with break;"));
        }
        self.scoped(|b| {
            let mut tests = Vec::new();
            let mut default = false;
            for label in &section.labels {
                match label {
                    None => default = true,
                    Some((pattern, when)) => {
                        let test = b.pattern(pattern, class)?;
                        let when = match when {
                            Some(when) => Some(b.value_as(when, &Type::BOOLEAN)?.code),
                            None => None,
                        };
                        tests.push((test, when));
                    }
                }
            }
            let mut runs = Vec::with_capacity(section.body.len());
            for statement in &section.body {
                runs.push(b.statement(statement)?);
            }
            Ok((tests, sequence(runs), default))
        })
    }
}

fn ends_in_break(statement: &crate::syntax::Stmt) -> bool {
    match &statement.kind {
        StmtKind::Break | StmtKind::Continue | StmtKind::Return(_) | StmtKind::Throw(_) => true,
        StmtKind::Block(body) => body.last().is_some_and(ends_in_break),
        StmtKind::If(branches, Some(last)) => {
            branches.iter().all(|(_, s)| ends_in_break(s)) && ends_in_break(last)
        }
        StmtKind::Try { body, catches, .. } => {
            body.last().is_some_and(ends_in_break)
                && catches.iter().all(|c| c.body.last().is_some_and(ends_in_break))
        }
        _ => false,
    }
}

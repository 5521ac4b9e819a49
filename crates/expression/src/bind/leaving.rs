//! Whether statements always leave: C# wants a value on every path.

use crate::syntax::{Expr, ExprKind, Stmt, StmtKind};
use crate::value::Value;

/// Whether control never goes on past these statements.
pub(super) fn always_leaves(body: &[Stmt]) -> bool {
    body.iter().any(leaves)
}

fn leaves(statement: &Stmt) -> bool {
    match &statement.kind {
        StmtKind::Return(_) | StmtKind::Throw(_) => true,
        StmtKind::Block(body) => always_leaves(body),
        StmtKind::If(branches, Some(last)) => branches.iter().all(|(_, s)| leaves(s)) && leaves(last),
        StmtKind::Try { body, catches, finally } => {
            always_leaves(body) && catches.iter().all(|c| always_leaves(&c.body))
                || finally.as_ref().is_some_and(|f| always_leaves(f))
        }
        StmtKind::Using { body, .. } => leaves(body),
        StmtKind::Switch(_, sections) => {
            sections.iter().any(|s| s.labels.iter().any(Option::is_none))
                && sections.iter().all(|s| always_leaves(&s.body) && !breaks(&s.body))
        }
        StmtKind::While(condition, body) => endless(Some(condition)) && !breaks(std::slice::from_ref(body)),
        StmtKind::Do(body, condition) => {
            leaves(body) || endless(Some(condition)) && !breaks(std::slice::from_ref(body))
        }
        StmtKind::For { condition, body, .. } => {
            endless(condition.as_ref()) && !breaks(std::slice::from_ref(body))
        }
        _ => false,
    }
}

fn endless(condition: Option<&Expr>) -> bool {
    condition.is_none_or(|c| matches!(c.kind, ExprKind::Literal(Value::Boolean(true))))
}

/// Whether a `break` in these statements leaves the loop or switch around them.
fn breaks(body: &[Stmt]) -> bool {
    body.iter().any(|s| match &s.kind {
        StmtKind::Break => true,
        StmtKind::Block(body) => breaks(body),
        StmtKind::If(branches, last) => {
            branches.iter().any(|(_, s)| breaks(std::slice::from_ref(s)))
                || last.as_ref().is_some_and(|s| breaks(std::slice::from_ref(s)))
        }
        StmtKind::Try { body, catches, finally } => {
            breaks(body)
                || catches.iter().any(|c| breaks(&c.body))
                || finally.as_ref().is_some_and(|f| breaks(f))
        }
        StmtKind::Using { body, .. } => breaks(std::slice::from_ref(body)),
        _ => false,
    })
}

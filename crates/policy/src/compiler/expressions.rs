//! Compiled expressions, each text once.

use std::collections::HashMap;
use std::sync::Arc;

use gatehouse_expression::{Diagnostic, Expression, compile};

use crate::Needs;

/// The expressions of one load.
#[derive(Default)]
pub(super) struct Expressions {
    compiled: HashMap<String, (Arc<Expression>, Needs)>,
}

impl Expressions {
    pub(super) fn compile(&mut self, source: &str) -> Result<(Arc<Expression>, Needs), Vec<Diagnostic>> {
        if let Some((expression, needs)) = self.compiled.get(source) {
            return Ok((Arc::clone(expression), *needs));
        }
        let expression = Arc::new(compile(source)?);
        let reads = expression.reads();
        let needs = Needs { request_body: reads.request_body, response_body: reads.response_body };
        self.compiled.insert(source.to_owned(), (Arc::clone(&expression), needs));
        Ok((expression, needs))
    }
}

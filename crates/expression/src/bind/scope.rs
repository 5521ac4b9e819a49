//! Local variables: which slot of which function's frame holds each.

use std::sync::Arc;

use super::{Binder, Node};
use crate::class::Type;
use crate::diagnostic::{Fault, Span, nearest};
use crate::types::registry;
use crate::value::Value;

/// A function that is being bound: the text itself, a lambda or a local function.
#[derive(Default)]
pub(super) struct Function {
    pub(super) scopes: Vec<Vec<(Arc<str>, Local)>>,
    pub(super) slots: usize,
    /// Slots of the enclosing function that are shared with it, and where they stand in its own frame.
    pub(super) captures: Vec<(usize, usize)>,
    /// What it returns; not known while it is being inferred.
    pub(super) returns: Option<Type>,
    /// Types of what it was seen to return.
    pub(super) returned: Vec<Type>,
    /// How many loops and switches are open.
    pub(super) loops: u32,
    pub(super) switches: u32,
}

/// A variable.
#[derive(Clone)]
pub(super) struct Local {
    pub(super) slot: usize,
    pub(super) class: Type,
    pub(super) shared: bool,
    pub(super) constant: Option<Value>,
    /// Loop variables and the like cannot be assigned.
    pub(super) readonly: bool,
}

impl Binder {
    pub(super) fn function(&mut self) -> &mut Function {
        if self.functions.is_empty() {
            self.functions.push(Function::default());
        }
        let last = self.functions.len() - 1;
        &mut self.functions[last]
    }

    pub(super) fn slot(&mut self) -> usize {
        let function = self.function();
        function.slots += 1;
        function.slots - 1
    }

    pub(super) fn scoped<T>(&mut self, bind: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.function().scopes.push(Vec::new());
        let result = bind(self);
        self.function().scopes.pop();
        result
    }

    pub(super) fn declare(&mut self, name: &Arc<str>, class: Type, span: Span) -> Result<Local, Fault> {
        if class == Type::VOID {
            return Err(Fault::new(span, "a variable cannot be of type void"));
        }
        let taken = self.function().scopes.iter().flatten().any(|(n, _)| n == name);
        if taken && name.as_ref() != "_" {
            return Err(Fault::new(span, format!("there is a variable '{name}' already")));
        }
        let shared = self.captured.contains(name);
        let local = Local { slot: self.slot(), class, shared, constant: None, readonly: false };
        self.remember(name, local.clone());
        Ok(local)
    }

    pub(super) fn remember(&mut self, name: &Arc<str>, local: Local) {
        let function = self.function();
        if function.scopes.is_empty() {
            function.scopes.push(Vec::new());
        }
        if let Some(scope) = function.scopes.last_mut() {
            scope.push((Arc::clone(name), local));
        }
    }

    /// The variable of that name as the current function sees it.
    pub(super) fn local(&mut self, name: &str) -> Option<Local> {
        let depth = self.functions.iter().rposition(|f| f.find(name).is_some())?;
        let mut local = self.functions.get(depth)?.find(name)?.clone();
        for function in self.functions.iter_mut().skip(depth + 1) {
            if local.constant.is_some() {
                return Some(local);
            }
            let inner = match function.captures.iter().find(|(outer, _)| *outer == local.slot) {
                Some((_, inner)) => *inner,
                None => {
                    let inner = function.slots;
                    function.slots += 1;
                    function.captures.push((local.slot, inner));
                    inner
                }
            };
            local.slot = inner;
            local.shared = true;
        }
        Some(local)
    }

    pub(super) fn load(local: &Local) -> Node {
        if let Some(value) = &local.constant {
            return Node::constant(local.class.clone(), value.clone());
        }
        let slot = local.slot;
        Node::new(local.class.clone(), Box::new(move |m| Ok(m.load(slot))))
    }

    pub(super) fn unknown_name(&self, name: &str, span: Span) -> Fault {
        let scopes = self.functions.iter().flat_map(|f| f.scopes.iter().flatten());
        let locals: Vec<&str> = scopes.map(|(n, _)| &**n).collect();
        let fault = Fault::new(span, format!("'{name}' is neither a variable nor an allowed type"));
        let candidates: Vec<&str> = locals
            .into_iter()
            .chain(["context"])
            .chain(registry().type_names().map(|n| -> &str { n }))
            .collect();
        match nearest(name, candidates) {
            Some(found) => fault.suggest(format!("did you mean '{found}'?")),
            None => fault,
        }
    }
}

impl Function {
    fn find(&self, name: &str) -> Option<&Local> {
        self.scopes
            .iter()
            .rev()
            .flat_map(|s| s.iter().rev())
            .find(|(n, _)| n.as_ref() == name)
            .map(|(_, l)| l)
    }
}

//! `System.Func`, `System.Action`, and delegates as objects.

use std::sync::Arc;

use super::Definition;
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Machine;
use crate::value::{Object, Value};

/// What a delegate does.
pub(crate) type Body = dyn Fn(&mut Machine<'_>, &[Value]) -> Result<Value, Thrown> + Send + Sync;

/// A lambda, local function or method as a value.
pub(crate) struct Delegate {
    pub(crate) class: Type,
    pub(crate) call: Arc<Body>,
}

impl Object for Delegate {
    fn class(&self) -> Type {
        self.class.clone()
    }
}

pub(super) const FUNC: Definition = Definition { name: "System.Func", bases: &["object"], ..Definition::NEW };
pub(super) const ACTION: Definition =
    Definition { name: "System.Action", bases: &["object"], ..Definition::NEW };

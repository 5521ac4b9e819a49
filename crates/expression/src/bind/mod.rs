//! Binds the tree against the type table and compiles it to closures.
//!
//! Everything is resolved here, at load: names to slots, members to the functions that do them, overloads, conversions.
//! What stays for the run time is evaluation alone.

mod arithmetic;
mod call;
mod conversion;
mod creation;
mod emit;
mod equality;
mod fused;
mod inference;
mod joining;
mod lambda;
mod leaving;
mod loops;
mod member;
mod operator;
mod overload;
mod pattern;
mod place;
mod scope;
mod short_circuit;
mod statement;
mod switch;
mod types;
mod value;

use std::collections::HashSet;
use std::sync::Arc;

use crate::class::Type;
use crate::diagnostic::{Fault, Span};
use crate::expression::Reads;
use crate::machine::Code;
use crate::parser::Parsed;
use crate::syntax::{Body, Expr, Lambda};
use crate::value::Value;

pub(crate) use self::conversion::{implicit_number, is_enumeration, to_number};
pub(crate) use self::joining::Joined;
use self::scope::Function;

/// How many expressions may be bound for one text: overloads bind lambdas again.
const MAX_BOUND: u32 = 400_000;

/// A compiled text.
pub(crate) struct Program {
    pub(crate) code: Code,
    pub(crate) slots: usize,
    pub(crate) reads: Reads,
    pub(crate) constant: Option<Value>,
    /// Its parts, where it is a text that is put together.
    pub(crate) joined: Option<Joined>,
}

/// Compiles what the parser read.
pub(crate) fn bind(parsed: &Parsed) -> Result<Program, Fault> {
    let mut binder = Binder {
        functions: vec![Function::default()],
        captured: parsed.captured.clone(),
        reads: Reads::default(),
        bound: 0,
        receivers: Vec::new(),
        catches: Vec::new(),
    };
    let (code, constant, joined) = match &parsed.body {
        Body::Expr(value) => {
            let node = binder.value(value)?;
            if node.class == Type::VOID {
                return Err(Fault::new(value.span, "the expression yields no value"));
            }
            (node.code, node.constant, node.joined)
        }
        Body::Block(body) => (binder.body(body, Some(Type::OBJECT), true)?.0, None, None),
    };
    let slots = binder.functions.first().map_or(0, |f| f.slots);
    Ok(Program { code, slots, reads: binder.reads.finish(), constant, joined })
}

/// A bound expression that yields a value.
pub(crate) struct Node {
    pub(crate) class: Type,
    pub(crate) code: Code,
    /// Its value, where it is known at load.
    pub(crate) constant: Option<Value>,
    /// The strings it joins, where it is a concatenation that may go on.
    parts: Option<Vec<joining::Piece>>,
    /// The parts of the text that it is, where it is one that was put together.
    joined: Option<Joined>,
    /// The slot that it reads and nothing else, where it is such a read.
    slot: Option<usize>,
    /// What of the exchange it reads and nothing else, where that may be read in place.
    fused: Option<fused::Fused>,
}

impl Node {
    fn new(class: Type, code: Code) -> Self {
        Self { class, code, constant: None, parts: None, joined: None, slot: None, fused: None }
    }

    fn constant(class: Type, value: Value) -> Self {
        let yielded = value.clone();
        Self {
            class,
            code: Box::new(move |_| Ok(yielded.clone())),
            constant: Some(value),
            parts: None,
            joined: None,
            slot: None,
            fused: None,
        }
    }

    fn null() -> Self {
        Self::constant(Type::Null, Value::Null)
    }
}

/// A bound expression of any sort.
enum Bound {
    /// `default`, whose type the target gives.
    Default,
    /// Members of one name that may be called.
    Group(Group),
    /// A lambda, whose type the target gives.
    Lambda(Arc<Lambda>, Span),
    /// A namespace, or the beginning of one.
    Namespace(String),
    /// `throw …`, of any type.
    Throw(Code),
    Type(Type),
    Value(Node),
}

/// Members of one name, and what they are called on.
struct Group {
    receiver: Option<Node>,
    /// The type whose members they are.
    class: Type,
    name: Arc<str>,
    types: Vec<Type>,
    span: Span,
    /// Whether the receiver is a null-checked one whose members are looked up as extensions too.
    is_static: bool,
}

/// The state of binding.
struct Binder {
    functions: Vec<Function>,
    captured: HashSet<Arc<str>>,
    reads: Reads,
    bound: u32,
    /// Slot and type of what stands before each open `?.`.
    receivers: Vec<(usize, Type)>,
    /// Slots of the exceptions that open `catch` blocks hold.
    catches: Vec<usize>,
}

impl Binder {
    /// Binds an expression that must yield a value.
    fn value(&mut self, expr: &Expr) -> Result<Node, Fault> {
        let bound = self.bind(expr)?;
        self.as_value(bound, expr.span)
    }

    fn as_value(&mut self, bound: Bound, span: Span) -> Result<Node, Fault> {
        match bound {
            Bound::Value(node) => Ok(node),
            Bound::Default => {
                Err(Fault::new(span, "the type of 'default' is not known here").suggest("write default(T)"))
            }
            Bound::Group(group) => Err(Fault::new(group.span, format!("'{}' is a method", group.name))
                .suggest(format!("call it: {}(…)", group.name))),
            Bound::Lambda(..) => Err(Fault::new(span, "a lambda is not expected here")),
            Bound::Namespace(name) => Err(self.unknown_name(&name, span)),
            Bound::Throw(code) => Ok(Node::new(Type::Null, code)),
            Bound::Type(class) => {
                Err(Fault::new(span, format!("'{class}' is a type, and a value is expected")))
            }
        }
    }

    /// Binds an expression to a value of type `target`.
    fn value_as(&mut self, expr: &Expr, target: &Type) -> Result<Node, Fault> {
        let bound = self.bind(expr)?;
        self.convert(bound, target, expr.span)
    }

    fn count(&mut self, span: Span) -> Result<(), Fault> {
        self.bound += 1;
        if self.bound > MAX_BOUND {
            Err(Fault::new(span, "the expression is too complex to compile"))
        } else {
            Ok(())
        }
    }
}

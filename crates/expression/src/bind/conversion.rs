//! Conversions: which exist, how good they are, and their code.

use super::{Binder, Bound, Node};
use crate::class::Type;
use crate::diagnostic::{Fault, Span};
use crate::exception::Thrown;
use crate::number::{self, Number};
use crate::types::{Form, Id, Kind, Method, registry};
use crate::value::{Enumeration, Value};

/// How an expression of one type becomes another.
pub(super) enum Conversion {
    /// To or from an enumeration, by its number.
    Enumeration,
    /// Nothing changes.
    Identity,
    /// A number of another type.
    Numeric(Id),
    /// A reference of another type, or a boxed value: nothing changes.
    Reference,
    /// A reference or box that is checked at run time.
    Checked,
    /// By a conversion that a type declares.
    Declared(&'static Method),
    /// Of a `dynamic` value, by its type at run time.
    Late,
}

/// Whether a number type converts to another by itself.
pub(super) fn widens(from: Id, to: Id) -> bool {
    use Id::{Byte, Char, Decimal, Double, Int16, Int32, Int64, SByte, Single, UInt16, UInt32, UInt64};
    match from {
        SByte => matches!(to, Int16 | Int32 | Int64 | Single | Double | Decimal),
        Byte => matches!(to, Int16 | UInt16 | Int32 | UInt32 | Int64 | UInt64 | Single | Double | Decimal),
        Int16 => matches!(to, Int32 | Int64 | Single | Double | Decimal),
        UInt16 => matches!(to, Int32 | UInt32 | Int64 | UInt64 | Single | Double | Decimal),
        Char => matches!(to, UInt16 | Int32 | UInt32 | Int64 | UInt64 | Single | Double | Decimal),
        Int32 => matches!(to, Int64 | Single | Double | Decimal),
        UInt32 => matches!(to, Int64 | UInt64 | Single | Double | Decimal),
        Int64 | UInt64 => matches!(to, Single | Double | Decimal),
        Single => to == Double,
        _ => false,
    }
}

/// Whether it is a number type.
pub(super) fn is_number(id: Id) -> bool {
    matches!(
        id,
        Id::SByte
            | Id::Byte
            | Id::Int16
            | Id::UInt16
            | Id::Int32
            | Id::UInt32
            | Id::Int64
            | Id::UInt64
            | Id::Single
            | Id::Double
            | Id::Decimal
            | Id::Char
    )
}

pub(crate) fn is_enumeration(class: &Type) -> bool {
    matches!(class, Type::Plain(id) if matches!(registry().class(*id).form, Form::Enumeration | Form::Flags))
}

/// The implicit conversion between two types; `constant` is the value, where it is known.
pub(super) fn implicit(from: &Type, to: &Type, constant: Option<&Value>) -> Option<Conversion> {
    if from == to {
        return Some(Conversion::Identity);
    }
    if from.is(Id::Dynamic) {
        return Some(if *to == Type::OBJECT { Conversion::Reference } else { Conversion::Late });
    }
    if *from == Type::VOID || *to == Type::VOID {
        return None;
    }
    let (inner, wanted) = (from.stripped(), to.stripped());
    if let (Type::Plain(a), Type::Plain(b)) = (inner, wanted)
        && (from == inner || to != wanted)
    {
        if a == b {
            return Some(Conversion::Identity);
        }
        if widens(*a, *b) {
            return Some(Conversion::Numeric(*b));
        }
        // A constant takes any type that holds it.
        if let (Some(Number::Integer(n)), Some((least, most))) =
            (constant.and_then(Number::of), number::range(*b))
            && matches!(a, Id::Int32 | Id::Int64)
            && *b != Id::Char
            && (least..=most).contains(&n)
            && (*a == Id::Int32 || *b == Id::UInt64)
        {
            return Some(Conversion::Numeric(*b));
        }
        if is_enumeration(wanted) && matches!(constant, Some(Value::Int32(0))) {
            return Some(Conversion::Enumeration);
        }
    }
    if from.converts_to(to) {
        return Some(Conversion::Reference);
    }
    declared(from, to, Kind::Implicit).map(Conversion::Declared)
}

/// The conversion of a cast.
pub(super) fn explicit(from: &Type, to: &Type, constant: Option<&Value>) -> Option<Conversion> {
    if let Some(found) = implicit(from, to, constant) {
        return Some(found);
    }
    let (inner, wanted) = (from.stripped(), to.stripped());
    if let (Type::Plain(a), Type::Plain(b)) = (inner, wanted) {
        let (numeric_a, numeric_b) = (is_number(*a), is_number(*b));
        if a == b || numeric_a && numeric_b {
            return Some(Conversion::Numeric(*b));
        }
        if is_enumeration(inner) && (numeric_b || is_enumeration(wanted))
            || numeric_a && is_enumeration(wanted)
        {
            return Some(Conversion::Enumeration);
        }
    }
    if let Some(method) = declared(from, to, Kind::Explicit) {
        return Some(Conversion::Declared(method));
    }
    let interface = |t: &Type| {
        registry().class(t.id()).form == Form::Interface
            || matches!(t, Type::Plain(Id::Object | Id::Enum | Id::Array))
    };
    let boxed = to.converts_to(from) || wanted.converts_to(from);
    let castable = boxed
        || !from.is_value() && (interface(from) || interface(to) && !to.is_value())
        || from.id() == to.id() && !from.is_value() && !from.arguments().is_empty();
    castable.then_some(Conversion::Checked)
}

/// A conversion that one of the two types declares.
fn declared(from: &Type, to: &Type, kind: Kind) -> Option<&'static Method> {
    let mut best: Option<(&'static Method, u8)> = None;
    let mut seen = |class: &Type| {
        let mut at = Some(class.clone());
        while let Some(class) = at {
            for method in &registry().class(class.id()).members {
                if method.kind != kind && !(kind == Kind::Explicit && method.kind == Kind::Implicit) {
                    continue;
                }
                let Some(parameter) = method.parameters.first() else { continue };
                let source = parameter.class.close(class.arguments(), &[]);
                let result = method.returns.close(class.arguments(), &[]);
                let takes = if *from == source {
                    2
                } else {
                    u8::from(from.converts_to(&source) && *from != Type::Null)
                };
                let gives = if *to == result {
                    2
                } else {
                    u8::from(
                        result.converts_to(to) && *to != Type::OBJECT || to.underlying() == Some(&result),
                    )
                };
                if takes > 0 && gives > 0 && best.is_none_or(|(_, rank)| takes + gives > rank) {
                    best = Some((method, takes + gives));
                }
            }
            at = class
                .bases()
                .into_iter()
                .find(|b| registry().class(b.id()).form == Form::Class && *b != Type::OBJECT);
        }
    };
    seen(from.stripped());
    if to.stripped() != from.stripped() {
        seen(to.stripped());
    }
    best.map(|(m, _)| m)
}

impl Binder {
    /// Converts to `target` where an implicit conversion exists.
    pub(super) fn convert(&mut self, bound: Bound, target: &Type, span: Span) -> Result<Node, Fault> {
        match bound {
            Bound::Default => Ok(Node::constant(target.clone(), Value::default_of(target))),
            Bound::Throw(code) => Ok(Node::new(target.clone(), code)),
            Bound::Lambda(lambda, at) => self.lambda_to(&lambda, target, at),
            Bound::Group(group) if target.is_delegate() => self.group_to(group, target),
            other => {
                let node = self.as_value(other, span)?;
                self.convert_node(node, target, span)
            }
        }
    }

    #[expect(clippy::unused_self, reason = "conversions are the binder's")]
    pub(super) fn convert_node(&self, node: Node, target: &Type, span: Span) -> Result<Node, Fault> {
        match implicit(&node.class, target, node.constant.as_ref()) {
            Some(conversion) => Ok(apply(node, target, &conversion)),
            None => {
                let fault =
                    Fault::new(span, format!("{} cannot be used as '{target}'", describe(&node.class)));
                Err(if explicit(&node.class, target, None).is_some() {
                    fault.suggest(format!("cast it: ({target})…"))
                } else if *target == Type::STRING && node.class != Type::VOID {
                    fault.suggest("add .ToString()")
                } else {
                    fault
                })
            }
        }
    }

    /// Binds `(T)expression`.
    pub(super) fn cast(&mut self, bound: Bound, target: &Type, span: Span) -> Result<Node, Fault> {
        match bound {
            Bound::Value(node) => match explicit(&node.class, target, node.constant.as_ref()) {
                Some(conversion) => Ok(apply(node, target, &conversion)),
                None => {
                    Err(Fault::new(span, format!("{} cannot be cast to '{target}'", describe(&node.class))))
                }
            },
            other => self.convert(other, target, span),
        }
    }
}

pub(super) fn describe(class: &Type) -> String {
    match class {
        Type::Null => "null".to_owned(),
        _ if *class == Type::VOID => "a call that yields nothing".to_owned(),
        other => format!("a value of type '{other}'"),
    }
}

/// The node after a conversion.
pub(super) fn apply(node: Node, target: &Type, conversion: &Conversion) -> Node {
    let constant = node.constant.is_some();
    let code = node.code;
    let mut converted = match conversion {
        Conversion::Identity | Conversion::Reference => {
            return Node {
                class: target.clone(),
                code,
                constant: node.constant,
                parts: None,
                joined: node.joined,
                slot: None,
                fused: node.fused,
            };
        }
        Conversion::Numeric(id) => {
            let id = *id;
            let takes_null = target.takes_null();
            Node::new(
                target.clone(),
                Box::new(move |m| {
                    let value = code(m)?;
                    if value.is_null() {
                        return if takes_null { Ok(value) } else { Err(no_value()) };
                    }
                    to_number(&value, id)
                }),
            )
        }
        Conversion::Enumeration => {
            let wanted = target.stripped().clone();
            Node::new(
                target.clone(),
                Box::new(move |m| {
                    let value = code(m)?;
                    match (&value, Number::of(&value)) {
                        (Value::Null, _) => Ok(value),
                        (_, Some(number)) if !is_enumeration(&wanted) => {
                            to_number(&Value::Int64(number.whole().unwrap_or_default()), wanted.id())
                        }
                        (_, Some(number)) => Ok(Value::Enumeration(Enumeration {
                            id: wanted.id(),
                            number: number.whole().unwrap_or_default(),
                        })),
                        _ => Err(Thrown::invalid_cast(&value.class(), &wanted)),
                    }
                }),
            )
        }
        Conversion::Checked => {
            let wanted = target.clone();
            if let Some(fused) = node.fused.and_then(|fused| fused.cast(target)) {
                return Node { fused: Some(fused.clone()), ..Node::new(wanted, fused.code()) };
            }
            return Node::new(target.clone(), Box::new(move |m| code(m)?.cast(&wanted)));
        }
        Conversion::Late => {
            let wanted = target.clone();
            return Node::new(
                target.clone(),
                Box::new(move |m| {
                    let value = code(m)?;
                    crate::types::late_convert(m, value, &wanted)
                }),
            );
        }
        Conversion::Declared(method) => {
            let returns = method.returns.clone();
            let source = Node {
                class: node.class,
                code,
                constant: node.constant,
                parts: None,
                joined: None,
                slot: None,
                fused: None,
            };
            let converted =
                super::emit::call(method, vec![source], vec![target.clone()], returns, Vec::new());
            return Node { class: target.clone(), ..converted };
        }
    };
    if constant && let Some(value) = super::emit::fold_code(&converted.code) {
        converted = Node::constant(converted.class, value);
    }
    converted
}

fn no_value() -> Thrown {
    Thrown::invalid_operation("Nullable object must have a value.")
}

/// An unchecked conversion between number types.
pub(crate) fn to_number(value: &Value, id: Id) -> Result<Value, Thrown> {
    let Some(number) = Number::of(value) else {
        return if value.class().is(id) {
            Ok(value.clone())
        } else {
            Err(Thrown::invalid_cast(&value.class(), &Type::Plain(id)))
        };
    };
    Ok(match id {
        Id::Double => Value::Double(number.double()),
        Id::Single => Value::Single(number.double() as f32),
        Id::Decimal => match number.decimal() {
            Some(n) => Value::Decimal(n),
            None => return Err(Thrown::overflow("Value was either too large or too small for a Decimal.")),
        },
        _ => match number {
            Number::Integer(n) => number::wrap(n, id),
            // .NET on x64: out of range gives the smallest value of the 64-bit (or 32-bit) conversion.
            Number::Float(n) => match id {
                Id::Int64 => Value::Int64(if n.is_finite() && n.abs() < 9.223_372_036_854_775e18 {
                    n as i64
                } else {
                    i64::MIN
                }),
                Id::UInt64 => Value::UInt64(n as u64),
                Id::UInt32 => Value::UInt32(if n.is_finite() { n as i64 as u32 } else { 0 }),
                _ => {
                    let n = if n.is_finite() && n.abs() < 2_147_483_648.0 { n as i32 } else { i32::MIN };
                    number::wrap(i128::from(n), id)
                }
            },
            Number::Decimal(n) => {
                use rust_decimal::prelude::ToPrimitive as _;
                let whole = n.trunc().to_i128().unwrap_or_default();
                match number::range(id) {
                    Some((least, most)) if !(least..=most).contains(&whole) => {
                        return Err(Thrown::overflow(&format!(
                            "Value was either too large or too small for an {}.",
                            registry().class(id).name.trim_start_matches("System.")
                        )));
                    }
                    _ => number::wrap(whole, id),
                }
            }
        },
    })
}

/// The number type that a value of one type becomes by itself where another is wanted.
pub(crate) fn implicit_number(from: &Type, to: &Type) -> Option<Id> {
    match (from, to.stripped()) {
        (Type::Plain(a), Type::Plain(b)) if widens(*a, *b) => Some(*b),
        _ => None,
    }
}

//! Binds each kind of expression.

use std::sync::Arc;

use super::conversion::{describe, is_enumeration};
use super::joining::Piece as Joined;
use super::{Binder, Bound, Node};
use crate::class::Type;
use crate::diagnostic::{Fault, Span};
use crate::exception::{ExceptionObject, Thrown};
use crate::syntax::{Expr, ExprKind, Piece};
use crate::types::{self, Id};
use crate::value::{Part, PartOf, Value};

impl Binder {
    pub(super) fn bind(&mut self, expr: &Expr) -> Result<Bound, Fault> {
        self.count(expr.span)?;
        let span = expr.span;
        Ok(Bound::Value(match &expr.kind {
            ExprKind::Literal(Value::Null) => Node::null(),
            ExprKind::Literal(value) => Node::constant(value.class(), value.clone()),
            ExprKind::Nameof(name) => Node::constant(Type::STRING, Value::String(Arc::clone(name))),
            ExprKind::Interpolated(pieces) => self.interpolated(pieces)?,
            ExprKind::Name { name, types } => return self.name(name, types),
            ExprKind::TypeRef(written) => return self.resolve(written).map(Bound::Type),
            ExprKind::Member { target, name, types } => {
                let target = self.bind(target)?;
                return self.member(target, name, types);
            }
            ExprKind::Call { target, arguments } => {
                return self.call(target, arguments, span).map(Bound::Value);
            }
            ExprKind::Index { target, arguments } => self.index(target, arguments, span)?,
            ExprKind::Cast(written, operand) => {
                let class = self.resolve(written)?;
                let operand = self.bind(operand)?;
                self.cast(operand, &class, span)?
            }
            ExprKind::As(operand, written) => self.as_type(operand, written)?,
            ExprKind::Is(operand, pattern) => {
                let operand = self.value(operand)?;
                self.is_pattern(operand, pattern)?
            }
            ExprKind::Lambda(lambda) => return Ok(Bound::Lambda(Arc::clone(lambda), span)),
            ExprKind::Default(None) => return Ok(Bound::Default),
            ExprKind::Default(Some(written)) => {
                let class = self.resolve(written)?;
                let value = Value::default_of(&class);
                Node::constant(class, value)
            }
            ExprKind::TypeOf(written) => {
                let class = self.resolve(written)?;
                Node::constant(Type::Plain(Id::Type), types::type_object(class))
            }
            ExprKind::Throw(value) => {
                let exception = self.value_as(value, &Type::Plain(Id::Exception))?.code;
                return Ok(Bound::Throw(Box::new(move |m| Err(thrown(&exception(m)?)))));
            }
            ExprKind::Conditional(condition, yes, no) => self.conditional(condition, yes, no, span)?,
            ExprKind::Binary { operator, left, right } => {
                return self.binary_spine(expr, operator, left, right);
            }
            ExprKind::Unary { operator, operand } => {
                let operand = self.value(operand)?;
                Self::unary(operator, operand, span)?
            }
            ExprKind::Assign { operator, target, value } => self.assign(*operator, target, value, span)?,
            ExprKind::Step { operator, prefix, target } => self.step(operator, *prefix, target, span)?,
            ExprKind::NullConditional(target, rest) => self.null_conditional(target, rest, span)?,
            ExprKind::Receiver => match self.receivers.last().cloned() {
                Some((slot, class)) => Node::new(class, Box::new(move |m| Ok(m.load(slot)))),
                None => return Err(Fault::new(span, "nothing stands before '?.'")),
            },
            ExprKind::New { class, arguments, initializer } => {
                self.creation(class, arguments, initializer.as_ref(), span)?
            }
            ExprKind::Array { element, length, items } => {
                self.array(element.as_ref(), length.as_deref(), items.as_deref(), span)?
            }
            ExprKind::Anonymous(members) => self.anonymous(members)?,
            ExprKind::Tuple(elements) => self.tuple(elements)?,
        }))
    }

    fn name(
        &mut self,
        name: &crate::syntax::Name,
        types: &[crate::syntax::TypeName],
    ) -> Result<Bound, Fault> {
        if types.is_empty() {
            if let Some(local) = self.local(&name.text) {
                return Ok(Bound::Value(Self::load(&local)));
            }
            if name.text.as_ref() == "context" {
                let context = Value::Part(Part(PartOf::Context));
                return Ok(Bound::Value(Node::constant(Type::Plain(Id::IContext), context)));
            }
        }
        let mut arguments = Vec::new();
        for written in types {
            arguments.push(self.resolve(written)?);
        }
        let count = arguments.len();
        if let Some(class) = types::registry().find(&name.text, arguments) {
            return Ok(Bound::Type(class));
        }
        if count == 0 && types::registry().is_namespace(&name.text) {
            return Ok(Bound::Namespace(name.text.to_string()));
        }
        Err(self.unknown_name(&name.text, name.span))
    }

    fn as_type(&mut self, operand: &Expr, written: &crate::syntax::TypeName) -> Result<Node, Fault> {
        let operand = self.value(operand)?;
        let class = self.resolve(written)?;
        if !class.takes_null() {
            return Err(Fault::new(
                written.span,
                format!("'as' needs a type that can be null, and '{class}' cannot"),
            )
            .suggest(format!("write {class}?")));
        }
        let code = operand.code;
        let wanted = class.clone();
        Ok(Node::new(
            class,
            Box::new(move |m| {
                let value = code(m)?;
                Ok(if value.is_instance(&wanted) { value } else { Value::Null })
            }),
        ))
    }

    fn interpolated(&mut self, pieces: &[Piece]) -> Result<Node, Fault> {
        let mut parts: Vec<Joined> = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match piece {
                Piece::Text(text) if text.is_empty() => {}
                Piece::Text(text) => parts.push(Joined::Known(Arc::clone(text))),
                Piece::Hole { value, alignment, format } => {
                    let node = self.value(value)?;
                    if node.class == Type::VOID {
                        return Err(Fault::new(value.span, "the braces hold a call that yields nothing"));
                    }
                    let (alignment, format) = (*alignment, format.clone());
                    parts.push(if alignment.is_none() && format.is_none() {
                        Joined::of(node)
                    } else {
                        let code = node.code;
                        Joined::Computed(Box::new(move |m| {
                            let value = code(m)?;
                            types::composite_part(
                                &value,
                                alignment.unwrap_or(0),
                                format.as_deref().unwrap_or(""),
                            )
                            .map(Value::from)
                        }))
                    });
                }
            }
        }
        if parts.is_empty() {
            return Ok(Node::constant(Type::STRING, Value::from("")));
        }
        Ok(super::joining::joined(parts))
    }

    fn conditional(&mut self, condition: &Expr, yes: &Expr, no: &Expr, span: Span) -> Result<Node, Fault> {
        let condition = self.value_as(condition, &Type::BOOLEAN)?;
        let (a, b) = (self.bind(yes)?, self.bind(no)?);
        let (class_a, class_b) = (class_of(&a), class_of(&b));
        let class = match (&class_a, &class_b) {
            (Some(x), Some(y)) => {
                let constant = |bound: &Bound| match bound {
                    Bound::Value(node) => node.constant.clone(),
                    _ => None,
                };
                common(x, constant(&a).as_ref(), y, constant(&b).as_ref()).ok_or_else(|| {
                    Fault::new(
                        span,
                        format!(
                            "the branches are of types '{x}' and '{y}', and neither converts to the other"
                        ),
                    )
                    .suggest("cast one of them")
                })?
            }
            (Some(x), None) => x.clone(),
            (None, Some(y)) => y.clone(),
            (None, None) => return Err(Fault::new(span, "the type of the conditional is not known")),
        };
        let yes = self.convert(a, &class, yes.span)?;
        let no = self.convert(b, &class, no.span)?;
        if let Some(Value::Boolean(known)) = condition.constant {
            return Ok(if known { yes } else { no });
        }
        let (condition, yes, no) = (condition.code, yes.code, no.code);
        Ok(Node::new(
            class,
            Box::new(move |m| if matches!(condition(m)?, Value::Boolean(true)) { yes(m) } else { no(m) }),
        ))
    }

    fn null_conditional(&mut self, target: &Expr, rest: &Expr, span: Span) -> Result<Node, Fault> {
        let target = self.value(target)?;
        if !target.class.takes_null() {
            return Err(Fault::new(
                span,
                format!("'?.' needs a value that can be null, and '{}' cannot", target.class),
            )
            .suggest("write '.'"));
        }
        let slot = self.slot();
        self.receivers.push((slot, target.class.stripped().clone()));
        let rest = self.value(rest);
        self.receivers.pop();
        let rest = rest?;
        let class = if rest.class == Type::VOID || rest.class.takes_null() {
            rest.class
        } else {
            Type::nullable(rest.class)
        };
        let (target, rest) = (target.code, rest.code);
        Ok(Node::new(
            class,
            Box::new(move |m| {
                let value = target(m)?;
                if value.is_null() {
                    return Ok(Value::Null);
                }
                m.declare(slot, false, value);
                rest(m)
            }),
        ))
    }
}

/// The type of a bound expression, where it has one by itself.
pub(super) fn class_of(bound: &Bound) -> Option<Type> {
    match bound {
        Bound::Value(node) => Some(node.class.clone()),
        _ => None,
    }
}

/// The type to which both convert.
pub(super) fn common(a: &Type, known_a: Option<&Value>, b: &Type, known_b: Option<&Value>) -> Option<Type> {
    use super::conversion::implicit;
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (Type::Null, other) | (other, Type::Null) => {
            return Some(if other.takes_null() { other.clone() } else { Type::nullable(other.clone()) });
        }
        _ => {}
    }
    let forth = implicit(a, b, known_a).is_some();
    let back = implicit(b, a, known_b).is_some();
    match (forth, back) {
        (true, false) => Some(b.clone()),
        (false, true) => Some(a.clone()),
        // A constant that fits both: the type that is not the constant's.
        (true, true) => Some(if known_a.is_some() || is_enumeration(b) { b.clone() } else { a.clone() }),
        (false, false) => None,
    }
}

/// The exception that a thrown value is.
pub(super) fn thrown(value: &Value) -> Thrown {
    match value.shared::<ExceptionObject>() {
        Some(exception) => Thrown::Exception(exception),
        None => Thrown::null_reference(),
    }
}

/// A message for values that cannot be called or indexed.
pub(super) fn not_for(class: &Type, what: &str) -> String {
    format!("{} cannot be {what}", describe(class))
}

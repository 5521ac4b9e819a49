//! Operators: promotions, overloads, null lifting, string joining.

use super::arithmetic::{arithmetic, int_comparison, negate};
use super::conversion::{implicit, is_enumeration, is_number, widens};
use super::equality::{equality, late};
use super::joining::{finished, join};
use super::member::lineage;
use super::{Binder, Bound, Node, emit};
use crate::class::Type;
use crate::diagnostic::{Fault, Span};
use crate::number::Number;
use crate::syntax::{Expr, ExprKind};
use crate::types::{Id, Kind, Method, registry};
use crate::value::{Enumeration, Value};

impl Binder {
    /// Binds a chain of left-associative operators without recursion along it.
    pub(super) fn binary_spine(
        &mut self,
        whole: &Expr,
        operator: &'static str,
        left: &Expr,
        right: &Expr,
    ) -> Result<Bound, Fault> {
        let mut pending = vec![(operator, right, whole.span)];
        let mut first = left;
        if operator != "??" {
            while let ExprKind::Binary { operator, left, right } = &first.kind {
                if *operator == "??" {
                    break;
                }
                self.count(first.span)?;
                pending.push((*operator, right.as_ref(), first.span));
                first = left.as_ref();
            }
        }
        let mut node = self.value(first)?;
        while let Some((operator, right, span)) = pending.pop() {
            if operator != "+" {
                node = finished(node);
            }
            node = match operator {
                "&&" | "||" => self.short_circuit(operator, node, right, span)?,
                "??" => self.coalesce(node, right, span)?,
                _ => {
                    let right = self.value(right)?;
                    self.binary(operator, node, right, span)?
                }
            };
        }
        Ok(Bound::Value(finished(node)))
    }

    pub(super) fn binary(
        &mut self,
        operator: &'static str,
        left: Node,
        right: Node,
        span: Span,
    ) -> Result<Node, Fault> {
        let constant = left.constant.is_some() && right.constant.is_some();
        let node = self.binary_of(operator, left, right, span)?;
        if constant && let Some(value) = emit::fold_code(&node.code) {
            return Ok(Node::constant(node.class, value));
        }
        Ok(node)
    }

    fn binary_of(
        &mut self,
        operator: &'static str,
        left: Node,
        right: Node,
        span: Span,
    ) -> Result<Node, Fault> {
        let (mut left, mut right) = (left, right);
        // null beside a value type is that type's null.
        if left.class == Type::Null && right.class.is_value() {
            left.class = Type::nullable(right.class.stripped().clone());
        } else if right.class == Type::Null && left.class.is_value() {
            right.class = Type::nullable(left.class.stripped().clone());
        }
        let (a, b) = (left.class.clone(), right.class.clone());
        if a.is(Id::Dynamic) || b.is(Id::Dynamic) {
            return Ok(late(operator, left, right));
        }
        if operator == "+" && (a == Type::STRING || b == Type::STRING) && a != Type::VOID && b != Type::VOID {
            let declared = a != b && (find_operator("+", &a, &b).is_some());
            if !declared {
                return Ok(join(left, right));
            }
        }
        if a == Type::VOID || b == Type::VOID {
            return Err(Fault::new(span, format!("'{operator}' has an operand that yields nothing")));
        }
        let (x, y) = (a.stripped(), b.stripped());
        if let (Type::Plain(i), Type::Plain(j)) = (x, y)
            && is_number(*i)
            && is_number(*j)
        {
            return Self::numeric(operator, left, right, span);
        }
        if matches!((x, y), (Type::Plain(Id::Boolean), Type::Plain(Id::Boolean)))
            && matches!(operator, "&" | "|" | "^" | "==" | "!=")
        {
            return Ok(logical(operator, left, right));
        }
        if a == Type::STRING && b == Type::STRING && matches!(operator, "==" | "!=") {
            return Ok(equality(operator, left, right, true));
        }
        if let Some(method) = find_operator(operator, x, y) {
            return self.overloaded(method, left, right, span);
        }
        let null = a == Type::Null || b == Type::Null;
        if is_enumeration(x) && x == y && !null
            || is_enumeration(x) && is_number(y.id())
            || is_enumeration(y) && is_number(x.id())
        {
            return enumerations(operator, left, right, span);
        }
        if matches!(operator, "==" | "!=") {
            let related = null && a.takes_null() && b.takes_null()
                || x == y
                || (!x.is_value() || !y.is_value() || a == Type::OBJECT || b == Type::OBJECT)
                    && (a.converts_to(&b) || b.converts_to(&a) || either_interface(&a, &b));
            if null && !(a.takes_null() && b.takes_null()) {
                // A value is never null: the comparison is legal and known.
                return Ok(equality(operator, left, right, false));
            }
            if related {
                return Ok(equality(
                    operator,
                    left,
                    right,
                    a == Type::STRING && b == Type::STRING || a.is_value() || b.is_value(),
                ));
            }
            // One side converts to the other by a declared conversion: compare there.
            if implicit(&a, &b, left.constant.as_ref()).is_some() {
                let left = self.convert_node(left, &b, span)?;
                return Ok(equality(operator, left, right, true));
            }
            if implicit(&b, &a, right.constant.as_ref()).is_some() {
                let right = self.convert_node(right, &a, span)?;
                return Ok(equality(operator, left, right, true));
            }
        }
        Err(Fault::new(span, format!("'{operator}' does not take '{a}' and '{b}'")).suggest(hint(&a, &b)))
    }

    fn overloaded(
        &mut self,
        method: &'static Method,
        left: Node,
        right: Node,
        span: Span,
    ) -> Result<Node, Fault> {
        let lifted = left.class.underlying().is_some() || right.class.underlying().is_some();
        let strip = |n: Node| Node { class: n.class.stripped().clone(), ..n };
        let to_left = method.parameters[0].class.clone();
        let to_right = method.parameters[1].class.clone();
        if !lifted {
            let left = self.convert_node(left, &to_left, span)?;
            let right = self.convert_node(right, &to_right, span)?;
            return Ok(emit::call(method, vec![left, right], Vec::new(), method.returns.clone(), Vec::new()));
        }
        let (s, t) = (self.slot(), self.slot());
        let hold = |slot: usize, class: Type| {
            Node::new(class, Box::new(move |m: &mut crate::machine::Machine<'_>| Ok(m.load(slot))))
        };
        let (left, right) = (strip(left), strip(right));
        let x = self.convert_node(hold(s, left.class.clone()), &to_left, span)?;
        let y = self.convert_node(hold(t, right.class.clone()), &to_right, span)?;
        let inner = emit::call(method, vec![x, y], Vec::new(), method.returns.clone(), Vec::new()).code;
        let comparison = method.returns == Type::BOOLEAN;
        let class = if comparison { Type::BOOLEAN } else { Type::nullable(method.returns.clone()) };
        let equal = method.name == "==";
        let unequal = method.name == "!=";
        let (a, b) = (left.code, right.code);
        Ok(Node::new(
            class,
            Box::new(move |m| {
                let (p, q) = (a(m)?, b(m)?);
                if p.is_null() || q.is_null() {
                    let both = p.is_null() && q.is_null();
                    return Ok(if comparison {
                        Value::Boolean(equal && both || unequal && !both)
                    } else {
                        Value::Null
                    });
                }
                m.declare(s, false, p);
                m.declare(t, false, q);
                inner(m)
            }),
        ))
    }

    fn numeric(operator: &'static str, left: Node, right: Node, span: Span) -> Result<Node, Fault> {
        let (i, j) = (left.class.stripped().id(), right.class.stripped().id());
        let shift = matches!(operator, "<<" | ">>");
        let target = if shift {
            promoted(i)
        } else {
            balanced(i, j, &left, &right).ok_or_else(|| {
                Fault::new(span, format!("'{operator}' does not take '{}' and '{}'", left.class, right.class))
                    .suggest("cast one of them")
            })?
        };
        if matches!(operator, "&" | "|" | "^" | "<<" | ">>")
            && matches!(target, Id::Double | Id::Single | Id::Decimal)
        {
            return Err(Fault::new(span, format!("'{operator}' takes whole numbers only")));
        }
        let comparison = matches!(operator, "==" | "!=" | "<" | ">" | "<=" | ">=");
        let lifted = left.class.underlying().is_some() || right.class.underlying().is_some();
        let result = if comparison { Type::BOOLEAN } else { Type::Plain(target) };
        let class = if lifted && !comparison { Type::nullable(result) } else { result };
        let plain = i == Id::Int32 && j == Id::Int32 && !lifted;
        let (a, b) = (left.code, right.code);
        if plain && let Some(compare) = int_comparison(operator) {
            return Ok(Node::new(
                class,
                Box::new(move |m| match (a(m)?, b(m)?) {
                    (Value::Int32(x), Value::Int32(y)) => Ok(Value::Boolean(compare(&x, &y))),
                    (x, y) => arithmetic(operator, &x, &y, Id::Int32),
                }),
            ));
        }
        Ok(Node::new(
            class,
            Box::new(move |m| {
                let (x, y) = (a(m)?, b(m)?);
                if x.is_null() || y.is_null() {
                    return Ok(match operator {
                        "==" => Value::Boolean(x.is_null() && y.is_null()),
                        "!=" => Value::Boolean(x.is_null() != y.is_null()),
                        _ if comparison => Value::Boolean(false),
                        _ => Value::Null,
                    });
                }
                arithmetic(operator, &x, &y, target)
            }),
        ))
    }

    pub(super) fn unary(operator: &'static str, operand: Node, span: Span) -> Result<Node, Fault> {
        let class = operand.class.clone();
        let inner = class.stripped().clone();
        let constant = operand.constant.clone();
        let code = operand.code;
        if inner.is(Id::Dynamic) {
            return Ok(Node::new(
                inner,
                Box::new(move |m| {
                    let value = code(m)?;
                    match (operator, value) {
                        ("!", Value::Boolean(b)) => Ok(Value::Boolean(!b)),
                        (_, value) => negate(operator, &value, promoted(value.class().id())),
                    }
                }),
            ));
        }
        let node = match (operator, &inner) {
            ("!", Type::Plain(Id::Boolean)) => Node::new(
                class,
                Box::new(move |m| match code(m)? {
                    Value::Boolean(b) => Ok(Value::Boolean(!b)),
                    other => Ok(other),
                }),
            ),
            ("-", Type::Plain(Id::TimeSpan)) => Node::new(
                class,
                Box::new(move |m| match code(m)? {
                    Value::TimeSpan(t) => Ok(Value::TimeSpan(crate::time::TimeSpan(t.0.wrapping_neg()))),
                    other => Ok(other),
                }),
            ),
            ("-" | "+" | "~", Type::Plain(id)) if is_number(*id) => {
                let mut target = promoted(*id);
                if operator == "-" && target == Id::UInt32 {
                    // -2147483648 is an int.
                    target = if constant.as_ref().is_some_and(|c| matches!(c, Value::UInt32(2_147_483_648))) {
                        Id::Int32
                    } else {
                        Id::Int64
                    };
                }
                if operator == "-"
                    && target == Id::UInt64
                    && matches!(constant, Some(Value::UInt64(9_223_372_036_854_775_808)))
                {
                    target = Id::Int64;
                }
                let lifted = class.underlying().is_some();
                let result = Type::Plain(target);
                Node::new(
                    if lifted { Type::nullable(result) } else { result },
                    Box::new(move |m| {
                        let value = code(m)?;
                        if value.is_null() { Ok(value) } else { negate(operator, &value, target) }
                    }),
                )
            }
            _ => return Err(Fault::new(span, format!("'{operator}' does not take '{class}'"))),
        };
        if constant.is_some()
            && let Some(value) = emit::fold_code(&node.code)
        {
            return Ok(Node::constant(node.class, value));
        }
        Ok(node)
    }
}

fn hint(a: &Type, b: &Type) -> &'static str {
    if *a == Type::OBJECT || *b == Type::OBJECT {
        "cast the object to its type first"
    } else {
        "convert one of them to the type of the other"
    }
}

fn either_interface(a: &Type, b: &Type) -> bool {
    let interface = |t: &Type| registry().class(t.id()).form == crate::types::Form::Interface;
    interface(a) && !b.is_value() || interface(b) && !a.is_value()
}

/// The operator that one of the types declares for these operands.
fn find_operator(operator: &str, a: &Type, b: &Type) -> Option<&'static Method> {
    let mut owners = lineage(a);
    owners.extend(lineage(b));
    let mut best: Option<(&'static Method, u8)> = None;
    for owner in owners {
        for method in registry().class(owner.id()).named(operator).filter(|m| m.kind == Kind::Operator) {
            let [p, q] = method.parameters.as_slice() else { continue };
            let rank = |from: &Type, to: &Type| {
                if from == to {
                    2
                } else {
                    u8::from(
                        *from != Type::Null && implicit(from, to, None).is_some()
                            || *from == Type::Null && to.takes_null(),
                    )
                }
            };
            let (x, y) = (rank(a, &p.class), rank(b, &q.class));
            if x > 0 && y > 0 && best.is_none_or(|(_, old)| x + y > old) {
                best = Some((method, x + y));
            }
        }
    }
    best.map(|(m, _)| m)
}

fn promoted(id: Id) -> Id {
    if widens(id, Id::Int32) { Id::Int32 } else { id }
}

/// The type in which two numbers meet.
pub(super) fn balanced(i: Id, j: Id, left: &Node, right: &Node) -> Option<Id> {
    let either = |id: Id| i == id || j == id;
    if either(Id::Decimal) {
        return (!either(Id::Double) && !either(Id::Single)).then_some(Id::Decimal);
    }
    if either(Id::Double) {
        return Some(Id::Double);
    }
    if either(Id::Single) {
        return Some(Id::Single);
    }
    if either(Id::UInt64) {
        let other = if i == Id::UInt64 { (j, right) } else { (i, left) };
        let positive =
            other.1.constant.as_ref().and_then(Number::of).and_then(Number::whole).is_some_and(|n| n >= 0);
        return (other.0 == Id::UInt64 || widens(other.0, Id::UInt64) || positive).then_some(Id::UInt64);
    }
    if either(Id::Int64) {
        return Some(Id::Int64);
    }
    if either(Id::UInt32) {
        let other = if i == Id::UInt32 { (j, right) } else { (i, left) };
        let positive =
            other.1.constant.as_ref().and_then(Number::of).and_then(Number::whole).is_some_and(|n| n >= 0);
        return Some(if other.0 == Id::UInt32 || widens(other.0, Id::UInt32) || positive {
            Id::UInt32
        } else {
            Id::Int64
        });
    }
    Some(Id::Int32)
}

fn logical(operator: &'static str, left: Node, right: Node) -> Node {
    let lifted = left.class.underlying().is_some() || right.class.underlying().is_some();
    let class = if lifted && matches!(operator, "&" | "|" | "^") {
        Type::nullable(Type::BOOLEAN)
    } else {
        Type::BOOLEAN
    };
    let (a, b) = (left.code, right.code);
    Node::new(
        class,
        Box::new(move |m| {
            let (x, y) = (a(m)?, b(m)?);
            Ok(match (operator, &x, &y) {
                ("==", _, _) => Value::Boolean(x.equals(&y)),
                ("!=", _, _) => Value::Boolean(!x.equals(&y)),
                ("&", Value::Boolean(p), Value::Boolean(q)) => Value::Boolean(p & q),
                ("|", Value::Boolean(p), Value::Boolean(q)) => Value::Boolean(p | q),
                ("^", Value::Boolean(p), Value::Boolean(q)) => Value::Boolean(p ^ q),
                ("&", Value::Boolean(false), _) | ("&", _, Value::Boolean(false)) => Value::Boolean(false),
                ("|", Value::Boolean(true), _) | ("|", _, Value::Boolean(true)) => Value::Boolean(true),
                _ => Value::Null,
            })
        }),
    )
}

fn enumerations(operator: &'static str, left: Node, right: Node, span: Span) -> Result<Node, Fault> {
    let (x, y) = (left.class.stripped().clone(), right.class.stripped().clone());
    let enumeration = if is_enumeration(&x) { x.clone() } else { y.clone() };
    let comparison = matches!(operator, "==" | "!=" | "<" | ">" | "<=" | ">=");
    let class = match operator {
        _ if comparison => Type::BOOLEAN,
        "-" if x == y => Type::INT,
        "&" | "|" | "^" if x == y => enumeration.clone(),
        "+" | "-" if x != y => enumeration.clone(),
        _ => return Err(Fault::new(span, format!("'{operator}' does not take '{x}' and '{y}'"))),
    };
    let id = enumeration.id();
    let yields_enumeration = class == enumeration;
    let (a, b) = (left.code, right.code);
    Ok(Node::new(
        class,
        Box::new(move |m| {
            let (p, q) = (a(m)?, b(m)?);
            if p.is_null() || q.is_null() {
                return Ok(Value::Boolean(match operator {
                    "==" => p.is_null() && q.is_null(),
                    "!=" => p.is_null() != q.is_null(),
                    _ => false,
                }));
            }
            let value = arithmetic(operator, &p, &q, Id::Int64)?;
            Ok(match value {
                Value::Int64(number) if yields_enumeration => Value::Enumeration(Enumeration { id, number }),
                Value::Int64(n) => Value::Int32(n as i32),
                other => other,
            })
        }),
    ))
}

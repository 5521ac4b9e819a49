//! `new`: objects, arrays, anonymous objects, tuples, and their initializers.

use std::sync::Arc;

use super::overload::{Argument, Candidate};
use super::value::common;
use super::{Binder, Bound, Node};
use crate::class::{Shape, Type};
use crate::diagnostic::{Fault, Span};
use crate::exception::Thrown;
use crate::machine::{Code, Machine};
use crate::syntax::{self, Expr, ExprKind, Initializer, InitializerTarget, InitializerValue, Name, TypeName};
use crate::types::{self, Form, Id, Kind, registry};
use crate::value::Value;

impl Binder {
    pub(super) fn creation(
        &mut self,
        written: &TypeName,
        arguments: &[syntax::Argument],
        initializer: Option<&Initializer>,
        span: Span,
    ) -> Result<Node, Fault> {
        let class = self.resolve(written)?;
        let created = self.construct(&class, arguments, span)?;
        let Some(initializer) = initializer else { return Ok(created) };
        let slot = self.slot();
        let mut steps = Vec::new();
        self.fill(&class, slot, initializer, &mut steps, span)?;
        let code = created.code;
        Ok(Node::new(
            class,
            Box::new(move |m| {
                let made = code(m)?;
                // Each evaluation of a nested creation has the slot to itself: it is read before it is set again.
                m.declare(slot, false, made.clone());
                for step in &steps {
                    step(m)?;
                }
                Ok(made)
            }),
        ))
    }

    fn construct(&mut self, class: &Type, arguments: &[syntax::Argument], span: Span) -> Result<Node, Fault> {
        if class.is_delegate()
            && let [syntax::Argument { value: syntax::ArgumentValue::Expr(value), .. }] = arguments
        {
            return self.value_as(value, class);
        }
        let declared = registry().class(class.id());
        if let Type::Generic(Id::Tuple | Id::ValueTuple, items) = class {
            return self.construct_tuple(class, items, arguments, span);
        }
        let mut bound = self.arguments(arguments)?;
        let candidates: Vec<Candidate> = declared
            .members
            .iter()
            .filter(|m| m.kind == Kind::Constructor)
            .map(|method| Candidate { method, owner: class.clone() })
            .collect();
        if candidates.is_empty() || bound.is_empty() && class.is_value() {
            if bound.is_empty() && class.is_value() {
                let value = Value::default_of(class);
                return Ok(Node::constant(class.clone(), value));
            }
            let fault = Fault::new(span, format!("'{class}' cannot be created with new"));
            return Err(if declared.form == Form::Interface {
                fault.suggest("it is an interface")
            } else {
                fault
            });
        }
        let chosen = self.choose(&candidates, &mut bound, &[], span, &format!("new {class}"))?;
        let node = self.emit_call(chosen, None, bound)?;
        Ok(Node { class: class.clone(), constant: None, ..node })
    }

    fn construct_tuple(
        &mut self,
        class: &Type,
        items: &Arc<[Type]>,
        arguments: &[syntax::Argument],
        span: Span,
    ) -> Result<Node, Fault> {
        if items.len() != arguments.len() {
            return Err(Fault::new(
                span,
                format!("{} values are expected, and {} are given", items.len(), arguments.len()),
            ));
        }
        let mut codes = Vec::with_capacity(items.len());
        for (argument, item) in arguments.iter().zip(items.iter()) {
            let syntax::ArgumentValue::Expr(value) = &argument.value else {
                return Err(Fault::new(span, "a tuple takes values"));
            };
            codes.push(self.value_as(value, item)?.code);
        }
        Ok(tuple_node(class.clone(), codes))
    }

    pub(super) fn tuple(&mut self, elements: &[Expr]) -> Result<Node, Fault> {
        let (mut classes, mut codes) = (Vec::new(), Vec::new());
        for element in elements {
            let node = self.value(element)?;
            if node.class == Type::Null {
                return Err(Fault::new(element.span, "the type of null is not known here").suggest("cast it"));
            }
            classes.push(node.class);
            codes.push(node.code);
        }
        Ok(tuple_node(Type::generic(Id::ValueTuple, classes), codes))
    }

    pub(super) fn anonymous(&mut self, members: &[(Option<Name>, Expr)]) -> Result<Node, Fault> {
        let (mut shape, mut codes) = (Vec::new(), Vec::new());
        for (name, value) in members {
            let name = match (name, &value.kind) {
                (Some(name), _) | (None, ExprKind::Name { name, .. } | ExprKind::Member { name, .. }) => {
                    Arc::clone(&name.text)
                }
                (None, ExprKind::NullConditional(_, rest)) => match &rest.kind {
                    ExprKind::Member { name, .. } => Arc::clone(&name.text),
                    _ => return Err(Fault::new(value.span, "the member needs a name: Name = …")),
                },
                _ => return Err(Fault::new(value.span, "the member needs a name: Name = …")),
            };
            if shape.iter().any(|(n, _)| *n == name) {
                return Err(Fault::new(value.span, format!("there is a member '{name}' already")));
            }
            let node = self.value(value)?;
            if node.class == Type::Null {
                return Err(Fault::new(value.span, "the type of null is not known here")
                    .suggest("cast it: (string)null"));
            }
            shape.push((name, node.class));
            codes.push(node.code);
        }
        let class = Type::Anonymous(Arc::new(Shape { members: shape }));
        Ok(tuple_node(class, codes))
    }

    pub(super) fn array(
        &mut self,
        element: Option<&TypeName>,
        length: Option<&Expr>,
        items: Option<&[Expr]>,
        span: Span,
    ) -> Result<Node, Fault> {
        let element = match element {
            Some(written) => self.resolve(written)?,
            None => self.common_element(items.unwrap_or_default(), span)?,
        };
        let Some(items) = items else {
            let Some(length) = length else {
                return Err(Fault::new(span, "the length of the array is missing"));
            };
            let length = self.value_as(length, &Type::INT)?.code;
            let class = element.clone();
            return Ok(Node::new(
                Type::array(element),
                Box::new(move |m| {
                    let Value::Int32(count) = length(m)? else { return Err(Thrown::overflow("")) };
                    let count = usize::try_from(count)
                        .map_err(|_| Thrown::overflow("Arithmetic operation resulted in an overflow."))?;
                    m.allocate(count.saturating_mul(if class == Type::BYTE {
                        1
                    } else {
                        size_of::<Value>()
                    }))?;
                    Ok(types::Array::filled(class.clone(), count))
                }),
            ));
        };
        let mut codes = Vec::with_capacity(items.len());
        for item in items {
            codes.push(self.value_as(item, &element)?.code);
        }
        Ok(array_of(element, codes))
    }

    fn common_element(&mut self, items: &[Expr], span: Span) -> Result<Type, Fault> {
        let mut found: Option<Type> = None;
        for item in items {
            let bound = self.bind(item)?;
            let Some(class) = super::value::class_of(&bound) else { continue };
            found = Some(match found {
                None => class,
                Some(before) => common(&before, None, &class, None).ok_or_else(|| {
                    Fault::new(item.span, format!("'{before}' and '{class}' have no common type"))
                        .suggest("write new object[]")
                })?,
            });
        }
        found.filter(|f| *f != Type::Null).ok_or_else(|| {
            Fault::new(span, "the type of the array's elements is not known").suggest("write new T[]")
        })
    }

    fn fill(
        &mut self,
        class: &Type,
        slot: usize,
        initializer: &Initializer,
        steps: &mut Vec<Code>,
        span: Span,
    ) -> Result<(), Fault> {
        let held = |class: &Type| Node {
            slot: Some(slot),
            ..Node::new(class.clone(), Box::new(move |m: &mut Machine<'_>| Ok(m.load(slot))))
        };
        match initializer {
            Initializer::Items(items) => {
                for parts in items {
                    let at = parts.first().map_or(span, |p| p.span);
                    let mut arguments = Vec::with_capacity(parts.len());
                    for part in parts {
                        arguments.push(Argument::positional(self.bind(part)?, part.span));
                    }
                    let candidates =
                        Self::candidates(class, "Add", |m| m.kind == Kind::Method && !m.is_static);
                    if candidates.is_empty() {
                        return Err(Fault::new(at, format!("'{class}' has no Add, which '{{ … }}' needs")));
                    }
                    let chosen = self.choose(&candidates, &mut arguments, &[], at, "Add")?;
                    steps.push(self.emit_call(chosen, Some(held(class)), arguments)?.code);
                }
            }
            Initializer::Members(members) => {
                for (target, value) in members {
                    let place = match target {
                        InitializerTarget::Name(name) => self.property_place_of(held(class), name, value)?,
                        InitializerTarget::Index(keys) => {
                            Some(self.element_place(held(class), keys, span)?)
                        }
                    };
                    match (place, value) {
                        (Some(place), InitializerValue::Expr(value)) => {
                            let code = self.value_as(value, &place.class)?.code;
                            let (prepare, store) = (place.prepare, place.store);
                            steps.push(Box::new(move |m| {
                                for step in &prepare {
                                    step(m)?;
                                }
                                let value = code(m)?;
                                store(m, value)?;
                                Ok(Value::Null)
                            }));
                        }
                        (_, InitializerValue::Nested(inner)) => {
                            let InitializerTarget::Name(name) = target else {
                                return Err(Fault::new(span, "'{ … }' after an index is not supported"));
                            };
                            let Bound::Value(node) = self.member(Bound::Value(held(class)), name, &[])?
                            else {
                                return Err(Fault::new(
                                    name.span,
                                    format!("'{}' holds no object", name.text),
                                ));
                            };
                            let inner_slot = self.slot();
                            let inner_class = node.class.clone();
                            let code = node.code;
                            steps.push(Box::new(move |m| {
                                let value = code(m)?;
                                m.declare(inner_slot, false, value);
                                Ok(Value::Null)
                            }));
                            self.fill(&inner_class, inner_slot, inner, steps, span)?;
                        }
                        (None, InitializerValue::Expr(_)) => {}
                    }
                }
            }
        }
        Ok(())
    }

    fn property_place_of(
        &mut self,
        owner: Node,
        name: &Name,
        value: &InitializerValue,
    ) -> Result<Option<super::place::Place>, Fault> {
        if matches!(value, InitializerValue::Nested(_)) {
            return Ok(None);
        }
        self.property_place(owner, Vec::new(), &name.text, name.span).map(Some)
    }
}

fn tuple_node(class: Type, codes: Vec<Code>) -> Node {
    let made = class.clone();
    Node::new(
        class,
        Box::new(move |m| {
            let mut values = Vec::with_capacity(codes.len());
            for code in &codes {
                values.push(code(m)?);
            }
            m.allocate(values.len() * size_of::<Value>())?;
            Ok(types::tuple(made.clone(), values))
        }),
    )
}

/// The code that makes an array of these elements.
pub(super) fn array_of(element: Type, codes: Vec<Code>) -> Node {
    let class = element.clone();
    Node::new(
        Type::array(element),
        Box::new(move |m| {
            let mut values = Vec::with_capacity(codes.len());
            for code in &codes {
                values.push(code(m)?);
            }
            m.allocate(values.len() * size_of::<Value>())?;
            Ok(Value::object(types::Array::new(class.clone(), values)))
        }),
    )
}

//! What can be assigned: variables, properties, elements.

use std::sync::Arc;

use super::emit::{self, Store};
use super::member::lineage;
use super::overload::{Argument, Chosen};
use super::{Binder, Bound, Node};
use crate::class::Type;
use crate::diagnostic::{Fault, Span};
use crate::machine::{Code, Machine};
use crate::syntax::{Expr, ExprKind};
use crate::types::{self, Id, Kind, registry};
use crate::value::Value;

/// A place that holds a value. `prepare` evaluates once what `load` and `store` then use.
pub(super) struct Place {
    pub(super) class: Type,
    pub(super) prepare: Vec<Code>,
    pub(super) load: Node,
    pub(super) store: Store,
}

impl Binder {
    pub(super) fn place(&mut self, target: &Expr) -> Result<Place, Fault> {
        match &target.kind {
            ExprKind::Name { name, types } if types.is_empty() => match self.local(&name.text) {
                Some(local) if local.constant.is_some() || local.readonly => {
                    Err(Fault::new(name.span, format!("'{}' cannot be assigned", name.text)))
                }
                Some(local) => {
                    let slot = local.slot;
                    Ok(Place {
                        class: local.class.clone(),
                        prepare: Vec::new(),
                        load: Self::load(&local),
                        store: Box::new(move |m, value| {
                            m.store(slot, value);
                            Ok(())
                        }),
                    })
                }
                None => Err(self.unknown_name(&name.text, name.span)),
            },
            ExprKind::Member { target: owner, name, .. } => {
                let bound = self.bind(owner)?;
                let owner = match bound {
                    Bound::Value(node) => node,
                    other => {
                        let _ = self.member(other, name, &[])?;
                        return Err(Fault::new(name.span, format!("'{}' cannot be assigned", name.text)));
                    }
                };
                let (prepare, held) = self.held(owner);
                self.property_place(held, prepare, &name.text, name.span)
            }
            ExprKind::Index { target: owner, arguments } => {
                let owner = self.value(owner)?;
                self.element_place(owner, arguments, target.span)
            }
            _ => Err(Fault::new(target.span, "only a variable, a property or an element can be assigned")),
        }
    }

    /// The value in a slot of its own.
    fn held(&mut self, node: Node) -> (Vec<Code>, Node) {
        let slot = self.slot();
        let (class, code) = (node.class, node.code);
        let prepare: Code = Box::new(move |m| {
            let value = code(m)?;
            m.declare(slot, false, value);
            Ok(Value::Null)
        });
        (
            vec![prepare],
            Node {
                slot: Some(slot),
                ..Node::new(class, Box::new(move |m: &mut Machine<'_>| Ok(m.load(slot))))
            },
        )
    }

    pub(super) fn property_place(
        &mut self,
        owner: Node,
        prepare: Vec<Code>,
        name: &Arc<str>,
        span: Span,
    ) -> Result<Place, Fault> {
        if owner.class.is(Id::Dynamic) {
            return Err(Fault::new(span, "a member of a dynamic value cannot be assigned")
                .suggest("cast it to its type first"));
        }
        let found = lineage(&owner.class).into_iter().find_map(|o| {
            registry().class(o.id()).named(name).find(|m| m.kind == Kind::Setter).map(|m| (o, m))
        });
        let copy = Self::again(&owner);
        let Some((through, setter)) = found else {
            let member = crate::syntax::Name { text: Arc::clone(name), span };
            let _ = self.member(Bound::Value(owner), &member, &[])?;
            return Err(Fault::new(span, format!("'{name}' cannot be assigned: it can only be read")));
        };
        let class = setter.returns.close(through.arguments(), &[]);
        let member = crate::syntax::Name { text: Arc::clone(name), span };
        let load = match copy {
            Some(copy) => match self.member(Bound::Value(copy), &member, &[]) {
                Ok(Bound::Value(node)) => node,
                _ => Node::null(),
            },
            None => Node::null(),
        };
        let slot = self.slot();
        let value = Node::new(class.clone(), Box::new(move |m: &mut Machine<'_>| Ok(m.load(slot))));
        let set =
            emit::call(setter, vec![owner, value], through.arguments().to_vec(), Type::VOID, Vec::new()).code;
        Ok(Place {
            class,
            prepare,
            load,
            store: Box::new(move |m, value| {
                m.declare(slot, false, value);
                set(m).map(drop)
            }),
        })
    }

    /// Reads the same slot again, where the node is one.
    fn again(node: &Node) -> Option<Node> {
        let class = node.class.clone();
        node.slot.map(|slot| {
            let mut copy = Node::new(class, Box::new(move |m: &mut Machine<'_>| Ok(m.load(slot))));
            copy.slot = Some(slot);
            copy
        })
    }

    pub(super) fn element_place(
        &mut self,
        owner: Node,
        arguments: &[Expr],
        span: Span,
    ) -> Result<Place, Fault> {
        let (mut prepare, owner) = self.held(owner);
        let owner_again = Self::again(&owner);
        if let (Type::Array(element), [index]) = (&owner.class, arguments) {
            let element = element.as_ref().clone();
            let index = Node::new(Type::LONG, self.array_index(index)?);
            let (more, index) = self.held(index);
            prepare.extend(more);
            let index_again = Self::again(&index).unwrap_or_else(Node::null).code;
            let array_again = owner_again.unwrap_or_else(Node::null).code;
            let (array, index) = (owner.code, index.code);
            return Ok(Place {
                class: element.clone(),
                prepare,
                load: Node::new(
                    element,
                    Box::new(move |m| {
                        let array = array_again(m)?;
                        types::array_item(&array, &index_again(m)?)
                    }),
                ),
                store: Box::new(move |m, value| {
                    let array = array(m)?;
                    types::set_array_item(&array, &index(m)?, value)
                }),
            });
        }
        let setters = Self::candidates(&owner.class, "this", |m| m.kind == Kind::IndexSetter);
        if setters.is_empty() {
            return Err(Fault::new(span, format!("the elements of '{}' cannot be assigned", owner.class)));
        }
        let mut held = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let node = self.value(argument)?;
            let (more, node) = self.held(node);
            prepare.extend(more);
            held.push((node, argument.span));
        }
        let again: Vec<Argument> = held
            .iter()
            .filter_map(|(n, s)| Self::again(n).map(|n| Argument::positional(Bound::Value(n), *s)))
            .collect();
        let mut bound: Vec<Argument> =
            held.into_iter().map(|(n, s)| Argument::positional(Bound::Value(n), s)).collect();
        let chosen = self.choose(&setters, &mut bound, &[], span, "this")?;
        let class = chosen.returns.clone();
        let load = match owner_again {
            Some(owner) => self.element_load(owner, again, span)?,
            None => Node::null(),
        };
        let slot = self.slot();
        let store = self.element_store(&chosen, owner, bound, slot)?;
        Ok(Place { class, prepare, load, store })
    }

    fn element_load(&mut self, owner: Node, mut arguments: Vec<Argument>, span: Span) -> Result<Node, Fault> {
        let getters = Self::candidates(&owner.class, "this", |m| m.kind == Kind::Index);
        if getters.is_empty() {
            return Ok(Node::null());
        }
        let chosen = self.choose(&getters, &mut arguments, &[], span, "this")?;
        self.emit_call(chosen, Some(owner), arguments)
    }

    /// An index setter takes the value after the indexes.
    fn element_store(
        &mut self,
        chosen: &Chosen,
        owner: Node,
        mut arguments: Vec<Argument>,
        slot: usize,
    ) -> Result<Store, Fault> {
        let mut codes = vec![owner];
        for (n, class) in chosen.parameters.iter().enumerate() {
            if let Some(index) = chosen.slots.get(n).and_then(|s| s.first()) {
                codes.push(self.take(&mut arguments[*index], class)?);
            }
        }
        codes.push(Node::new(chosen.returns.clone(), Box::new(move |m: &mut Machine<'_>| Ok(m.load(slot)))));
        let types = chosen.owner.arguments().to_vec();
        let set = emit::call(chosen.method, codes, types, Type::VOID, Vec::new()).code;
        Ok(Box::new(move |m, value| {
            m.declare(slot, false, value);
            set(m).map(drop)
        }))
    }

    pub(super) fn assign(
        &mut self,
        operator: Option<&'static str>,
        target: &Expr,
        value: &Expr,
        span: Span,
    ) -> Result<Node, Fault> {
        if let ExprKind::Tuple(targets) = &target.kind {
            return self.assign_tuple(targets, value, span);
        }
        if matches!(&target.kind, ExprKind::Name { name, .. } if name.text.as_ref() == "_" )
            && self.local("_").is_none()
        {
            return self.value(value);
        }
        let place = self.place(target)?;
        let Place { class, prepare, load, store } = place;
        let node = match operator {
            None => self.value_as(value, &class)?,
            Some("??") => {
                let right = self.value_as(value, &class)?.code;
                let left = load.code;
                let stored: Code = Box::new(move |m| {
                    let value = left(m)?;
                    if !value.is_null() {
                        return Ok(value);
                    }
                    let value = right(m)?;
                    store(m, value.clone())?;
                    Ok(value)
                });
                return Ok(Node::new(class, after(prepare, stored)));
            }
            Some(operator) => {
                let right = self.value(value)?;
                let node = super::joining::finished(self.binary(operator, load, right, span)?);
                // `x += 1` casts back where the operator widened: `byte b; b += 1`.
                self.cast(Bound::Value(node), &class, span)?
            }
        };
        let code = node.code;
        let stored: Code = Box::new(move |m| {
            let value = code(m)?;
            store(m, value.clone())?;
            Ok(value)
        });
        Ok(Node::new(class, after(prepare, stored)))
    }

    fn assign_tuple(&mut self, targets: &[Expr], value: &Expr, span: Span) -> Result<Node, Fault> {
        let value = self.value(value)?;
        let Type::Generic(Id::ValueTuple, items) = value.class.clone() else {
            return Err(Fault::new(span, format!("'{}' cannot be taken apart", value.class)));
        };
        if items.len() != targets.len() {
            return Err(Fault::new(
                span,
                format!("{} values are given for {} places", items.len(), targets.len()),
            ));
        }
        let mut stores = Vec::with_capacity(targets.len());
        for target in targets {
            let place = self.place(target)?;
            stores.push((place.prepare, place.store));
        }
        let code = value.code;
        Ok(Node::new(
            value.class,
            Box::new(move |m| {
                let tuple = code(m)?;
                for (n, (prepare, store)) in stores.iter().enumerate() {
                    for step in prepare {
                        step(m)?;
                    }
                    store(m, types::record_item(&tuple, n)?)?;
                }
                Ok(tuple)
            }),
        ))
    }

    pub(super) fn step(
        &mut self,
        operator: &'static str,
        prefix: bool,
        target: &Expr,
        span: Span,
    ) -> Result<Node, Fault> {
        let place = self.place(target)?;
        let Place { class, prepare, load, store } = place;
        let inner = class.stripped().clone();
        if !super::conversion::is_number(inner.id()) {
            return Err(Fault::new(span, format!("'{operator}' does not take '{class}'")));
        }
        let sign = if operator == "++" { "+" } else { "-" };
        let id = inner.id();
        let load = load.code;
        let stored: Code = Box::new(move |m| {
            m.step()?;
            let before = load(m)?;
            if before.is_null() {
                return Ok(before);
            }
            let after = super::arithmetic::arithmetic(sign, &before, &Value::Int32(1), id)?;
            store(m, after.clone())?;
            Ok(if prefix { after } else { before })
        });
        Ok(Node::new(class, after(prepare, stored)))
    }
}

fn after(prepare: Vec<Code>, code: Code) -> Code {
    if prepare.is_empty() {
        return code;
    }
    Box::new(move |m| {
        for step in &prepare {
            step(m)?;
        }
        code(m)
    })
}

//! Members: `a.b` on values, types and namespaces.

use std::sync::Arc;

use super::emit;
use super::{Binder, Bound, Group, Node};
use crate::class::Type;
use crate::diagnostic::{Fault, nearest};
use crate::syntax::{Name, TypeName};
use crate::types::{self, Id, Kind, Method, registry};
use crate::value::{Enumeration, Value};

impl Binder {
    pub(super) fn member(&mut self, target: Bound, name: &Name, types: &[TypeName]) -> Result<Bound, Fault> {
        self.member_for(target, name, types, false)
    }

    /// A member; where it is called, a property that is no delegate is not meant.
    pub(super) fn member_for(
        &mut self,
        target: Bound,
        name: &Name,
        types: &[TypeName],
        called: bool,
    ) -> Result<Bound, Fault> {
        let mut arguments = Vec::with_capacity(types.len());
        for written in types {
            arguments.push(self.resolve(written)?);
        }
        match target {
            Bound::Namespace(prefix) => {
                let full = format!("{prefix}.{}", name.text);
                let open = arguments.is_empty();
                if let Some(class) = registry().find(&full, arguments) {
                    return Ok(Bound::Type(class));
                }
                if open && registry().is_namespace(&full) {
                    return Ok(Bound::Namespace(full));
                }
                Err(Fault::new(name.span, format!("the type '{full}' is not allowed in policy expressions")))
            }
            Bound::Type(class) => Self::static_member(class, name, arguments),
            other => {
                let node = self.as_value(other, name.span)?;
                self.instance_member(node, name, arguments, called)
            }
        }
    }

    fn static_member(class: Type, name: &Name, types: Vec<Type>) -> Result<Bound, Fault> {
        let declared = registry().class(class.id());
        if let Some((_, number)) = declared.values.iter().find(|(n, _)| *n == name.text.as_ref()) {
            let value = Value::Enumeration(Enumeration { id: class.id(), number: *number });
            return Ok(Bound::Value(Node::constant(class, value)));
        }
        let owners = lineage(&class);
        let found = owners.iter().find_map(|owner| {
            registry()
                .class(owner.id())
                .named(&name.text)
                .find(|m| m.is_static && m.kind == Kind::Property)
                .map(|m| (owner, m))
        });
        if let Some((owner, method)) = found {
            let returns = method.returns.close(owner.arguments(), &[]);
            return Ok(Bound::Value(emit::call(
                method,
                Vec::new(),
                owner.arguments().to_vec(),
                returns,
                Vec::new(),
            )));
        }
        let callable = |m: &Method| m.is_static && matches!(m.kind, Kind::Method | Kind::Extension);
        if owners.iter().any(|o| registry().class(o.id()).named(&name.text).any(callable)) {
            let group = Group {
                receiver: None,
                class,
                name: Arc::clone(&name.text),
                types,
                span: name.span,
                is_static: true,
            };
            return Ok(Bound::Group(group));
        }
        if owners.iter().any(|o| registry().class(o.id()).named(&name.text).next().is_some()) {
            return Err(Fault::new(name.span, format!("'{class}.{}' needs an object", name.text)));
        }
        let candidates = declared.members.iter().filter(|m| m.is_static).map(|m| m.name);
        Err(unknown(&class, name, candidates.chain(declared.values.iter().map(|(n, _)| *n))))
    }

    fn instance_member(
        &mut self,
        node: Node,
        name: &Name,
        types: Vec<Type>,
        called: bool,
    ) -> Result<Bound, Fault> {
        self.reads.note(&node.class, &name.text, node.constant.as_ref());
        if node.class.is(Id::Dynamic) {
            return Ok(Self::late_member(node, name));
        }
        if node.class == Type::Null {
            return Err(Fault::new(name.span, "null has no members"));
        }
        if node.class == Type::VOID {
            return Err(Fault::new(name.span, "the call before '.' yields nothing"));
        }
        if let Type::Anonymous(shape) = &node.class
            && let Some(index) = shape.members.iter().position(|(n, _)| *n == name.text)
        {
            let class = shape.members[index].1.clone();
            let code = node.code;
            return Ok(Bound::Value(Node::new(
                class,
                Box::new(move |m| types::record_item(&code(m)?, index)),
            )));
        }
        if let Type::Generic(Id::Tuple | Id::ValueTuple, items) = &node.class
            && let Some(index) = name.text.strip_prefix("Item").and_then(|n| n.parse::<usize>().ok())
            && let Some(class) = index.checked_sub(1).and_then(|i| items.get(i)).cloned()
        {
            let code = node.code;
            return Ok(Bound::Value(Node::new(
                class,
                Box::new(move |m| types::record_item(&code(m)?, index - 1)),
            )));
        }
        for owner in lineage(&node.class) {
            let class = registry().class(owner.id());
            let Some(method) = class.named(&name.text).find(|m| !m.is_static && m.kind == Kind::Property)
            else {
                continue;
            };
            let returns = method.returns.close(owner.arguments(), &[]);
            if called && !returns.is_delegate() {
                break;
            }
            let types = owner.arguments().to_vec();
            return Ok(Bound::Value(emit::call(method, vec![node], types, returns, Vec::new())));
        }
        if node.class.is_delegate() && &*name.text == "Invoke" {
            return Ok(Bound::Value(node));
        }
        let class = node.class.clone();
        let methods = lineage(&class).iter().any(|o| {
            registry().class(o.id()).named(&name.text).any(|m| !m.is_static && m.kind == Kind::Method)
        });
        if methods || registry().extensions(&name.text).next().is_some() {
            let group = Group {
                receiver: Some(node),
                class,
                name: Arc::clone(&name.text),
                types,
                span: name.span,
                is_static: false,
            };
            return Ok(Bound::Group(group));
        }
        if called
            && lineage(&class).iter().any(|o| registry().class(o.id()).named(&name.text).next().is_some())
        {
            return Err(Fault::new(name.span, format!("'{}' of '{class}' is no method", name.text))
                .suggest("leave out the brackets, or use [ ] for an element"));
        }
        // What is missing on `T?` may be there on `T`.
        if let Some(inner) = class.underlying() {
            let fault = unknown(&class, name, std::iter::empty());
            return Err(
                if lineage(inner).iter().any(|o| registry().class(o.id()).named(&name.text).next().is_some())
                {
                    fault.suggest("write .Value before it")
                } else {
                    fault
                },
            );
        }
        let fault = if class == Type::OBJECT {
            let fault = unknown(&class, name, std::iter::empty());
            if fault.suggestion.is_none() {
                fault.suggest("cast the object to its type first")
            } else {
                fault
            }
        } else {
            let owners = lineage(&class);
            let names: Vec<&str> = owners
                .iter()
                .flat_map(|o| registry().class(o.id()).members.iter())
                .filter(|m| !m.is_static)
                .map(|m| m.name)
                .chain(registry().extension_names())
                .collect();
            unknown(&class, name, names.into_iter())
        };
        Err(fault)
    }

    /// A member of a `dynamic` value, found at run time.
    fn late_member(node: Node, name: &Name) -> Bound {
        let (code, text) = (node.code, Arc::clone(&name.text));
        Bound::Value(Node::new(
            Type::Plain(Id::Dynamic),
            Box::new(move |m| {
                let value = code(m)?;
                types::late_property(m, &value, &text)
            }),
        ))
    }
}

fn unknown<'a>(class: &Type, name: &Name, candidates: impl Iterator<Item = &'a str>) -> Fault {
    let fault = Fault::new(
        name.span,
        format!("'{class}' has no member '{}' that policy expressions may use", name.text),
    );
    match nearest(&name.text, candidates) {
        Some(found) => fault.suggest(format!("did you mean '{found}'?")),
        None => fault,
    }
}

/// A type with what it derives from and implements, nearest first.
pub(super) fn lineage(class: &Type) -> Vec<Type> {
    let mut found = vec![class.clone()];
    let mut at = 0;
    while let Some(next) = found.get(at) {
        for base in next.bases() {
            if !found.contains(&base) {
                found.push(base);
            }
        }
        at += 1;
    }
    if !found.contains(&Type::OBJECT) {
        found.push(Type::OBJECT);
    }
    found
}

//! Calls and element access.

use std::sync::Arc;

use super::emit::{self, Store};
use super::member::lineage;
use super::overload::{Argument, Candidate, Chosen};
use super::value::not_for;
use super::{Binder, Bound, Group, Node};
use crate::class::Type;
use crate::diagnostic::{Fault, Span};
use crate::syntax::{self, ArgumentValue, Expr, ExprKind};
use crate::types::{self, Id, Kind, Method, registry};
use crate::value::Value;

impl Binder {
    pub(super) fn call(
        &mut self,
        target: &Expr,
        arguments: &[syntax::Argument],
        span: Span,
    ) -> Result<Node, Fault> {
        // A member of a dynamic value is called by name, whatever it turns out to be.
        if let ExprKind::Member { target: receiver, name, .. } = &target.kind {
            let bound = self.bind(receiver)?;
            if let Bound::Value(node) = bound {
                if node.class.is(Id::Dynamic) {
                    return self.late_call(node, &name.text, arguments);
                }
                let ExprKind::Member { types, .. } = &target.kind else {
                    return Err(Fault::new(span, "a member is missing"));
                };
                let member = self.member_for(Bound::Value(node), name, types, true)?;
                return self.call_bound(member, arguments, span);
            }
            let ExprKind::Member { types, .. } = &target.kind else {
                return Err(Fault::new(span, "a member is missing"));
            };
            let member = self.member_for(bound, name, types, true)?;
            return self.call_bound(member, arguments, span);
        }
        let bound = self.bind(target)?;
        self.call_bound(bound, arguments, span)
    }

    fn call_bound(
        &mut self,
        bound: Bound,
        arguments: &[syntax::Argument],
        span: Span,
    ) -> Result<Node, Fault> {
        match bound {
            Bound::Group(group) => self.call_group(group, arguments),
            Bound::Value(node) if node.class.is_delegate() => self.call_delegate(node, arguments, span),
            Bound::Value(node) => Err(Fault::new(span, not_for(&node.class, "called"))),
            Bound::Type(class) => {
                Err(Fault::new(span, format!("'{class}' is a type")).suggest(format!("write new {class}(…)")))
            }
            other => self.as_value(other, span),
        }
    }

    fn call_delegate(
        &mut self,
        node: Node,
        arguments: &[syntax::Argument],
        span: Span,
    ) -> Result<Node, Fault> {
        let Some((parameters, returns)) = node.class.delegate() else {
            return Err(Fault::new(span, not_for(&node.class, "called")));
        };
        if parameters.len() != arguments.len() {
            return Err(Fault::new(
                span,
                format!("{} arguments are expected, and {} are given", parameters.len(), arguments.len()),
            ));
        }
        let parameters = parameters.to_vec();
        let mut codes = Vec::with_capacity(arguments.len());
        for (argument, class) in arguments.iter().zip(&parameters) {
            let ArgumentValue::Expr(value) = &argument.value else {
                return Err(Fault::new(span, "a delegate takes no out arguments"));
            };
            codes.push(self.value_as(value, class)?.code);
        }
        let target = node.code;
        Ok(Node::new(
            returns,
            Box::new(move |m| {
                let delegate = target(m)?;
                let mut values = Vec::with_capacity(codes.len());
                for code in &codes {
                    values.push(code(m)?);
                }
                if delegate.is_null() {
                    return Err(crate::exception::Thrown::null_reference());
                }
                m.invoke(&delegate, &values)
            }),
        ))
    }

    fn late_call(
        &mut self,
        node: Node,
        name: &Arc<str>,
        arguments: &[syntax::Argument],
    ) -> Result<Node, Fault> {
        let mut codes = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let ArgumentValue::Expr(value) = &argument.value else {
                return Err(Fault::new(Span::default(), "a dynamic call takes no out arguments"));
            };
            codes.push(self.value(value)?.code);
        }
        let (target, name) = (node.code, Arc::clone(name));
        Ok(Node::new(
            Type::Plain(Id::Dynamic),
            Box::new(move |m| {
                let receiver = target(m)?;
                let mut values = vec![receiver];
                for code in &codes {
                    values.push(code(m)?);
                }
                types::late_call(m, &name, &values)
            }),
        ))
    }

    fn call_group(&mut self, mut group: Group, arguments: &[syntax::Argument]) -> Result<Node, Fault> {
        let span = group.span;
        let mut bound = self.arguments(arguments)?;
        let mut first_fault = None;
        if group.is_static {
            let candidates = Self::candidates(&group.class, &group.name, |m| {
                m.is_static && matches!(m.kind, Kind::Method | Kind::Extension)
            });
            let chosen = self.choose(&candidates, &mut bound, &group.types, span, &group.name)?;
            self.note_call(&group, arguments);
            return self.emit_call(chosen, None, bound);
        }
        let Some(receiver) = group.receiver.take() else {
            return Err(Fault::new(span, "nothing to call the method on"));
        };
        let candidates =
            Self::candidates(&group.class, &group.name, |m| !m.is_static && m.kind == Kind::Method);
        if !candidates.is_empty() {
            match self.choose(&candidates, &mut bound, &group.types, span, &group.name) {
                Ok(chosen) => {
                    self.note_call(&group, arguments);
                    return self.emit_call(chosen, Some(receiver), bound);
                }
                Err(fault) => first_fault = Some(fault),
            }
        }
        // An extension method takes the receiver as its first argument.
        let extensions: Vec<Candidate> = registry()
            .extensions(&group.name)
            .map(|method| Candidate { method, owner: Type::Plain(method.owner) })
            .collect();
        if extensions.is_empty() {
            return Err(first_fault
                .unwrap_or_else(|| Fault::new(span, format!("'{}' cannot be called so", group.name))));
        }
        bound.insert(0, Argument::receiver(receiver, span));
        match self.choose(&extensions, &mut bound, &group.types, span, &group.name) {
            Ok(chosen) => {
                self.note_call(&group, arguments);
                self.emit_call(chosen, None, bound)
            }
            Err(fault) => Err(first_fault.unwrap_or(fault)),
        }
    }

    fn note_call(&mut self, group: &Group, arguments: &[syntax::Argument]) {
        if let Some(syntax::Argument {
            value: ArgumentValue::Expr(Expr { kind: ExprKind::Literal(Value::String(name)), .. }),
            ..
        }) = arguments.first()
        {
            self.reads.note_name(&group.class, name);
        }
    }

    pub(super) fn candidates(class: &Type, name: &str, wanted: impl Fn(&Method) -> bool) -> Vec<Candidate> {
        let mut found = Vec::new();
        for owner in lineage(class) {
            for method in registry().class(owner.id()).named(name).filter(|m| wanted(m)) {
                found.push(Candidate { method, owner: owner.clone() });
            }
        }
        found
    }

    /// The code of a chosen call.
    pub(super) fn emit_call(
        &mut self,
        chosen: Chosen,
        receiver: Option<Node>,
        mut arguments: Vec<Argument>,
    ) -> Result<Node, Fault> {
        let Chosen { method, owner, types, slots, expanded, parameters, returns } = chosen;
        let mut codes: Vec<Node> = receiver.into_iter().collect();
        let mut outs: Vec<Store> = Vec::new();
        for (n, declared) in method.parameters.iter().enumerate() {
            let class = &parameters[n];
            let given = slots.get(n).cloned().unwrap_or_default();
            if declared.out {
                if let Some(index) = given.first() {
                    outs.push(self.out_store(&mut arguments[*index], class)?);
                }
                continue;
            }
            if declared.many && expanded {
                let element = class.element().unwrap_or(Type::OBJECT);
                let mut items = Vec::with_capacity(given.len());
                for index in given {
                    items.push(self.take(&mut arguments[index], &element)?.code);
                }
                codes.push(super::creation::array_of(element, items));
                continue;
            }
            match given.first() {
                Some(index) => codes.push(self.take(&mut arguments[*index], class)?),
                None => {
                    let default = declared.default.clone().unwrap_or(Value::Null);
                    codes.push(Node::constant(class.clone(), default));
                }
            }
        }
        let mut all = owner.arguments().to_vec();
        all.extend(types);
        Ok(emit::call(method, codes, all, returns, outs))
    }

    pub(super) fn index(&mut self, target: &Expr, arguments: &[Expr], span: Span) -> Result<Node, Fault> {
        let target = self.value(target)?;
        self.index_node(target, arguments, span)
    }

    fn index_node(&mut self, target: Node, arguments: &[Expr], span: Span) -> Result<Node, Fault> {
        if let [Expr { kind: ExprKind::Literal(Value::String(name)), .. }] = arguments {
            self.reads.note_name(&target.class, name);
        }
        if target.class.is(Id::Dynamic) {
            let mut codes = vec![target.code];
            for argument in arguments {
                codes.push(self.value(argument)?.code);
            }
            return Ok(Node::new(
                Type::Plain(Id::Dynamic),
                Box::new(move |m| {
                    let mut values = Vec::with_capacity(codes.len());
                    for code in &codes {
                        values.push(code(m)?);
                    }
                    types::late_call(m, "this", &values)
                }),
            ));
        }
        if let (Type::Array(element), [index]) = (&target.class, arguments) {
            let element = element.as_ref().clone();
            let index = self.array_index(index)?;
            let array = target.code;
            return Ok(Node::new(
                element,
                Box::new(move |m| {
                    let array = array(m)?;
                    let index = index(m)?;
                    types::array_item(&array, &index)
                }),
            ));
        }
        let candidates = Self::candidates(&target.class, "this", |m| m.kind == Kind::Index);
        if candidates.is_empty() {
            let fault = Fault::new(span, not_for(&target.class, "indexed"));
            return Err(if target.class == Type::OBJECT {
                fault.suggest("cast the object to its type first")
            } else {
                fault
            });
        }
        let mut bound = Vec::with_capacity(arguments.len());
        for argument in arguments {
            bound.push(Argument::positional(self.bind(argument)?, argument.span));
        }
        let chosen = self.choose(&candidates, &mut bound, &[], span, "this")?;
        self.emit_call(chosen, Some(target), bound)
    }

    pub(super) fn array_index(&mut self, index: &Expr) -> Result<crate::machine::Code, Fault> {
        let node = self.value(index)?;
        let class = if super::conversion::implicit(&node.class, &Type::INT, node.constant.as_ref()).is_some()
        {
            Type::INT
        } else {
            Type::LONG
        };
        Ok(self.convert_node(node, &class, index.span)?.code)
    }
}

//! Chooses the member that a call means.

use std::sync::Arc;

use super::conversion::{self, implicit};
use super::emit::Store;
use super::value::class_of;
use super::{Binder, Bound, Node};
use crate::class::Type;
use crate::diagnostic::{Fault, Span};
use crate::syntax::{self, ArgumentValue, Lambda, Name, TypeName};
use crate::types::{Kind, Method};
use crate::value::Value;

/// A member that may be meant, and the type through which it is seen.
#[derive(Clone)]
pub(super) struct Candidate {
    pub(super) method: &'static Method,
    pub(super) owner: Type,
}

/// The member that is meant.
pub(super) struct Chosen {
    pub(super) method: &'static Method,
    pub(super) owner: Type,
    pub(super) types: Vec<Type>,
    /// For each parameter, the arguments that go to it.
    pub(super) slots: Vec<Vec<usize>>,
    pub(super) expanded: bool,
    pub(super) parameters: Vec<Type>,
    pub(super) returns: Type,
}

/// A bound argument.
pub(super) struct Argument {
    name: Option<Arc<str>>,
    pub(super) span: Span,
    pub(super) value: Given,
}

/// What an argument gives.
pub(super) enum Given {
    /// Used up.
    Nothing,
    Out(syntax::Expr),
    OutVariable(Option<TypeName>, Name),
    Value(Bound),
}

impl Argument {
    pub(super) fn receiver(node: Node, span: Span) -> Self {
        Self { name: None, span, value: Given::Value(Bound::Value(node)) }
    }

    pub(super) fn positional(bound: Bound, span: Span) -> Self {
        Self { name: None, span, value: Given::Value(bound) }
    }

    /// Its type, where it has one by itself.
    pub(super) fn class(&self) -> Option<Type> {
        match &self.value {
            Given::Value(bound) => class_of(bound),
            _ => None,
        }
    }

    fn constant(&self) -> Option<&Value> {
        match &self.value {
            Given::Value(Bound::Value(node)) => node.constant.as_ref(),
            _ => None,
        }
    }

    pub(super) fn lambda(&self) -> Option<(Arc<Lambda>, Span)> {
        match &self.value {
            Given::Value(Bound::Lambda(lambda, span)) => Some((Arc::clone(lambda), *span)),
            _ => None,
        }
    }
}

struct Applicable {
    chosen: Chosen,
    /// For each argument, the parameter type it goes to.
    targets: Vec<Type>,
    defaults: usize,
}

impl Binder {
    pub(super) fn arguments(&mut self, arguments: &[syntax::Argument]) -> Result<Vec<Argument>, Fault> {
        let mut bound = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let name = argument.name.as_ref().map(|n| Arc::clone(&n.text));
            bound.push(match &argument.value {
                ArgumentValue::Expr(value) => {
                    Argument { name, span: value.span, value: Given::Value(self.bind(value)?) }
                }
                ArgumentValue::Out(target) => {
                    Argument { name, span: target.span, value: Given::Out(target.clone()) }
                }
                ArgumentValue::OutVariable(class, variable) => Argument {
                    name,
                    span: variable.span,
                    value: Given::OutVariable(class.clone(), variable.clone()),
                },
            });
        }
        Ok(bound)
    }

    /// The best of the candidates for these arguments.
    pub(super) fn choose(
        &mut self,
        candidates: &[Candidate],
        arguments: &mut [Argument],
        types: &[Type],
        span: Span,
        name: &str,
    ) -> Result<Chosen, Fault> {
        let mut applicable: Vec<Applicable> = Vec::new();
        let mut fault: Option<Fault> = None;
        for (n, candidate) in candidates.iter().enumerate() {
            // A base's member is hidden by an applicable one of a derived type.
            if n > 0
                && candidates[n - 1].owner != candidate.owner
                && !applicable.is_empty()
                && candidate.method.kind != Kind::Extension
            {
                break;
            }
            for expanded in [false, true] {
                if expanded && !candidate.method.parameters.last().is_some_and(|p| p.many) {
                    continue;
                }
                match self.apply(candidate, arguments, types, expanded, candidates.len() == 1) {
                    Ok(Some(found)) => {
                        applicable.push(found);
                        break;
                    }
                    Ok(None) => {}
                    Err(f) => {
                        if fault.as_ref().is_none_or(|old| old.at.start < f.at.start) {
                            fault = Some(f);
                        }
                    }
                }
            }
        }
        let mut best: Option<usize> = None;
        for n in 0..applicable.len() {
            best = match best {
                Some(b) if !better(&applicable[n], &applicable[b], arguments) => Some(b),
                _ => Some(n),
            };
        }
        if let Some(best) = best {
            return Ok(applicable.swap_remove(best).chosen);
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        Err(no_match(candidates, arguments, span, name))
    }

    /// Whether the candidate takes the arguments.
    fn apply(
        &mut self,
        candidate: &Candidate,
        arguments: &[Argument],
        types: &[Type],
        expanded: bool,
        only: bool,
    ) -> Result<Option<Applicable>, Fault> {
        let method = candidate.method;
        let count = method.parameters.len();
        if !types.is_empty() && types.len() != method.type_parameters {
            return Ok(None);
        }
        let mut slots: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (n, argument) in arguments.iter().enumerate() {
            let place = match &argument.name {
                Some(name) => match method.parameters.iter().position(|p| p.name == name.as_ref()) {
                    Some(place) => place,
                    None => return Ok(None),
                },
                None if expanded && n + 1 >= count => count - 1,
                None => n,
            };
            let Some(slot) = slots.get_mut(place) else { return Ok(None) };
            let shared = expanded && place + 1 == count;
            if !(slot.is_empty() || shared) {
                return Ok(None);
            }
            slot.push(n);
        }
        let mut defaults = 0;
        for (parameter, slot) in method.parameters.iter().zip(&slots) {
            if slot.is_empty() && !(expanded && parameter.many) {
                if parameter.default.is_none() {
                    return Ok(None);
                }
                defaults += 1;
            }
        }
        let class_arguments = candidate.owner.arguments();
        let declared: Vec<Type> =
            method.parameters.iter().map(|p| p.class.close(class_arguments, &[])).collect();
        let target_of = |n: usize, declared: &[Type]| -> Type {
            let class = declared[n].clone();
            if expanded && n + 1 == count { class.element().unwrap_or(class) } else { class }
        };
        let mut inferred: Vec<Option<Type>> = if types.is_empty() {
            vec![None; method.type_parameters]
        } else {
            types.iter().cloned().map(Some).collect()
        };
        if types.is_empty()
            && method.type_parameters > 0
            && !self.infer(&slots, &declared, &target_of, arguments, &mut inferred, only)?
        {
            return Ok(None);
        }
        let parameters: Vec<Type> = declared.iter().map(|d| d.close(&[], &inferred)).collect();
        let mut targets = vec![Type::OBJECT; arguments.len()];
        for (n, slot) in slots.iter().enumerate() {
            let target = target_of(n, &parameters);
            for index in slot {
                let argument = &arguments[*index];
                if method.parameters[n].out
                    != matches!(argument.value, Given::Out(_) | Given::OutVariable(..))
                {
                    return Ok(None);
                }
                if !self.takes(&target, argument, only)? {
                    return Ok(None);
                }
                targets[*index] = target.clone();
            }
        }
        let returns = method.returns.close(class_arguments, &inferred);
        let types = inferred.into_iter().map(|t| t.unwrap_or(Type::OBJECT)).collect();
        let chosen =
            Chosen { method, owner: candidate.owner.clone(), types, slots, expanded, parameters, returns };
        Ok(Some(Applicable { chosen, targets, defaults }))
    }

    /// Whether an argument converts to the type of its parameter.
    fn takes(&mut self, target: &Type, argument: &Argument, only: bool) -> Result<bool, Fault> {
        match &argument.value {
            Given::Nothing => Ok(false),
            Given::Out(_) | Given::OutVariable(..) | Given::Value(Bound::Default | Bound::Throw(_)) => {
                Ok(true)
            }
            Given::Value(Bound::Value(node)) => {
                Ok(implicit(&node.class, target, node.constant.as_ref()).is_some())
            }
            Given::Value(Bound::Lambda(lambda, span)) => {
                let Some((parameters, returns)) = target.delegate() else { return Ok(false) };
                if parameters.len() != lambda.parameters.len() {
                    return Ok(false);
                }
                if only {
                    return Ok(true);
                }
                let (lambda, span, parameters) = (Arc::clone(lambda), *span, parameters.to_vec());
                let found = self.lambda_result(&lambda, &parameters, span)?;
                Ok(returns == Type::VOID
                    || found.is_some_and(|f| {
                        implicit(&f, &returns, None).is_some()
                            || f == Type::INT && conversion::is_number(returns.id())
                    }))
            }
            Given::Value(Bound::Group(_)) => Ok(target.is_delegate()),
            Given::Value(Bound::Type(_) | Bound::Namespace(_)) => {
                Err(Fault::new(argument.span, "a type is given where a value is expected"))
            }
        }
    }

    /// The value of an argument as its parameter's type.
    pub(super) fn take(&mut self, argument: &mut Argument, class: &Type) -> Result<Node, Fault> {
        let span = argument.span;
        match std::mem::replace(&mut argument.value, Given::Nothing) {
            Given::Value(bound) => self.convert(bound, class, span),
            _ => Err(Fault::new(span, "an out argument is given where a value is expected")),
        }
    }

    /// Where an out argument goes.
    pub(super) fn out_store(&mut self, argument: &mut Argument, class: &Type) -> Result<Store, Fault> {
        let span = argument.span;
        match std::mem::replace(&mut argument.value, Given::Nothing) {
            Given::OutVariable(_, name) if name.text.as_ref() == "_" => Ok(Box::new(|_, _| Ok(()))),
            Given::OutVariable(written, name) => {
                let class = match written {
                    Some(written) => self.resolve(&written)?,
                    None => class.clone(),
                };
                let local = self.declare(&name.text, class, span)?;
                let (slot, shared) = (local.slot, local.shared);
                Ok(Box::new(move |m, value| {
                    m.declare(slot, shared, value);
                    Ok(())
                }))
            }
            Given::Out(target) => {
                let place = self.place(&target)?;
                Ok(place.store)
            }
            _ => Err(Fault::new(span, "'out' is missing before the argument")),
        }
    }
}

/// Whether `a` is the better choice.
fn better(a: &Applicable, b: &Applicable, arguments: &[Argument]) -> bool {
    let (mut wins, mut losses) = (0, 0);
    for (n, argument) in arguments.iter().enumerate() {
        let (x, y) = (&a.targets[n], &b.targets[n]);
        if x == y {
            continue;
        }
        match nearer(argument, x, y) {
            Some(true) => wins += 1,
            Some(false) => losses += 1,
            None => {}
        }
    }
    if wins != losses && (wins == 0 || losses == 0) {
        return wins > 0;
    }
    if a.chosen.expanded != b.chosen.expanded {
        return b.chosen.expanded;
    }
    if a.defaults != b.defaults {
        return a.defaults < b.defaults;
    }
    if a.chosen.method.type_parameters != b.chosen.method.type_parameters {
        return a.chosen.method.type_parameters < b.chosen.method.type_parameters;
    }
    false
}

/// Whether the argument is nearer to `x` than to `y`.
fn nearer(argument: &Argument, x: &Type, y: &Type) -> Option<bool> {
    if let Some(class) = argument.class() {
        if class == *x {
            return Some(true);
        }
        if class == *y {
            return Some(false);
        }
    }
    if argument.lambda().is_some()
        && let (Some((_, r)), Some((_, s))) = (x.delegate(), y.delegate())
    {
        return match (r == Type::VOID, s == Type::VOID) {
            (true, false) => Some(false),
            (false, true) => Some(true),
            _ => closer(&r, &s),
        };
    }
    let _ = argument.constant();
    closer(x, y)
}

fn closer(x: &Type, y: &Type) -> Option<bool> {
    let forth = implicit(x, y, None).is_some();
    let back = implicit(y, x, None).is_some();
    match (forth, back) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => {
            use crate::types::Id::{Byte, Int16, Int32, Int64, SByte, UInt16, UInt32, UInt64};
            let signed = |t: &Type| matches!(t.id(), SByte | Int16 | Int32 | Int64);
            let unsigned = |t: &Type| matches!(t.id(), Byte | UInt16 | UInt32 | UInt64);
            if signed(x) && unsigned(y) {
                Some(true)
            } else if unsigned(x) && signed(y) {
                Some(false)
            } else {
                None
            }
        }
    }
}

fn no_match(candidates: &[Candidate], arguments: &[Argument], span: Span, name: &str) -> Fault {
    let given: Vec<String> = arguments
        .iter()
        .map(|a| match (&a.value, a.class()) {
            (_, Some(class)) => class.to_string(),
            (Given::Value(Bound::Lambda(..)), _) => "lambda".to_owned(),
            (Given::Out(_) | Given::OutVariable(..), _) => "out".to_owned(),
            _ => "?".to_owned(),
        })
        .collect();
    let shown = if name == "this" { "the indexer" } else { name };
    let fault = Fault::new(span, format!("no form of {shown} takes ({})", given.join(", ")));
    let mut forms: Vec<String> = candidates
        .iter()
        .take(4)
        .map(|c| {
            let parameters: Vec<String> = c
                .method
                .parameters
                .iter()
                .map(|p| p.class.close(c.owner.arguments(), &[]).to_string())
                .collect();
            format!("({})", parameters.join(", "))
        })
        .collect();
    forms.dedup();
    if forms.is_empty() { fault } else { fault.suggest(format!("it takes {}", forms.join(" or "))) }
}

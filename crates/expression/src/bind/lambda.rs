//! Lambdas, local functions and methods as delegates.

use std::sync::Arc;

use super::member::lineage;
use super::overload::{Argument, Candidate};
use super::scope::Function;
use super::{Binder, Bound, Group, Node};
use crate::class::Type;
use crate::diagnostic::{Fault, Span};
use crate::machine::{Code, Machine};
use crate::syntax::{Body, Lambda, Name};
use crate::types::{Delegate, Id, Kind, registry};
use crate::value::Value;

/// Deepest nesting of lambdas: each level may be bound several times.
const MAX_LAMBDAS: usize = 8;

/// A function ready to be made into a delegate.
struct Compiled {
    code: Code,
    slots: usize,
    captures: Vec<(usize, usize)>,
    parameters: Vec<(usize, bool)>,
    returns: Type,
}

impl Binder {
    /// Binds a lambda as a delegate of type `target`.
    pub(super) fn lambda_to(
        &mut self,
        lambda: &Arc<Lambda>,
        target: &Type,
        span: Span,
    ) -> Result<Node, Fault> {
        let Some((parameters, returns)) = target.delegate() else {
            return Err(Fault::new(span, format!("a lambda cannot be used as '{target}'")));
        };
        if parameters.len() != lambda.parameters.len() {
            return Err(Fault::new(
                span,
                format!(
                    "the lambda has {} parameters, and {} are expected",
                    lambda.parameters.len(),
                    parameters.len()
                ),
            ));
        }
        let parameters = parameters.to_vec();
        let compiled = self.function_of(lambda, &parameters, Some(&returns), span)?;
        Ok(make(compiled, target.clone()))
    }

    /// What a lambda yields for parameters of these types; none where it only throws.
    pub(super) fn lambda_result(
        &mut self,
        lambda: &Arc<Lambda>,
        parameters: &[Type],
        span: Span,
    ) -> Result<Option<Type>, Fault> {
        let marks: Vec<(usize, usize)> = self.functions.iter().map(|f| (f.slots, f.captures.len())).collect();
        let result = self.function_of(lambda, parameters, None, span).map(|c| Some(c.returns));
        // What was bound only to learn its type leaves no captures behind.
        for (function, (_, captures)) in self.functions.iter_mut().zip(marks) {
            function.captures.truncate(captures.max(function.captures.len().min(captures)));
        }
        result
    }

    fn function_of(
        &mut self,
        lambda: &Arc<Lambda>,
        parameters: &[Type],
        returns: Option<&Type>,
        span: Span,
    ) -> Result<Compiled, Fault> {
        if self.functions.len() > MAX_LAMBDAS {
            return Err(Fault::new(span, format!("lambdas are nested deeper than {MAX_LAMBDAS} levels")));
        }
        self.functions.push(Function { returns: returns.cloned(), ..Function::default() });
        let catches = std::mem::take(&mut self.catches);
        let receivers = std::mem::take(&mut self.receivers);
        let bound = self.scoped(|b| {
            let mut slots = Vec::with_capacity(parameters.len());
            for ((written, name), class) in lambda.parameters.iter().zip(parameters) {
                let class = match written {
                    Some(written) => b.resolve(written)?,
                    None => class.clone(),
                };
                let local = b.declare(&name.text, class, name.span)?;
                slots.push((local.slot, local.shared));
            }
            let (code, returned) = match &lambda.body {
                Body::Expr(value) => match returns {
                    Some(class) if *class == Type::VOID => (b.value(value)?.code, Type::VOID),
                    Some(class) => (b.value_as(value, class)?.code, class.clone()),
                    None => {
                        let node = b.bind(value)?;
                        match node {
                            Bound::Throw(code) => (code, Type::Null),
                            other => {
                                let node = b.as_value(other, value.span)?;
                                (node.code, node.class)
                            }
                        }
                    }
                },
                Body::Block(body) => {
                    let wants = returns.is_some_and(|r| *r != Type::VOID);
                    b.body(body, returns.cloned(), wants)?
                }
            };
            Ok((code, returned, slots))
        });
        self.catches = catches;
        self.receivers = receivers;
        let function = self.functions.pop().unwrap_or_default();
        let (code, returns, slots) = bound?;
        Ok(Compiled { code, slots: function.slots, captures: function.captures, parameters: slots, returns })
    }

    /// Binds a local function and declares it.
    pub(super) fn local_function(&mut self, name: &Name, lambda: &Arc<Lambda>) -> Result<Code, Fault> {
        let mut parameters = Vec::with_capacity(lambda.parameters.len());
        for (written, parameter) in &lambda.parameters {
            let Some(written) = written else {
                return Err(Fault::new(parameter.span, "the parameter has no type"));
            };
            parameters.push(self.resolve(written)?);
        }
        let returns = match &lambda.returns {
            Some(written) => self.resolve(written)?,
            None => Type::VOID,
        };
        let class = if returns == Type::VOID {
            if parameters.is_empty() {
                Type::Plain(Id::Action)
            } else {
                Type::generic(Id::Action, parameters.clone())
            }
        } else {
            Type::generic(Id::Func, parameters.iter().cloned().chain([returns.clone()]))
        };
        let local = match self.local(&name.text) {
            Some(local) if local.class == class => local,
            _ => self.declare(&name.text, class.clone(), name.span)?,
        };
        let compiled = self.function_of(lambda, &parameters, Some(&returns), name.span)?;
        let slot = local.slot;
        let made = make(compiled, class).code;
        Ok(Box::new(move |m| {
            let value = made(m)?;
            m.store(slot, value);
            Ok(Value::Null)
        }))
    }

    /// Declares a local function before the block's statements, so that it may be called above its text.
    pub(super) fn announce(&mut self, name: &Name, lambda: &Lambda) -> Result<Code, Fault> {
        let mut classes = Vec::with_capacity(lambda.parameters.len() + 1);
        for (written, _) in &lambda.parameters {
            if let Some(written) = written {
                classes.push(self.resolve(written)?);
            }
        }
        let returns = match &lambda.returns {
            Some(written) => self.resolve(written)?,
            None => Type::VOID,
        };
        let class = if returns == Type::VOID {
            if classes.is_empty() { Type::Plain(Id::Action) } else { Type::generic(Id::Action, classes) }
        } else {
            classes.push(returns);
            Type::generic(Id::Func, classes)
        };
        let local = self.declare(&name.text, class, name.span)?;
        let slot = local.slot;
        Ok(Box::new(move |m| {
            m.declare(slot, true, Value::Null);
            Ok(Value::Null)
        }))
    }

    /// A method used as a delegate of type `target`.
    pub(super) fn group_to(&mut self, group: Group, target: &Type) -> Result<Node, Fault> {
        let span = group.span;
        let Some((parameters, returns)) = target.delegate() else {
            return Err(Fault::new(span, format!("a method cannot be used as '{target}'")));
        };
        let parameters = parameters.to_vec();
        // Its arguments are the parameters of a lambda around the call.
        self.functions.push(Function::default());
        let bound = self.scoped(|b| {
            let mut arguments = Vec::with_capacity(parameters.len());
            let mut slots = Vec::with_capacity(parameters.len());
            for class in &parameters {
                let slot = b.slot();
                slots.push((slot, false));
                let node = Node::new(class.clone(), Box::new(move |m: &mut Machine<'_>| Ok(m.load(slot))));
                arguments.push(Argument::positional(Bound::Value(node), span));
            }
            let candidates: Vec<Candidate> = Self::candidates(&group.class, &group.name, |m| {
                m.is_static == group.is_static && matches!(m.kind, Kind::Method | Kind::Extension)
            });
            let chosen = b.choose(&candidates, &mut arguments, &group.types, span, &group.name)?;
            let receiver = group.receiver.is_some();
            let receiver_slot = receiver.then(|| b.slot());
            let on = receiver_slot.map(|slot| {
                Node::new(group.class.clone(), Box::new(move |m: &mut Machine<'_>| Ok(m.load(slot))))
            });
            let node = b.emit_call(chosen, on, arguments)?;
            let node = if returns == Type::VOID { node } else { b.convert_node(node, &returns, span)? };
            Ok((node.code, slots, receiver_slot))
        });
        let function = self.functions.pop().unwrap_or_default();
        let (code, parameters, receiver_slot) = bound?;
        let compiled = Compiled { code, slots: function.slots, captures: Vec::new(), parameters, returns };
        let Some((receiver, slot)) = group.receiver.zip(receiver_slot) else {
            return Ok(make(compiled, target.clone()));
        };
        let class = target.clone();
        let (receiver, slots) = (receiver.code, compiled.slots);
        let code: Arc<Code> = Arc::new(compiled.code);
        let parameters: Arc<[(usize, bool)]> = compiled.parameters.into();
        Ok(Node::new(
            target.clone(),
            Box::new(move |m| {
                let on = receiver(m)?;
                let (code, parameters) = (Arc::clone(&code), Arc::clone(&parameters));
                Ok(Value::object(Delegate {
                    class: class.clone(),
                    call: Arc::new(move |m, arguments| {
                        m.framed(slots, |m| {
                            m.declare(slot, false, on.clone());
                            enter(m, &parameters, arguments);
                            code(m)
                        })
                    }),
                }))
            }),
        ))
    }

    /// What a method yields for arguments of these types.
    pub(super) fn group_result(&mut self, group: &Group, parameters: &[Type]) -> Option<Type> {
        let mut arguments: Vec<Argument> = parameters
            .iter()
            .map(|class| {
                let node = Node::new(class.clone(), Box::new(|_: &mut Machine<'_>| Ok(Value::Null)));
                Argument::positional(Bound::Value(node), group.span)
            })
            .collect();
        let candidates: Vec<Candidate> = lineage(&group.class)
            .iter()
            .flat_map(|owner| {
                registry()
                    .class(owner.id())
                    .named(&group.name)
                    .map(|method| Candidate { method, owner: owner.clone() })
            })
            .filter(|c| c.method.is_static == group.is_static)
            .collect();
        self.choose(&candidates, &mut arguments, &group.types, group.span, &group.name)
            .ok()
            .map(|c| c.returns)
    }
}

fn enter(m: &mut Machine<'_>, parameters: &[(usize, bool)], arguments: &[Value]) {
    for ((slot, shared), value) in parameters.iter().zip(arguments) {
        m.declare(*slot, *shared, value.clone());
    }
}

/// The code that makes the delegate, with the variables it shares.
fn make(compiled: Compiled, class: Type) -> Node {
    let Compiled { code, slots, captures, parameters, .. } = compiled;
    let code: Arc<Code> = Arc::new(code);
    let captures: Arc<[(usize, usize)]> = captures.into();
    let parameters: Arc<[(usize, bool)]> = parameters.into();
    let kind = class.clone();
    Node::new(
        class,
        Box::new(move |m| {
            let cells: Vec<_> = captures.iter().map(|(outer, inner)| (*inner, m.capture(*outer))).collect();
            let (code, parameters) = (Arc::clone(&code), Arc::clone(&parameters));
            Ok(Value::object(Delegate {
                class: kind.clone(),
                call: Arc::new(move |m, arguments| {
                    m.framed(slots, |m| {
                        for (slot, cell) in &cells {
                            m.place(*slot, cell);
                        }
                        enter(m, &parameters, arguments);
                        code(m)
                    })
                }),
            }))
        }),
    )
}

//! Makes the code of calls.

use super::Node;
use super::fused::Fused;
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Code, Machine};
use crate::types::{Id, Method};
use crate::value::Value;

/// Where the values of `out` parameters go.
pub(super) type Store = Box<dyn Fn(&mut Machine<'_>, Value) -> Result<(), Thrown> + Send + Sync>;

/// The code that calls `method` with the receiver (if any) and arguments that `codes` yield.
pub(super) fn call(
    method: &'static Method,
    codes: Vec<Node>,
    types: Vec<Type>,
    returns: Type,
    outs: Vec<Store>,
) -> Node {
    if method.pure && outs.is_empty() && codes.iter().all(|n| n.constant.is_some()) {
        let values: Vec<Value> = codes.iter().filter_map(|n| n.constant.clone()).collect();
        if let Some(value) = fold(method, &values, &types) {
            return Node::constant(returns, value);
        }
    }
    let known: Option<Box<[Value]>> = codes.iter().map(|n| n.constant.clone()).collect();
    if outs.is_empty()
        && let Some(fused) = known.as_deref().and_then(|arguments| Fused::of(method, arguments))
    {
        return Node { fused: Some(fused.clone()), ..Node::new(returns, fused.code()) };
    }
    if let (Id::String, "IsNullOrEmpty", [Node { fused: Some(fused), .. }]) =
        (method.owner, method.name, codes.as_slice())
    {
        let fused = fused.clone();
        return Node::new(returns, Box::new(move |m| fused.is_empty(m).map(Value::Boolean)));
    }
    let mut codes: Vec<Code> = codes.into_iter().map(|n| n.code).collect();
    // A null receiver is caught here, once for all members.
    let checked = method.takes_receiver() && method.owner != Id::Nullable;
    let run = method.call;
    let finish = move |m: &mut Machine<'_>, arguments: &[Value], types: &[Type], out: &mut Vec<Value>| {
        if checked && arguments.first().is_some_and(Value::is_null) {
            return Err(Thrown::null_reference());
        }
        m.step()?;
        let value = run(&mut Call { machine: m, arguments, types, out })?;
        m.charge(&value)?;
        Ok(value)
    };
    let code: Code = if let (true, Some(arguments)) = (outs.is_empty(), known) {
        Box::new(move |m| finish(m, &arguments, &types, &mut Vec::new()))
    } else if outs.is_empty() {
        match codes.len() {
            1 => {
                let a = codes.remove(0);
                Box::new(move |m| {
                    let arguments = [a(m)?];
                    finish(m, &arguments, &types, &mut Vec::new())
                })
            }
            2 => {
                let (a, b) = (codes.remove(0), codes.remove(0));
                Box::new(move |m| {
                    let arguments = [a(m)?, b(m)?];
                    finish(m, &arguments, &types, &mut Vec::new())
                })
            }
            3 => {
                let (a, b, c) = (codes.remove(0), codes.remove(0), codes.remove(0));
                Box::new(move |m| {
                    let arguments = [a(m)?, b(m)?, c(m)?];
                    finish(m, &arguments, &types, &mut Vec::new())
                })
            }
            _ => Box::new(move |m| {
                let mut arguments = Vec::with_capacity(codes.len());
                for code in &codes {
                    arguments.push(code(m)?);
                }
                finish(m, &arguments, &types, &mut Vec::new())
            }),
        }
    } else {
        Box::new(move |m| {
            let mut arguments = Vec::with_capacity(codes.len());
            for code in &codes {
                arguments.push(code(m)?);
            }
            let mut out = Vec::new();
            let value = finish(m, &arguments, &types, &mut out)?;
            for (store, value) in outs.iter().zip(out) {
                store(m, value)?;
            }
            Ok(value)
        })
    };
    Node::new(returns, code)
}

/// The value of a pure call, computed now; none if it throws.
pub(super) fn fold(method: &'static Method, values: &[Value], types: &[Type]) -> Option<Value> {
    if method.takes_receiver() && values.first().is_some_and(Value::is_null) {
        return None;
    }
    let mut nowhere = crate::expression::Nowhere;
    let mut machine = Machine::new(&mut nowhere, 0);
    (method.call)(&mut Call { machine: &mut machine, arguments: values, types, out: &mut Vec::new() }).ok()
}

/// The value of code that needs no exchange, computed now; none if it throws.
pub(super) fn fold_code(code: &Code) -> Option<Value> {
    let mut nowhere = crate::expression::Nowhere;
    let mut machine = Machine::new(&mut nowhere, 0);
    code(&mut machine).ok()
}

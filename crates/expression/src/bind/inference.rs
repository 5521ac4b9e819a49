//! Finds the type arguments of a generic call from its arguments.

use super::overload::{Argument, Given};
use super::{Binder, Bound};
use crate::class::Type;
use crate::diagnostic::Fault;
use crate::types::Id;

impl Binder {
    /// Fills `inferred`; false if something stays open.
    pub(super) fn infer(
        &mut self,
        slots: &[Vec<usize>],
        declared: &[Type],
        target_of: &dyn Fn(usize, &[Type]) -> Type,
        arguments: &[Argument],
        inferred: &mut [Option<Type>],
        only: bool,
    ) -> Result<bool, Fault> {
        for (n, slot) in slots.iter().enumerate() {
            let target = target_of(n, declared);
            for index in slot {
                if let Some(class) = arguments[*index].class()
                    && !unify(&target, &class, inferred)
                {
                    return Ok(false);
                }
            }
        }
        // Lambdas next, whose results give what is still open.
        for (n, slot) in slots.iter().enumerate() {
            let target = target_of(n, declared);
            for index in slot {
                let argument = &arguments[*index];
                let Some((parameters, returns)) = target.delegate() else { continue };
                let parameters: Vec<Type> = parameters.iter().map(|p| p.close(&[], inferred)).collect();
                let found = match &argument.value {
                    Given::Value(Bound::Lambda(lambda, span)) => {
                        if lambda.parameters.len() != parameters.len() {
                            return Ok(false);
                        }
                        let lambda = std::sync::Arc::clone(lambda);
                        let mut stated = parameters.clone();
                        for (place, (written, _)) in stated.iter_mut().zip(&lambda.parameters) {
                            if let Some(written) = written {
                                let class = self.resolve(written)?;
                                unify(place, &class, inferred);
                                *place = class;
                            }
                        }
                        if !returns.is_open() || stated.iter().any(Type::is_open) {
                            continue;
                        }
                        self.lambda_result(&lambda, &stated, *span)?
                    }
                    Given::Value(Bound::Group(group)) if !parameters.iter().any(Type::is_open) => {
                        self.group_result(group, &parameters)
                    }
                    _ => continue,
                };
                let Some(found) = found else { continue };
                if found == Type::VOID {
                    return if only {
                        Err(Fault::new(argument.span, "the lambda yields no value"))
                    } else {
                        Ok(false)
                    };
                }
                if found != Type::Null && !unify(&returns, &found, inferred) {
                    return Ok(false);
                }
            }
        }
        Ok(inferred.iter().all(Option::is_some))
    }
}

/// Makes `formal` fit `actual`; false where it cannot.
pub(super) fn unify(formal: &Type, actual: &Type, inferred: &mut [Option<Type>]) -> bool {
    if *actual == Type::Null {
        return true;
    }
    match formal {
        Type::OfMethod(n) => {
            let Some(place) = inferred.get_mut(usize::from(*n)) else { return false };
            match place {
                None => *place = Some(actual.clone()),
                Some(found) if found == actual => {}
                Some(found) => {
                    if super::conversion::implicit(found, actual, None).is_some()
                        && super::conversion::implicit(actual, found, None).is_none()
                    {
                        *place = Some(actual.clone());
                    }
                }
            }
            true
        }
        Type::Array(of) => match actual {
            Type::Array(a) => unify(of, a, inferred),
            _ => !formal.is_open(),
        },
        Type::Generic(Id::Nullable, arguments) => {
            arguments.first().is_none_or(|f| unify(f, actual.stripped(), inferred))
        }
        Type::Generic(Id::Func | Id::Action, arguments) => match actual {
            Type::Generic(id, given) if formal.is(*id) && given.len() == arguments.len() => {
                arguments.iter().zip(given.iter()).all(|(f, a)| unify(f, a, inferred))
            }
            _ => !formal.is_open(),
        },
        Type::Generic(id, arguments) => {
            if !formal.is_open() {
                return true;
            }
            match actual.view(*id) {
                Some(view) => arguments.iter().zip(view.arguments()).all(|(f, a)| unify(f, a, inferred)),
                None => actual.is(Id::Dynamic),
            }
        }
        _ => true,
    }
}

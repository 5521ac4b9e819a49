//! Names of types to types.

use super::Binder;
use crate::class::Type;
use crate::diagnostic::{Fault, nearest};
use crate::syntax::{Suffix, TypeName};
use crate::types::{Id, registry};

impl Binder {
    #[expect(clippy::self_only_used_in_recursion, reason = "names are resolved in the binder's scope")]
    pub(super) fn resolve(&self, written: &TypeName) -> Result<Type, Fault> {
        let mut arguments = Vec::with_capacity(written.arguments.len());
        for argument in &written.arguments {
            arguments.push(self.resolve(argument)?);
        }
        let mut class = if written.name.is_empty() {
            Type::generic(Id::ValueTuple, arguments)
        } else {
            let name = written.name.strip_prefix("global::").unwrap_or(&written.name);
            match registry().find(name, arguments) {
                Some(found) => found,
                None => return Err(unknown(name, written)),
            }
        };
        for suffix in &written.suffixes {
            class = match suffix {
                Suffix::Array => Type::array(class),
                // `string?` says no more than `string`.
                Suffix::Nullable if class.is_value() => Type::nullable(class),
                Suffix::Nullable => class,
            };
        }
        Ok(class)
    }
}

fn unknown(name: &str, written: &TypeName) -> Fault {
    let fault = Fault::new(written.span, format!("the type '{name}' is not allowed in policy expressions"));
    let short = name.rsplit('.').next().unwrap_or(name);
    match nearest(short, registry().type_names()) {
        Some(found) if found != short => fault.suggest(format!("did you mean '{found}'?")),
        _ => fault,
    }
}

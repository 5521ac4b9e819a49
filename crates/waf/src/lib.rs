//! The web application firewall: reads SecLang, compiles rules into a plan, and judges requests and responses. Pure: bytes in, verdict out.

#![forbid(unsafe_code)]

mod bit_set;
mod body;
pub mod builtin;
mod byte_class;
mod collections;
mod compile;
mod definition;
mod error;
mod macros;
mod names;
mod operators;
pub mod regression;
mod rule;
mod seclang;
mod text;
mod transaction;
mod transformations;
mod values;
mod variables;
mod xpath;

pub use self::collections::Collections;
pub use self::compile::{Options, RuleSet};
pub use self::definition::{BodyDefinition, Definition, Standing, Step};
pub use self::error::{Place, RuleError, RuleErrors};
pub use self::seclang::{Engine, RuleSource};
pub use self::transaction::{Connection, Limits, Match, Refusal, RefusalKind, Transaction, Verdict};

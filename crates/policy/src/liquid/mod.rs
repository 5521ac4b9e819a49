//! Liquid templates as Azure API Management runs them: `DotLiquid` with C# names.
//!
//! Sources: <https://learn.microsoft.com/azure/api-management/set-body-policy#using-liquid-templates-with-set-body>, the
//! templates that Azure generates for SOAP APIs, and `DotLiquid`, which does the work there at its first level of
//! compatibility: `Replace` takes regular expressions, `Capitalize` takes every word, names are case-sensitive. A template is
//! parsed at load, where unknown tags and filters are refused; rendering is bounded in steps and in output.

mod currency;
mod data;
mod fault;
mod filters;
mod numbers;
mod parse;
mod render;
mod source;
mod syntax;
mod tokens;
mod words;
mod xml;

pub(crate) use self::data::{Data, Map};
pub(crate) use self::parse::parse;
pub(crate) use self::render::{Bounds, render};
pub(crate) use self::source::{Source, body};
pub(crate) use self::syntax::Template;
pub(crate) use self::xml::Nil;

#[cfg(test)]
mod tests;

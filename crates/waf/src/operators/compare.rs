//! `@eq`, `@ge`, `@gt`, `@le`, `@lt`: the number at the start of the value against another; a value without one is 0.

use std::cmp::Ordering;

use super::{Argument, Captures, Expand, Operator};
use crate::macros::Macro;
use crate::text::leading_integer;

#[derive(Debug)]
struct Compare {
    wanted: Macro,
    test: fn(Ordering) -> bool,
}

pub(super) fn build_eq(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    build(argument, Ordering::is_eq)
}

pub(super) fn build_ge(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    build(argument, Ordering::is_ge)
}

pub(super) fn build_gt(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    build(argument, Ordering::is_gt)
}

pub(super) fn build_le(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    build(argument, Ordering::is_le)
}

pub(super) fn build_lt(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    build(argument, Ordering::is_lt)
}

fn build(argument: &Argument<'_>, test: fn(Ordering) -> bool) -> Result<Box<dyn Operator>, String> {
    if argument.expanded.is_constant() && argument.text.trim().parse::<i64>().is_err() {
        return Err(format!("expected a number, found {:?}", argument.text));
    }
    Ok(Box::new(Compare { wanted: argument.expanded.clone(), test }))
}

impl Operator for Compare {
    fn matches(&self, input: &[u8], context: &dyn Expand, captures: &mut Captures) -> bool {
        self.matches_number(leading_integer(input), context, captures)
    }

    fn matches_number(&self, number: i64, context: &dyn Expand, _: &mut Captures) -> bool {
        (self.test)(number.cmp(&context.expand_number(&self.wanted)))
    }
}

//! What a template is made of.

use std::sync::Arc;

use super::data::Data;
use super::filters::Filter;

/// A template.
#[derive(Debug)]
pub(crate) struct Template {
    pub(super) nodes: Vec<Node>,
    /// Whether it reads the body of the message.
    pub(crate) reads_body: bool,
}

#[derive(Debug)]
pub(super) enum Node {
    Text(Arc<str>),
    Output(Filtered),
    Assign(Arc<str>, Filtered),
    Capture(Arc<str>, Vec<Self>),
    /// The first branch whose condition holds.
    If(Vec<(Condition, Vec<Self>)>),
    /// The branches with a value that is equal, else those without values.
    Case(Expression, Vec<(Option<Vec<Expression>>, Vec<Self>)>),
    For(Box<Loop>),
    Cycle(Expression, Vec<Expression>),
    /// Counts a name up (after showing it) or down (before).
    Count(Arc<str>, i64),
    IfChanged(Vec<Self>),
    Break,
    Continue,
}

#[derive(Debug)]
pub(super) struct Loop {
    pub(super) variable: Arc<str>,
    pub(super) collection: Expression,
    pub(super) name: Arc<str>,
    pub(super) limit: Option<Expression>,
    pub(super) offset: Option<Offset>,
    pub(super) is_reversed: bool,
    /// `JSONArrayFor`: a comma between items, and a value that is no list counts as one item.
    pub(super) is_json: bool,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

#[derive(Debug)]
pub(super) enum Offset {
    /// Where the last loop of this name has stopped.
    Continue,
    At(Expression),
}

/// A value and what is done to it.
#[derive(Debug)]
pub(super) struct Filtered {
    pub(super) value: Expression,
    pub(super) filters: Vec<(&'static Filter, Vec<Expression>)>,
}

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Literal(Data),
    Range(Box<Self>, Box<Self>),
    Path(Arc<str>, Vec<Step>),
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// `.name`
    Name(Arc<str>),
    /// `[value]`
    Value(Expression),
}

#[derive(Debug)]
pub(super) enum Condition {
    Always,
    Not(Box<Self>),
    Test(Expression),
    Compare(Expression, Operator, Expression),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Contains,
    StartsWith,
    EndsWith,
    HasKey,
    HasValue,
}

/// Every way to write an operator.
pub(super) const OPERATORS: [(&str, Operator); 14] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<>", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("contains", Operator::Contains),
    ("startsWith", Operator::StartsWith),
    ("startswith", Operator::StartsWith),
    ("endsWith", Operator::EndsWith),
    ("endswith", Operator::EndsWith),
    ("hasKey", Operator::HasKey),
    ("hasValue", Operator::HasValue),
];

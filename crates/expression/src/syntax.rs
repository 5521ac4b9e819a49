//! The tree that the parser makes.

use std::sync::Arc;

use crate::diagnostic::Span;
use crate::value::Value;

/// An expression and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) span: Span,
    pub(crate) kind: ExprKind,
}

/// The kinds of expressions.
#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    /// `new { A = 1, b.C }`.
    Anonymous(Vec<(Option<Name>, Expr)>),
    /// `new int[n]`, `new[] { … }`, `new T[] { … }`.
    Array {
        element: Option<TypeName>,
        length: Option<Box<Expr>>,
        items: Option<Vec<Expr>>,
    },
    /// `expression as T`.
    As(Box<Expr>, TypeName),
    Assign {
        operator: Option<&'static str>,
        target: Box<Expr>,
        value: Box<Expr>,
    },
    Binary {
        operator: &'static str,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Call {
        target: Box<Expr>,
        arguments: Vec<Argument>,
    },
    Cast(TypeName, Box<Expr>),
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `default(T)` or `default`.
    Default(Option<TypeName>),
    Index {
        target: Box<Expr>,
        arguments: Vec<Expr>,
    },
    Interpolated(Arc<[Piece]>),
    Is(Box<Expr>, Box<Pattern>),
    Lambda(Arc<Lambda>),
    Literal(Value),
    Member {
        target: Box<Expr>,
        name: Name,
        types: Vec<TypeName>,
    },
    Name {
        name: Name,
        types: Vec<TypeName>,
    },
    New {
        class: TypeName,
        arguments: Vec<Argument>,
        initializer: Option<Initializer>,
    },
    /// `target?.…`: the rest applies to [`ExprKind::Receiver`].
    NullConditional(Box<Expr>, Box<Expr>),
    Nameof(Arc<str>),
    /// `++x`, `x--`.
    Step {
        operator: &'static str,
        prefix: bool,
        target: Box<Expr>,
    },
    /// What stands before the `?.` of the enclosing null-conditional.
    Receiver,
    Throw(Box<Expr>),
    Tuple(Vec<Expr>),
    TypeOf(TypeName),
    /// A predefined type as the target of a member: `string.Join`.
    TypeRef(TypeName),
    Unary {
        operator: &'static str,
        operand: Box<Expr>,
    },
}

/// A name and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: Arc<str>,
    pub(crate) span: Span,
}

/// The name of a type as written.
#[derive(Clone, Debug)]
pub(crate) struct TypeName {
    pub(crate) span: Span,
    /// Dotted name; empty for a tuple type.
    pub(crate) name: Arc<str>,
    pub(crate) arguments: Vec<TypeName>,
    /// `[]` and `?`, in order.
    pub(crate) suffixes: Vec<Suffix>,
}

/// What follows the name of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Suffix {
    Array,
    Nullable,
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub(crate) name: Option<Name>,
    pub(crate) value: ArgumentValue,
}

/// What an argument gives.
#[derive(Clone, Debug)]
pub(crate) enum ArgumentValue {
    Expr(Expr),
    /// `out existing`.
    Out(Expr),
    /// `out var x`, `out int x`, `out _`.
    OutVariable(Option<TypeName>, Name),
}

/// `{ … }` after `new T(…)`.
#[derive(Clone, Debug)]
pub(crate) enum Initializer {
    /// `{ a, b }` and `{ { k, v }, … }`.
    Items(Vec<Vec<Expr>>),
    /// `{ A = 1, ["k"] = 2 }`.
    Members(Vec<(InitializerTarget, InitializerValue)>),
}

/// What an initializer sets.
#[derive(Clone, Debug)]
pub(crate) enum InitializerTarget {
    Index(Vec<Expr>),
    Name(Name),
}

/// What an initializer sets it to.
#[derive(Clone, Debug)]
pub(crate) enum InitializerValue {
    Expr(Expr),
    /// Fills the object that is there already.
    Nested(Box<Initializer>),
}

/// `x => …`, or a local function.
#[derive(Debug)]
pub(crate) struct Lambda {
    pub(crate) parameters: Vec<(Option<TypeName>, Name)>,
    pub(crate) body: Body,
    /// The result type that a local function states.
    pub(crate) returns: Option<TypeName>,
}

/// The body of a function.
#[derive(Debug)]
pub(crate) enum Body {
    Block(Vec<Stmt>),
    Expr(Expr),
}

/// A piece of an interpolated string.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    Hole { value: Expr, alignment: Option<i32>, format: Option<Arc<str>> },
    Text(Arc<str>),
}

/// What `is` and `case` match.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    Constant(Expr),
    Discard,
    Not(Box<Pattern>),
    /// A type, and the variable that takes the value.
    Type(TypeName, Option<Name>),
    Var(Name),
}

/// A statement.
#[derive(Clone, Debug)]
pub(crate) struct Stmt {
    pub(crate) span: Span,
    pub(crate) kind: StmtKind,
}

/// The kinds of statements.
#[derive(Clone, Debug)]
pub(crate) enum StmtKind {
    Block(Vec<Stmt>),
    Break,
    Continue,
    Declare {
        class: Option<TypeName>,
        constant: bool,
        variables: Vec<(Name, Option<Expr>)>,
    },
    /// `var (a, b) = …`.
    Deconstruct(Vec<Name>, Expr),
    Do(Box<Stmt>, Expr),
    Empty,
    Expr(Expr),
    For {
        first: Vec<Stmt>,
        condition: Option<Expr>,
        each: Vec<Expr>,
        body: Box<Stmt>,
    },
    ForEach {
        class: Option<TypeName>,
        name: Name,
        sequence: Expr,
        body: Box<Stmt>,
    },
    Function(Name, Arc<Lambda>),
    /// The branches of `if … else if …`, then the last `else`.
    If(Vec<(Expr, Stmt)>, Option<Box<Stmt>>),
    Return(Option<Expr>),
    Switch(Expr, Vec<Section>),
    Throw(Option<Expr>),
    Try {
        body: Vec<Stmt>,
        catches: Vec<Catch>,
        finally: Option<Vec<Stmt>>,
    },
    Using {
        declaration: Box<Stmt>,
        body: Box<Stmt>,
    },
    While(Expr, Box<Stmt>),
}

/// A section of a `switch`.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// Patterns with their conditions; none is `default`.
    pub(crate) labels: Vec<Option<(Pattern, Option<Expr>)>>,
    pub(crate) body: Vec<Stmt>,
}

/// A `catch`.
#[derive(Clone, Debug)]
pub(crate) struct Catch {
    pub(crate) class: Option<TypeName>,
    pub(crate) name: Option<Name>,
    pub(crate) when: Option<Expr>,
    pub(crate) body: Vec<Stmt>,
}

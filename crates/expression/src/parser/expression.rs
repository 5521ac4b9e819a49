//! Expressions, by precedence.

use std::sync::Arc;

use super::{MAX_CHAIN, PREDEFINED, Parser};
use crate::diagnostic::{Fault, Span};
use crate::lexer::Kind;
use crate::syntax::{Argument, ArgumentValue, Body, Expr, ExprKind, Lambda, Name, TypeName};
use crate::value::Value;

/// Binary operators by how tightly they bind, loosest first.
const LEVELS: [&[&str]; 10] = [
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<", ">", "<=", ">="],
    &["<<"],
    &["+", "-"],
    &["*", "/", "%"],
];
/// Level of the relational operators, with which `is` and `as` stand.
const RELATIONAL: usize = 6;
/// Level of the shifts.
pub(super) const SHIFT: usize = 7;
const ASSIGNMENTS: [&str; 11] = ["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", "??="];
/// How many operands a chain of one level may have.
const MAX_OPERANDS: usize = 2_000;

impl Parser<'_> {
    pub(super) fn expression(&mut self) -> Result<Expr, Fault> {
        self.nested(Self::expression_body)
    }

    fn expression_body(&mut self) -> Result<Expr, Fault> {
        let span = self.span();
        if let Some(lambda) = self.lambda()? {
            return Ok(lambda);
        }
        if self.eat_word("throw") {
            let value = Box::new(self.expression()?);
            return Ok(Expr { span, kind: ExprKind::Throw(value) });
        }
        let target = self.conditional()?;
        let operator = match self.peek() {
            Kind::Punctuation("??") if self.is_at(1, "=") => {
                self.advance();
                "??="
            }
            Kind::Punctuation(">") if self.is_at(1, ">=") => {
                self.advance();
                ">>="
            }
            Kind::Punctuation(p) if ASSIGNMENTS.contains(p) => p,
            _ => return Ok(target),
        };
        let span = self.span();
        self.advance();
        let value = Box::new(self.expression()?);
        let operator = operator.strip_suffix('=').filter(|o| !o.is_empty());
        Ok(Expr { span, kind: ExprKind::Assign { operator, target: Box::new(target), value } })
    }

    fn conditional(&mut self) -> Result<Expr, Fault> {
        let condition = self.coalesce()?;
        if !self.is("?") {
            return Ok(condition);
        }
        let span = self.span();
        self.advance();
        let yes = self.expression()?;
        self.expect(":")?;
        let no = self.expression()?;
        Ok(Expr { span, kind: ExprKind::Conditional(Box::new(condition), Box::new(yes), Box::new(no)) })
    }

    fn coalesce(&mut self) -> Result<Expr, Fault> {
        let mut operands = vec![(Span::default(), self.binary(0)?)];
        while self.is("??") && !self.is_at(1, "=") {
            let span = self.span();
            self.advance();
            let right = if self.is_word("throw") { self.expression()? } else { self.binary(0)? };
            operands.push((span, right));
            if operands.len() > MAX_CHAIN {
                return Err(self.fault("too many '??' follow each other"));
            }
        }
        // It binds to the right.
        let Some((mut at, mut result)) = operands.pop() else {
            return Err(self.fault("an expression is missing"));
        };
        while let Some((before, left)) = operands.pop() {
            let kind = ExprKind::Binary { operator: "??", left: Box::new(left), right: Box::new(result) };
            result = Expr { span: at, kind };
            at = before;
        }
        Ok(result)
    }

    /// Operators of at least this level, by precedence climbing: one frame serves them all.
    pub(super) fn binary(&mut self, least: usize) -> Result<Expr, Fault> {
        let mut left = self.unary()?;
        let mut count = 0;
        loop {
            let span = self.span();
            let Some((operator, level, width)) = self.operator() else { return Ok(left) };
            if level < least {
                return Ok(left);
            }
            count += 1;
            if count > MAX_OPERANDS {
                return Err(self.fault(format!("more than {MAX_OPERANDS} operands follow each other")));
            }
            self.at += width;
            let kind = match operator {
                "is" => ExprKind::Is(Box::new(left), Box::new(self.pattern()?)),
                "as" => {
                    let nullable = !self.conditional_follows();
                    let class = self.try_type(nullable)?;
                    let class = class.ok_or_else(|| self.fault("a type is missing after 'as'"))?;
                    ExprKind::As(Box::new(left), class)
                }
                _ => {
                    let right = self.binary(level + 1)?;
                    ExprKind::Binary { operator, left: Box::new(left), right: Box::new(right) }
                }
            };
            left = Expr { span, kind };
        }
    }

    /// The binary operator that stands here: its level, and how many tokens it takes.
    fn operator(&self) -> Option<(&'static str, usize, usize)> {
        match self.peek() {
            // `>>` is two tokens side by side.
            Kind::Punctuation(">") if self.is_at(1, ">") && self.touching() => Some((">>", SHIFT, 2)),
            Kind::Punctuation(p) => LEVELS.iter().position(|l| l.contains(p)).map(|level| (*p, level, 1)),
            Kind::Name(n) if &**n == "is" => Some(("is", RELATIONAL, 1)),
            Kind::Name(n) if &**n == "as" => Some(("as", RELATIONAL, 1)),
            _ => None,
        }
    }

    /// Whether the `?` after the type that stands here begins a conditional: `x as T ? a : b`.
    fn conditional_follows(&self) -> bool {
        let mut ahead = 0;
        while matches!(self.look(ahead), Kind::Name(_)) || self.is_at(ahead, ".") {
            ahead += 1;
        }
        self.is_at(ahead, "?")
            && !matches!(self.look(ahead + 1), Kind::End | Kind::Punctuation(")" | ";" | "," | "??" | "]"))
    }

    fn touching(&self) -> bool {
        match (self.tokens.get(self.at), self.tokens.get(self.at + 1)) {
            (Some(a), Some(b)) => a.end == b.span.start,
            _ => false,
        }
    }

    fn unary(&mut self) -> Result<Expr, Fault> {
        let span = self.span();
        for operator in ["!", "-", "+", "~", "++", "--"] {
            if self.eat(operator) {
                let operand = Box::new(self.nested(Self::unary)?);
                let kind = if operator.len() == 2 {
                    ExprKind::Step { operator, prefix: true, target: operand }
                } else {
                    ExprKind::Unary { operator, operand }
                };
                return Ok(Expr { span, kind });
            }
        }
        if self.is("(")
            && let Some(cast) = self.cast()?
        {
            return Ok(cast);
        }
        if self.is_word("await") && self.is_name_at(1) {
            return Err(self.fault("'await' is not allowed in a policy expression"));
        }
        self.postfix()
    }

    /// `(T)operand`, if that is what stands here.
    fn cast(&mut self) -> Result<Option<Expr>, Fault> {
        let span = self.span();
        let start = self.at;
        self.advance();
        let class = self.try_type(true)?;
        let Some(class) = class.filter(|_| self.eat(")")) else {
            self.at = start;
            return Ok(None);
        };
        let sure = PREDEFINED.contains(&class.name.as_ref())
            || !class.suffixes.is_empty()
            || !class.arguments.is_empty();
        let follows = match self.peek() {
            Kind::Literal(_)
            | Kind::Interpolated(_)
            | Kind::Verbatim(_)
            | Kind::Punctuation("(" | "!" | "~") => true,
            Kind::Name(n) => !matches!(n.as_ref(), "is" | "as" | "in" | "when" | "and" | "or"),
            Kind::Punctuation("-" | "+" | "++" | "--") => sure && !class.name.is_empty(),
            _ => false,
        };
        // `(a, b)` is a tuple unless something is cast to it.
        if !follows || class.name.is_empty() && !matches!(self.peek(), Kind::Name(_) | Kind::Punctuation("("))
        {
            self.at = start;
            return Ok(None);
        }
        let operand = Box::new(self.nested(Self::unary)?);
        Ok(Some(Expr { span, kind: ExprKind::Cast(class, operand) }))
    }

    fn postfix(&mut self) -> Result<Expr, Fault> {
        let first = self.primary()?;
        self.postfix_of(first, 0)
    }

    fn postfix_of(&mut self, mut target: Expr, mut length: usize) -> Result<Expr, Fault> {
        loop {
            length += 1;
            if length > MAX_CHAIN {
                return Err(self.fault(format!("more than {MAX_CHAIN} members follow each other")));
            }
            let span = self.span();
            if self.eat(".") {
                let name = self.member_name()?;
                let types = self.try_type_arguments()?.unwrap_or_default();
                target = Expr {
                    span: name.span,
                    kind: ExprKind::Member { target: Box::new(target), name, types },
                };
            } else if self.eat("(") {
                let arguments = self.arguments(")")?;
                let span = target.span;
                target = Expr { span, kind: ExprKind::Call { target: Box::new(target), arguments } };
            } else if self.eat("[") {
                let arguments = self.indexes()?;
                target = Expr { span, kind: ExprKind::Index { target: Box::new(target), arguments } };
            } else if self.is("?.") || self.is("?[") {
                let index = self.is("?[");
                self.advance();
                let receiver = Expr { span, kind: ExprKind::Receiver };
                let start = if index {
                    let arguments = self.indexes()?;
                    Expr { span, kind: ExprKind::Index { target: Box::new(receiver), arguments } }
                } else {
                    let name = self.member_name()?;
                    let types = self.try_type_arguments()?.unwrap_or_default();
                    Expr {
                        span: name.span,
                        kind: ExprKind::Member { target: Box::new(receiver), name, types },
                    }
                };
                let rest = self.nested(|p| p.postfix_of(start, length))?;
                return Ok(Expr { span, kind: ExprKind::NullConditional(Box::new(target), Box::new(rest)) });
            } else if self.is("++") || self.is("--") {
                let operator = if self.is("++") { "++" } else { "--" };
                self.advance();
                target =
                    Expr { span, kind: ExprKind::Step { operator, prefix: false, target: Box::new(target) } };
            } else if self.is("!")
                && !self.is_at(1, "=")
                && !matches!(self.look(1), Kind::Name(_) | Kind::Literal(_) | Kind::Punctuation("("))
            {
                // The null-forgiving operator says nothing at run time.
                self.advance();
            } else {
                return Ok(target);
            }
        }
    }

    fn member_name(&mut self) -> Result<Name, Fault> {
        let span = self.span();
        if let Kind::Name(n) | Kind::Verbatim(n) = self.peek() {
            let text = Arc::clone(n);
            if !Self::is_keyword(&text) || matches!(self.peek(), Kind::Verbatim(_)) {
                self.advance();
                return Ok(Name { text, span });
            }
        }
        Err(self.fault(format!("the name of a member is missing before {}", self.found())))
    }

    fn indexes(&mut self) -> Result<Vec<Expr>, Fault> {
        let mut arguments = vec![self.expression()?];
        while self.eat(",") {
            arguments.push(self.expression()?);
        }
        self.expect("]")?;
        Ok(arguments)
    }

    pub(super) fn arguments(&mut self, close: &str) -> Result<Vec<Argument>, Fault> {
        let mut arguments = Vec::new();
        while !self.eat(close) {
            let name = if self.is_name_at(0) && self.is_at(1, ":") {
                let name = self.name()?;
                self.advance();
                Some(name)
            } else {
                None
            };
            let value = if self.eat_word("out") {
                self.out_argument()?
            } else if self.is_word("ref") || self.is_word("in") && !self.is_at(1, ")") {
                return Err(self.fault(format!("{} arguments are not supported", self.found())));
            } else {
                ArgumentValue::Expr(self.expression()?)
            };
            arguments.push(Argument { name, value });
            if !self.eat(",") {
                self.expect(close)?;
                break;
            }
        }
        Ok(arguments)
    }

    fn out_argument(&mut self) -> Result<ArgumentValue, Fault> {
        if self.is_word("var") && self.is_name_at(1) {
            self.advance();
            return Ok(ArgumentValue::OutVariable(None, self.name()?));
        }
        if self.is_word("_") {
            return Ok(ArgumentValue::OutVariable(None, self.name()?));
        }
        let start = self.at;
        if let Some(class) = self.try_type(true)?
            && self.is_name_at(0)
        {
            return Ok(ArgumentValue::OutVariable(Some(class), self.name()?));
        }
        self.at = start;
        Ok(ArgumentValue::Out(self.expression()?))
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let span = self.span();
        let kind = match self.peek().clone() {
            Kind::Literal(value) => {
                self.advance();
                ExprKind::Literal(value)
            }
            Kind::Interpolated(parts) => {
                self.advance();
                ExprKind::Interpolated(self.pieces(&parts)?)
            }
            Kind::Punctuation("(") => return self.parenthesized(),
            Kind::Verbatim(_) => self.simple_name()?,
            Kind::Name(word) => match word.as_ref() {
                "true" | "false" => {
                    self.advance();
                    ExprKind::Literal(Value::Boolean(word.as_ref() == "true"))
                }
                "null" => {
                    self.advance();
                    ExprKind::Literal(Value::Null)
                }
                "new" => {
                    self.advance();
                    return self.nested(|p| p.creation(span));
                }
                "typeof" => {
                    self.advance();
                    self.expect("(")?;
                    let class = self.type_name()?;
                    self.expect(")")?;
                    ExprKind::TypeOf(class)
                }
                "default" => {
                    self.advance();
                    if self.eat("(") {
                        let class = self.type_name()?;
                        self.expect(")")?;
                        ExprKind::Default(Some(class))
                    } else {
                        ExprKind::Default(None)
                    }
                }
                "unchecked" => {
                    self.advance();
                    return self.parenthesized();
                }
                "nameof" if self.is_at(1, "(") => {
                    self.at += 2;
                    let named = self.expression()?;
                    self.expect(")")?;
                    match named.kind {
                        ExprKind::Name { name, .. } | ExprKind::Member { name, .. } => {
                            ExprKind::Nameof(name.text)
                        }
                        _ => return Err(Fault::new(span, "'nameof' takes a name")),
                    }
                }
                word if PREDEFINED.contains(&word) => match self.try_type(false)? {
                    Some(class) => ExprKind::TypeRef(class),
                    None => return Err(self.fault("a member of the type is missing")),
                },
                word if Self::is_keyword(word) => {
                    return Err(self.fault(format!("'{word}' is not expected here")));
                }
                _ => self.simple_name()?,
            },
            _ => return Err(self.fault(format!("an expression is missing before {}", self.found()))),
        };
        Ok(Expr { span, kind })
    }

    fn simple_name(&mut self) -> Result<ExprKind, Fault> {
        let mut name = self.name()?;
        if self.is("::") && name.text.as_ref() == "global" {
            self.advance();
            name = self.name()?;
        }
        let types = self.try_type_arguments()?.unwrap_or_default();
        Ok(ExprKind::Name { name, types })
    }

    fn parenthesized(&mut self) -> Result<Expr, Fault> {
        let span = self.span();
        self.expect("(")?;
        let first = self.tuple_element()?;
        if !self.is(",") {
            self.expect(")")?;
            return Ok(first);
        }
        let mut elements = vec![first];
        while self.eat(",") {
            elements.push(self.tuple_element()?);
        }
        self.expect(")")?;
        Ok(Expr { span, kind: ExprKind::Tuple(elements) })
    }

    fn tuple_element(&mut self) -> Result<Expr, Fault> {
        if self.is_name_at(0) && self.is_at(1, ":") {
            self.at += 2;
        }
        self.expression()
    }

    /// A lambda, if one stands here.
    fn lambda(&mut self) -> Result<Option<Expr>, Fault> {
        let span = self.here();
        self.eat_word_before_lambda();
        if self.is_name_at(0) && self.is_at(1, "=>") {
            self.inside += 1;
            let name = self.name()?;
            let lambda = self.lambda_rest(vec![(None, name)]);
            self.inside -= 1;
            return Ok(Some(Expr { span, kind: ExprKind::Lambda(Arc::new(lambda?)) }));
        }
        if !self.is("(") || !self.is_parameter_list()? {
            return Ok(None);
        }
        self.inside += 1;
        let lambda = self.parameters().and_then(|parameters| self.lambda_rest(parameters));
        self.inside -= 1;
        Ok(Some(Expr { span, kind: ExprKind::Lambda(Arc::new(lambda?)) }))
    }

    fn eat_word_before_lambda(&mut self) {
        if self.is_word("async") && (self.is_at(1, "(") || self.is_name_at(1) && self.is_at(2, "=>")) {
            self.advance();
        }
    }

    /// Whether the bracket that stands here closes before `=>`.
    fn is_parameter_list(&mut self) -> Result<bool, Fault> {
        // Parameters are names and types: anything else ends the look ahead at once.
        let mut ahead = 1;
        let mut depth = 1;
        loop {
            match self.look(ahead) {
                Kind::Punctuation("(") => depth += 1,
                Kind::Punctuation(")") => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                Kind::Name(_)
                | Kind::Verbatim(_)
                | Kind::Punctuation("," | "<" | ">" | "[" | "]" | "." | "?") => {}
                _ => {
                    self.spend(ahead)?;
                    return Ok(false);
                }
            }
            ahead += 1;
        }
        self.spend(ahead)?;
        Ok(self.is_at(ahead + 1, "=>"))
    }

    fn parameters(&mut self) -> Result<Vec<(Option<TypeName>, Name)>, Fault> {
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.eat(")") {
            let class = if self.is_name_at(0) && (self.is_at(1, ",") || self.is_at(1, ")")) {
                None
            } else {
                Some(self.type_name()?)
            };
            parameters.push((class, self.name()?));
            if !self.eat(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(parameters)
    }

    fn lambda_rest(&mut self, parameters: Vec<(Option<TypeName>, Name)>) -> Result<Lambda, Fault> {
        self.expect("=>")?;
        let body = if self.is("{") {
            Body::Block(self.nested(Self::block)?)
        } else {
            Body::Expr(self.expression()?)
        };
        Ok(Lambda { parameters, body, returns: None })
    }
}

//! Statements.

use std::sync::Arc;

use super::{KEYWORDS, Parser};
use crate::diagnostic::{Fault, Span};
use crate::lexer::Kind;
use crate::syntax::{Body, Catch, Lambda, Name, Section, Stmt, StmtKind, TypeName};

impl Parser<'_> {
    pub(super) fn statement(&mut self) -> Result<Stmt, Fault> {
        self.nested(Self::statement_body)
    }

    fn statement_body(&mut self) -> Result<Stmt, Fault> {
        let span = self.span();
        if self.is("{") {
            return Ok(Stmt { span, kind: StmtKind::Block(self.block()?) });
        }
        if self.eat(";") {
            return Ok(Stmt { span, kind: StmtKind::Empty });
        }
        let word = match self.peek() {
            Kind::Name(n) => Arc::clone(n),
            _ => Arc::from(""),
        };
        let kind = match word.as_ref() {
            "if" => self.if_else()?,
            "for" => self.for_loop()?,
            "foreach" => self.for_each()?,
            "while" => {
                self.advance();
                let condition = self.condition()?;
                StmtKind::While(condition, Box::new(self.statement()?))
            }
            "do" => {
                self.advance();
                let body = Box::new(self.statement()?);
                if !self.eat_word("while") {
                    return Err(self.fault("'while' is missing after the body of 'do'"));
                }
                let condition = self.condition()?;
                self.expect(";")?;
                StmtKind::Do(body, condition)
            }
            "switch" => self.switch()?,
            "break" | "continue" => {
                self.advance();
                self.expect(";")?;
                if word.as_ref() == "break" { StmtKind::Break } else { StmtKind::Continue }
            }
            "return" => {
                self.advance();
                let value = if self.is(";") { None } else { Some(self.expression()?) };
                self.expect(";")?;
                StmtKind::Return(value)
            }
            "throw" => {
                self.advance();
                let value = if self.is(";") { None } else { Some(self.expression()?) };
                self.expect(";")?;
                StmtKind::Throw(value)
            }
            "try" => self.try_catch()?,
            "using" => self.using()?,
            "const" => {
                self.advance();
                let class = self.type_name()?;
                let declaration = self.declarators(Some(class), true)?;
                self.expect(";")?;
                declaration
            }
            "goto" | "lock" | "unsafe" | "fixed" | "yield"
                if word.as_ref() != "yield" || self.is_word_at(1, "return") =>
            {
                return Err(self.fault(format!("'{word}' is not allowed in a policy expression")));
            }
            "checked" | "unchecked" if self.is_at(1, "{") => {
                if word.as_ref() == "checked" {
                    return Err(self.fault("'checked' is not allowed in a policy expression"));
                }
                self.advance();
                StmtKind::Block(self.block()?)
            }
            _ => {
                if let Some(declaration) = self.declaration()? {
                    return Ok(Stmt { span, kind: declaration });
                }
                let value = self.expression()?;
                self.expect(";")?;
                StmtKind::Expr(value)
            }
        };
        Ok(Stmt { span, kind })
    }

    pub(super) fn block(&mut self) -> Result<Vec<Stmt>, Fault> {
        self.expect("{")?;
        let mut body = Vec::new();
        while !self.eat("}") {
            if self.at_end() {
                return Err(self.fault("'}' is missing at the end"));
            }
            body.push(self.statement()?);
        }
        Ok(body)
    }

    fn condition(&mut self) -> Result<crate::syntax::Expr, Fault> {
        self.expect("(")?;
        let condition = self.expression()?;
        self.expect(")")?;
        Ok(condition)
    }

    fn if_else(&mut self) -> Result<StmtKind, Fault> {
        let mut branches = Vec::new();
        loop {
            self.advance();
            let condition = self.condition()?;
            branches.push((condition, self.statement()?));
            if !self.eat_word("else") {
                return Ok(StmtKind::If(branches, None));
            }
            if !self.is_word("if") {
                return Ok(StmtKind::If(branches, Some(Box::new(self.statement()?))));
            }
        }
    }

    fn for_loop(&mut self) -> Result<StmtKind, Fault> {
        self.advance();
        self.expect("(")?;
        let mut first = Vec::new();
        if !self.is(";") {
            let span = self.span();
            match self.variables()? {
                Some(kind) => first.push(Stmt { span, kind }),
                None => loop {
                    let span = self.span();
                    first.push(Stmt { span, kind: StmtKind::Expr(self.expression()?) });
                    if !self.eat(",") {
                        break;
                    }
                },
            }
        }
        self.expect(";")?;
        let condition = if self.is(";") { None } else { Some(self.expression()?) };
        self.expect(";")?;
        let mut each = Vec::new();
        while !self.is(")") {
            each.push(self.expression()?);
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        Ok(StmtKind::For { first, condition, each, body: Box::new(self.statement()?) })
    }

    fn for_each(&mut self) -> Result<StmtKind, Fault> {
        self.advance();
        self.expect("(")?;
        let class = self.variable_type()?;
        let name = self.name()?;
        if !self.eat_word("in") {
            return Err(self.fault(format!("'in' is missing before {}", self.found())));
        }
        let sequence = self.expression()?;
        self.expect(")")?;
        Ok(StmtKind::ForEach { class, name, sequence, body: Box::new(self.statement()?) })
    }

    /// A type, or `None` for `var`.
    fn variable_type(&mut self) -> Result<Option<TypeName>, Fault> {
        if self.is_word("var") && self.is_name_at(1) {
            self.advance();
            return Ok(None);
        }
        self.type_name().map(Some)
    }

    fn switch(&mut self) -> Result<StmtKind, Fault> {
        self.advance();
        let value = self.condition()?;
        self.expect("{")?;
        let mut sections = Vec::new();
        while !self.eat("}") {
            let mut labels = Vec::new();
            loop {
                if self.is_word("default") && self.is_at(1, ":") {
                    self.at += 2;
                    labels.push(None);
                } else if self.eat_word("case") {
                    let pattern = self.pattern()?;
                    let when = if self.eat_word("when") { Some(self.expression()?) } else { None };
                    self.expect(":")?;
                    labels.push(Some((pattern, when)));
                } else {
                    break;
                }
            }
            if labels.is_empty() {
                return Err(self.fault(format!("'case' or 'default' is missing before {}", self.found())));
            }
            let mut body = Vec::new();
            while !(self.is("}") || self.is_word("case") || self.is_word("default") && self.is_at(1, ":")) {
                if self.at_end() {
                    return Err(self.fault("'}' is missing at the end of 'switch'"));
                }
                body.push(self.statement()?);
            }
            sections.push(Section { labels, body });
        }
        Ok(StmtKind::Switch(value, sections))
    }

    fn try_catch(&mut self) -> Result<StmtKind, Fault> {
        self.advance();
        let body = self.block()?;
        let mut catches = Vec::new();
        while self.eat_word("catch") {
            let (mut class, mut name) = (None, None);
            if self.eat("(") {
                class = Some(self.type_name()?);
                if !self.is(")") {
                    name = Some(self.name()?);
                }
                self.expect(")")?;
            }
            let when = if self.eat_word("when") { Some(self.condition()?) } else { None };
            catches.push(Catch { class, name, when, body: self.block()? });
        }
        let finally = if self.eat_word("finally") { Some(self.block()?) } else { None };
        if catches.is_empty() && finally.is_none() {
            return Err(self.fault("'catch' or 'finally' is missing after 'try'"));
        }
        Ok(StmtKind::Try { body, catches, finally })
    }

    fn using(&mut self) -> Result<StmtKind, Fault> {
        self.advance();
        self.expect("(")?;
        let span = self.span();
        let kind = match self.variables()? {
            Some(kind) => kind,
            None => StmtKind::Expr(self.expression()?),
        };
        self.expect(")")?;
        let declaration = Box::new(Stmt { span, kind });
        Ok(StmtKind::Using { declaration, body: Box::new(self.statement()?) })
    }

    /// A declaration of variables or of a local function, if one stands here.
    fn declaration(&mut self) -> Result<Option<StmtKind>, Fault> {
        if self.is_word("var") && self.is_at(1, "(") {
            self.at += 2;
            let mut names = vec![self.name()?];
            while self.eat(",") {
                names.push(self.name()?);
            }
            self.expect(")")?;
            self.expect("=")?;
            let value = self.expression()?;
            self.expect(";")?;
            return Ok(Some(StmtKind::Deconstruct(names, value)));
        }
        if self.is("(")
            && let Some(names) = self.typed_names()?
        {
            self.expect("=")?;
            let value = self.expression()?;
            self.expect(";")?;
            return Ok(Some(StmtKind::Deconstruct(names, value)));
        }
        let start = self.at;
        self.eat_word("static");
        self.eat_word("async");
        if let Some(class) = self.try_type(true)?
            && self.is_name_at(0)
            && (self.is_at(1, "(") || self.is_at(1, "<"))
        {
            return self.local_function(class).map(Some);
        }
        self.at = start;
        let found = self.variables()?;
        if found.is_some() {
            self.expect(";")?;
        }
        Ok(found)
    }

    /// `(int a, var b)` before `=`, if that is what stands here.
    fn typed_names(&mut self) -> Result<Option<Vec<Name>>, Fault> {
        let start = self.at;
        self.advance();
        let mut names = Vec::new();
        loop {
            let typed = self.eat_word("var") || self.try_type(true)?.is_some();
            if !typed || !self.is_name_at(0) {
                break;
            }
            names.push(self.name()?);
            if self.is(")") && self.is_at(1, "=") && names.len() > 1 {
                self.advance();
                return Ok(Some(names));
            }
            if !self.eat(",") {
                break;
            }
        }
        self.at = start;
        Ok(None)
    }

    /// `T a = 1, b` without the semicolon, if it stands here.
    fn variables(&mut self) -> Result<Option<StmtKind>, Fault> {
        let start = self.at;
        if self.is_word("var") && self.is_name_at(1) {
            self.advance();
            return self.declarators(None, false).map(Some);
        }
        if let Some(class) = self.try_type(true)? {
            let follows = matches!(self.look(1), Kind::Punctuation("=" | ";" | "," | ")"));
            if self.is_name_at(0) && follows {
                return self.declarators(Some(class), false).map(Some);
            }
            // Two names in a row can be nothing else: say what is wrong with it.
            if self.is_name_at(0) && !self.is_word("is") {
                self.advance();
                return Err(self.fault(format!("'=' or ';' is missing before {}", self.found())));
            }
        }
        self.at = start;
        Ok(None)
    }

    fn declarators(&mut self, class: Option<TypeName>, constant: bool) -> Result<StmtKind, Fault> {
        let mut variables = Vec::new();
        loop {
            let name = self.name()?;
            let value = if self.eat("=") {
                Some(if self.is("{") { self.array_value(class.as_ref())? } else { self.expression()? })
            } else {
                None
            };
            variables.push((name, value));
            if !self.eat(",") {
                return Ok(StmtKind::Declare { class, constant, variables });
            }
        }
    }

    /// `{ 1, 2 }` as the value of a variable of an array type.
    fn array_value(&mut self, class: Option<&TypeName>) -> Result<crate::syntax::Expr, Fault> {
        let span = self.span();
        let mut element = class.cloned();
        if let Some(element) = &mut element {
            element.suffixes.pop();
        }
        self.expect("{")?;
        let mut items = Vec::new();
        while !self.eat("}") {
            items.push(self.expression()?);
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(crate::syntax::Expr {
            span,
            kind: crate::syntax::ExprKind::Array { element, length: None, items: Some(items) },
        })
    }

    fn local_function(&mut self, returns: TypeName) -> Result<StmtKind, Fault> {
        let name = self.name()?;
        if self.is("<") {
            return Err(self.fault("a local function with type parameters is not supported"));
        }
        self.expect("(")?;
        self.inside += 1;
        let result = self.local_function_rest(returns);
        self.inside -= 1;
        self.captured.insert(Arc::clone(&name.text));
        Ok(StmtKind::Function(name, Arc::new(result?)))
    }

    fn local_function_rest(&mut self, returns: TypeName) -> Result<Lambda, Fault> {
        let mut parameters = Vec::new();
        while !self.eat(")") {
            let class = self.type_name()?;
            parameters.push((Some(class), self.name()?));
            if !self.eat(",") {
                self.expect(")")?;
                break;
            }
        }
        let body = if self.eat("=>") {
            let value = self.expression()?;
            self.expect(";")?;
            Body::Expr(value)
        } else {
            Body::Block(self.block()?)
        };
        Ok(Lambda { parameters, body, returns: Some(returns) })
    }

    /// Whether a word is reserved.
    pub(super) fn is_keyword(word: &str) -> bool {
        KEYWORDS.contains(&word)
    }

    pub(super) fn here(&self) -> Span {
        self.span()
    }
}

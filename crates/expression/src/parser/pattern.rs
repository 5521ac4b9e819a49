//! Patterns of `is` and `case`.

use super::expression::SHIFT;
use super::{PREDEFINED, Parser};
use crate::diagnostic::Fault;
use crate::lexer::Kind;
use crate::syntax::Pattern;

impl Parser<'_> {
    pub(super) fn pattern(&mut self) -> Result<Pattern, Fault> {
        if self.is_word("not") {
            self.advance();
            return self.nested(|p| Ok(Pattern::Not(Box::new(p.pattern()?))));
        }
        if self.is_word("_") {
            self.advance();
            return Ok(Pattern::Discard);
        }
        if self.is_word("var") && self.is_name_at(1) {
            self.advance();
            return Ok(Pattern::Var(self.name()?));
        }
        let start = self.at;
        if let Some(class) = self.try_type(false)? {
            if self.is_name_at(0) && !self.is_word("when") && !self.is_word("and") && !self.is_word("or") {
                let name = self.name()?;
                return Ok(Pattern::Type(class, Some(name)));
            }
            let ends = matches!(
                self.peek(),
                Kind::End
                    | Kind::Punctuation(
                        ")" | ";" | ":" | "," | "&&" | "||" | "?" | "==" | "!=" | "}" | "]" | "??"
                    )
            );
            let constant =
                class.arguments.is_empty() && class.suffixes.is_empty() && class.name.contains('.');
            if (ends || self.is_word("when")) && !constant
                || PREDEFINED.contains(&class.name.as_ref()) && !self.is(".")
            {
                return Ok(Pattern::Type(class, None));
            }
            self.at = start;
        }
        Ok(Pattern::Constant(self.binary(SHIFT)?))
    }
}

//! Values of attributes and elements: a literal, or an expression that gives the value for each request.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, RangeInclusive};
use std::sync::Arc;

use gatehouse_expression::{Expression, Value};
use gatehouse_model::Location;

use crate::evaluation::Evaluation;
use crate::{Exchange, Failure, World, trace};

/// The reason of the failure that an expression's exception becomes.
pub(crate) const EVALUATION_FAILURE: &str = "ExpressionValueEvaluationFailure";

/// A compiled expression and the policy that it belongs to.
#[derive(Clone)]
pub(crate) struct Computed {
    pub(crate) expression: Arc<Expression>,
    /// The policy: the source of a failure.
    pub(crate) policy: &'static str,
    pub(crate) location: Location,
    /// Whether a secret named value stands in its text.
    pub(crate) is_secret: bool,
}

impl Computed {
    /// Runs the expression.
    ///
    /// # Errors
    /// Its exception, as `ExpressionValueEvaluationFailure` of the policy with status 500.
    pub(crate) fn evaluate(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Value, Failure> {
        let mut context = Evaluation::new(exchange, world);
        let result = self.expression.evaluate(&mut context);
        let has_read_secret = context.has_read_secret();
        let value = result.map_err(|exception| self.failure(&exception.to_string()))?;
        if let Some(trace) = &mut exchange.trace {
            let is_secret = self.is_secret || has_read_secret;
            trace.evaluated(&trace::Evaluated { location: &self.location, value: &value, is_secret });
        }
        Ok(value)
    }

    /// Runs the expression and hands out its text; null is the empty text.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    fn evaluate_text<T>(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
        read: impl FnOnce(&str) -> T,
    ) -> Result<T, Failure> {
        if exchange.trace.is_some() {
            return Ok(read(&self.evaluate(exchange, world)?.to_text()));
        }
        let mut context = Evaluation::new(exchange, world);
        let result = self.expression.evaluate_text(&mut context, read);
        result.map_err(|exception| self.failure(&exception.to_string()))
    }

    /// The value has not the type that the attribute needs.
    fn unfit(&self, value: &Value, wanted: &str) -> Failure {
        self.failure(&format!("the expression gave {}, but {wanted} is needed", value.type_name()))
    }

    fn failure(&self, message: &str) -> Failure {
        let place = format!("{}:{}", self.location.line, self.location.column);
        Failure::internal(self.policy, EVALUATION_FAILURE, format!("Expression at {place}: {message}"))
    }
}

impl fmt::Debug for Computed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expression at {}", self.location)
    }
}

/// Text.
#[derive(Clone)]
pub(crate) enum Text {
    /// It stands for itself.
    Literal(Arc<str>),
    /// An expression gives it.
    Expression(Computed),
    /// Literal text and expressions, one after the other.
    Mixed(Vec<Self>),
}

/// Text for one request.
#[derive(Debug)]
pub(crate) enum Evaluated<'v> {
    /// The literal of the document.
    Literal(&'v Arc<str>),
    /// What an expression gave.
    Computed(Arc<str>),
}

impl Text {
    /// The text where it is known at load.
    pub(crate) fn literal(&self) -> Option<&Arc<str>> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Expression(_) | Self::Mixed(_) => None,
        }
    }

    /// The text for this request; null is the empty text.
    pub(crate) fn evaluate(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Evaluated<'_>, Failure> {
        match self {
            Self::Literal(text) => Ok(Evaluated::Literal(text)),
            Self::Expression(computed) => {
                Ok(Evaluated::Computed(computed.evaluate(exchange, world)?.to_text()))
            }
            Self::Mixed(parts) => {
                let mut whole = String::new();
                for part in parts {
                    whole.push_str(&part.evaluate(exchange, world)?);
                }
                Ok(Evaluated::Computed(whole.into()))
            }
        }
    }

    /// Hands out the text for this request, where nobody has to keep it.
    pub(crate) fn read<T>(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
        read: impl FnOnce(&str) -> T,
    ) -> Result<T, Failure> {
        match self {
            Self::Expression(computed) => computed.evaluate_text(exchange, world, read),
            Self::Literal(_) | Self::Mixed(_) => Ok(read(&self.evaluate(exchange, world)?)),
        }
    }

    /// The value for this request with the type that an expression gave it; a literal is a string.
    pub(crate) fn value(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Value, Failure> {
        match self {
            Self::Expression(computed) => computed.evaluate(exchange, world),
            Self::Literal(_) | Self::Mixed(_) => Ok(Value::String(self.evaluate(exchange, world)?.into())),
        }
    }
}

impl fmt::Debug for Text {
    /// A literal may hold the value of a secret named value: it is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => write!(f, "literal of {} bytes", text.len()),
            Self::Expression(computed) => computed.fmt(f),
            Self::Mixed(parts) => f.debug_list().entries(parts).finish(),
        }
    }
}

impl Deref for Evaluated<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            Self::Literal(text) => text,
            Self::Computed(text) => text,
        }
    }
}

impl fmt::Display for Evaluated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl From<Evaluated<'_>> for String {
    fn from(text: Evaluated<'_>) -> Self {
        (*text).to_owned()
    }
}

impl From<Evaluated<'_>> for Cow<'static, str> {
    fn from(text: Evaluated<'_>) -> Self {
        Self::Owned(text.into())
    }
}

impl From<Evaluated<'_>> for Arc<str> {
    fn from(text: Evaluated<'_>) -> Self {
        match text {
            Evaluated::Literal(text) => Self::clone(text),
            Evaluated::Computed(text) => text,
        }
    }
}

/// A truth value.
#[derive(Clone, Debug)]
pub(crate) enum Boolean {
    /// It stands for itself.
    Literal(bool),
    /// An expression gives it: a `bool`, or the text of one.
    Expression(Computed),
}

impl Boolean {
    /// The value where it is known at load.
    pub(crate) fn literal(&self) -> Option<bool> {
        match self {
            Self::Literal(value) => Some(*value),
            Self::Expression(_) => None,
        }
    }

    /// The value for this request.
    pub(crate) fn evaluate(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<bool, Failure> {
        match self {
            Self::Literal(value) => Ok(*value),
            Self::Expression(computed) => {
                let value = computed.evaluate(exchange, world)?;
                value.to_boolean().ok_or_else(|| computed.unfit(&value, "a bool"))
            }
        }
    }
}

/// A whole number within bounds.
#[derive(Clone, Debug)]
pub(crate) enum Integer {
    /// It stands for itself.
    Literal(i64),
    /// An expression gives it: any integral type, or the text of a number.
    Expression(Computed, RangeInclusive<i64>),
}

impl Integer {
    /// The value for this request.
    pub(crate) fn evaluate(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<i64, Failure> {
        match self {
            Self::Literal(value) => Ok(*value),
            Self::Expression(computed, range) => {
                let value = computed.evaluate(exchange, world)?;
                let wanted = || format!("a whole number from {} to {}", range.start(), range.end());
                let number = value.to_integer().ok_or_else(|| computed.unfit(&value, &wanted()))?;
                if range.contains(&number) {
                    return Ok(number);
                }
                Err(computed.failure(&format!("the expression gave {number}, but {} is needed", wanted())))
            }
        }
    }
}

/// One of a few words.
#[derive(Clone)]
pub(crate) enum Enumeration<T: 'static> {
    /// It stands for itself.
    Literal(T),
    /// An expression gives the word.
    Expression(Computed, &'static [(&'static str, T)]),
}

impl<T: Copy> Enumeration<T> {
    /// The value where it is known at load.
    pub(crate) fn literal(&self) -> Option<T> {
        match self {
            Self::Literal(value) => Some(*value),
            Self::Expression(..) => None,
        }
    }

    /// The value for this request.
    pub(crate) fn evaluate(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<T, Failure> {
        match self {
            Self::Literal(value) => Ok(*value),
            Self::Expression(computed, words) => {
                let value = computed.evaluate(exchange, world)?;
                let word = value.to_text();
                let found = words.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.trim()));
                found.map(|(_, value)| *value).ok_or_else(|| {
                    let words: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
                    computed.failure(&format!("the expression must give one of {}", words.join(", ")))
                })
            }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Enumeration<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(value) => value.fmt(f),
            Self::Expression(computed, _) => computed.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    fn text(value: &str) -> String {
        let policy = format!("<set-header name=\"x\"><value>{value}</value></set-header>");
        let exchange = run(&document("inbound", &policy));
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        exchange.request.headers["x"].to_str().unwrap().to_owned()
    }

    #[test]
    fn expressions_may_stand_between_text() {
        assert_eq!(text("a @(context.Request.Method) b @(1 + 1)"), "a GET b 2");
        assert_eq!(text("@(context.Request.Method) b"), "GET b");
        assert_eq!(text("a@(b) c@{d}"), "a@(b) c@{d}");
    }

    #[test]
    fn null_is_the_empty_text() {
        assert_eq!(text("@((string)null)"), "");
    }

    #[test]
    fn a_named_value_may_be_an_expression_or_a_part_of_one() {
        let mut catalog = catalog(&document(
            "inbound",
            "<set-header name=\"x\"><value>{{whole}}</value></set-header><set-header name=\"y\"><value>@(\"{{part}}\" + 1)</value></set-header>",
        ));
        let values = [
            named_value("whole", Some("@(context.Request.Method + \"{{part}}\")"), false),
            named_value("part", Some("p"), false),
        ];
        for value in values {
            catalog.service.named_values.insert(value.name.clone(), value);
        }
        let mut exchange = exchange();
        TestWorld::new().run(&policies(&catalog).global(), &mut exchange);
        assert_eq!(exchange.request.headers["x"], "GET{{part}}");
        assert_eq!(exchange.request.headers["y"], "p1");
    }

    #[test]
    fn an_expression_that_does_not_compile_is_told_where_it_stands() {
        let told = findings_in("inbound", "\n<set-variable name=\"a\" value=\"@(1 +\n context.Reqest)\" />");
        assert!(told.len() == 1 && told[0].starts_with("policy.xml:3:"), "{told:?}");
    }

    #[test]
    fn a_secret_in_an_expression_that_does_not_compile_is_not_shown() {
        let mut catalog = catalog(&document("inbound", "<set-variable name=\"a\" value=\"@({{key}})\" />"));
        let value = named_value("key", Some("hush"), true);
        catalog.service.named_values.insert(value.name.clone(), value);
        let told = findings(&catalog).join("\n");
        assert!(told.contains("does not compile once its secret named value is put in"), "{told}");
        assert!(!told.contains("hush"));
    }

    #[test]
    fn steps_do_not_show_what_their_literals_hold() {
        let plan = plan(&document(
            "inbound",
            "<set-variable name=\"a\" value=\"hush\" /><set-header name=\"a\"><value>hush</value></set-header><set-body>hush</set-body>",
        ));
        assert!(!format!("{plan:?}").contains("hush"));
    }
}

//! Where the token stands in a request.

use http::HeaderName;
use http::header::AUTHORIZATION;

use super::refusal::Refusal;
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Exchange, Failure, World};

/// Where the token stands.
#[derive(Debug)]
pub(super) enum Place {
    Header(Text),
    Query(Text),
    Value(Text),
}

/// A token as it was presented.
#[derive(Debug)]
pub(super) struct Presented {
    pub(super) token: String,
    /// Whether it came with the scheme of RFC 9449.
    pub(super) is_dpop: bool,
}

/// The attributes that say where.
pub(super) const ATTRIBUTES: [&str; 3] = ["header-name", "query-parameter-name", "token-value"];

impl Place {
    /// Compiles the attributes; exactly one must be there, or none where there is a default.
    pub(super) fn compile(
        builder: &mut Builder<'_>,
        element: &Element,
        default: Option<&'static str>,
    ) -> Result<Self, Reported> {
        let named: Vec<&str> =
            ATTRIBUTES.iter().copied().filter(|name| element.attribute(name).is_some()).collect();
        let [name] = named[..] else {
            if let (Some(default), true) = (default, named.is_empty()) {
                return Ok(Self::Header(Text::Literal(default.into())));
            }
            let message = format!(
                "`{}` needs exactly one of `header-name`, `query-parameter-name` and `token-value`",
                element.name
            );
            return Err(builder.error("bad-value", &element.location, message));
        };
        let text = builder.text(element, name);
        if let Some(literal) = text.literal() {
            let is_bad = match name {
                "header-name" => HeaderName::from_bytes(literal.as_bytes()).is_err(),
                _ => literal.is_empty(),
            };
            if is_bad {
                let location =
                    element.attribute(name).map_or(&element.location, |known| &known.value.location);
                let message = format!("`{}` cannot be the `{name}`", literal.escape_debug());
                return Err(builder.error("bad-value", location, message));
            }
        }
        Ok(match name {
            "header-name" => Self::Header(text),
            "query-parameter-name" => Self::Query(text),
            _ => Self::Value(text),
        })
    }

    /// The token of a request. A scheme is asked for in `Authorization` only, as Azure does.
    pub(super) fn find(
        &self,
        scheme: Option<&str>,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Result<Presented, Refusal>, Failure> {
        let found = match self {
            Self::Header(name) => {
                let name = name.evaluate(exchange, world)?;
                let is_authorization = name.eq_ignore_ascii_case(AUTHORIZATION.as_str());
                let mut values = exchange.request.headers.get_all(&*name).iter();
                match (values.next(), values.next()) {
                    (None, _) => Err(Refusal::NOT_PRESENT),
                    (Some(_), Some(_)) => Err(Refusal::invalid("The request has more than one token.")),
                    (Some(value), None) => match std::str::from_utf8(value.as_bytes()) {
                        Ok(value) => take(value, scheme.filter(|_| is_authorization)),
                        Err(_) => Err(Refusal::invalid("The token is not text.")),
                    },
                }
            }
            Self::Query(name) => {
                let name = name.evaluate(exchange, world)?;
                let query = &exchange.request.original_url.query;
                let mut values = query.values(&name);
                match (values.next(), values.next()) {
                    (None, _) => Err(Refusal::NOT_PRESENT),
                    (Some(_), Some(_)) => Err(Refusal::invalid("The request has more than one token.")),
                    (Some(value), None) if value.is_empty() => Err(Refusal::NOT_PRESENT),
                    (Some(value), None) => Ok(Presented { token: value.into_owned(), is_dpop: false }),
                }
            }
            Self::Value(text) => {
                let token: String = text.evaluate(exchange, world)?.into();
                if token.is_empty() {
                    Err(Refusal::NOT_PRESENT)
                } else {
                    Ok(Presented { token, is_dpop: false })
                }
            }
        };
        Ok(found)
    }
}

/// The token of a field, with the scheme where one is asked for, else with or without `Bearer` or `DPoP`.
fn take(value: &str, scheme: Option<&str>) -> Result<Presented, Refusal> {
    let value = value.trim_matches([' ', '\t']);
    let (first, rest) = match value.split_once(' ') {
        Some((first, rest)) => (first, rest.trim_start_matches(' ')),
        None => ("", value),
    };
    let is_dpop = first.eq_ignore_ascii_case("DPoP");
    let fits = match scheme {
        Some(scheme) => {
            first.eq_ignore_ascii_case(scheme) || is_dpop && scheme.eq_ignore_ascii_case("Bearer")
        }
        None => first.is_empty() || is_dpop || first.eq_ignore_ascii_case("Bearer"),
    };
    if !fits || rest.is_empty() || scheme.is_none() && is_scheme(rest) {
        return Err(Refusal::NOT_PRESENT);
    }
    Ok(Presented { token: rest.to_owned(), is_dpop })
}

/// A scheme without a token.
fn is_scheme(text: &str) -> bool {
    ["Bearer", "DPoP", "Basic"].iter().any(|scheme| text.eq_ignore_ascii_case(scheme))
}

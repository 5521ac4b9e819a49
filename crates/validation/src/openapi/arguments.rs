//! What an operation says of the arguments of its requests, for whoever looks at them one by one.

use super::outline::{Outlines, Standing, Step};
use super::parameter::Parameter;
use super::style::{Location, Style};
use super::text::brackets;
use super::{Operation, media};

/// What an operation says of bodies of one content type.
#[derive(Clone, Copy, Debug)]
pub struct BodyOutline<'o> {
    outlines: &'o Outlines,
    root: Option<u32>,
}

impl Operation {
    /// What is said of a parameter of the query, name and value decoded.
    pub fn query_argument(&self, name: &str, value: &[u8]) -> Standing {
        let Some(parameter) = self.parameters.iter().find(|parameter| parameter.covers(name)) else {
            let is_key = self.query_keys.iter().any(|key| **key == *name);
            return if is_key {
                Standing { spelled: true, ..Standing::DECLARED }
            } else {
                Standing::UNDECLARED
            };
        };
        let is_name = parameter.name.eq_ignore_ascii_case(name);
        let steps: Vec<Step<'_>> = match brackets(name) {
            _ if is_name || parameter.location == Location::QueryString => Vec::new(),
            Some((_, path)) if parameter.style == Style::DeepObject || parameter.shape.is_object() => {
                path.iter().map(|part| Step::Member(part.as_bytes())).collect()
            }
            Some(_) => Vec::new(),
            None => vec![Step::Member(name.as_bytes())],
        };
        let mut standing = self.scalar(parameter, &steps, value);
        standing.spelled &= parameter.location == Location::Query;
        standing
    }

    /// What is said of a header field or a cookie.
    pub fn field(&self, location: Location, name: &str, value: &[u8]) -> Standing {
        let found = self.parameters.iter().find(|parameter| {
            parameter.location == location
                && if location == Location::Header {
                    parameter.name.eq_ignore_ascii_case(name)
                } else {
                    *parameter.name == *name
                }
        });
        found.map_or(Standing::UNDECLARED, |parameter| self.scalar(parameter, &[], value))
    }

    /// What is said of bodies of a content type; `None` where there are none of it.
    pub fn body_outline(&self, content_type: &str) -> Option<BodyOutline<'_>> {
        let media = media::find(&self.body.as_ref()?.media, content_type)?;
        Some(BodyOutline { outlines: self.outlines.as_deref()?, root: media.outline })
    }

    fn scalar(&self, parameter: &Parameter, steps: &[Step<'_>], value: &[u8]) -> Standing {
        let spelled = Standing { spelled: true, ..Standing::DECLARED };
        let (Some(outlines), Some(root)) = (self.outlines.as_deref(), parameter.outline) else {
            return spelled;
        };
        if parameter.is_json {
            return spelled;
        }
        if !(steps.is_empty() && parameter.shape.is_array()) {
            return outlines.standing(root, steps.iter().copied(), value);
        }
        let Ok(text) = std::str::from_utf8(value) else { return spelled };
        let parts = if parameter.explode { vec![text] } else { parameter.style.split(text) };
        let mut proof = None;
        for part in parts {
            proof = outlines.standing(root, [Step::Element].into_iter(), part.as_bytes()).proof;
            if proof.is_none() {
                break;
            }
        }
        Standing { proof, ..spelled }
    }
}

impl BodyOutline<'_> {
    /// What is said of a value inside a body of JSON.
    pub fn leaf<'s>(&self, path: impl Iterator<Item = Step<'s>>, value: &[u8]) -> Standing {
        self.root.map_or(Standing::DECLARED, |root| self.outlines.standing(root, path, value))
    }

    /// What is said of a field of a form, name and value decoded.
    pub fn field(&self, name: &[u8], value: &[u8]) -> Standing {
        let Some(root) = self.root else { return Standing::DECLARED };
        let ask = |steps: &[Step<'_>]| self.outlines.standing(root, steps.iter().copied(), value);
        let direct = ask(&[Step::Member(name)]);
        if direct.declared {
            if direct.proof.is_some() {
                return direct;
            }
            let element = ask(&[Step::Member(name), Step::Element]);
            return Standing { proof: element.proof, ..direct };
        }
        let Some((base, path)) = std::str::from_utf8(name).ok().and_then(brackets) else { return direct };
        let mut steps = vec![Step::Member(base.as_bytes())];
        for part in path {
            let is_index = part.is_empty() || part.bytes().all(|byte| byte.is_ascii_digit());
            steps.push(if is_index { Step::Element } else { Step::Member(part.as_bytes()) });
        }
        ask(&steps)
    }
}

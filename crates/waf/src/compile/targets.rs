//! The variables of a rule.

use super::build::Compiler;
use crate::rule::Target;
use crate::seclang::{TargetText, split_targets};
use crate::variables::{Selector, Variable, named};
use crate::xpath::XPath;

impl Compiler<'_> {
    /// The targets of a list of variables. Exclusions go to the targets of the same variable, wherever they stand.
    pub(super) fn targets(&mut self, text: &str) -> Result<Vec<Target>, String> {
        let texts = split_targets(text)?;
        let mut targets = Vec::new();
        for text in texts.iter().filter(|text| !text.excluded) {
            targets.push(self.target(text)?);
        }
        for text in texts.iter().filter(|text| text.excluded) {
            exclude(&mut targets, text)?;
        }
        Ok(targets)
    }

    pub(super) fn target(&mut self, text: &TargetText) -> Result<Target, String> {
        let (variable, name) = named(&text.variable)?;
        let mut target = Target {
            variable,
            name,
            selector: Selector::All,
            slot: None,
            excluded: Vec::new(),
            counted: text.counted,
        };
        match (variable, &text.selector) {
            (Variable::Xml, Some(path)) => {
                let path = XPath::parse(path)?;
                let slot = self.xpaths.iter().position(|known| *known == path).unwrap_or_else(|| {
                    self.xpaths.push(path);
                    self.xpaths.len() - 1
                });
                target.slot = Some(slot as u32);
            }
            (Variable::Xml, None) => {
                return Err("XML needs a path, such as XML:/* or XML://@*".to_owned());
            }
            (Variable::Rule, None) => return Err("RULE needs a property, such as RULE:id".to_owned()),
            (_, None) => {}
            (
                Variable::Scalar(_)
                | Variable::MatchedVar
                | Variable::MatchedVarName
                | Variable::HighestSeverity
                | Variable::Time(_),
                Some(_),
            ) => {
                return Err(format!("{name} is one value and has no entries"));
            }
            (_, Some(selector)) => {
                target.selector = Selector::parse(selector)?;
                if let (Variable::Tx, Selector::Named(name)) = (variable, &target.selector) {
                    target.slot = Some(self.names.slot(name));
                }
            }
        }
        Ok(target)
    }
}

/// Leaves entries out of the targets of the same variable; a whole variable takes the targets with it.
pub(super) fn exclude(targets: &mut Vec<Target>, text: &TargetText) -> Result<(), String> {
    let (_, name) = named(&text.variable)?;
    match &text.selector {
        None => targets.retain(|target| target.name != name),
        Some(selector) if name == "XML" => {
            // A path excludes the same path.
            let path = XPath::parse(selector)?;
            let _ = path;
            targets.retain(|target| target.name != name);
        }
        Some(selector) => {
            for target in targets.iter_mut().filter(|target| target.name == name) {
                target.excluded.push(Selector::parse(selector)?);
            }
        }
    }
    Ok(())
}

//! Directives and controls that are about other rules, resolved once all rules are known.

use super::build::{Change, Compiler};
use super::targets::exclude;
use crate::bit_set::BitSet;
use crate::error::{Place, RuleError};
use crate::operators::Linear;
use crate::rule::{Action, Control, Rule};
use crate::seclang::{Filter, split_targets};

impl Compiler<'_> {
    /// Applies a directive that changes rules. One that changes none is worth a note.
    pub(super) fn change(&mut self, place: &Place, change: Change) -> Result<(), String> {
        let note = match change {
            Change::Remove(filter) => {
                let matcher = Matcher::new(&filter)?;
                let before = self.rules.len();
                let removed: Vec<bool> = self.rules.iter().map(|rule| matcher.matches(rule)).collect();
                self.forget(&removed);
                (before == self.rules.len()).then_some("removes no rule")
            }
            Change::Targets(filter, text) => {
                let matcher = Matcher::new(&filter)?;
                let texts = split_targets(&text)?;
                let mut changed = false;
                for at in 0..self.rules.len() {
                    if !matcher.matches(&self.rules[at]) {
                        continue;
                    }
                    changed = true;
                    for text in &texts {
                        if text.excluded {
                            for link in &mut self.rules[at].links {
                                let had_targets = !link.targets.is_empty();
                                exclude(&mut link.targets, text)?;
                                // A condition without anything to look at never holds.
                                debug_assert!(had_targets || link.operator.is_none());
                            }
                        } else {
                            let target = self.target(text)?;
                            if let Some(link) = self.rules[at].links.first_mut() {
                                link.targets.push(target);
                            }
                        }
                    }
                }
                (!changed).then_some("changes no rule")
            }
            Change::Actions { id, link, actions } => {
                let parsed = self.parse_actions(&actions)?;
                if parsed.id.is_some() || parsed.phase.is_some() || parsed.chain {
                    return Err("id, phase and chain of a rule cannot be changed".to_owned());
                }
                let Some(rule) = self.rules.iter_mut().find(|rule| rule.id == id) else {
                    self.notes.push(RuleError {
                        place: place.clone(),
                        message: format!("changes no rule: there is no {id}"),
                    });
                    return Ok(());
                };
                if !parsed.filters.is_empty() {
                    return Err(
                        "ctl with rules cannot be added to a rule; write a rule of its own".to_owned()
                    );
                }
                parsed.fill(rule);
                let links = rule.links.len();
                let Some(changed) = rule.links.get_mut(link) else {
                    return Err(format!("rule {id} has {links} links, there is no link {link}"));
                };
                changed.capture |= parsed.capture;
                changed.multi_match |= parsed.multi_match;
                changed.actions.extend(parsed.actions);
                let steps = if parsed.clears_transformations {
                    Some(parsed.transformations)
                } else if parsed.transformations.is_empty() {
                    None
                } else {
                    let mut steps = self.chains[changed.chain].to_vec();
                    steps.extend(parsed.transformations);
                    Some(steps)
                };
                if let Some(steps) = steps {
                    let chain = self.chain(steps);
                    if let Some(rule) = self.rules.iter_mut().find(|rule| rule.id == id) {
                        rule.links[link].chain = chain;
                    }
                }
                None
            }
        };
        if let Some(message) = note {
            self.notes.push(RuleError { place: place.clone(), message: message.to_owned() });
        }
        Ok(())
    }

    /// Takes rules out, and with them what waits for them.
    fn forget(&mut self, removed: &[bool]) {
        let mut next = 0;
        let places: Vec<Option<usize>> = removed
            .iter()
            .map(|removed| {
                (!removed).then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect();
        let mut at = 0;
        self.rules.retain(|_| {
            at += 1;
            !removed[at - 1]
        });
        self.pending.retain_mut(|pending| match places[pending.rule] {
            Some(place) => {
                pending.rule = place;
                true
            }
            None => false,
        });
        self.unreachable_only.retain_mut(|(rule, _, _)| match places.get(*rule).copied().flatten() {
            Some(place) => {
                *rule = place;
                true
            }
            None => false,
        });
    }

    /// Turns the filters of `ctl` actions into sets of rules.
    pub(super) fn resolve_filters(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            let place = self.rules[pending.rule].links[pending.link].place.clone();
            let matcher = match Matcher::new(&pending.filter) {
                Ok(matcher) => matcher,
                Err(message) => {
                    self.errors.push(RuleError { place, message });
                    continue;
                }
            };
            let mut set = BitSet::default();
            for (at, rule) in self.rules.iter().enumerate() {
                if matcher.matches(rule) {
                    set.insert(at);
                }
            }
            match &mut self.rules[pending.rule].links[pending.link].actions[pending.action] {
                Action::Control(Control::RemoveRules(rules)) => *rules = set,
                Action::Control(Control::RemoveTargets(removed)) => removed.rules = set,
                _ => {}
            }
        }
    }
}

/// A filter, ready to be asked.
enum Matcher<'f> {
    Ids(&'f [(u64, u64)]),
    Tag(Linear),
    Message(Linear),
}

impl<'f> Matcher<'f> {
    fn new(filter: &'f Filter) -> Result<Self, String> {
        Ok(match filter {
            Filter::Ids(ids) => Self::Ids(ids),
            Filter::Tag(pattern) => Self::Tag(Linear::new(pattern)?),
            Filter::Message(pattern) => Self::Message(Linear::new(pattern)?),
        })
    }

    fn matches(&self, rule: &Rule) -> bool {
        match self {
            Self::Ids(ids) => ids.iter().any(|(first, last)| (*first..=*last).contains(&rule.id)),
            Self::Tag(pattern) => rule.tags.iter().any(|tag| pattern.is_match(tag.as_bytes())),
            Self::Message(pattern) => rule
                .message
                .as_ref()
                .and_then(|message| message.as_constant())
                .is_some_and(|message| pattern.is_match(message)),
        }
    }
}

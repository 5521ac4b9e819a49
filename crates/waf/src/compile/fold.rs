//! Conditions that are decided when the rules are loaded. The CRS asks its paranoia level some two hundred times a request, and
//! the answer is the same each time: such rules, and those that they pass over, are left out of a second, shorter plan.
//!
//! A walk over the rules follows what is known of `TX`. Only what holds in every transaction is folded; a transaction
//! that takes one of the rules away that this knowledge rests on goes back to the whole plan.

use std::borrow::Cow;
use std::cell::Cell;

use crate::bit_set::BitSet;
use crate::macros::{Macro, Piece};
use crate::names::Names;
use crate::operators::{Captures, Expand};
use crate::rule::{Action, Allow, Assigned, Change, Disruption, Link, Rule, Target};
use crate::transformations::TransformationId;
use crate::variables::{Selector, Variable};

/// What is known of a variable of `TX`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    Unset,
    Text(Vec<u8>),
    /// It differs from transaction to transaction.
    Unknown,
}

/// The shorter plan.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) phases: [Vec<u32>; 5],
    /// The rules that the plan rests on.
    pub(super) relied_on: BitSet,
}

/// Walks over the plan and leaves out what is decided.
pub(super) fn fold(
    rules: &[Rule],
    phases: &[Vec<u32>; 5],
    chains: &[Box<[TransformationId]>],
    names: &Names,
    initial: &[(u32, String)],
) -> Folded {
    let mut state = State { slots: vec![Known::Unset; names.len()], names, touched: Cell::new(false) };
    for capture in 0..Captures::MOST {
        state.forget(capture as u32);
    }
    for (slot, value) in initial {
        state.slots[*slot as usize] = Known::Text(value.clone().into_bytes());
    }
    let mut folded = Folded { phases: phases.clone(), relied_on: BitSet::default() };
    let uses =
        |phase: usize, test: fn(&Rule) -> bool| phases[phase].iter().any(|at| test(&rules[*at as usize]));
    // Phases 2 to 4 begin with what phase 1 has left, but for what they set themselves; phase 5 may follow any of them.
    for (phase, plan) in phases.iter().enumerate().take(4) {
        if phase > 0 && uses(0, |rule| matches!(rule.disruption, Disruption::Allow(Allow::Phase))) {
            break;
        }
        if phase == 2 {
            for at in phases[1..4].iter().flatten() {
                state.forget_all(&rules[*at as usize]);
            }
        }
        // `skip` counts the rules of the whole plan.
        if uses(phase, |rule| rule.skip > 0) {
            for at in plan {
                state.forget_all(&rules[*at as usize]);
            }
            continue;
        }
        folded.phases[phase] = state.walk(rules, plan, chains, &mut folded.relied_on);
    }
    folded
}

struct State<'n> {
    slots: Vec<Known>,
    names: &'n Names,
    /// Whether the last expansion met something unknown.
    touched: Cell<bool>,
}

impl State<'_> {
    fn walk(
        &mut self,
        rules: &[Rule],
        plan: &[u32],
        chains: &[Box<[TransformationId]>],
        relied_on: &mut BitSet,
    ) -> Vec<u32> {
        let mut kept = Vec::new();
        // Where rules that may match lead to: what stands before the farthest of these places may be passed over.
        let mut jumps: Vec<u32> = Vec::new();
        let mut next = 0;
        for at in plan {
            if *at < next {
                continue;
            }
            let rule = &rules[*at as usize];
            let conditional = jumps.iter().any(|to| *to > *at);
            match self.decide(rule, chains) {
                Some(false) => relied_on.insert(*at as usize),
                Some(true) => {
                    let to = rule.skip_after.as_ref().map(|(_, to)| *to);
                    let lands_between =
                        to.is_some_and(|to| jumps.iter().any(|jump| *jump > *at && *jump < to));
                    if conditional {
                        self.forget_all(rule);
                    } else {
                        self.apply(rule);
                    }
                    relied_on.insert(*at as usize);
                    let silent = !rule.log
                        && !rule.audit
                        && matches!(rule.disruption, Disruption::Pass)
                        && rule.severity.is_none()
                        && rule.links.iter().all(|link| link.actions.is_empty() && !link.capture);
                    match to {
                        Some(to) if !lands_between => {
                            next = to;
                            if !silent {
                                kept.push(*at);
                            }
                        }
                        Some(to) => {
                            jumps.push(to);
                            kept.push(*at);
                        }
                        None if silent => {}
                        None => kept.push(*at),
                    }
                }
                None => {
                    self.forget_all(rule);
                    if let Some((_, to)) = &rule.skip_after {
                        jumps.push(*to);
                    }
                    kept.push(*at);
                }
            }
        }
        kept
    }

    /// Whether the rule matches in every transaction, or in none.
    fn decide(&self, rule: &Rule, chains: &[Box<[TransformationId]>]) -> Option<bool> {
        for (at, link) in rule.links.iter().enumerate() {
            match self.decide_link(link, chains) {
                Some(true) => {}
                // What earlier links do stays done.
                Some(false)
                    if rule.links[..at].iter().all(|link| link.actions.is_empty() && !link.capture) =>
                {
                    return Some(false);
                }
                _ => return None,
            }
        }
        Some(true)
    }

    fn decide_link(&self, link: &Link, chains: &[Box<[TransformationId]>]) -> Option<bool> {
        let Some(operator) = &link.operator else { return Some(true) };
        if link.multi_match || link.capture {
            return None;
        }
        // A match runs the actions once for each target.
        let [target] = &link.targets[..] else { return None };
        let Some(text) = self.value(target)? else { return Some(false) };
        let text = chains[link.chain].iter().fold(text, |text, step| {
            let mut output = Vec::new();
            (step.get().apply)(&text, &mut output);
            output
        });
        self.touched.set(false);
        let found = operator.matches(&text, self, &mut Captures::default());
        (!self.touched.get()).then_some(found != link.negated)
    }

    /// The value of a target; within, none where it has none.
    #[allow(clippy::option_option)]
    fn value(&self, target: &Target) -> Option<Option<Vec<u8>>> {
        let (Variable::Tx, Selector::Named(_), Some(slot)) = (target.variable, &target.selector, target.slot)
        else {
            return None;
        };
        if !target.excluded.is_empty() {
            return None;
        }
        let known = &self.slots[slot as usize];
        match (known, target.counted) {
            (Known::Unknown, _) => None,
            (Known::Unset, true) => Some(Some(b"0".to_vec())),
            (Known::Text(_), true) => Some(Some(b"1".to_vec())),
            (Known::Unset, false) => Some(None),
            (Known::Text(text), false) => Some(Some(text.clone())),
        }
    }

    /// Follows the assignments of a rule that matches in every transaction.
    fn apply(&mut self, rule: &Rule) {
        for link in &rule.links {
            if link.capture {
                self.forget_captures();
            }
            for action in &link.actions {
                let Action::Set { variable: Assigned::Slot(slot), change } = action else {
                    self.forget_action(action);
                    continue;
                };
                self.touched.set(false);
                let old = &self.slots[*slot as usize];
                let number = match old {
                    Known::Unset => Some(0),
                    Known::Text(text) => Some(crate::text::leading_integer(text)),
                    Known::Unknown => None,
                };
                let sum = |more: i64| {
                    number.map_or(Known::Unknown, |number| {
                        Known::Text((number + more).to_string().into_bytes())
                    })
                };
                let new = match change {
                    Change::SetNumber(number) => Known::Text(number.to_string().into_bytes()),
                    Change::Set(text) => Known::Text(self.expand(text).into_owned()),
                    Change::Add(text) => sum(self.expand_number(text)),
                    Change::Subtract(text) => sum(-self.expand_number(text)),
                    Change::Remove => Known::Unset,
                };
                self.slots[*slot as usize] = if self.touched.get() { Known::Unknown } else { new };
            }
        }
    }

    /// Forgets everything that a rule may change.
    fn forget_all(&mut self, rule: &Rule) {
        for link in &rule.links {
            if link.capture {
                self.forget_captures();
            }
            for action in &link.actions {
                self.forget_action(action);
            }
        }
    }

    fn forget_action(&mut self, action: &Action) {
        match action {
            Action::Set { variable: Assigned::Slot(slot), .. }
            | Action::Expire { variable: Assigned::Slot(slot), .. } => {
                self.forget(*slot);
            }
            Action::Set { variable: Assigned::Tx(name), .. } => {
                let prefix = match name.pieces() {
                    [Piece::Text(text), ..] => text.to_ascii_lowercase(),
                    _ => Vec::new(),
                };
                for slot in 0..self.names.len() as u32 {
                    if self.names.name(slot).starts_with(&prefix) {
                        self.forget(slot);
                    }
                }
            }
            _ => {}
        }
    }

    fn forget_captures(&mut self) {
        for capture in 0..Captures::MOST {
            self.forget(capture as u32);
        }
    }

    fn forget(&mut self, slot: u32) {
        if let Some(known) = self.slots.get_mut(slot as usize) {
            *known = Known::Unknown;
        }
    }
}

impl Expand for State<'_> {
    fn expand<'m>(&'m self, text: &'m Macro) -> Cow<'m, [u8]> {
        let mut expanded = Vec::new();
        for piece in text.pieces() {
            match piece {
                Piece::Text(text) => expanded.extend_from_slice(text),
                Piece::Reference(reference) => {
                    match reference.slot.and_then(|slot| self.slots.get(slot as usize)) {
                        Some(Known::Text(text)) => expanded.extend_from_slice(text),
                        Some(Known::Unset) => {}
                        Some(Known::Unknown) | None => self.touched.set(true),
                    }
                }
            }
        }
        Cow::Owned(expanded)
    }
}

//! Does what a matching link wants done.

use super::{Entry, Transaction};
use crate::compile::RuleSet;
use crate::operators::Expand;
use crate::rule::{Action, Assigned, Change, Control, Link};
use crate::seclang::AuditEngine;
use crate::values::Value;
use crate::variables::{List, Scalar, Scope};

/// The most variables of `TX` whose names rules make up.
const OTHERS: usize = 1024;

impl Transaction {
    pub(super) fn run_actions(&mut self, rules: &RuleSet, place: (usize, usize), link: &Link) {
        for (at, action) in link.actions.iter().enumerate() {
            match action {
                Action::Set { variable, change } => self.assign(rules, variable, change),
                Action::InitCollection { scope, key } => {
                    let key = self.expand(key).into_owned();
                    self.keys[*scope as usize] = Some(key.into());
                }
                Action::Expire { variable, seconds } => {
                    let seconds = self.expand_number(seconds).max(0) as u64;
                    if let Assigned::Persistent(scope, name) = variable {
                        let name = self.expand(name).to_ascii_lowercase();
                        if let (Some(collections), Some(key)) = (&self.collections, self.key(*scope)) {
                            collections.expire(*scope, key, &name, seconds, self.now.as_secs());
                        }
                    }
                }
                Action::SetEnv { name, value } => {
                    let value = self.expand_value(value);
                    let name = self.values.add(name);
                    let list = &self.lists[List::Env as usize];
                    let text = self.values.get(name);
                    let at = list.iter().position(|entry| self.values.get(entry.name) == text);
                    let list = &mut self.lists[List::Env as usize];
                    match at {
                        Some(at) => list[at].value = value,
                        None => list.push(Entry::new(name, value)),
                    }
                }
                Action::Sanitise { variable, name } => self.sanitised.push((variable, name.clone())),
                Action::Control(control) => {
                    self.control(control, (place.0 as u32, place.1 as u32, at as u32));
                }
            }
        }
    }

    fn assign(&mut self, rules: &RuleSet, variable: &Assigned, change: &Change) {
        let slot = match variable {
            Assigned::Slot(slot) => Some(*slot),
            Assigned::Tx(name) => {
                let name = self.expand(name).to_ascii_lowercase();
                match rules.names.find(&name) {
                    Some(slot) => Some(slot),
                    None => return self.assign_other(&name, change),
                }
            }
            Assigned::Persistent(scope, name) => {
                let name = self.expand(name).to_ascii_lowercase();
                return self.assign_persistent(*scope, &name, change, rules.settings.collection_timeout);
            }
        };
        if let Some(slot) = slot {
            let old = self.slots[slot as usize];
            self.slots[slot as usize] = self.changed(old, change);
        }
    }

    /// What a change makes of a value.
    fn changed(&mut self, old: Option<Value>, change: &Change) -> Option<Value> {
        let number = |transaction: &Self| old.map_or(0, |value| transaction.number(value));
        Some(match change {
            Change::SetNumber(number) => Value::Number(*number),
            Change::Set(text) => self.expand_value(text),
            Change::Add(text) => Value::Number(number(self).saturating_add(self.expand_number(text))),
            Change::Subtract(text) => Value::Number(number(self).saturating_sub(self.expand_number(text))),
            Change::Remove => return None,
        })
    }

    fn assign_other(&mut self, name: &[u8], change: &Change) {
        let name = self.values.add(name);
        let text = self.values.get(name);
        let at = self.others.iter().position(|(known, _)| self.values.get(*known) == text);
        let old = at.map(|at| self.others[at].1);
        match (at, self.changed(old, change)) {
            (Some(at), Some(value)) => self.others[at].1 = value,
            (Some(at), None) => {
                self.others.swap_remove(at);
            }
            (None, Some(value)) if self.others.len() < OTHERS => self.others.push((name, value)),
            (None, Some(_)) => self.exceed(),
            (None, None) => {}
        }
    }

    fn assign_persistent(&mut self, scope: Scope, name: &[u8], change: &Change, timeout: u64) {
        let (Some(collections), Some(key)) = (&self.collections, self.key(scope)) else { return };
        let now = self.now.as_secs();
        match change {
            Change::Add(text) => collections.add(scope, key, name, self.expand_number(text), now, timeout),
            Change::Subtract(text) => {
                collections.add(scope, key, name, -self.expand_number(text), now, timeout);
            }
            Change::Set(text) => collections.set(scope, key, name, Some(&self.expand(text)), now, timeout),
            Change::SetNumber(number) => {
                collections.set(scope, key, name, Some(number.to_string().as_bytes()), now, timeout);
            }
            Change::Remove => collections.set(scope, key, name, None, now, timeout),
        }
    }

    fn control(&mut self, control: &Control, place: (u32, u32, u32)) {
        match control {
            Control::AuditEngine(engine) => self.audited = *engine != AuditEngine::Off,
            Control::ForceRequestBodyVariable(forced) => self.body.forced = *forced,
            Control::RequestBodyAccess(access) => self.body.access = *access,
            Control::RequestBodyLimit(limit) => self.body.limit = *limit,
            Control::RequestBodyProcessor(processor) => {
                self.body.processor = Some(*processor);
                self.set(Scalar::ReqbodyProcessor, processor.name().as_bytes());
            }
            Control::ResponseBodyAccess(access) => self.response.access = *access,
            Control::ResponseBodyLimit(limit) => self.response.limit = *limit,
            Control::ResponseBodyProcessor(processor) => self.response.processor = Some(*processor),
            Control::Engine(engine) => self.engine = *engine,
            Control::RemoveRules(rules) => {
                self.removed.union_with(rules);
                self.whole_plan |= self.rules.relied_on.meets(rules);
            }
            Control::RemoveTargets(_) => {
                // The same control may run once a match.
                if !self.removed_targets.contains(&place) {
                    self.removed_targets.push(place);
                }
            }
            Control::Nothing => {}
        }
    }
}

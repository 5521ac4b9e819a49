//! Runs the rules of a phase, in order.

use std::sync::Arc;

use smallvec::SmallVec;

use super::resolve::severity;
use super::summaries::BLOCK;
use super::{Entry, Match, Matched, Refusal, RefusalKind, Transaction};
use crate::compile::RuleSet;
use crate::operators::Captured;
use crate::rule::{Action, Allow, Control, Disruption, Link, Rule, Target};
use crate::values::{Value, ValueId};
use crate::variables::{List, Part, Selector, TimePart, Variable};

/// Targets that a control has taken from the rule that runs.
type Removed<'r> = SmallVec<[(&'static str, &'r Selector); 4]>;

impl Transaction {
    /// Runs a phase, 1 to 5.
    pub(super) fn run_phase(&mut self, phase: u8) {
        if self.is_off() || (phase < 5 && self.refusal.is_some()) {
            return;
        }
        match self.allowed {
            Some(Allow::Everything) if phase < 5 => return,
            Some(Allow::Request) if phase <= 2 => return,
            Some(Allow::Phase) => self.allowed = None,
            _ => {}
        }
        let rules = Arc::clone(&self.rules);
        let place = usize::from(phase) - 1;
        let mut whole = self.whole_plan;
        let mut plan = if whole { &rules.phases[place] } else { &rules.folded[place] };
        let mut at = 0;
        let mut resume = 0;
        loop {
            if whole != self.whole_plan {
                // The rule before has taken away what the shorter plan rests on.
                whole = true;
                plan = &rules.phases[place];
                at = plan.partition_point(|rule| *rule < resume);
            }
            let Some(index) = plan.get(at) else { break };
            at += 1;
            resume = index + 1;
            let index = *index as usize;
            if !self.removed.is_empty() && self.removed.contains(index) {
                continue;
            }
            let rule = &rules.rules[index];
            if !self.run_rule(&rules, index, rule) {
                if self.exceeded && !self.limits.pass_beyond && phase < 5 {
                    return;
                }
                continue;
            }
            self.matched_rule(rule);
            if self.is_off() || (phase < 5 && self.refusal.is_some()) || self.allowed.is_some() {
                return;
            }
            if rule.skip > 0 {
                at += rule.skip as usize;
                resume = plan.get(at).copied().unwrap_or(u32::MAX);
            }
            if let Some((_, to)) = &rule.skip_after {
                at = at.max(plan.partition_point(|rule| rule < to));
                resume = resume.max(*to);
            }
        }
    }

    fn run_rule(&mut self, rules: &RuleSet, index: usize, rule: &Rule) -> bool {
        self.current = index;
        let matched_vars = &mut self.lists[List::MatchedVars as usize];
        if !matched_vars.is_empty() {
            matched_vars.clear();
        }
        let mut removed = Removed::new();
        for (rule, link, action) in &self.removed_targets {
            if let Action::Control(Control::RemoveTargets(target)) =
                &rules.rules[*rule as usize].links[*link as usize].actions[*action as usize]
                && target.rules.contains(index)
            {
                removed.push((target.variable, &target.selector));
            }
        }
        for (at, link) in rule.links.iter().enumerate() {
            if !self.run_link(rules, (index, at), link, &removed) {
                return false;
            }
        }
        true
    }

    /// What follows when all links have matched.
    fn matched_rule(&mut self, rule: &Rule) {
        let refusal = match &rule.disruption {
            Disruption::Pass => None,
            Disruption::Allow(allow) => {
                self.allowed = Some(*allow);
                None
            }
            Disruption::Deny => Some((rule.status, RefusalKind::Deny)),
            Disruption::Drop => Some((rule.status, RefusalKind::Drop)),
            Disruption::Redirect(place) => {
                let status = if (300..400).contains(&rule.status) { rule.status } else { 302 };
                Some((status, RefusalKind::Redirect(self.expand_text(Some(place)))))
            }
        };
        if let Some(severity) = rule.severity {
            self.highest_severity = self.highest_severity.min(severity);
        }
        if rule.log {
            let variable = String::from_utf8_lossy(&self.matched_name()).into_owned();
            let masked = rule.sanitise_matched || self.is_sanitised();
            let data = if masked { "***".to_owned() } else { self.expand_text(rule.data.as_ref()) };
            self.matches.push(Match {
                id: rule.id,
                phase: rule.phase,
                message: self.expand_text(rule.message.as_ref()),
                data,
                severity: rule.severity.and_then(severity),
                tags: rule.tags.iter().map(|tag| (**tag).to_owned()).collect(),
                variable,
                place: rule.place.clone(),
                audited: rule.audit,
                disruptive: refusal.is_some(),
            });
        }
        if let Some((status, kind)) = refusal
            && rule.phase < 5
        {
            self.refuse(Refusal { status, rule: rule.id, kind });
        }
    }

    /// Whether the value that matched last stays out of logs.
    fn is_sanitised(&self) -> bool {
        let Some(Matched { variable, entry: Some(entry), .. }) = self.matched else { return false };
        let name = self.values.get(entry);
        self.sanitised
            .iter()
            .any(|(sanitised, wanted)| variable.starts_with(sanitised) && name.eq_ignore_ascii_case(wanted))
    }

    fn run_link(
        &mut self,
        rules: &RuleSet,
        place: (usize, usize),
        link: &Link,
        removed: &Removed<'_>,
    ) -> bool {
        if link.operator.is_none() {
            self.run_actions(rules, place, link);
            return true;
        }
        let mut matched = false;
        for target in &link.targets {
            let mut lost: SmallVec<[&Selector; 2]> = SmallVec::new();
            for (variable, selector) in removed {
                if *variable == target.name {
                    lost.push(selector);
                }
            }
            if lost.iter().any(|selector| matches!(selector, Selector::All)) {
                continue;
            }
            matched |= self.run_target(rules, place, link, target, &lost);
            if self.exceeded && !self.limits.pass_beyond {
                return matched;
            }
        }
        matched
    }

    fn run_target(
        &mut self,
        rules: &RuleSet,
        place: (usize, usize),
        link: &Link,
        target: &Target,
        lost: &[&Selector],
    ) -> bool {
        if target.counted {
            let count = Value::Number(self.count(target));
            let entry = match &target.selector {
                Selector::Named(name) => Some(self.values.add(name)),
                _ => None,
            };
            return self.test(rules, place, link, target, entry, count);
        }
        let value = match target.variable {
            Variable::List(lists, part) => {
                let mut matched = false;
                for list in lists {
                    matched |= self.run_list(rules, place, link, target, lost, (*list, part));
                }
                return matched;
            }
            Variable::Tx => return self.run_tx(rules, place, link, target, lost),
            Variable::Persistent(scope) => {
                let mut matched = false;
                for Entry { name, value, .. } in self.persistent(scope) {
                    matched |= self.chosen(target, lost, name)
                        && self.test(rules, place, link, target, Some(name), value);
                }
                return matched;
            }
            Variable::Xml => {
                let mut matched = false;
                let path = target.slot.unwrap_or(0) as usize;
                let mut at = 0;
                while let Some(value) = self.xml.get(path).and_then(|values| values.get(at)).copied() {
                    at += 1;
                    matched |= self.test(rules, place, link, target, None, Value::Text(value));
                }
                return matched;
            }
            Variable::Scalar(scalar) => self.scalars[scalar as usize],
            Variable::MatchedVar => self.matched.map(|matched| matched.value),
            Variable::MatchedVarName => {
                let name = self.matched_name();
                self.matched.is_some().then(|| Value::Text(self.values.add(&name)))
            }
            Variable::HighestSeverity => Some(Value::Number(self.highest_severity.into())),
            Variable::Time(TimePart::Clock) => {
                let Value::Number(time) = self.time(TimePart::Clock) else { return false };
                let text = format!("{:02}:{:02}:{:02}", time / 10_000, time / 100 % 100, time % 100);
                Some(Value::Text(self.values.add(text.as_bytes())))
            }
            Variable::Time(part) => Some(self.time(part)),
            Variable::Rule => {
                let Selector::Named(name) = &target.selector else { return false };
                let text = self.rule_property(name).map(std::borrow::Cow::into_owned);
                text.map(|text| Value::Text(self.values.add(&text)))
            }
        };
        value.is_some_and(|value| self.test(rules, place, link, target, None, value))
    }

    fn run_list(
        &mut self,
        rules: &RuleSet,
        place: (usize, usize),
        link: &Link,
        target: &Target,
        lost: &[&Selector],
        (list, part): (List, Part),
    ) -> bool {
        let all = matches!(target.selector, Selector::All) && target.excluded.is_empty() && lost.is_empty();
        let trusts = self.definition.is_some() && rules.rules[place.0].for_injections;
        let mut matched = false;
        let mut at = 0;
        // What a match adds to the list is not looked at.
        let end = self.lists[list as usize].len();
        // What does not pass the gate matches where the operator is negated; every step of `multiMatch` has a gate to pass.
        let summary = if link.negated || link.multi_match || rules.unoptimised {
            None
        } else {
            self.summary(rules, list, part, link.chain)
        };
        while at < end {
            if let Some(key) = summary
                && at.is_multiple_of(BLOCK)
                && !self.summaries.admits(key, at, &link.gate)
            {
                self.work += 1;
                at += BLOCK;
                continue;
            }
            let Some(Entry { name, value, proven }) = self.lists[list as usize].get(at).copied() else {
                break;
            };
            at += 1;
            if !all && !self.chosen(target, lost, name) {
                continue;
            }
            let harmless = match part {
                Part::Names => proven.name,
                Part::Values => proven.value.is_some(),
            };
            if trusts && harmless {
                continue;
            }
            let value = match part {
                Part::Names => Value::Text(name),
                Part::Values => value,
            };
            matched |= self.test(rules, place, link, target, Some(name), value);
            if self.exceeded && !self.limits.pass_beyond {
                break;
            }
        }
        matched
    }

    fn run_tx(
        &mut self,
        rules: &RuleSet,
        place: (usize, usize),
        link: &Link,
        target: &Target,
        lost: &[&Selector],
    ) -> bool {
        if let Some(slot) = target.slot {
            let Some(value) = self.slots[slot as usize] else { return false };
            if !target.excluded.is_empty() || !lost.is_empty() {
                let name = self.values.add(rules.names.name(slot));
                if !self.chosen(target, lost, name) {
                    return false;
                }
            }
            return self.test(rules, place, link, target, None, value);
        }
        let mut matched = false;
        // What a match adds is not looked at.
        for at in 0..self.tx_places() {
            if let Some(Entry { name, value, .. }) = self.tx_entry(at)
                && self.chosen(target, lost, name)
            {
                matched |= self.test(rules, place, link, target, Some(name), value);
            }
        }
        matched
    }

    fn chosen(&self, target: &Target, lost: &[&Selector], name: ValueId) -> bool {
        let name = self.values.get(name);
        target.selector.selects(name)
            && !target.excluded.iter().any(|excluded| excluded.selects(name))
            && !lost.iter().any(|lost| lost.selects(name))
    }

    /// Tests one value; where it matches, does what the link wants.
    #[inline]
    fn test(
        &mut self,
        rules: &RuleSet,
        place: (usize, usize),
        link: &Link,
        target: &Target,
        entry: Option<ValueId>,
        value: Value,
    ) -> bool {
        let matched = match value {
            Value::Number(number) if link.chain == 0 => self.ask_number(link, number).then_some(value),
            _ => {
                let text = self.text(value);
                if link.multi_match {
                    self.ask_each(rules, link, text)
                } else {
                    let text = self.values.chain(text, link.chain, &rules.chains[link.chain]);
                    self.ask(link, text).then_some(Value::Text(text))
                }
            }
        };
        let Some(value) = matched else { return false };
        self.accept(rules, place, link, target, entry, value);
        true
    }

    /// Tests a value before the first transformation and after each that changes it.
    fn ask_each(&mut self, rules: &RuleSet, link: &Link, text: ValueId) -> Option<Value> {
        let mut text = text;
        if self.ask(link, text) {
            return Some(Value::Text(text));
        }
        for step in &rules.chains[link.chain] {
            let next = self.values.transform(text, *step);
            if next != text {
                text = next;
                if self.ask(link, text) {
                    return Some(Value::Text(text));
                }
            }
        }
        None
    }

    fn ask_number(&mut self, link: &Link, number: i64) -> bool {
        self.work += 8;
        let mut captures = std::mem::take(&mut self.captures);
        captures.texts.clear();
        captures.wanted = link.capture;
        let found = link
            .operator
            .as_ref()
            .is_some_and(|operator| operator.matches_number(number, self, &mut captures));
        self.captures = captures;
        found != link.negated
    }

    #[inline]
    fn ask(&mut self, link: &Link, text: ValueId) -> bool {
        let info = self.values.info(text);
        self.work += 1;
        if !link.gate.admits(info.classes, info.len) {
            return link.negated;
        }
        self.ask_operator(link, text)
    }

    fn ask_operator(&mut self, link: &Link, text: ValueId) -> bool {
        let Some(operator) = &link.operator else { return link.negated };
        self.work += operator.work(self.values.get(text));
        if self.work() > self.limits.work || self.values.size() > self.limits.memory {
            self.exceed();
            if !self.limits.pass_beyond {
                return false;
            }
        }
        let mut captures = std::mem::take(&mut self.captures);
        captures.texts.clear();
        captures.wanted = link.capture;
        let input = self.values.get(text);
        let found = operator.matches(input, self, &mut captures);
        self.captures = captures;
        found != link.negated
    }

    /// Notes a match and runs the actions of the link.
    fn accept(
        &mut self,
        rules: &RuleSet,
        place: (usize, usize),
        link: &Link,
        target: &Target,
        entry: Option<ValueId>,
        value: Value,
    ) {
        let entry = match (entry, &target.selector) {
            (None, Selector::Named(name)) => Some(self.values.add(name)),
            (entry, _) => entry,
        };
        self.matched = Some(Matched { variable: target.name, entry, value });
        if rules.rules[place.0].links.len() > 1
            && target.variable != Variable::List(&[List::MatchedVars], Part::Values)
            && target.variable != Variable::List(&[List::MatchedVars], Part::Names)
        {
            let name = self.matched_name();
            let name = self.values.add(&name);
            self.lists[List::MatchedVars as usize].push(Entry::new(name, value));
        }
        if link.capture && !link.negated {
            self.keep_captures(value);
        }
        self.run_actions(rules, place, link);
    }

    /// Puts what the operator captured into `TX:0` to `TX:9`.
    fn keep_captures(&mut self, value: Value) {
        let captures = std::mem::take(&mut self.captures);
        if !captures.texts.is_empty() {
            let text = self.text(value);
            for slot in 0..10 {
                self.slots[slot] = match captures.texts.get(slot).and_then(Option::as_ref) {
                    Some(Captured::Range(start, end)) => {
                        Some(Value::Text(self.values.part(text, *start, *end)))
                    }
                    Some(Captured::Text(text)) => Some(Value::Text(self.values.add(text))),
                    None => None,
                };
            }
        }
        self.captures = captures;
    }
}

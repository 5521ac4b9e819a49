//! The compiler: goes through the statements once, keeps the defaults and the open chain, and reports everything that is wrong.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::actions::{Draft, Parsed};
use super::fold::fold;
use super::{ChainIndex, Folder, Options, RuleSet};
use crate::byte_class::{ByteSet, Gate};
use crate::definition::looks_for_injections;
use crate::error::{Place, RuleError, RuleErrors, did_you_mean};
use crate::macros::Macro;
use crate::names::Names;
use crate::operators::{Argument, build, needs_the_world};
use crate::rule::{Disruption, Link, Rule};
use crate::seclang::{Directive, Filter, Loaded, Statement};
use crate::transformations::TransformationId;
use crate::xpath::XPath;

/// The compiler's state.
pub(super) struct Compiler<'o> {
    pub(super) loaded: Loaded,
    pub(super) options: &'o Options,
    pub(super) rules: Vec<Rule>,
    /// Filters of `ctl` actions, which are resolved when all rules are known.
    pub(super) pending: Vec<Pending>,
    pub(super) names: Names,
    pub(super) chains: Vec<Box<[TransformationId]>>,
    pub(super) chain_index: ChainIndex,
    pub(super) xpaths: Vec<XPath>,
    pub(super) errors: Vec<RuleError>,
    pub(super) notes: Vec<RuleError>,
    ids: HashMap<u64, Place>,
    markers: Vec<(String, u32)>,
    /// What `SecDefaultAction` said for each phase.
    defaults: [Option<Parsed>; 5],
    /// The rule whose chain is not finished.
    open: Option<Rule>,
    order: u32,
    changes: Vec<(Place, Change)>,
    /// Operators that may stand only where they cannot run.
    pub(super) unreachable_only: Vec<(usize, Place, String)>,
}

/// A directive that changes rules once all are known.
pub(super) enum Change {
    Remove(Filter),
    Targets(Filter, String),
    Actions { id: u64, link: usize, actions: String },
}

/// The filter of an action, to be resolved into a set of rules.
pub(super) struct Pending {
    pub(super) rule: usize,
    pub(super) link: usize,
    pub(super) action: usize,
    pub(super) filter: Filter,
}

impl<'o> Compiler<'o> {
    pub(super) fn new(mut loaded: Loaded, options: &'o Options) -> Self {
        let errors = std::mem::take(&mut loaded.errors);
        let notes = std::mem::take(&mut loaded.notes);
        Self {
            loaded,
            options,
            rules: Vec::new(),
            pending: Vec::new(),
            names: Names::new(),
            chains: vec![Box::default()],
            chain_index: HashMap::from([(Box::default(), 0)]),
            xpaths: Vec::new(),
            errors,
            notes,
            ids: HashMap::new(),
            markers: Vec::new(),
            defaults: Default::default(),
            open: None,
            order: 0,
            changes: Vec::new(),
            unreachable_only: Vec::new(),
        }
    }

    pub(super) fn compile(mut self) -> Result<RuleSet, RuleErrors> {
        for (statement, folder) in std::mem::take(&mut self.loaded.statements) {
            let Statement { place, directive } = statement;
            self.order += 1;
            if let Err(message) = self.statement(&place, directive, &folder) {
                self.errors.push(RuleError { place, message });
            }
        }
        if let Some(rule) = self.open.take() {
            self.errors.push(RuleError {
                place: rule.place,
                message: format!("the chain of rule {} has no last link", rule.id),
            });
        }
        for (place, change) in std::mem::take(&mut self.changes) {
            if let Err(message) = self.change(&place, change) {
                self.errors.push(RuleError { place, message });
            }
        }
        for rule in &mut self.rules {
            rule.for_injections = looks_for_injections(&rule.tags);
        }
        self.resolve_filters();
        let phases = self.plan();
        if !self.errors.is_empty() {
            return Err(RuleErrors(self.errors));
        }
        let initial: Vec<(u32, String)> = self
            .options
            .variables
            .iter()
            .map(|(name, value)| (self.names.slot(name.as_bytes()), value.clone()))
            .collect();
        let folded = fold(&self.rules, &phases, &self.chains, &self.names, &initial);
        for (rule, place, message) in &self.unreachable_only {
            let phase = self.rules.get(*rule).map_or(0, |rule| usize::from(rule.phase) - 1);
            if folded.phases[phase].contains(&(*rule as u32)) {
                self.errors.push(RuleError { place: place.clone(), message: message.clone() });
            }
        }
        if !self.errors.is_empty() {
            return Err(RuleErrors(self.errors));
        }
        let trigger = |steps: &[TransformationId]| {
            steps.iter().fold(ByteSet::EMPTY, |trigger, step| trigger.union(step.get().trigger()))
        };
        Ok(RuleSet {
            chain_triggers: self.chains.iter().map(|steps| trigger(steps)).collect(),
            rules: self.rules,
            phases,
            folded: folded.phases,
            relied_on: folded.relied_on,
            settings: self.loaded.settings,
            names: self.names,
            chains: self.chains,
            xpaths: self.xpaths,
            initial,
            unoptimised: self.options.unoptimised,
            notes: self.notes,
            files: self.loaded.files,
        })
    }

    fn statement(&mut self, place: &Place, directive: Directive, folder: &Folder) -> Result<(), String> {
        if self.open.is_some() && !matches!(directive, Directive::Rule { .. } | Directive::Action(_)) {
            let rule = self.open.take();
            return Err(format!(
                "expected the next link of the chain of rule {}",
                rule.map_or(0, |rule| rule.id)
            ));
        }
        match directive {
            Directive::Rule { targets, operator, actions } => {
                self.rule(place, Some((&targets, &operator)), &actions, folder)
            }
            Directive::Action(actions) => self.rule(place, None, &actions, folder),
            Directive::Marker(name) => {
                self.markers.push((name, self.order));
                Ok(())
            }
            Directive::DefaultAction(actions) => self.default_action(&actions),
            Directive::Remove(filter) => {
                self.changes.push((place.clone(), Change::Remove(filter)));
                Ok(())
            }
            Directive::UpdateTargets(filter, targets) => {
                self.changes.push((place.clone(), Change::Targets(filter, targets)));
                Ok(())
            }
            Directive::UpdateActions { id, link, actions } => {
                self.changes.push((place.clone(), Change::Actions { id, link, actions }));
                Ok(())
            }
        }
    }

    fn default_action(&mut self, text: &str) -> Result<(), String> {
        let parsed = self.parse_actions(text)?;
        let phase = parsed.phase.ok_or("SecDefaultAction needs a phase")?;
        if parsed.disruption.is_none() {
            return Err("SecDefaultAction needs a disruptive action, such as pass or deny".to_owned());
        }
        if parsed.id.is_some() || parsed.chain || parsed.message.is_some() || !parsed.actions.is_empty() {
            return Err(
                "SecDefaultAction takes only phase, status, log, auditlog, t and a disruptive action"
                    .to_owned(),
            );
        }
        self.defaults[usize::from(phase) - 1] = Some(parsed);
        Ok(())
    }

    fn rule(
        &mut self,
        place: &Place,
        condition: Option<(&str, &str)>,
        actions: &str,
        folder: &Folder,
    ) -> Result<(), String> {
        let opened = self.open.take();
        let parsed = match self.parse_actions(actions) {
            Ok(parsed) => parsed,
            Err(message) => {
                // A broken link must not turn the rest of its chain into rules of their own.
                if actions.split(',').any(|action| action.trim() == "chain") {
                    self.open = opened.or_else(|| Some(Rule::broken(place)));
                }
                return Err(message);
            }
        };
        let chained = parsed.chain;
        let phase = opened.as_ref().map(|rule| rule.phase).or(parsed.phase).unwrap_or(2);
        let defaults = self.defaults[usize::from(phase) - 1].take();
        let link = self.link(place, condition, &parsed, defaults.as_ref(), folder);
        let rule = match opened {
            Some(mut rule) => parsed.continues(&mut rule).map(|()| rule),
            None => Rule::start(place, self.order, phase, &parsed, defaults.as_ref()),
        };
        self.defaults[usize::from(phase) - 1] = defaults;
        let (mut rule, link) = match (rule, link) {
            (Ok(rule), Ok(link)) => (rule, link),
            (rule, link) => {
                let message = match (&rule, link) {
                    (_, Err(message)) => message,
                    (Err(message), _) => message.clone(),
                    _ => String::new(),
                };
                if chained {
                    self.open = Some(rule.unwrap_or_else(|_| Rule::broken(place)));
                } else if let Ok(rule) = rule {
                    // The id is taken even though the rule is broken.
                    self.ids.insert(rule.id, place.clone());
                }
                return Err(message);
            }
        };
        let at = (self.rules.len(), rule.links.len());
        for (action, filter) in &parsed.filters {
            self.pending.push(Pending { rule: at.0, link: at.1, action: *action, filter: filter.clone() });
        }
        rule.links.push(Link { actions: parsed.actions, ..link });
        if chained {
            self.open = Some(rule);
            return Ok(());
        }
        if rule.id == 0 {
            // What is wrong with the first link has been said.
            return Ok(());
        }
        match self.ids.entry(rule.id) {
            Entry::Occupied(known) => {
                return Err(format!("the rule id {} is taken already at {}", rule.id, known.get()));
            }
            Entry::Vacant(free) => free.insert(rule.place.clone()),
        };
        self.rules.push(rule);
        Ok(())
    }

    fn link(
        &mut self,
        place: &Place,
        condition: Option<(&str, &str)>,
        parsed: &Parsed,
        defaults: Option<&Parsed>,
        folder: &Folder,
    ) -> Result<Link, String> {
        let mut steps: Vec<TransformationId> = Vec::new();
        if !parsed.clears_transformations {
            steps.extend(defaults.iter().flat_map(|defaults| &defaults.transformations));
        }
        steps.extend(&parsed.transformations);
        let chain = self.chain(steps);
        let mut link = Link {
            targets: Vec::new(),
            operator: None,
            operator_name: "unconditionalMatch".into(),
            operator_text: "".into(),
            negated: false,
            gate: Gate::OPEN,
            chain,
            capture: parsed.capture,
            multi_match: parsed.multi_match,
            actions: Vec::new(),
            place: place.clone(),
        };
        let Some((targets, operator)) = condition else { return Ok(link) };
        link.targets = self.targets(targets)?;
        if link.targets.is_empty() {
            return Err(format!("{targets:?} leaves nothing to look at"));
        }
        let operator = operator.trim();
        let (negated, operator) = match operator.strip_prefix('!') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, operator),
        };
        let (name, text) = match operator.strip_prefix('@') {
            Some(rest) => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
            None => ("rx", operator),
        };
        let text = if name.eq_ignore_ascii_case("rx") { text } else { text.trim() };
        link.negated = negated;
        link.operator_name = name.into();
        link.operator_text = text.into();
        if needs_the_world(name) {
            let argument = Argument { text, expanded: Macro::constant(text.as_bytes()), folder };
            if let Err(message) = build(name, &argument) {
                self.unreachable_only.push((self.rules.len(), place.clone(), message));
            }
            link.operator =
                Some(build("noMatch", &Argument { text: "", expanded: Macro::constant(b""), folder })?);
            return Ok(link);
        }
        let expanded = Macro::parse(text, &mut self.names)?;
        let operator = build(name, &Argument { text, expanded, folder })?;
        if !self.options.unoptimised {
            link.gate = operator.gate();
        }
        link.operator = Some(operator);
        Ok(link)
    }

    pub(super) fn chain(&mut self, steps: Vec<TransformationId>) -> usize {
        let next = self.chains.len();
        let steps: Box<[TransformationId]> = steps.into();
        let chain = *self.chain_index.entry(steps.clone()).or_insert(next);
        if chain == next {
            self.chains.push(steps);
        }
        chain
    }

    /// The rules of each phase in order, with the places that `skipAfter` leads to.
    fn plan(&mut self) -> [Vec<u32>; 5] {
        let mut phases: [Vec<u32>; 5] = Default::default();
        for (at, rule) in self.rules.iter().enumerate() {
            phases[usize::from(rule.phase) - 1].push(at as u32);
        }
        let orders: Vec<u32> = self.rules.iter().map(|rule| rule.order).collect();
        let by_id: HashMap<String, u32> =
            self.rules.iter().map(|rule| (rule.id.to_string(), rule.order)).collect();
        for rule in &mut self.rules {
            let Some((name, to)) = &mut rule.skip_after else { continue };
            let marker = self
                .markers
                .iter()
                .find(|(marker, order)| *order > rule.order && marker.as_str() == &**name)
                .map(|(_, order)| *order)
                .or_else(|| by_id.get(&**name).copied().filter(|order| *order > rule.order));
            let Some(marker) = marker else {
                let known = self.markers.iter().map(|(marker, _)| marker.as_str());
                self.errors.push(RuleError {
                    place: rule.place.clone(),
                    message: format!(
                        "skipAfter names {name}, but no marker after the rule does{}",
                        did_you_mean(name, known)
                    ),
                });
                continue;
            };
            *to = orders.partition_point(|order| *order <= marker) as u32;
        }
        phases
    }
}

impl Rule {
    /// A rule of its first link.
    fn start(
        place: &Place,
        order: u32,
        phase: u8,
        parsed: &Parsed,
        defaults: Option<&Parsed>,
    ) -> Result<Self, String> {
        let id = parsed.id.ok_or("a rule needs an id")?;
        let mut rule = Self::broken(place);
        rule.id = id;
        rule.phase = phase;
        rule.order = order;
        if let Some(defaults) = defaults {
            defaults.fill(&mut rule);
        }
        parsed.fill(&mut rule);
        Ok(rule)
    }

    /// A rule without anything in it, to go on with after an error.
    fn broken(place: &Place) -> Self {
        Self {
            id: 0,
            phase: 2,
            links: Vec::new(),
            disruption: Disruption::Pass,
            status: 403,
            message: None,
            data: None,
            severity: None,
            tags: Vec::new(),
            version: "".into(),
            revision: "".into(),
            log: true,
            audit: true,
            skip: 0,
            skip_after: None,
            for_injections: false,
            sanitise_matched: false,
            order: 0,
            place: place.clone(),
        }
    }
}

impl Parsed {
    /// Puts what the actions say into a rule.
    pub(super) fn fill(&self, rule: &mut Rule) {
        match &self.disruption {
            Some(Draft::Block) | None => {}
            Some(Draft::Is(disruption)) => rule.disruption = disruption.clone(),
        }
        rule.status = self.status.unwrap_or(rule.status);
        if self.message.is_some() {
            rule.message.clone_from(&self.message);
        }
        if self.data.is_some() {
            rule.data.clone_from(&self.data);
        }
        rule.severity = self.severity.or(rule.severity);
        rule.tags.extend(self.tags.iter().cloned());
        if let Some(version) = &self.version {
            rule.version.clone_from(version);
        }
        if let Some(revision) = &self.revision {
            rule.revision.clone_from(revision);
        }
        if let Some(log) = self.log {
            rule.log = log;
            // Unless it says otherwise, what is not reported is not audited either.
            rule.audit = log;
        }
        rule.audit = self.audit.unwrap_or(rule.audit);
        rule.skip = self.skip.unwrap_or(rule.skip);
        if let Some(marker) = &self.skip_after {
            rule.skip_after = Some((marker.clone(), 0));
        }
        rule.sanitise_matched |= self.sanitise_matched;
    }

    /// Checks a further link of a chain against the rule that it continues.
    fn continues(&self, rule: &mut Rule) -> Result<(), String> {
        let misplaced = [
            (self.id.is_some(), "id"),
            (self.phase.is_some_and(|phase| phase != rule.phase), "phase"),
            (matches!(self.disruption, Some(Draft::Is(_))), "a disruptive action"),
            (self.skip_after.is_some(), "skipAfter"),
            (self.skip.is_some(), "skip"),
        ];
        if let Some((_, name)) = misplaced.into_iter().find(|(wrong, _)| *wrong) {
            return Err(format!("{name} may stand only in the first link of a chain"));
        }
        rule.tags.extend(self.tags.iter().cloned());
        rule.sanitise_matched |= self.sanitise_matched;
        Ok(())
    }
}

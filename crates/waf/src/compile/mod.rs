//! Statements into rules, rules into a plan.

mod actions;
mod build;
mod exclusions;
mod fold;
mod targets;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use self::build::Compiler;
use crate::byte_class::ByteSet;
use crate::error::{RuleError, RuleErrors};
use crate::names::Names;
use crate::rule::Rule;
use crate::seclang::{Engine, RuleSource, Settings, load};
use crate::transformations::TransformationId;
use crate::xpath::XPath;

/// Rules, ready to run. One set serves any number of transactions at once.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    /// The rules of each phase, in order.
    pub(crate) phases: [Vec<u32>; 5],
    /// The same without those that are decided already.
    pub(crate) folded: [Vec<u32>; 5],
    /// The rules that the shorter plan rests on.
    pub(crate) relied_on: crate::bit_set::BitSet,
    pub(crate) settings: Settings,
    pub(crate) names: Names,
    /// The chains of transformations. The first is empty.
    pub(crate) chains: Vec<Box<[TransformationId]>>,
    /// What a value must have for each of them to change it.
    pub(crate) chain_triggers: std::sync::Arc<[ByteSet]>,
    pub(crate) xpaths: Vec<XPath>,
    /// Variables of `TX` that are set before the first rule.
    pub(crate) initial: Vec<(u32, String)>,
    /// Whether the transactions do without shared results.
    pub(crate) unoptimised: bool,
    notes: Vec<RuleError>,
    files: Vec<PathBuf>,
}

/// How rules are compiled.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Variables of `TX` that are set before the first rule, as `crs-setup.conf` would set them.
    pub variables: Vec<(String, String)>,
    /// The engine, whatever `SecRuleEngine` says.
    pub engine: Option<Engine>,
    /// Runs every rule on every value, without gates, folded conditions and shared results. It is there to prove that these
    /// change nothing.
    pub unoptimised: bool,
}

impl RuleSet {
    /// Reads and compiles rules. The error holds everything that is wrong with them.
    pub fn load(sources: &[RuleSource], options: &Options) -> Result<Self, RuleErrors> {
        let mut loaded = load(sources);
        if let Some(engine) = options.engine {
            loaded.settings.engine = engine;
        }
        Compiler::new(loaded, options).compile()
    }

    /// Directives that change nothing here, with the reason, and exclusions that exclude nothing.
    pub fn notes(&self) -> &[RuleError] {
        &self.notes
    }

    /// The rule files that were read.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether there are no rules.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The ids of all rules.
    pub fn ids(&self) -> impl Iterator<Item = u64> {
        self.rules.iter().map(|rule| rule.id)
    }

    /// The most bytes of a request's body that rules see; 0 where they see none.
    pub fn request_body_limit(&self) -> usize {
        if self.settings.request_body_access { self.settings.request_body_limit } else { 0 }
    }

    /// The most bytes of a response's body that rules see; 0 where they see none.
    pub fn response_body_limit(&self) -> usize {
        if self.settings.response_body_access { self.settings.response_body_limit } else { 0 }
    }

    /// What `SecRuleEngine` says.
    pub fn engine(&self) -> Engine {
        self.settings.engine
    }
}

/// A folder of data files, and chains of transformations by their steps.
type ChainIndex = HashMap<Box<[TransformationId]>, usize>;

/// The folder of a statement.
type Folder = std::sync::Arc<Path>;

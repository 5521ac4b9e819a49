//! The `waf` block.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::Zone;
use super::shapes::path;
use crate::Located;
use crate::tree::Node;
use crate::tree::decode::{
    Context, Shape, boolean, choice, integer, list, located, map, one_or_many, record, text,
};

/// The web application firewall.
#[derive(Clone, Debug)]
pub struct Waf {
    /// What it does with what its rules match.
    pub mode: WafMode,
    /// Rule files in order; the last part of a path may have wildcards. `None`: the installed OWASP CRS, else the
    /// rules that come with Gatehouse.
    pub rules: Option<Vec<Located<PathBuf>>>,
    /// Sets the paranoia levels of the CRS unless its rules set them; 1 to 4.
    pub paranoia_level: u64,
    /// Where it stands.
    pub zones: Vec<Zone>,
    /// Rule files that come after the rules.
    pub exclusions: Vec<Located<PathBuf>>,
    /// Where transactions with a match are written; `None`: nowhere.
    pub audit_log: Option<Located<PathBuf>>,
    /// Request fields that are copied into each record, in lower case.
    pub audit_headers: Vec<String>,
    /// Modes of single listeners, by name.
    pub listeners: BTreeMap<String, Located<WafMode>>,
    /// Modes of single APIs (`orders`) and operations (`orders/create`).
    pub apis: BTreeMap<String, Located<WafMode>>,
    /// Whether values that the definition of an API proves harmless are left out by rules that look for injections.
    pub use_definitions: bool,
    /// Where arguments that the definition does not have are refused.
    pub refuse_undeclared: Undeclared,
    /// What passes without being looked at.
    pub pass: Vec<WafProtocol>,
    /// What happens to a request whose inspection would take more than its bounds.
    pub beyond_bounds: BeyondBounds,
    /// The status of a refusal; default 403.
    pub block_status: Option<u16>,
    /// The body of a refusal, in which `{{request_id}}` stands for the request's id; default: a JSON error.
    pub block_page: Option<Located<PathBuf>>,
}

/// APIs and operations whose requests may have no arguments but those of the definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undeclared {
    /// Those of every API that has a definition.
    All,
    /// The named ones: `orders`, `orders/create`.
    Named(Vec<Located<String>>),
}

impl Undeclared {
    /// Whether it is an operation's matter.
    pub fn contains(&self, api: &str, operation: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| match name.value.split_once('/') {
                None => name.value == api,
                Some((of, single)) => of == api && single == operation,
            }),
        }
    }

    /// The names, where there are any.
    pub fn names(&self) -> &[Located<String>] {
        match self {
            Self::All => &[],
            Self::Named(names) => names,
        }
    }

    /// Whether it is nobody's matter.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for Undeclared {
    fn default() -> Self {
        Self::Named(Vec::new())
    }
}

/// `all`, or a list of names.
struct UndeclaredShape;

impl Shape for UndeclaredShape {
    type Value = Undeclared;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Undeclared> {
        match node.as_str() {
            Some("all") => Some(Undeclared::All),
            _ => one_or_many(located(text())).decode(node, context).map(Undeclared::Named),
        }
    }

    fn expected(&self) -> String {
        "`all` or a list of names of APIs and operations".to_owned()
    }

    fn expected_entries(&self) -> String {
        self.expected()
    }

    fn schema(&self) -> Value {
        json!({ "oneOf": [{ "const": "all" }, list(located(text())).schema()] })
    }
}

/// What the firewall does with what its rules match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WafMode {
    /// Refuses it.
    Prevention,
    /// Reports it.
    Detection,
    /// Does not look.
    Off,
}

/// A protocol of which the firewall sees the head alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WafProtocol {
    /// gRPC.
    Grpc,
    /// WebSocket.
    WebSocket,
}

/// What happens beyond the bounds of an inspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeyondBounds {
    /// The request is refused.
    Refuse,
    /// The request goes on and is reported.
    Pass,
}

impl WafMode {
    const WORDS: [(&'static str, Self); 3] =
        [("prevention", Self::Prevention), ("detection", Self::Detection), ("off", Self::Off)];

    /// The name in configuration and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prevention => "prevention",
            Self::Detection => "detection",
            Self::Off => "off",
        }
    }
}

impl Default for Waf {
    fn default() -> Self {
        Self {
            mode: WafMode::Prevention,
            rules: None,
            paranoia_level: 1,
            zones: vec![Zone::External],
            exclusions: Vec::new(),
            audit_log: None,
            audit_headers: Vec::new(),
            listeners: BTreeMap::new(),
            apis: BTreeMap::new(),
            use_definitions: true,
            refuse_undeclared: Undeclared::default(),
            pass: Vec::new(),
            beyond_bounds: BeyondBounds::Refuse,
            block_status: None,
            block_page: None,
        }
    }
}

impl Waf {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("the firewall", |fields| {
            let default = Self::default();
            let mode = fields.or(
                "mode",
                choice(&WafMode::WORDS),
                default.mode,
                "`prevention` refuses what the rules match, `detection` reports it, `off` does not look.",
            );
            let rules = fields.optional(
                "rules",
                one_or_many(path()),
                "Rule files in SecLang, in order; the last part of a path may have `*`. Default: the installed OWASP CRS, else the rules that come with Gatehouse.",
            );
            let paranoia_level = fields.or(
                "paranoia_level",
                integer(1..=4),
                default.paranoia_level,
                "The paranoia level of the CRS, unless the rules set it.",
            );
            let zones = fields.or(
                "zones",
                list(choice(&Zone::WORDS)).unique(),
                default.zones,
                "The zones that it stands in.",
            );
            let exclusions =
                fields.optional("exclusions", one_or_many(path()), "Rule files that come after the rules.");
            let audit_log = fields.optional(
                "audit_log",
                path(),
                "The file that transactions with a match are written to, one JSON line each.",
            );
            let audit_headers = fields.optional(
                "audit_headers",
                list(text()).unique(),
                "Request header fields that are copied into each record.",
            );
            let modes = || map("names with modes", located(choice(&WafMode::WORDS)));
            let listeners = fields.optional("listeners", modes(), "Modes of single listeners, by name.");
            let apis = fields.optional(
                "apis",
                modes(),
                "Modes of single APIs (`orders`) and operations (`orders/create`), by resource name.",
            );
            let use_definitions = fields.or(
                "use_definitions",
                boolean(),
                default.use_definitions,
                "Whether rules that look for injections leave out values that the definition of the API proves harmless.",
            );
            let refuse_undeclared = fields.defaulting(
                "refuse_undeclared",
                UndeclaredShape,
                json!([]),
                "APIs (`orders`) and operations (`orders/create`) whose requests may have no arguments but those of the definition, or `all` that have one.",
            );
            let pass = fields.defaulting(
                "pass",
                list(choice(&[("grpc", WafProtocol::Grpc), ("websocket", WafProtocol::WebSocket)])).unique(),
                json!([]),
                "Protocols that pass without being looked at. Of others than these the head is inspected in any case.",
            );
            let beyond_bounds = fields.defaulting(
                "beyond_bounds",
                choice(&[("refuse", BeyondBounds::Refuse), ("pass", BeyondBounds::Pass)]),
                json!("refuse"),
                "What happens to a request whose inspection would take more than its bounds.",
            );
            let block = fields.optional(
                "block",
                record("the answer of a refusal", |fields| {
                    let status = fields.optional(
                        "status",
                        integer(400..=599),
                        "Its status; default: what the rule says, 403 mostly.",
                    );
                    let page = fields.optional(
                        "page",
                        path(),
                        "A file with its body, in which `{{request_id}}` stands for the request's id.",
                    );
                    Some((status, page))
                }),
                "What a refused request is answered.",
            );
            let (status, block_page) = block.unwrap_or_default();
            let names = |modes: Option<Vec<(Located<String>, Located<WafMode>)>>| {
                modes.unwrap_or_default().into_iter().map(|(name, mode)| (name.value, mode)).collect()
            };
            Some(Self {
                mode,
                rules,
                paranoia_level,
                zones,
                exclusions: exclusions.unwrap_or_default(),
                audit_log,
                audit_headers: audit_headers
                    .unwrap_or_default()
                    .into_iter()
                    .map(|name| name.to_ascii_lowercase())
                    .collect(),
                listeners: names(listeners),
                apis: names(apis),
                use_definitions,
                refuse_undeclared: refuse_undeclared.unwrap_or_default(),
                pass: pass.unwrap_or_default(),
                beyond_bounds: beyond_bounds.unwrap_or(BeyondBounds::Refuse),
                block_status: status.and_then(|status| u16::try_from(status).ok()),
                block_page,
            })
        })
    }
}

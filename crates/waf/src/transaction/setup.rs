//! A new transaction.

use std::sync::Arc;

use super::{Body, Connection, Limits, Transaction};
use crate::bit_set::BitSet;
use crate::collections::Collections;
use crate::compile::RuleSet;
use crate::operators::Captures;
use crate::seclang::{AuditEngine, Engine};
use crate::values::{Value, Values};
use crate::variables::{List, Scalar};

/// Flags that are 0 until something sets them.
const FLAGS: &[Scalar] = &[
    Scalar::ArgsCombinedSize,
    Scalar::FilesCombinedSize,
    Scalar::FullRequestLength,
    Scalar::InboundDataError,
    Scalar::MultipartBoundaryQuoted,
    Scalar::MultipartBoundaryWhitespace,
    Scalar::MultipartCrlfLfLines,
    Scalar::MultipartDataAfter,
    Scalar::MultipartDataBefore,
    Scalar::MultipartFileLimitExceeded,
    Scalar::MultipartHeaderFolding,
    Scalar::MultipartInvalidHeaderFolding,
    Scalar::MultipartInvalidPart,
    Scalar::MultipartInvalidQuoting,
    Scalar::MultipartLfLine,
    Scalar::MultipartMissingSemicolon,
    Scalar::MultipartStrictError,
    Scalar::MultipartUnmatchedBoundary,
    Scalar::OutboundDataError,
    Scalar::ReqbodyError,
    Scalar::ReqbodyProcessorError,
    Scalar::RequestBodyLength,
    Scalar::UrlencodedError,
];

/// Texts that are empty until something sets them.
const TEXTS: &[Scalar] = &[
    Scalar::AuthType,
    Scalar::PathInfo,
    Scalar::QueryString,
    Scalar::RemoteUser,
    Scalar::ReqbodyErrorMsg,
    Scalar::ReqbodyProcessor,
    Scalar::ReqbodyProcessorErrorMsg,
    Scalar::Sessionid,
    Scalar::Userid,
];

impl Transaction {
    /// A transaction of a connection.
    pub fn new(
        rules: &Arc<RuleSet>,
        limits: Limits,
        collections: Option<&Arc<Collections>>,
        connection: &Connection<'_>,
    ) -> Self {
        let settings = &rules.settings;
        let body = |access, limit| Body {
            access,
            limit,
            bytes: Vec::new(),
            length: 0,
            processor: None,
            forced: false,
        };
        let mut transaction = Self {
            rules: Arc::clone(rules),
            collections: collections.cloned(),
            limits,
            now: connection.now,
            values: Values::new(&rules.chain_triggers, !rules.unoptimised),
            scalars: [None; Scalar::COUNT],
            lists: [const { Vec::new() }; List::COUNT],
            xml: vec![Vec::new(); rules.xpaths.len()],
            slots: vec![None; rules.names.len()],
            others: Vec::new(),
            keys: Default::default(),
            engine: settings.engine,
            audited: settings.audit_engine != AuditEngine::Off,
            removed: BitSet::default(),
            whole_plan: rules.unoptimised,
            removed_targets: Vec::new(),
            sanitised: Vec::new(),
            matched: None,
            current: 0,
            highest_severity: 255,
            captures: Captures::default(),
            matches: Vec::new(),
            refusal: None,
            suppressed: None,
            allowed: None,
            summaries: Default::default(),
            definition: None,
            tells_undeclared: false,
            work: 0,
            exceeded: false,
            header_bytes: 0,
            body: body(settings.request_body_access, settings.request_body_limit),
            response: body(settings.response_body_access, settings.response_body_limit),
            response_status: 0,
        };
        for flag in FLAGS {
            transaction.scalars[*flag as usize] = Some(Value::Number(0));
        }
        let empty = transaction.values.add(b"");
        for text in TEXTS {
            transaction.scalars[*text as usize] = Some(Value::Text(empty));
        }
        let client = transaction.address(connection.client);
        transaction.scalars[Scalar::RemoteAddr as usize] = Some(client);
        transaction.scalars[Scalar::RemoteHost as usize] = Some(client);
        transaction.scalars[Scalar::ServerAddr as usize] = Some(transaction.address(connection.server));
        transaction.set_number(Scalar::RemotePort, connection.client_port.into());
        transaction.set_number(Scalar::ServerPort, connection.server_port.into());
        transaction.set(Scalar::ServerName, connection.server_name.as_bytes());
        transaction.set(Scalar::UniqueId, connection.request_id.as_bytes());
        transaction.set(Scalar::Webappid, settings.web_app_id.as_bytes());
        for (slot, value) in &rules.initial {
            let value = match value.parse() {
                Ok(number) => Value::Number(number),
                Err(_) => Value::Text(transaction.values.add(value.as_bytes())),
            };
            transaction.slots[*slot as usize] = Some(value);
        }
        transaction
    }

    fn address(&mut self, address: std::net::IpAddr) -> Value {
        let text = address.to_canonical().to_string();
        Value::Text(self.values.add(text.as_bytes()))
    }

    pub(super) fn set(&mut self, scalar: Scalar, text: &[u8]) {
        let id = self.values.add(text);
        self.scalars[scalar as usize] = Some(Value::Text(id));
    }

    pub(super) fn set_number(&mut self, scalar: Scalar, number: i64) {
        self.scalars[scalar as usize] = Some(Value::Number(number));
    }

    pub(super) fn is_off(&self) -> bool {
        self.engine == Engine::Off
    }
}

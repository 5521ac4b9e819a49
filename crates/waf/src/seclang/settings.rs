//! Directives that set something for the whole engine.

use crate::error::did_you_mean;
use crate::operators::Linear;

/// Whether rules run and whether they stop requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Rules run and stop requests.
    On,
    /// Rules run; what they would stop is only reported.
    DetectionOnly,
    /// No rule runs.
    Off,
}

/// Which transactions are written to the audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuditEngine {
    /// Those in which a rule matched.
    Matched,
    /// None.
    Off,
}

/// What happens to a body above the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitAction {
    Reject,
    ProcessPartial,
}

/// What the directives have set.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) engine: Engine,
    pub(crate) audit_engine: AuditEngine,
    pub(crate) request_body_access: bool,
    pub(crate) request_body_limit: usize,
    /// The most bytes of a body without those of uploaded files; without it the limit of the body counts.
    pub(crate) request_body_no_files_limit: Option<usize>,
    pub(crate) request_body_limit_action: LimitAction,
    pub(crate) json_depth_limit: usize,
    pub(crate) arguments_limit: usize,
    pub(crate) argument_separator: u8,
    pub(crate) upload_file_limit: usize,
    pub(crate) response_body_access: bool,
    pub(crate) response_body_limit: usize,
    pub(crate) response_body_limit_action: LimitAction,
    pub(crate) response_body_mime_types: Vec<String>,
    pub(crate) collection_timeout: u64,
    pub(crate) web_app_id: String,
    pub(crate) component_signatures: Vec<String>,
    /// Whether the texts of XML bodies are arguments, too.
    pub(crate) xml_into_args: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            engine: Engine::On,
            audit_engine: AuditEngine::Matched,
            request_body_access: true,
            request_body_limit: 1 << 20,
            request_body_no_files_limit: None,
            request_body_limit_action: LimitAction::Reject,
            json_depth_limit: 512,
            arguments_limit: 20_000,
            argument_separator: b'&',
            upload_file_limit: 100,
            response_body_access: false,
            response_body_limit: 512 << 10,
            response_body_limit_action: LimitAction::ProcessPartial,
            response_body_mime_types: [
                "text/plain",
                "text/html",
                "text/xml",
                "application/json",
                "application/xml",
            ]
            .map(str::to_owned)
            .into(),
            collection_timeout: 3600,
            web_app_id: "default".to_owned(),
            component_signatures: Vec::new(),
            xml_into_args: false,
        }
    }
}

impl Settings {
    /// Whether that is the name of a setting of `ModSecurity`, supported or not.
    pub(super) fn knows(name: &str) -> bool {
        let named = |known: &&str| known.eq_ignore_ascii_case(name);
        SUPPORTED.iter().any(&named)
            || WITHOUT_EFFECT.iter().any(|(known, _)| named(known))
            || REFUSED.iter().any(|(known, _)| named(known))
    }

    /// Applies a directive. The text of `Ok` is a note on a directive that changes nothing here.
    pub(super) fn apply(&mut self, name: &str, words: &[String]) -> Result<Option<String>, String> {
        let lower = name.to_ascii_lowercase();
        if let Some((known, reason)) =
            WITHOUT_EFFECT.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))
        {
            return Ok(Some(format!("{known} has no effect: {reason}")));
        }
        if let Some((known, reason)) = REFUSED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            return Err(format!("{known} is not supported: {reason}"));
        }
        if lower == "secresponsebodymimetypesclear" {
            self.response_body_mime_types.clear();
            return Ok(None);
        }
        if lower == "secresponsebodymimetype" {
            if words.is_empty() {
                return Err(format!("{name} needs media types"));
            }
            self.response_body_mime_types.extend(words.iter().map(|word| word.to_ascii_lowercase()));
            return Ok(None);
        }
        let [word] = words else {
            return Err(format!("{name} takes one argument, found {}", words.len()));
        };
        match lower.as_str() {
            "secruleengine" => {
                self.engine = choice(
                    word,
                    &[("On", Engine::On), ("Off", Engine::Off), ("DetectionOnly", Engine::DetectionOnly)],
                )?;
            }
            "secauditengine" => {
                self.audit_engine = choice(
                    word,
                    &[
                        ("On", AuditEngine::Matched),
                        ("RelevantOnly", AuditEngine::Matched),
                        ("Off", AuditEngine::Off),
                    ],
                )?;
            }
            "secauditlogrelevantstatus" => {
                Linear::new(word)?;
            }
            "secrequestbodyaccess" => self.request_body_access = switch(word)?,
            "secresponsebodyaccess" => self.response_body_access = switch(word)?,
            "secrequestbodylimit" => self.request_body_limit = number(word)?,
            "secrequestbodynofileslimit" => self.request_body_no_files_limit = Some(number(word)?),
            "secrequestbodylimitaction" => self.request_body_limit_action = limit_action(word)?,
            "secrequestbodyjsondepthlimit" => self.json_depth_limit = number(word)?,
            "secargumentslimit" => self.arguments_limit = number(word)?,
            "secargumentseparator" => match word.as_bytes() {
                [separator] => self.argument_separator = *separator,
                _ => return Err(format!("expected one character, found {word:?}")),
            },
            "secuploadfilelimit" => self.upload_file_limit = number(word)?,
            "secresponsebodylimit" => self.response_body_limit = number(word)?,
            "secresponsebodylimitaction" => self.response_body_limit_action = limit_action(word)?,
            "seccollectiontimeout" => self.collection_timeout = number(word)? as u64,
            "secwebappid" => self.web_app_id.clone_from(word),
            "seccomponentsignature" => self.component_signatures.push(word.clone()),
            "secparsexmlintoargs" => {
                self.xml_into_args = choice(word, &[("On", true), ("OnlyArgs", true), ("Off", false)])?;
            }
            "seccookieformat" => match word.as_str() {
                "0" => {}
                _ => return Err("only cookies of format 0 (RFC 6265) are supported".to_owned()),
            },
            "secxmlexternalentity" => {
                if switch(word)? {
                    return Err("external entities are never loaded; only Off is supported".to_owned());
                }
            }
            _ => return Err(format!("unknown directive {name}{}", suggestion(name))),
        }
        Ok(None)
    }
}

/// A suggestion for a directive that nobody knows.
pub(super) fn suggestion(name: &str) -> String {
    let rules = [
        "Include",
        "SecAction",
        "SecDefaultAction",
        "SecMarker",
        "SecRule",
        "SecRuleRemoveById",
        "SecRuleRemoveByMsg",
        "SecRuleRemoveByTag",
        "SecRuleUpdateActionById",
        "SecRuleUpdateTargetById",
        "SecRuleUpdateTargetByMsg",
        "SecRuleUpdateTargetByTag",
    ];
    did_you_mean(name, rules.into_iter().chain(SUPPORTED.iter().copied()))
}

fn choice<T: Copy>(word: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, value)| *value).ok_or_else(
        || {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            format!("expected {}, found {word:?}", names.join(" or "))
        },
    )
}

fn switch(word: &str) -> Result<bool, String> {
    choice(word, &[("On", true), ("Off", false)])
}

fn limit_action(word: &str) -> Result<LimitAction, String> {
    choice(word, &[("Reject", LimitAction::Reject), ("ProcessPartial", LimitAction::ProcessPartial)])
}

/// A size or a count, within what the engine can count.
fn number(word: &str) -> Result<usize, String> {
    word.parse::<u32>()
        .ok()
        .map(|number| number as usize)
        .filter(|number| *number <= 1 << 30)
        .ok_or_else(|| format!("expected a number up to {}, found {word:?}", 1 << 30))
}

const SUPPORTED: &[&str] = &[
    "SecArgumentSeparator",
    "SecArgumentsLimit",
    "SecAuditEngine",
    "SecAuditLogRelevantStatus",
    "SecCollectionTimeout",
    "SecComponentSignature",
    "SecCookieFormat",
    "SecParseXmlIntoArgs",
    "SecRequestBodyAccess",
    "SecRequestBodyJsonDepthLimit",
    "SecRequestBodyLimit",
    "SecRequestBodyLimitAction",
    "SecRequestBodyNoFilesLimit",
    "SecResponseBodyAccess",
    "SecResponseBodyLimit",
    "SecResponseBodyLimitAction",
    "SecResponseBodyMimeType",
    "SecResponseBodyMimeTypesClear",
    "SecRuleEngine",
    "SecUploadFileLimit",
    "SecWebAppId",
    "SecXmlExternalEntity",
];

const AUDIT: &str = "the audit log is configured by waf.audit_log";
const DEBUG: &str = "there is no debug log; use gatehouse waf run-tests or the audit log";
const MEMORY: &str = "bodies are inspected in memory, within the limits";

const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("SecAuditLog", AUDIT),
    ("SecAuditLog2", AUDIT),
    ("SecAuditLogDirMode", AUDIT),
    ("SecAuditLogFileMode", AUDIT),
    ("SecAuditLogFormat", AUDIT),
    ("SecAuditLogParts", AUDIT),
    ("SecAuditLogPrefix", AUDIT),
    ("SecAuditLogStorageDir", AUDIT),
    ("SecAuditLogType", AUDIT),
    ("SecDataDir", "collections live in the store"),
    ("SecDebugLog", DEBUG),
    ("SecDebugLogLevel", DEBUG),
    ("SecPcreMatchLimit", "patterns run in linear time"),
    ("SecPcreMatchLimitRecursion", "patterns run in linear time"),
    ("SecRequestBodyInMemoryLimit", MEMORY),
    ("SecRulePerfTime", "times of the engine stand in the metrics"),
    ("SecSensorId", "the instance's name stands in its configuration"),
    ("SecServerSignature", "policies set response headers"),
    ("SecStatusEngine", "nothing is sent to anyone"),
    ("SecStreamInBodyInspection", MEMORY),
    ("SecTmpDir", MEMORY),
    ("SecTmpSaveUploadedFiles", MEMORY),
    ("SecUnicodeMapFile", "full-width forms are mapped, other code points keep their low byte"),
    ("SecUnicodeMap", "full-width forms are mapped, other code points keep their low byte"),
    ("SecUploadDir", MEMORY),
    ("SecUploadFileMode", MEMORY),
    ("SecUploadKeepFiles", MEMORY),
];

const REFUSED: &[(&str, &str)] = &[
    ("SecCacheTransformations", "results are always kept for the transaction"),
    ("SecChrootDir", "run the gateway in a container or under systemd"),
    ("SecConnEngine", "limits on connections stand under limits"),
    ("SecConnReadStateLimit", "limits on connections stand under limits"),
    ("SecConnWriteStateLimit", "limits on connections stand under limits"),
    ("SecContentInjection", "policies change bodies"),
    ("SecCookieV0Separator", "only cookies of RFC 6265 are supported"),
    ("SecDisableBackendCompression", "policies change headers"),
    ("SecGeoLookupDb", "there is no database of places"),
    ("SecGsbLookupDb", "it needs a local copy of a retired service of Google"),
    ("SecGuardianLog", "it would run a program for each request"),
    ("SecHashEngine", "it signs links, which is not a gateway's work"),
    ("SecHashKey", "it signs links, which is not a gateway's work"),
    ("SecHashParam", "it signs links, which is not a gateway's work"),
    ("SecHttpBlKey", "it would ask the DNS for each request"),
    ("SecInterceptOnError", "errors are always intercepted"),
    ("SecReadStateLimit", "limits on connections stand under limits"),
    ("SecRemoteRules", "rules come from files, so that a reload is the same everywhere"),
    ("SecRemoteRulesFailAction", "rules come from files, so that a reload is the same everywhere"),
    ("SecRuleInheritance", "there is one set of rules"),
    ("SecRuleScript", "it would run Lua for each request"),
    ("SecWriteStateLimit", "limits on connections stand under limits"),
];

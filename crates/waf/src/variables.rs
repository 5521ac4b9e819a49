//! The variables that rules may name, and where their values are kept.

use crate::error::did_you_mean;
use crate::names::Names;
use crate::operators::Linear;

/// A variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    /// One value, or none.
    Scalar(Scalar),
    /// The values, or the names, of lists.
    List(&'static [List], Part),
    /// The variables of the transaction.
    Tx,
    /// A collection that outlives the transaction.
    Persistent(Scope),
    /// The value that matched last.
    MatchedVar,
    /// The name of the value that matched last.
    MatchedVarName,
    /// The most severe of the rules that have matched.
    HighestSeverity,
    /// A part of the time of the transaction, in UTC.
    Time(TimePart),
    /// A property of the rule that runs.
    Rule,
    /// Parts of an XML body.
    Xml,
}

/// Names or values of a list's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Names,
    Values,
}

/// A collection that outlives the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scope {
    Global,
    Ip,
    Resource,
    Session,
    User,
}

impl Scope {
    pub(crate) const ALL: [Self; 5] = [Self::Global, Self::Ip, Self::Resource, Self::Session, Self::User];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Global => "GLOBAL",
            Self::Ip => "IP",
            Self::Resource => "RESOURCE",
            Self::Session => "SESSION",
            Self::User => "USER",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name().eq_ignore_ascii_case(name))
    }
}

/// A part of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimePart {
    Clock,
    Day,
    Epoch,
    Hour,
    Minute,
    Month,
    Second,
    Weekday,
    Year,
    Duration,
}

/// Variables that have one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    ArgsCombinedSize,
    AuthType,
    FilesCombinedSize,
    FullRequest,
    FullRequestLength,
    InboundDataError,
    MultipartBoundaryQuoted,
    MultipartBoundaryWhitespace,
    MultipartCrlfLfLines,
    MultipartDataAfter,
    MultipartDataBefore,
    MultipartFileLimitExceeded,
    MultipartHeaderFolding,
    MultipartInvalidHeaderFolding,
    MultipartInvalidPart,
    MultipartInvalidQuoting,
    MultipartLfLine,
    MultipartMissingSemicolon,
    MultipartStrictError,
    MultipartUnmatchedBoundary,
    OutboundDataError,
    PathInfo,
    QueryString,
    RemoteAddr,
    RemoteHost,
    RemotePort,
    RemoteUser,
    ReqbodyError,
    ReqbodyErrorMsg,
    ReqbodyProcessor,
    ReqbodyProcessorError,
    ReqbodyProcessorErrorMsg,
    RequestBasename,
    RequestBody,
    RequestBodyLength,
    RequestFilename,
    RequestLine,
    RequestMethod,
    RequestProtocol,
    RequestUri,
    RequestUriRaw,
    ResponseBody,
    ResponseContentLength,
    ResponseContentType,
    ResponseProtocol,
    ResponseStatus,
    ServerAddr,
    ServerName,
    ServerPort,
    Sessionid,
    StatusLine,
    UniqueId,
    UrlencodedError,
    Userid,
    Webappid,
}

impl Scalar {
    pub(crate) const COUNT: usize = 55;
}

/// Where named values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    ArgsGet,
    ArgsPost,
    RequestHeaders,
    RequestCookies,
    ResponseHeaders,
    Files,
    FilesSizes,
    FilesTmpNames,
    FilesTmpContent,
    MultipartPartHeaders,
    MultipartName,
    MultipartFilename,
    MatchedVars,
    Env,
    Geo,
    /// Arguments that the definition of the API does not have, where those are looked for.
    Undeclared,
}

impl List {
    pub(crate) const COUNT: usize = 16;
}

/// A variable of a macro, with the name after the point.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) variable: Variable,
    /// The name of the entry in lower case; empty for a variable that has none.
    pub(crate) name: Box<[u8]>,
    /// The slot of a name of `TX`.
    pub(crate) slot: Option<u32>,
}

impl Reference {
    /// Reads `VARIABLE`, `COLLECTION.name` or `COLLECTION:name`.
    pub(crate) fn parse(text: &str, names: &mut Names) -> Result<Self, String> {
        let (variable, name) = text.split_once(['.', ':']).unwrap_or((text, ""));
        let (variable, _) = named(variable)?;
        let name: Box<[u8]> = name.to_ascii_lowercase().into_bytes().into();
        if variable == Variable::Tx && name.is_empty() {
            return Err(format!("the macro %{{{text}}} needs a name, such as %{{tx.score}}"));
        }
        let slot = (variable == Variable::Tx).then(|| names.slot(&name));
        Ok(Self { variable, name, slot })
    }
}

/// Which entries of a collection a rule looks at.
#[derive(Debug)]
pub(crate) enum Selector {
    /// All of them.
    All,
    /// Those of that name, in lower case.
    Named(Box<[u8]>),
    /// Those whose names match.
    Pattern(Linear),
}

impl Selector {
    /// Reads what stands after the colon: a name, a name in quotes, or a pattern between slashes.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let bare = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')).unwrap_or(text);
        if let Some(pattern) = bare.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
            let matcher =
                Linear::ignoring_case(pattern).map_err(|error| format!("in the selector {text}: {error}"))?;
            return Ok(Self::Pattern(matcher));
        }
        if bare.is_empty() {
            return Err("expected a name after the colon".to_owned());
        }
        Ok(Self::Named(bare.to_ascii_lowercase().into_bytes().into()))
    }

    pub(crate) fn selects(&self, name: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Named(wanted) => wanted.eq_ignore_ascii_case(name),
            Self::Pattern(matcher) => matcher.is_match(name),
        }
    }
}

/// The variable of a name, whatever its case, and the name as it is written in logs.
pub(crate) fn named(name: &str) -> Result<(Variable, &'static str), String> {
    if let Some((known, variable)) = TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Ok((*variable, known));
    }
    if let Some((known, reason)) = REFUSED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Err(format!("the variable {known} is not supported: {reason}"));
    }
    Err(format!("unknown variable {name}{}", did_you_mean(name, TABLE.iter().map(|(name, _)| *name))))
}

const REFUSED: &[(&str, &str)] = &[
    ("MODSEC_BUILD", "rules must not depend on the build of another engine"),
    ("PERF_ALL", "times of the engine stand in the metrics"),
    ("PERF_COMBINED", "times of the engine stand in the metrics"),
    ("SCRIPT_FILENAME", "a gateway runs no scripts"),
    ("WEBSERVER_ERROR_LOG", "a gateway has no such log for each request"),
];

const TABLE: &[(&str, Variable)] = &[
    ("ARGS", Variable::List(&[List::ArgsGet, List::ArgsPost], Part::Values)),
    ("ARGS_COMBINED_SIZE", Variable::Scalar(Scalar::ArgsCombinedSize)),
    ("ARGS_GET", Variable::List(&[List::ArgsGet], Part::Values)),
    ("ARGS_GET_NAMES", Variable::List(&[List::ArgsGet], Part::Names)),
    ("ARGS_NAMES", Variable::List(&[List::ArgsGet, List::ArgsPost], Part::Names)),
    ("ARGS_POST", Variable::List(&[List::ArgsPost], Part::Values)),
    ("ARGS_POST_NAMES", Variable::List(&[List::ArgsPost], Part::Names)),
    ("ARGS_UNDECLARED", Variable::List(&[List::Undeclared], Part::Values)),
    ("ARGS_UNDECLARED_NAMES", Variable::List(&[List::Undeclared], Part::Names)),
    ("AUTH_TYPE", Variable::Scalar(Scalar::AuthType)),
    ("DURATION", Variable::Time(TimePart::Duration)),
    ("ENV", Variable::List(&[List::Env], Part::Values)),
    ("FILES", Variable::List(&[List::Files], Part::Values)),
    ("FILES_COMBINED_SIZE", Variable::Scalar(Scalar::FilesCombinedSize)),
    ("FILES_NAMES", Variable::List(&[List::Files], Part::Names)),
    ("FILES_SIZES", Variable::List(&[List::FilesSizes], Part::Values)),
    ("FILES_TMPNAMES", Variable::List(&[List::FilesTmpNames], Part::Values)),
    ("FILES_TMP_CONTENT", Variable::List(&[List::FilesTmpContent], Part::Values)),
    ("FULL_REQUEST", Variable::Scalar(Scalar::FullRequest)),
    ("FULL_REQUEST_LENGTH", Variable::Scalar(Scalar::FullRequestLength)),
    ("GEO", Variable::List(&[List::Geo], Part::Values)),
    ("GLOBAL", Variable::Persistent(Scope::Global)),
    ("HIGHEST_SEVERITY", Variable::HighestSeverity),
    ("INBOUND_DATA_ERROR", Variable::Scalar(Scalar::InboundDataError)),
    ("IP", Variable::Persistent(Scope::Ip)),
    ("MATCHED_VAR", Variable::MatchedVar),
    ("MATCHED_VARS", Variable::List(&[List::MatchedVars], Part::Values)),
    ("MATCHED_VARS_NAMES", Variable::List(&[List::MatchedVars], Part::Names)),
    ("MATCHED_VAR_NAME", Variable::MatchedVarName),
    ("MULTIPART_BOUNDARY_QUOTED", Variable::Scalar(Scalar::MultipartBoundaryQuoted)),
    ("MULTIPART_BOUNDARY_WHITESPACE", Variable::Scalar(Scalar::MultipartBoundaryWhitespace)),
    ("MULTIPART_CRLF_LF_LINES", Variable::Scalar(Scalar::MultipartCrlfLfLines)),
    ("MULTIPART_DATA_AFTER", Variable::Scalar(Scalar::MultipartDataAfter)),
    ("MULTIPART_DATA_BEFORE", Variable::Scalar(Scalar::MultipartDataBefore)),
    ("MULTIPART_FILENAME", Variable::List(&[List::MultipartFilename], Part::Values)),
    ("MULTIPART_FILE_LIMIT_EXCEEDED", Variable::Scalar(Scalar::MultipartFileLimitExceeded)),
    ("MULTIPART_HEADER_FOLDING", Variable::Scalar(Scalar::MultipartHeaderFolding)),
    ("MULTIPART_INVALID_HEADER_FOLDING", Variable::Scalar(Scalar::MultipartInvalidHeaderFolding)),
    ("MULTIPART_INVALID_PART", Variable::Scalar(Scalar::MultipartInvalidPart)),
    ("MULTIPART_INVALID_QUOTING", Variable::Scalar(Scalar::MultipartInvalidQuoting)),
    ("MULTIPART_LF_LINE", Variable::Scalar(Scalar::MultipartLfLine)),
    ("MULTIPART_MISSING_SEMICOLON", Variable::Scalar(Scalar::MultipartMissingSemicolon)),
    ("MULTIPART_NAME", Variable::List(&[List::MultipartName], Part::Values)),
    ("MULTIPART_PART_HEADERS", Variable::List(&[List::MultipartPartHeaders], Part::Values)),
    ("MULTIPART_STRICT_ERROR", Variable::Scalar(Scalar::MultipartStrictError)),
    ("MULTIPART_UNMATCHED_BOUNDARY", Variable::Scalar(Scalar::MultipartUnmatchedBoundary)),
    ("OUTBOUND_DATA_ERROR", Variable::Scalar(Scalar::OutboundDataError)),
    ("PATH_INFO", Variable::Scalar(Scalar::PathInfo)),
    ("QUERY_STRING", Variable::Scalar(Scalar::QueryString)),
    ("REMOTE_ADDR", Variable::Scalar(Scalar::RemoteAddr)),
    ("REMOTE_HOST", Variable::Scalar(Scalar::RemoteHost)),
    ("REMOTE_PORT", Variable::Scalar(Scalar::RemotePort)),
    ("REMOTE_USER", Variable::Scalar(Scalar::RemoteUser)),
    ("REQBODY_ERROR", Variable::Scalar(Scalar::ReqbodyError)),
    ("REQBODY_ERROR_MSG", Variable::Scalar(Scalar::ReqbodyErrorMsg)),
    ("REQBODY_PROCESSOR", Variable::Scalar(Scalar::ReqbodyProcessor)),
    ("REQBODY_PROCESSOR_ERROR", Variable::Scalar(Scalar::ReqbodyProcessorError)),
    ("REQBODY_PROCESSOR_ERROR_MSG", Variable::Scalar(Scalar::ReqbodyProcessorErrorMsg)),
    ("REQUEST_BASENAME", Variable::Scalar(Scalar::RequestBasename)),
    ("REQUEST_BODY", Variable::Scalar(Scalar::RequestBody)),
    ("REQUEST_BODY_LENGTH", Variable::Scalar(Scalar::RequestBodyLength)),
    ("REQUEST_COOKIES", Variable::List(&[List::RequestCookies], Part::Values)),
    ("REQUEST_COOKIES_NAMES", Variable::List(&[List::RequestCookies], Part::Names)),
    ("REQUEST_FILENAME", Variable::Scalar(Scalar::RequestFilename)),
    ("REQUEST_HEADERS", Variable::List(&[List::RequestHeaders], Part::Values)),
    ("REQUEST_HEADERS_NAMES", Variable::List(&[List::RequestHeaders], Part::Names)),
    ("REQUEST_LINE", Variable::Scalar(Scalar::RequestLine)),
    ("REQUEST_METHOD", Variable::Scalar(Scalar::RequestMethod)),
    ("REQUEST_PROTOCOL", Variable::Scalar(Scalar::RequestProtocol)),
    ("REQUEST_URI", Variable::Scalar(Scalar::RequestUri)),
    ("REQUEST_URI_RAW", Variable::Scalar(Scalar::RequestUriRaw)),
    ("RESOURCE", Variable::Persistent(Scope::Resource)),
    ("RESPONSE_BODY", Variable::Scalar(Scalar::ResponseBody)),
    ("RESPONSE_CONTENT_LENGTH", Variable::Scalar(Scalar::ResponseContentLength)),
    ("RESPONSE_CONTENT_TYPE", Variable::Scalar(Scalar::ResponseContentType)),
    ("RESPONSE_HEADERS", Variable::List(&[List::ResponseHeaders], Part::Values)),
    ("RESPONSE_HEADERS_NAMES", Variable::List(&[List::ResponseHeaders], Part::Names)),
    ("RESPONSE_PROTOCOL", Variable::Scalar(Scalar::ResponseProtocol)),
    ("RESPONSE_STATUS", Variable::Scalar(Scalar::ResponseStatus)),
    ("RULE", Variable::Rule),
    ("SERVER_ADDR", Variable::Scalar(Scalar::ServerAddr)),
    ("SERVER_NAME", Variable::Scalar(Scalar::ServerName)),
    ("SERVER_PORT", Variable::Scalar(Scalar::ServerPort)),
    ("SESSION", Variable::Persistent(Scope::Session)),
    ("SESSIONID", Variable::Scalar(Scalar::Sessionid)),
    ("STATUS_LINE", Variable::Scalar(Scalar::StatusLine)),
    ("TIME", Variable::Time(TimePart::Clock)),
    ("TIME_DAY", Variable::Time(TimePart::Day)),
    ("TIME_EPOCH", Variable::Time(TimePart::Epoch)),
    ("TIME_HOUR", Variable::Time(TimePart::Hour)),
    ("TIME_MIN", Variable::Time(TimePart::Minute)),
    ("TIME_MON", Variable::Time(TimePart::Month)),
    ("TIME_SEC", Variable::Time(TimePart::Second)),
    ("TIME_WDAY", Variable::Time(TimePart::Weekday)),
    ("TIME_YEAR", Variable::Time(TimePart::Year)),
    ("TX", Variable::Tx),
    ("UNIQUE_ID", Variable::Scalar(Scalar::UniqueId)),
    ("URLENCODED_ERROR", Variable::Scalar(Scalar::UrlencodedError)),
    ("USER", Variable::Persistent(Scope::User)),
    ("USERID", Variable::Scalar(Scalar::Userid)),
    ("WEBAPPID", Variable::Scalar(Scalar::Webappid)),
    ("XML", Variable::Xml),
];

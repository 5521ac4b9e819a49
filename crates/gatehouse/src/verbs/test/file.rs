//! `*.test.yaml`: the file as it is written.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use gatehouse_model::configuration::Zone;
use gatehouse_model::tree::decode::{
    Context, Fields, Invalid, Parsed, Shape, choice, integer, list, located, map, one_or_many, parsed,
    record, text,
};
use gatehouse_model::tree::parse_yaml;
use gatehouse_model::{Diagnostic, Diagnostics, Located, Location};

use super::expectation::Expectation;
use crate::offline::{Answer, Answers, Content, HeaderList, Scalar, Stub, instant};

/// The largest file, in bytes.
const MAX_BYTES: u64 = 16 << 20;
/// How often one request may be sent.
const MAX_REPEAT: u64 = 10_000;

/// 2026-01-01T00:00:00Z: the time of cases that name none.
const DEFAULT_TIME: u64 = 1_767_225_600_000;

/// A test file.
pub(super) struct TestFile {
    /// The folders under test; `None`: those of the configuration.
    pub(super) artifacts: Vec<Located<PathBuf>>,
    pub(super) configuration: Option<Located<PathBuf>>,
    pub(super) overrides: Option<Located<PathBuf>>,
    pub(super) cases: Vec<Case>,
}

/// One case.
pub(super) struct Case {
    pub(super) name: Located<String>,
    pub(super) request: CaseRequest,
    /// What the backend answers, call by call; the last answer stays.
    pub(super) backend: Vec<Answer>,
    pub(super) stubs: Vec<Stub>,
    pub(super) named_values: BTreeMap<String, String>,
    pub(super) time: u64,
    pub(super) random: u64,
    pub(super) zone: Zone,
    /// How often the request is sent; what is expected holds for the last time.
    pub(super) repeat: u64,
    pub(super) expect: Expectation,
}

/// The request of a case.
pub(super) struct CaseRequest {
    pub(super) method: String,
    pub(super) url: Located<String>,
    pub(super) headers: Vec<(Located<String>, Vec<String>)>,
    pub(super) body: String,
    pub(super) client_ip: IpAddr,
}

/// What cases share unless they say otherwise.
struct Common {
    stubs: Option<Vec<Stub>>,
    named_values: BTreeMap<String, String>,
    time: Option<u64>,
    random: Option<u64>,
    zone: Option<Zone>,
}

impl Common {
    fn read(fields: &mut Fields<'_>) -> Self {
        let stubs = fields.optional("stubs", list(Stub::shape()), "Answers to the requests of policies.");
        let named_values =
            fields.optional("named_values", map("named values", Scalar), "Values of named values.");
        let time = fields.optional("time", instant(), "The time.");
        let random = fields.optional("random", integer(0..=u64::MAX), "Where randomness begins.");
        let zones = [("external", Zone::External), ("internal", Zone::Internal)];
        let zone = fields.optional("zone", choice(&zones), "The zone that the request comes in by.");
        let named_values = named_values.unwrap_or_default();
        let named_values = named_values.into_iter().map(|(name, value)| (name.value, value)).collect();
        Self { stubs, named_values, time, random, zone }
    }
}

impl TestFile {
    /// Reads the file; everything that is wrong is told at once.
    pub(super) fn read(file: &Path) -> Result<Self, Diagnostics> {
        let name: Arc<Path> = file.into();
        let one = |diagnostic| {
            let mut diagnostics = Diagnostics::new();
            diagnostics.push(diagnostic);
            diagnostics
        };
        let unreadable = |why: String| {
            one(Diagnostic::error("unreadable", Location::file(file), format!("cannot be read: {why}")))
        };
        let length = std::fs::metadata(file).map_err(|error| unreadable(error.to_string()))?.len();
        if length > MAX_BYTES {
            return Err(unreadable(format!("larger than {} MiB", MAX_BYTES >> 20)));
        }
        let text = std::fs::read_to_string(file).map_err(|error| unreadable(error.to_string()))?;
        let node = parse_yaml(&text, &name).map_err(one)?;
        let mut context = Context::new(name, "the test file");
        let read = Self::shape().decode(&node, &mut context);
        let diagnostics = context.into_diagnostics();
        match read {
            Some(read) if !diagnostics.has_errors() => Ok(read.beside(file)),
            _ => Err(diagnostics),
        }
    }

    fn shape() -> impl Shape<Value = Self> {
        record("a test file", |fields| {
            let paths = one_or_many(located(text()));
            let artifacts =
                fields.optional("artifacts", paths, "The APIOps folder under test, or several layers.");
            let configuration = fields.optional(
                "configuration",
                located(text()),
                "A gatehouse.yaml: its artifacts, zones and limits are under test.",
            );
            let overrides =
                fields.optional("overrides", located(text()), "An APIOps publisher override file.");
            let common = Common::read(fields);
            let cases = fields.required("cases", list(CaseDraft::shape()).not_empty(), "The cases.");
            if artifacts.is_none() && configuration.is_none() && fields.node("artifacts").is_none() {
                let finding =
                    Diagnostic::error("missing-key", fields.location(), "a test file needs `artifacts`");
                fields.push(finding.fix("name the APIOps folder under test: `artifacts: ..`"));
            }
            let path = |path: Located<String>| Located::new(PathBuf::from(path.value), path.location);
            Some(Self {
                artifacts: artifacts.unwrap_or_default().into_iter().map(path).collect(),
                configuration: configuration.map(path),
                overrides: overrides.map(path),
                cases: cases?.into_iter().map(|draft| draft.over(&common)).collect(),
            })
        })
    }

    /// Paths are relative to the file.
    fn beside(mut self, file: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new(""));
        let all = self.artifacts.iter_mut().chain(&mut self.configuration).chain(&mut self.overrides);
        for path in all {
            path.value = plain(&folder.join(&path.value));
        }
        self
    }
}

/// A case before what it shares with the others is filled in.
struct CaseDraft {
    name: Located<String>,
    request: CaseRequest,
    backend: Vec<Answer>,
    repeat: u64,
    expect: Expectation,
    own: Common,
}

impl CaseDraft {
    fn shape() -> impl Shape<Value = Self> {
        record("a case", |fields| {
            let name = fields.required("name", located(text()), "What the case shows.");
            let request = fields.required("request", CaseRequest::shape(), "The request.");
            let backend = fields.optional(
                "backend",
                Answers,
                "What the backend answers, call by call; default: an empty 200.",
            );
            let own = Common::read(fields);
            let repeat = fields.or(
                "repeat",
                integer(1..=MAX_REPEAT),
                1,
                "How often the request is sent; what is expected holds for the last time.",
            );
            let expect = fields.required("expect", Expectation::shape(), "What must come out.");
            Some(Self {
                name: name?,
                request: request?,
                backend: backend.unwrap_or_default(),
                repeat,
                expect: expect?,
                own,
            })
        })
    }

    fn over(self, common: &Common) -> Case {
        let Self { name, request, backend, repeat, expect, own } = self;
        let mut named_values = common.named_values.clone();
        named_values.extend(own.named_values);
        // A case's own stubs come before those of the file.
        let mut stubs = own.stubs.unwrap_or_default();
        stubs.extend(common.stubs.iter().flatten().cloned());
        Case {
            name,
            request,
            backend,
            stubs,
            named_values,
            time: own.time.or(common.time).unwrap_or(DEFAULT_TIME),
            random: own.random.or(common.random).unwrap_or(1),
            zone: own.zone.or(common.zone).unwrap_or(Zone::Internal),
            repeat,
            expect,
        }
    }
}

impl CaseRequest {
    fn shape() -> impl Shape<Value = Self> {
        record("a request", |fields| {
            let method = fields.optional("method", text(), "The method; default: GET.");
            let url =
                fields.required("url", located(text()), "The URL, such as https://api.example/orders/7.");
            let headers = fields.optional("headers", HeaderList, "Header fields.");
            let body = fields.optional("body", Content, "The body.");
            let client_ip =
                fields.optional("client_ip", address(), "The client's address; default: 127.0.0.1.");
            Some(Self {
                method: method.unwrap_or_else(|| "GET".to_owned()),
                url: url?,
                headers: headers.unwrap_or_default(),
                body: body.unwrap_or_default(),
                client_ip: client_ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            })
        })
    }
}

/// The path without `.` and `folder/..`, where that is the same place: links may lead elsewhere.
fn plain(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(short.components().next_back(), Some(Component::Normal(_))) => {
                short.pop();
            }
            part => short.push(part),
        }
    }
    if short.as_os_str().is_empty() {
        short.push(".");
    }
    let is_same =
        std::fs::canonicalize(path).is_ok_and(|place| std::fs::canonicalize(&short).ok() == Some(place));
    if is_same { short } else { path.to_owned() }
}

fn address() -> Parsed<IpAddr> {
    parsed(
        ["an IP address", "IP addresses"],
        "^[0-9A-Fa-f:.]+$",
        |text| text.parse().map_err(|_| Invalid::default()),
        ToString::to_string,
    )
}

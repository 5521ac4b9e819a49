//! What the firewall costs on requests that it lets pass: the OWASP CRS below `GATEHOUSE_CORPORA`, request side, blocking.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::Arc;

use gatehouse_waf::{Connection, Limits, Options, RuleSet, RuleSource, Transaction, Verdict, builtin};

use crate::Case;

/// A request that the rules let pass.
pub struct Benign {
    /// What it is.
    pub name: &'static str,
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    /// Whether it counts for the mean of ordinary requests.
    pub ordinary: bool,
}

impl Benign {
    /// How often it is measured.
    pub fn rounds(&self) -> u32 {
        if self.ordinary { 400 } else { 20 }
    }

    /// One line with name, rounds, method, target, fields and body for other engines to read.
    pub fn line(&self) -> String {
        let fields: Vec<String> =
            self.headers.iter().map(|(name, value)| format!("{name}:{value}")).collect();
        let rounds = if self.ordinary { 40 } else { 3 };
        format!(
            "{}\t{rounds}\t{}\t{}\t{}\t{}",
            self.name,
            self.method,
            self.target,
            fields.join("\x1f"),
            self.body
        )
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let Some(crs) = crs() else { return Vec::new() };
    let mut cases = Vec::new();
    for level in [1, 2] {
        for benign in requests() {
            let (crs, name) = (crs.clone(), format!("waf/paranoia-{level}/{}", benign.name));
            let benign = Arc::new(benign);
            cases.push(Case::new(name, move || {
                let rules = rules(&crs, level);
                let benign = Arc::clone(&benign);
                Box::new(move || {
                    black_box(inspect(&rules, black_box(&benign)));
                })
            }));
        }
    }
    cases
}

/// The folder of the CRS, where there is one.
pub fn crs() -> Option<PathBuf> {
    Some(PathBuf::from(std::env::var_os("GATEHOUSE_CORPORA")?).join("crs")).filter(|folder| folder.is_dir())
}

/// The CRS at a paranoia level, set up for APIs.
///
/// # Panics
/// Where the rules do not compile.
pub fn rules(crs: &std::path::Path, level: u64) -> Arc<RuleSet> {
    let sources = [
        builtin::protocol(),
        builtin::api_exclusions(),
        RuleSource::File(crs.join("crs-setup.conf.example")),
        RuleSource::File(crs.join("rules/*.conf")),
    ];
    let options = Options { variables: builtin::crs_variables(level), ..Options::default() };
    Arc::new(RuleSet::load(&sources, &options).unwrap_or_else(|errors| panic!("{errors}")))
}

/// Runs a request through the phases of the request; answers the score.
///
/// # Panics
/// Where the rules refuse it.
pub fn inspect(rules: &Arc<RuleSet>, benign: &Benign) -> i64 {
    let mut transaction = Transaction::new(rules, Limits::default(), None, &Connection::default());
    transaction.request_line(benign.method.as_bytes(), benign.target.as_bytes(), b"HTTP/1.1");
    for (name, value) in &benign.headers {
        transaction.request_header(name.as_bytes(), value.as_bytes());
    }
    let mut verdict = transaction.end_of_request_header();
    if verdict == Verdict::Pass {
        transaction.request_body(benign.body.as_bytes());
        verdict = transaction.end_of_request_body();
    }
    assert_eq!(verdict, Verdict::Pass, "{}: {:?}", benign.name, transaction.matches());
    transaction.score("blocking_inbound_anomaly_score")
}

/// Runs a request through the phases of the request, whatever becomes of it; answers the work and whether a bound was exceeded.
pub fn spend(rules: &Arc<RuleSet>, request: &Benign) -> (u64, bool) {
    let mut transaction = Transaction::new(rules, Limits::default(), None, &Connection::default());
    transaction.request_line(request.method.as_bytes(), request.target.as_bytes(), b"HTTP/1.1");
    for (name, value) in &request.headers {
        transaction.request_header(name.as_bytes(), value.as_bytes());
    }
    if transaction.end_of_request_header() == Verdict::Pass {
        transaction.request_body(request.body.as_bytes());
        transaction.end_of_request_body();
    }
    (transaction.work(), transaction.is_beyond_bounds())
}

/// Requests that are made to cost much.
pub fn wasteful() -> Vec<(&'static str, Benign)> {
    let json = |values: usize, value: &dyn Fn(usize) -> String| {
        let values: Vec<String> = (0..values).map(|at| format!("\"{}\"", value(at))).collect();
        request("", "POST", "/orders", Some("application/json"), format!("[{}]", values.join(",")))
    };
    let form = |body: String| request("", "POST", "/orders", Some("application/x-www-form-urlencoded"), body);
    let text = |unit: &str, length: usize| unit.repeat(length / unit.len());
    vec![
        ("digits, 19,000 values", json(19_000, &|at| at.to_string())),
        ("words, 19,000 values", json(19_000, &|at| format!("abc def {at} xyz"))),
        ("quotes, 10,000 values", json(10_000, &|at| format!("a' or 'b{at} -- (x)"))),
        ("markup, 10,000 values", json(10_000, &|at| format!("<a href=x{at} onx='y'>&#x6a;</a>"))),
        ("paths, 10,000 values", json(10_000, &|at| format!("../..\\\\{at}/;cat ${{x}}|`y`"))),
        ("one text of 1 MB of letters", json(1, &|_| text("abcdefgh ", 1_000_000))),
        ("one text of 1 MB of quotes", json(1, &|_| text("' or ", 1_000_000))),
        ("one text of 1 MB of markup", json(1, &|_| text("<a b='c'>", 1_000_000))),
        ("one text of 1 MB of escapes", json(1, &|_| text("%u0027%25&#39;", 1_000_000))),
        ("one text of 1 MB of commands", json(1, &|_| text(";cat $(a)|", 1_000_000))),
        ("one text of 1 MB of comments", json(1, &|_| text("/*a*/--", 1_000_000))),
        ("a form of 1 MB in one field", form(format!("a={}", text("select+", 1_000_000)))),
        (
            "a form with 19,000 fields",
            form((0..19_000).fold(String::new(), |form, at| form + &format!("f{at}=v'{at}&"))),
        ),
        ("one text of 1 MB of brackets", json(1, &|_| text("({[", 1_000_000))),
    ]
}

/// Ordinary requests, and JSON of growing size.
pub fn requests() -> Vec<Benign> {
    let get = |name, target: &str| request(name, "GET", target, None, String::new());
    let json = |name, body: String| request(name, "POST", "/orders", Some("application/json"), body);
    let mut all = vec![
        get("get", "/orders/4711"),
        get("get-search", "/products?q=garden+chair&category=furniture&page=2&size=50&sort=price,desc"),
        get(
            "get-12-parameters",
            "/search?a=alpha&b=2024-05-01&c=550e8400-e29b-41d4-a716-446655440000&d=true&e=12.50&f=Amsterdam&g=nl-NL&h=user%40example.com&i=1,2,3&j=open&k=desc&l=100",
        ),
        json("json-135", r#"{"customer":"C-1001","lines":[{"sku":"TEA-01","quantity":2},{"sku":"CUP-07","quantity":1}],"note":"Please ring twice"}"#.to_owned()),
        request(
            "form-1k",
            "POST",
            "/contact",
            Some("application/x-www-form-urlencoded"),
            format!("name=Ada+Lovelace&email=ada%40example.com&subject=Order+4711&message={}", "The+parcel+has+not+arrived+yet,+could+you+look+into+it.+".repeat(16)),
        ),
        request("delete", "DELETE", "/orders/4711/lines/2", None, String::new()),
        request("patch", "PATCH", "/orders/4711", Some("application/merge-patch+json"), r#"{"status":"shipped","tracking":"JJD0099999999"}"#.to_owned()),
        get("get-page", "/products?category=toys&limit=20&cursor=eyJpZCI6NDcxMX0"),
    ];
    for (name, leaves) in [("json-1k", 100), ("json-10k", 900), ("json-100k", 9000)] {
        let mut benign = json(name, leaf_document(leaves));
        benign.ordinary = false;
        all.push(benign);
    }
    all
}

/// A document with that many leaves, of about eleven bytes each.
fn leaf_document(leaves: usize) -> String {
    let words = ["tea", "cup", "red", "blue", "open", "north", "4711", "12.5", "true", "A-17"];
    let mut text = String::from("[");
    for leaf in 0..leaves {
        let _ = write!(text, "{}\"{}{}\"", if leaf > 0 { "," } else { "" }, words[leaf % words.len()], leaf);
    }
    text.push(']');
    text
}

fn request(
    name: &'static str,
    method: &'static str,
    target: &str,
    media_type: Option<&str>,
    body: String,
) -> Benign {
    let mut headers = vec![
        ("host", "api.contoso.example".to_owned()),
        ("user-agent", "contoso-app/3.2 (Android 14; Pixel 8)".to_owned()),
        ("accept", "application/json".to_owned()),
        ("accept-encoding", "gzip".to_owned()),
        ("authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbmEifQ.c2lnbmF0dXJl".to_owned()),
    ];
    if let Some(media_type) = media_type {
        headers.push(("content-type", media_type.to_owned()));
    }
    if !body.is_empty() {
        headers.push(("content-length", body.len().to_string()));
    }
    Benign { name, method, target: target.to_owned(), headers, body, ordinary: true }
}

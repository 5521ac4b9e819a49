//! Traffic from a file of requests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use gatehouse_model::tree::decode::{Context, Shape, integer, list, located, record, text};
use gatehouse_model::tree::parse_yaml;
use gatehouse_model::{Diagnostic, Diagnostics, Located, Location};

use super::Draft;
use crate::offline::{Content, HeaderList};
use crate::verbs::bench::stub::StubAnswer;

/// The largest file of requests, and the largest body that one names, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// The largest weight.
const MAX_WEIGHT: u64 = 1000;

/// Reads the file; everything that is wrong is told at once.
pub(in crate::verbs::bench) fn from_file(file: &Path) -> Result<Vec<Draft>, Diagnostics> {
    let name: Arc<Path> = file.into();
    let one = |finding: Diagnostic| {
        let mut findings = Diagnostics::new();
        findings.push(finding);
        findings
    };
    let unreadable = |why: String| {
        one(Diagnostic::error("unreadable", Location::file(file), format!("cannot be read: {why}")))
    };
    let text = bytes(file).and_then(|bytes| String::from_utf8(bytes).map_err(|error| error.to_string()));
    let node = parse_yaml(&text.map_err(unreadable)?, &name).map_err(one)?;
    let mut context = Context::new(Arc::clone(&name), "the file of requests");
    let shape = record("a file of requests", |fields| {
        fields.required("requests", list(Written::shape()).not_empty(), "The requests.")
    });
    let read = shape.decode(&node, &mut context);
    let mut findings = context.into_diagnostics();
    let mut drafts = Vec::new();
    for written in read.into_iter().flatten() {
        match written.draft(file) {
            Ok(draft) => drafts.push(draft),
            Err(finding) => findings.push(*finding),
        }
    }
    if findings.has_errors() { Err(findings) } else { Ok(drafts) }
}

fn bytes(file: &Path) -> Result<Vec<u8>, String> {
    let length = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    if length > MAX_BYTES {
        return Err(format!("larger than {} MiB", MAX_BYTES >> 20));
    }
    std::fs::read(file).map_err(|error| error.to_string())
}

/// A request as the file has it.
struct Written {
    name: Option<String>,
    method: Option<String>,
    path: Located<String>,
    headers: Vec<(Located<String>, Vec<String>)>,
    body: Option<String>,
    body_file: Option<Located<String>>,
    weight: u64,
    expect: Option<u64>,
    answer: Option<Answer>,
}

/// What the stub backend answers.
struct Answer {
    status: u64,
    content_type: Option<String>,
    body: Option<String>,
    body_file: Option<Located<String>>,
}

impl Written {
    fn shape() -> impl Shape<Value = Self> {
        record("a request", |fields| {
            let name = fields.optional("name", text(), "What it is called in the result.");
            let method = fields.optional("method", text(), "The method; default: GET, with a body POST.");
            let path =
                fields.required("path", located(text()), "Path and query, such as /orders/7?full=true.");
            let headers = fields.optional("headers", HeaderList, "Header fields; templates are filled in.");
            let body = fields.optional("body", Content, "The body.");
            let body_file = fields.optional("body_file", located(text()), "A file with the body.");
            let weight =
                fields.or("weight", integer(1..=MAX_WEIGHT), 1, "How often it is sent, in proportion.");
            let expect = fields.optional(
                "expect",
                integer(100..=599),
                "The status that is right; default: 2xx or 3xx.",
            );
            let answer = fields.optional("answer", Answer::shape(), "What the stub backend answers.");
            Some(Self {
                name,
                method,
                path: path?,
                headers: headers.unwrap_or_default(),
                body,
                body_file,
                weight,
                expect,
                answer,
            })
        })
    }

    fn draft(self, file: &Path) -> Result<Draft, Box<Diagnostic>> {
        if !self.path.value.starts_with('/') {
            let message = format!("`{}` is no path: it does not begin with a slash", self.path.value);
            return Err(Diagnostic::error("bad-value", self.path.location, message)
                .fix("write the path and the query alone, such as /orders/7")
                .into());
        }
        let body = content(file, self.body, self.body_file)?;
        let method = self.method.unwrap_or_else(|| if body.is_empty() { "GET" } else { "POST" }.to_owned());
        let answer = match self.answer {
            Some(answer) => answer.read(file)?,
            None => StubAnswer::default(),
        };
        Ok(Draft {
            name: self.name.unwrap_or_else(|| format!("{method} {}", self.path.value)),
            route: None,
            method,
            path: self.path.value,
            headers: self
                .headers
                .into_iter()
                .flat_map(|(name, values)| values.into_iter().map(move |value| (name.value.clone(), value)))
                .collect(),
            body,
            key: None,
            weight: self.weight as u32,
            expect: self.expect.map(|status| status as u16),
            answer,
        })
    }
}

impl Answer {
    fn shape() -> impl Shape<Value = Self> {
        record("an answer", |fields| {
            let status = fields.or("status", integer(200..=599), 200, "The status code.");
            let content_type = fields.optional("content_type", text(), "The media type.");
            let body = fields.optional("body", Content, "The body.");
            let body_file = fields.optional("body_file", located(text()), "A file with the body.");
            Some(Self { status, content_type, body, body_file })
        })
    }

    fn read(self, file: &Path) -> Result<StubAnswer, Box<Diagnostic>> {
        let content_type = self.content_type.unwrap_or_else(|| "application/json".to_owned());
        let body = content(file, self.body, self.body_file)?;
        Ok(StubAnswer { status: self.status as u16, content_type: Some(content_type), body })
    }
}

/// A body that stands in the file, or in another beside it.
fn content(
    file: &Path,
    body: Option<String>,
    body_file: Option<Located<String>>,
) -> Result<Bytes, Box<Diagnostic>> {
    match (body, body_file) {
        (Some(_), Some(named)) => {
            let message = "a body stands in `body` or in the file that `body_file` names, not in both";
            Err(Diagnostic::error("bad-value", named.location, message).fix("keep one of them").into())
        }
        (Some(text), None) => Ok(Bytes::from(text)),
        (None, Some(named)) => {
            let path: PathBuf = file.parent().unwrap_or(Path::new("")).join(&named.value);
            bytes(&path).map(Bytes::from).map_err(|why| {
                let message = format!("the body `{}` cannot be read: {why}", path.display());
                Diagnostic::error("unreadable", named.location, message).into()
            })
        }
        (None, None) => Ok(Bytes::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Draft>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.yaml");
        std::fs::write(&file, text).unwrap();
        std::fs::write(folder.path().join("b.json"), "[1]").unwrap();
        from_file(&file)
            .map_err(|findings| findings.to_string().replace(&folder.path().display().to_string(), ""))
    }

    #[test]
    fn requests_have_defaults() {
        let drafts = read(
            "requests:\n  - path: /a?b=c\n  - { path: /b, body: { x: 1 }, weight: 3, expect: 404 }\n  - { path: /c, body_file: b.json, method: PUT, answer: { status: 201, body: [] } }\n",
        )
        .unwrap();
        let [first, second, third] = drafts.as_slice() else { panic!("{drafts:?}") };
        assert_eq!((first.method.as_str(), first.name.as_str(), first.weight), ("GET", "GET /a?b=c", 1));
        assert_eq!(
            (second.method.as_str(), &second.body[..], second.expect),
            ("POST", &b"{\"x\":1}"[..], Some(404))
        );
        assert_eq!((third.method.as_str(), &third.body[..]), ("PUT", &b"[1]"[..]));
        assert_eq!((third.answer.status, &third.answer.body[..]), (201, &b"[]"[..]));
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let errors = read(
            "requests:\n  - { path: a }\n  - { pth: /a }\n  - { path: /c, body: x, body_file: b.json }\n  - { path: /d, body_file: none.json }\n",
        )
        .unwrap_err();
        assert!(errors.contains("/r.yaml:3:7: error: unknown key `pth`"), "{errors}");
        let errors = read("requests:\n  - { path: a }\n  - { path: /c, body: x, body_file: b.json }\n  - { path: /d, body_file: none.json }\n").unwrap_err();
        for part in [
            "/r.yaml:2:13: error: `a` is no path",
            "/r.yaml:3:37:",
            "/r.yaml:4:28: error: the body `/none.json` cannot be read",
        ] {
            assert!(errors.contains(part), "{part}: {errors}");
        }
        assert!(read("requests: []").unwrap_err().contains("/r.yaml:1:11"));
        assert!(read("{}").unwrap_err().contains("requests"));
    }
}

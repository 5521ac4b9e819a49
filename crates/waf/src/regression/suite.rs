//! Test files into tests and stages.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::message::Message;
use super::yaml::{Yaml, read};

/// A test file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{}: {message}", file.display())]
pub struct SuiteError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub message: String,
}

/// One test.
#[derive(Clone, Debug)]
pub struct Test {
    /// The rule that it is about.
    pub rule: u64,
    /// Its number in the file.
    pub number: u64,
    /// The file.
    pub file: PathBuf,
    /// What is sent, in order.
    pub stages: Vec<Stage>,
}

/// A request and what is expected of it.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The request.
    pub request: Message,
    /// Whether the request is malformed on purpose, so that only a server on a socket can judge it.
    pub raw: bool,
    /// What is expected.
    pub expected: Expectation,
}

/// What is expected of a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Rules that must match.
    pub ids: Vec<u64>,
    /// Rules that must not match.
    pub no_ids: Vec<u64>,
    /// Patterns that the log must have.
    pub log: Vec<String>,
    /// Patterns that the log must not have.
    pub no_log: Vec<String>,
    /// The status of the answer, one of these.
    pub status: Vec<u16>,
    /// Whether the connection must fail.
    pub error: Option<bool>,
}

impl Expectation {
    /// Whether rule ids are expected or forbidden.
    pub fn checks_ids(&self) -> bool {
        !self.ids.is_empty() || !self.no_ids.is_empty()
    }
}

/// Reads all test files below a folder, or one file, in order of their paths.
pub fn load(path: &Path) -> Result<Vec<Test>, SuiteError> {
    let mut files = Vec::new();
    collect(path, &mut files, 0)
        .map_err(|error| SuiteError { file: path.to_owned(), message: error.to_string() })?;
    files.sort();
    let mut tests = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| SuiteError { file: file.clone(), message: error.to_string() })?;
        tests.extend(tests_of(&text, &file).map_err(|message| SuiteError { file: file.clone(), message })?);
    }
    Ok(tests)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>, depth: usize) -> std::io::Result<()> {
    if path.is_dir() && depth < 16 {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), files, depth + 1)?;
        }
        return Ok(());
    }
    let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    if depth == 0 || yaml {
        std::fs::metadata(path)?;
        files.push(path.to_owned());
    }
    Ok(())
}

fn tests_of(text: &str, file: &Path) -> Result<Vec<Test>, String> {
    let document = read(text)?;
    let named = file.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
    let rule = document.text_of("rule_id").and_then(|text| text.parse().ok()).or(named).unwrap_or(0);
    let tests = document.get("tests").map_or(&[][..], Yaml::list);
    tests
        .iter()
        .enumerate()
        .map(|(at, test)| {
            let number = test
                .text_of("test_id")
                .and_then(|text| text.parse().ok())
                .or_else(|| test.text_of("test_title")?.rsplit('-').next()?.parse().ok())
                .unwrap_or(at as u64 + 1);
            let stages = test.get("stages").map_or(&[][..], Yaml::list);
            let stages = stages
                .iter()
                // Older files wrap each stage.
                .map(|stage| stage.get("stage").unwrap_or(stage))
                .map(|stage| stage_of(stage).map_err(|message| format!("test {number}: {message}")))
                .collect::<Result<_, _>>()?;
            Ok(Test { rule, number, file: file.to_owned(), stages })
        })
        .collect()
}

fn stage_of(stage: &Yaml) -> Result<Stage, String> {
    let input = stage.get("input").ok_or("a stage has no input")?;
    let expected = stage.get("output").map(expectation).transpose()?.unwrap_or_default();
    if let Some(encoded) = input.text_of("encoded_request") {
        let encoded: String = encoded.chars().filter(|character| !character.is_whitespace()).collect();
        let bytes =
            STANDARD.decode(encoded).map_err(|error| format!("encoded_request is no Base64: {error}"))?;
        return Ok(Stage { request: Message::parse(&bytes), raw: true, expected });
    }
    let mut request = Message {
        method: input.text_of("method").unwrap_or("GET").as_bytes().to_vec(),
        target: template(input.text_of("uri").unwrap_or("/")).into_bytes(),
        version: input.text_of("version").unwrap_or("HTTP/1.1").as_bytes().to_vec(),
        headers: Vec::new(),
        body: data(input)?,
    };
    match input.get("headers") {
        Some(Yaml::Map(headers)) => {
            for (name, value) in headers {
                let value = value.text().ok_or_else(|| format!("the field {name} has no text"))?;
                request.headers.push((name.as_bytes().to_vec(), template(value).into_bytes()));
            }
        }
        Some(Yaml::List(headers)) => {
            for header in headers {
                let (Some(name), Some(value)) = (header.text_of("name"), header.text_of("value")) else {
                    return Err("a field needs a name and a value".to_owned());
                };
                request.headers.push((name.as_bytes().to_vec(), template(value).into_bytes()));
            }
        }
        _ => {}
    }
    if input.text_of("autocomplete_headers") != Some("false") && input.text_of("stop_magic") != Some("true") {
        request.complete();
    }
    Ok(Stage { request, raw: false, expected })
}

fn data(input: &Yaml) -> Result<Vec<u8>, String> {
    if let Some(encoded) = input.text_of("encoded_data") {
        return STANDARD
            .decode(encoded.trim())
            .map_err(|error| format!("encoded_data is no Base64: {error}"));
    }
    Ok(match input.get("data") {
        Some(Yaml::Text(text)) => template(text).into_bytes(),
        // Older files have a list of lines.
        Some(Yaml::List(lines)) => {
            lines.iter().filter_map(Yaml::text).collect::<Vec<_>>().join("\r\n").into_bytes()
        }
        _ => Vec::new(),
    })
}

/// Fills in what the templates of the suite have: `{{ "x" | repeat 3 }}` and `{{ repeat 3 "x" }}`.
fn template(text: &str) -> String {
    let mut output = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let filled = after
            .split_once("}}")
            .and_then(|(inside, after)| repetition(inside).map(|filled| (filled, after)));
        output.push_str(before);
        match filled {
            Some((filled, after)) => {
                output.push_str(&filled);
                rest = after;
            }
            None => {
                output.push_str("{{");
                rest = after;
            }
        }
    }
    output.push_str(rest);
    output
}

fn repetition(inside: &str) -> Option<String> {
    let inside = inside.trim();
    let (text, count) = match inside.strip_prefix("repeat ") {
        Some(rest) => rest.trim().split_once(' ').map(|(count, text)| (text, count))?,
        None => inside
            .split_once('|')
            .and_then(|(text, call)| Some((text, call.trim().strip_prefix("repeat ")?)))?,
    };
    let text = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    let count: usize = count.trim().parse().ok().filter(|count| *count <= 1 << 20)?;
    Some(text.repeat(count))
}

fn expectation(output: &Yaml) -> Result<Expectation, String> {
    let mut expected = Expectation::default();
    if let Some(log) = output.get("log") {
        for (name, ids) in [("expect_ids", &mut expected.ids), ("no_expect_ids", &mut expected.no_ids)] {
            for id in log.get(name).map_or(&[][..], Yaml::list) {
                let id = id.text().and_then(|id| id.parse().ok());
                ids.push(id.ok_or_else(|| format!("{name} has something that is no id"))?);
            }
        }
        expected.log.extend(log.text_of("match_regex").map(str::to_owned));
        expected.no_log.extend(log.text_of("no_match_regex").map(str::to_owned));
    }
    for (name, patterns, ids) in [
        ("log_contains", &mut expected.log, &mut expected.ids),
        ("no_log_contains", &mut expected.no_log, &mut expected.no_ids),
    ] {
        let Some(text) = output.text_of(name) else { continue };
        match text
            .strip_prefix("id \"")
            .and_then(|text| text.strip_suffix('"'))
            .and_then(|id| id.parse().ok())
        {
            Some(id) => ids.push(id),
            None => patterns.push(text.to_owned()),
        }
    }
    match output.get("status") {
        Some(Yaml::Text(status)) => expected.status.extend(status.parse::<u16>().ok()),
        Some(list) => {
            expected.status.extend(
                list.list().iter().filter_map(Yaml::text).filter_map(|text| text.parse::<u16>().ok()),
            );
        }
        None => {}
    }
    expected.error = output.text_of("expect_error").map(|text| text == "true");
    Ok(expected)
}

//! Files into statements: order, includes, and the folder that data files are looked for in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::settings::suggestion;
use super::words::{lines, words};
use super::{Directive, Filter, Settings, Statement};
use crate::error::{Place, RuleError};

/// How deep includes may nest.
const INCLUDE_DEPTH: usize = 16;
/// The most bytes that all rule files may have together.
const TOTAL_BYTES: usize = 64 << 20;

/// Where rules come from.
#[derive(Clone, Debug)]
pub enum RuleSource {
    /// A file; the last part of its path may have the wildcards `*` and `?`, whose matches are read in order of their names.
    File(PathBuf),
    /// A text with a name for messages.
    Text {
        /// The name.
        name: String,
        /// The rules.
        text: String,
        /// The folder of its data files.
        folder: PathBuf,
    },
}

/// What has been read.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) statements: Vec<(Statement, Arc<Path>)>,
    pub(crate) settings: Settings,
    pub(crate) errors: Vec<RuleError>,
    /// Directives that change nothing here, and why.
    pub(crate) notes: Vec<RuleError>,
    /// The files, for whoever watches them.
    pub(crate) files: Vec<PathBuf>,
    bytes: usize,
}

/// Reads all sources. Errors are collected, so that one run tells all of them.
pub(crate) fn load(sources: &[RuleSource]) -> Loaded {
    let mut loaded = Loaded::default();
    for source in sources {
        match source {
            RuleSource::File(path) => {
                let place = Place { file: path.display().to_string().into(), line: 0 };
                loaded.include(path, &place, &mut Vec::new());
            }
            RuleSource::Text { name, text, folder } => {
                loaded.read(&name.as_str().into(), text, &folder.as_path().into(), &mut Vec::new());
            }
        }
    }
    loaded
}

impl Loaded {
    fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.errors.push(RuleError { place: place.clone(), message: message.into() });
    }

    fn include(&mut self, path: &Path, place: &Place, stack: &mut Vec<PathBuf>) {
        let paths = match expand(path) {
            Ok(paths) => paths,
            Err(message) => return self.error(place, message),
        };
        for path in paths {
            let identity = path.canonicalize().unwrap_or_else(|_| path.clone());
            if stack.contains(&identity) {
                self.error(place, format!("the file {} includes itself", path.display()));
                continue;
            }
            if stack.len() >= INCLUDE_DEPTH {
                self.error(place, format!("includes nest more than {INCLUDE_DEPTH} deep"));
                continue;
            }
            let bytes = match std::fs::read(&path) {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.error(place, format!("the rule file {} cannot be read: {error}", path.display()));
                    continue;
                }
            };
            self.bytes += bytes.len();
            if self.bytes > TOTAL_BYTES {
                self.error(place, format!("the rule files have more than {} MiB", TOTAL_BYTES >> 20));
                return;
            }
            let file: Arc<str> = path.display().to_string().into();
            let text = match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => {
                    let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                    let line = memchr::memchr_iter(b'\n', before).count() as u32 + 1;
                    self.error(&Place { file, line }, "rule files are UTF-8; this line is not");
                    continue;
                }
            };
            stack.push(identity);
            self.files.push(path.clone());
            self.read(&file, &text, &path.parent().unwrap_or(Path::new(".")).into(), stack);
            stack.pop();
        }
    }

    fn read(&mut self, file: &Arc<str>, text: &str, folder: &Arc<Path>, stack: &mut Vec<PathBuf>) {
        for line in lines(text.strip_prefix('\u{feff}').unwrap_or(text)) {
            let place = Place { file: Arc::clone(file), line: line.number };
            let words = match words(&line.text) {
                Ok(words) => words,
                Err(message) => {
                    self.error(&place, message);
                    continue;
                }
            };
            let Some((name, arguments)) = words.split_first() else { continue };
            if name.eq_ignore_ascii_case("Include") || name.eq_ignore_ascii_case("IncludeOptional") {
                let [path] = arguments else {
                    self.error(&place, "Include takes one path");
                    continue;
                };
                let path = folder.join(path);
                if name.eq_ignore_ascii_case("IncludeOptional")
                    && expand(&path).map_or(true, |paths| paths.is_empty())
                {
                    continue;
                }
                self.include(&path, &place, stack);
                continue;
            }
            match directive(name, arguments) {
                Ok(Some(directive)) => {
                    self.statements.push((Statement { place, directive }, Arc::clone(folder)));
                }
                Ok(None) => match self.settings.apply(name, arguments) {
                    Ok(None) => {}
                    Ok(Some(message)) => self.notes.push(RuleError { place, message }),
                    Err(message) => self.error(&place, message),
                },
                Err(message) => self.error(&place, message),
            }
        }
    }
}

/// The directive of a line, or none where it is a setting.
fn directive(name: &str, arguments: &[String]) -> Result<Option<Directive>, String> {
    let one = || match arguments {
        [one] => Ok(one.clone()),
        _ => Err(format!("{name} takes one argument, found {}", arguments.len())),
    };
    let two = || match arguments {
        [one, two] => Ok((one.clone(), two.clone())),
        _ => Err(format!("{name} takes two arguments, found {}", arguments.len())),
    };
    Ok(Some(match name.to_ascii_lowercase().as_str() {
        "secrule" => match arguments {
            [targets, operator] => Directive::Rule {
                targets: targets.clone(),
                operator: operator.clone(),
                actions: String::new(),
            },
            [targets, operator, actions] => Directive::Rule {
                targets: targets.clone(),
                operator: operator.clone(),
                actions: actions.clone(),
            },
            _ => {
                return Err(format!(
                    "SecRule takes variables, an operator and actions in quotes, found {} arguments",
                    arguments.len()
                ));
            }
        },
        "secaction" => Directive::Action(one()?),
        "secmarker" => Directive::Marker(one()?),
        "secdefaultaction" => Directive::DefaultAction(one()?),
        "secruleremovebyid" => {
            if arguments.is_empty() {
                return Err("SecRuleRemoveById takes rule ids".to_owned());
            }
            Directive::Remove(Filter::ids(&arguments.join(" "))?)
        }
        "secruleremovebytag" => Directive::Remove(Filter::Tag(one()?)),
        "secruleremovebymsg" => Directive::Remove(Filter::Message(one()?)),
        "secruleupdatetargetbyid" => {
            let (rules, targets) = two()?;
            Directive::UpdateTargets(Filter::ids(&rules)?, targets)
        }
        "secruleupdatetargetbytag" => {
            let (tag, targets) = two()?;
            Directive::UpdateTargets(Filter::Tag(tag), targets)
        }
        "secruleupdatetargetbymsg" => {
            let (message, targets) = two()?;
            Directive::UpdateTargets(Filter::Message(message), targets)
        }
        "secruleupdateactionbyid" => {
            let (rule, actions) = two()?;
            let (id, link) = rule.split_once(':').unwrap_or((&rule, "0"));
            let (Ok(id), Ok(link)) = (id.trim().parse(), link.trim().parse()) else {
                return Err(format!("expected a rule id, found {rule:?}"));
            };
            Directive::UpdateActions { id, link, actions }
        }
        _ if Settings::knows(name) => return Ok(None),
        _ => return Err(format!("unknown directive {name}{}", suggestion(name))),
    }))
}

/// The files of a path whose last part may have wildcards, in order of their names. A path without wildcards is itself.
fn expand(path: &Path) -> Result<Vec<PathBuf>, String> {
    let Some(pattern) =
        path.file_name().and_then(|name| name.to_str()).filter(|name| name.contains(['*', '?']))
    else {
        return Ok(vec![path.to_owned()]);
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder)
        .map_err(|error| format!("the folder {} cannot be read: {error}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .filter(|entry| {
            entry.file_name().to_str().is_some_and(|name| wildcard(pattern.as_bytes(), name.as_bytes()))
        })
        .map(|entry| folder.join(entry.file_name()))
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    if paths.is_empty() {
        return Err(format!("no file matches {}", path.display()));
    }
    Ok(paths)
}

/// Whether a name matches a pattern of `*` and `?`.
fn wildcard(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star = None;
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(b'?') => {
                at += 1;
                from += 1;
            }
            Some(byte) if *byte == name[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((star_at, star_from)) => {
                    at = star_at + 1;
                    from = star_from + 1;
                    star = Some((star_at, from));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

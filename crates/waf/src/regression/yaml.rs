//! As much YAML as the tests have: maps, lists and texts.

use granit_parser::{Event, Options, Parser};

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Yaml {
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>),
}

/// How deep nodes may nest.
const DEPTH: usize = 64;

enum Open {
    List(Vec<Yaml>),
    Map(Vec<(String, Yaml)>, Option<String>),
}

/// Reads the first document. The error says where.
pub(super) fn read(text: &str) -> Result<Yaml, String> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut open: Vec<Open> = Vec::new();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let at = || format!("line {}", span.start.line());
        let mut finished = match event {
            Event::Scalar(text, style, _, _) => {
                let empty = style == granit_parser::ScalarStyle::Plain && span.is_empty();
                Yaml::Text(if empty { String::new() } else { text.into_owned() })
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                if open.len() > DEPTH {
                    return Err(format!("{}: lists and maps nest more than {DEPTH} deep", at()));
                }
                continue;
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Vec::new(), None));
                if open.len() > DEPTH {
                    return Err(format!("{}: lists and maps nest more than {DEPTH} deep", at()));
                }
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(list)) => Yaml::List(list),
                Some(Open::Map(map, _)) => Yaml::Map(map),
                None => continue,
            },
            Event::Alias(_) => return Err(format!("{}: aliases are not supported", at())),
            _ => continue,
        };
        match open.last_mut() {
            None => return Ok(finished),
            Some(Open::List(list)) => list.push(finished),
            Some(Open::Map(map, key)) => match key.take() {
                Some(key) => map.push((key, finished)),
                None => match &mut finished {
                    Yaml::Text(text) => *key = Some(std::mem::take(text)),
                    _ => return Err(format!("{}: expected a name", at())),
                },
            },
        }
    }
    Ok(Yaml::Text(String::new()))
}

impl Yaml {
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ => &[],
        }
    }

    /// The text of a member.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Self::text)
    }
}

//! From text to a template.

use std::sync::Arc;

use gatehouse_model::did_you_mean;

use super::data::Data;
use super::fault::{Fault, fault, unended};
use super::filters::{self, FILTERS};
use super::syntax::{Condition, Expression, Filtered, Loop, Node, Offset, Step, Template};
use super::tokens::{Token, tokenize};
use super::words::Words;

/// The deepest nesting of tags.
const MAX_DEPTH: usize = 50;

/// Reads a template.
///
/// # Errors
/// Everything that is wrong with it, up to the first thing that hides what follows.
pub(crate) fn parse(text: &str) -> Result<(Template, Vec<Fault>), Vec<Fault>> {
    let mut parser =
        Parser { tokens: Vec::new(), at: 0, faults: Vec::new(), scopes: Vec::new(), reads_body: false };
    if let Err(fault) = tokenize(text, &mut parser.tokens) {
        return Err(vec![fault]);
    }
    parser.scopes = parser.assigned();
    let nodes = match parser.nodes(0) {
        Ok((nodes, None)) => nodes,
        Ok((_, Some(end))) => {
            let message =
                format!("`{{% {} %}}` stands here without the tag that it ends or divides", end.name);
            parser.faults.push(fault(end.offset, message));
            Vec::new()
        }
        Err(fault) => {
            parser.faults.push(fault);
            Vec::new()
        }
    };
    if parser.faults.iter().any(|fault| !fault.is_warning) {
        return Err(parser.faults);
    }
    Ok((Template { nodes, reads_body: parser.reads_body }, parser.faults))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    faults: Vec<Fault>,
    /// Names that the template sets itself.
    scopes: Vec<Arc<str>>,
    reads_body: bool,
}

/// A tag that ends or divides a block.
struct End {
    name: String,
    offset: usize,
    markup: String,
}

const DIVIDERS: [&str; 4] = ["else", "elsif", "elseif", "when"];
const TAGS: [&str; 15] = [
    "JSONArrayFor",
    "assign",
    "break",
    "capture",
    "case",
    "comment",
    "continue",
    "cycle",
    "decrement",
    "for",
    "if",
    "ifchanged",
    "increment",
    "raw",
    "unless",
];

impl Parser {
    /// The names that are assigned, captured or run through anywhere.
    fn assigned(&self) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = vec!["forloop".into()];
        for token in &self.tokens {
            let Token::Tag(_, markup) = token else { continue };
            let mut words =
                markup.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
            if matches!(
                words.next(),
                Some("assign" | "capture" | "for" | "JSONArrayFor" | "increment" | "decrement")
            ) && let Some(name) = words.next()
            {
                names.push(name.trim_matches(['\'', '"']).into());
            }
        }
        names
    }

    /// Nodes up to a tag that ends or divides the block around.
    fn nodes(&mut self, depth: usize) -> Result<(Vec<Node>, Option<End>), Fault> {
        let mut nodes = Vec::new();
        while let Some(token) = self.tokens.get(self.at).cloned() {
            self.at += 1;
            match token {
                Token::Text(text) => nodes.push(Node::Text(text)),
                Token::Output(offset, markup) => {
                    if markup.trim().is_empty() {
                        continue;
                    }
                    match self.filtered(&mut Words::new(&markup, offset)) {
                        Ok(filtered) => nodes.push(Node::Output(filtered)),
                        Err(fault) => self.faults.push(fault),
                    }
                }
                Token::Tag(offset, markup) => {
                    let trimmed = markup.trim_start();
                    let offset = offset + (markup.len() - trimmed.len());
                    let length =
                        trimmed.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(trimmed.len());
                    let (name, rest) = trimmed.split_at(length);
                    if DIVIDERS.contains(&name) || name.starts_with("end") {
                        let end = End { name: name.to_owned(), offset, markup: rest.to_owned() };
                        return Ok((nodes, Some(end)));
                    }
                    if depth >= MAX_DEPTH {
                        return Err(fault(offset, format!("tags are nested deeper than {MAX_DEPTH}")));
                    }
                    nodes.push(self.tag(name, rest, offset, depth)?);
                }
            }
        }
        Ok((nodes, None))
    }

    fn tag(&mut self, name: &str, rest: &str, offset: usize, depth: usize) -> Result<Node, Fault> {
        let mut words = Words::new(rest, offset + name.len());
        Ok(match name {
            "assign" => {
                let target = words.name().ok_or_else(|| words.expected("a name"))?;
                if !words.eat("=") {
                    return Err(words.expected("`=`"));
                }
                Node::Assign(target, self.filtered(&mut words)?)
            }
            "capture" => {
                let quoted = words.quoted();
                let target = quoted.or_else(|| words.name()).ok_or_else(|| words.expected("a name"))?;
                words.end()?;
                let (body, end) = self.nodes(depth + 1)?;
                ended(end, name, offset)?;
                Node::Capture(target, body)
            }
            "if" | "unless" => {
                let first = self.condition(&mut words)?;
                let first = if name == "unless" { Condition::Not(Box::new(first)) } else { first };
                self.branches(name, first, offset, depth)?
            }
            "case" => self.case(&mut words, offset, depth)?,
            "for" | "JSONArrayFor" => self.each(name, &mut words, offset, depth)?,
            "cycle" => self.cycle(&mut words)?,
            "increment" | "decrement" => {
                let target = words.name().ok_or_else(|| words.expected("a name"))?;
                words.end()?;
                Node::Count(target, if name == "increment" { 1 } else { -1 })
            }
            "ifchanged" => {
                words.end()?;
                let (body, end) = self.nodes(depth + 1)?;
                ended(end, name, offset)?;
                Node::IfChanged(body)
            }
            "break" | "continue" => {
                words.end()?;
                if name == "break" { Node::Break } else { Node::Continue }
            }
            "include" | "render" | "extends" | "block" | "tablerow" => {
                let message = format!("the tag `{name}` is not available in policies");
                return Err(
                    fault(offset, message).fix("templates of policies stand by themselves: write it out")
                );
            }
            "" => return Err(fault(offset, "a tag without a name")),
            other => {
                let unknown = fault(offset, format!("there is no tag `{other}`"));
                return Err(match did_you_mean(other, TAGS) {
                    Some(known) => unknown.fix(format!("did you mean `{known}`?")),
                    None => unknown.fix(format!("known are {}", TAGS.join(", "))),
                });
            }
        })
    }

    fn branches(&mut self, name: &str, first: Condition, offset: usize, depth: usize) -> Result<Node, Fault> {
        let mut branches = Vec::new();
        let mut condition = first;
        loop {
            let (body, end) = self.nodes(depth + 1)?;
            let is_last = matches!(condition, Condition::Always);
            branches.push((condition, body));
            let Some(end) = end else { return Err(unended(name, offset)) };
            match end.name.as_str() {
                "else" if !is_last => condition = Condition::Always,
                "elsif" | "elseif" if !is_last => {
                    condition = self.condition(&mut Words::new(&end.markup, end.offset + end.name.len()))?;
                }
                _ => {
                    ended(Some(end), name, offset)?;
                    return Ok(Node::If(branches));
                }
            }
        }
    }

    fn case(&mut self, words: &mut Words<'_>, offset: usize, depth: usize) -> Result<Node, Fault> {
        let value = self.value(words)?;
        words.end()?;
        let mut branches = Vec::new();
        // What stands before the first `when` is never shown.
        let (_, mut end) = self.nodes(depth + 1)?;
        loop {
            let Some(divider) = end else { return Err(unended("case", offset)) };
            let values = match divider.name.as_str() {
                "when" => {
                    let mut words = Words::new(&divider.markup, divider.offset + divider.name.len());
                    let mut values = vec![self.value(&mut words)?];
                    while words.eat(",") || words.eat_word("or") {
                        values.push(self.value(&mut words)?);
                    }
                    words.end()?;
                    Some(values)
                }
                "else" => None,
                _ => {
                    ended(Some(divider), "case", offset)?;
                    return Ok(Node::Case(value, branches));
                }
            };
            let (body, next) = self.nodes(depth + 1)?;
            branches.push((values, body));
            end = next;
        }
    }

    fn each(
        &mut self,
        name: &str,
        words: &mut Words<'_>,
        offset: usize,
        depth: usize,
    ) -> Result<Node, Fault> {
        let variable = words.name().ok_or_else(|| words.expected("the name of a variable"))?;
        if !words.eat_word("in") {
            return Err(words.expected("`in`"));
        }
        let from = words.at;
        let collection = self.value(words)?;
        let named = words.text.get(from..words.at).unwrap_or_default().trim();
        let mut each = Loop {
            name: format!("{variable}-{named}").into(),
            variable,
            collection,
            limit: None,
            offset: None,
            is_reversed: false,
            is_json: name == "JSONArrayFor",
            body: Vec::new(),
            otherwise: Vec::new(),
        };
        loop {
            words.eat(",");
            if words.eat_word("reversed") {
                each.is_reversed = true;
            } else if words.eat_word("limit") {
                words.colon()?;
                each.limit = Some(self.value(words)?);
            } else if words.eat_word("offset") {
                words.colon()?;
                each.offset = Some(if words.eat_word("continue") {
                    Offset::Continue
                } else {
                    Offset::At(self.value(words)?)
                });
            } else {
                break;
            }
        }
        words.end()?;
        let (body, mut end) = self.nodes(depth + 1)?;
        each.body = body;
        if end.as_ref().is_some_and(|end| end.name == "else") {
            let (otherwise, after) = self.nodes(depth + 1)?;
            each.otherwise = otherwise;
            end = after;
        }
        ended(end, name, offset)?;
        Ok(Node::For(Box::new(each)))
    }

    fn cycle(&mut self, words: &mut Words<'_>) -> Result<Node, Fault> {
        let first = self.value(words)?;
        let (name, mut values) =
            if words.eat(":") { (Some(first), vec![self.value(words)?]) } else { (None, vec![first]) };
        while words.eat(",") {
            values.push(self.value(words)?);
        }
        words.end()?;
        // Cycles without a name are one where their values are written the same.
        let name = name.unwrap_or_else(|| Expression::Literal(Data::text(words.text)));
        Ok(Node::Cycle(name, values))
    }

    /// Conditions bind from the right: `a and b or c` is `a and (b or c)`.
    fn condition(&mut self, words: &mut Words<'_>) -> Result<Condition, Fault> {
        words.conditions += 1;
        if words.conditions > MAX_DEPTH {
            return Err(fault(words.offset(), format!("more than {MAX_DEPTH} conditions in one tag")));
        }
        let first = self.comparison(words)?;
        if words.eat_word("and") {
            return Ok(Condition::And(Box::new(first), Box::new(self.condition(words)?)));
        }
        if words.eat_word("or") {
            return Ok(Condition::Or(Box::new(first), Box::new(self.condition(words)?)));
        }
        words.end()?;
        Ok(first)
    }

    fn comparison(&mut self, words: &mut Words<'_>) -> Result<Condition, Fault> {
        let left = self.value(words)?;
        match words.operator() {
            Some(operator) => Ok(Condition::Compare(left, operator, self.value(words)?)),
            None => Ok(Condition::Test(left)),
        }
    }

    fn filtered(&mut self, words: &mut Words<'_>) -> Result<Filtered, Fault> {
        let value = self.value(words)?;
        let mut filters = Vec::new();
        while words.eat("|") {
            words.space();
            let offset = words.offset();
            let name = words.name().ok_or_else(|| words.expected("the name of a filter"))?;
            let mut arguments = Vec::new();
            if words.eat(":") {
                arguments.push(self.value(words)?);
                while words.eat(",") {
                    arguments.push(self.value(words)?);
                }
            }
            match filters::find(&name) {
                Some(filter) if filter.arguments.contains(&arguments.len()) => {
                    filters.push((filter, arguments));
                }
                Some(filter) => {
                    let (least, most) = (filter.arguments.start(), filter.arguments.end());
                    let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
                    let message =
                        format!("the filter `{name}` takes {wanted} arguments, not {}", arguments.len());
                    self.faults.push(fault(offset, message));
                }
                None => {
                    let unknown = fault(offset, format!("there is no filter `{name}`"));
                    self.faults.push(unknown.fix(similar(&name)));
                }
            }
        }
        words.end()?;
        Ok(Filtered { value, filters })
    }

    fn value(&mut self, words: &mut Words<'_>) -> Result<Expression, Fault> {
        words.depth += 1;
        if words.depth > MAX_DEPTH {
            return Err(fault(words.offset(), format!("values are nested deeper than {MAX_DEPTH}")));
        }
        let value = self.value_within(words);
        words.depth -= 1;
        value
    }

    fn value_within(&mut self, words: &mut Words<'_>) -> Result<Expression, Fault> {
        words.space();
        if let Some(text) = words.quoted() {
            return Ok(Expression::Literal(Data::Text(text)));
        }
        if let Some(number) = words.number() {
            return Ok(Expression::Literal(number));
        }
        if words.eat("(") {
            let first = self.value(words)?;
            if !words.eat("..") {
                return Err(words.expected("`..`"));
            }
            let last = self.value(words)?;
            if !words.eat(")") {
                return Err(words.expected("`)`"));
            }
            return Ok(Expression::Range(Box::new(first), Box::new(last)));
        }
        let offset = words.offset();
        let Some(root) = words.name() else { return Err(words.expected("a value")) };
        let mut steps = Vec::new();
        loop {
            let tail = words.text.get(words.at..).unwrap_or_default();
            if tail.starts_with('.') && !tail.starts_with("..") {
                words.at += 1;
                steps.push(Step::Name(words.name_here().ok_or_else(|| words.expected("a name"))?));
            } else if tail.starts_with('[') {
                words.at += 1;
                let step = self.value(words)?;
                if !words.eat("]") {
                    return Err(words.expected("`]`"));
                }
                steps.push(Step::Value(step));
            } else {
                break;
            }
        }
        let literal = match &*root {
            "nil" | "null" => Some(Data::Null),
            "true" => Some(Data::Boolean(true)),
            "false" => Some(Data::Boolean(false)),
            "empty" | "blank" => Some(Data::Empty),
            _ => None,
        };
        if let Some(literal) = literal.filter(|_| steps.is_empty()) {
            return Ok(Expression::Literal(literal));
        }
        self.check_path(&root, &steps, offset);
        Ok(Expression::Path(root, steps))
    }

    /// Tells what a path names that is never there.
    fn check_path(&mut self, root: &Arc<str>, steps: &[Step], offset: usize) {
        let known = |names: &'static [&'static str], name: &str, of: &str| {
            (!names.contains(&name)).then(|| {
                let fix = match did_you_mean(name, names.iter().copied()) {
                    Some(known) => format!("did you mean `{known}`?"),
                    None => format!("known are {}", names.join(", ")),
                };
                Fault { fix: Some(fix), ..fault(offset, format!("{of} has no `{name}` in a template")) }
            })
        };
        match &**root {
            "body" => self.reads_body = true,
            "context" => {
                let name = |index: usize| match steps.get(index) {
                    Some(Step::Name(name) | Step::Value(Expression::Literal(Data::Text(name)))) => {
                        Some(&**name)
                    }
                    _ => None,
                };
                let found = match (name(0), name(1)) {
                    (Some("Request"), Some(part)) => known(super::source::REQUEST, part, "`context.Request`"),
                    (Some("Response"), Some(part)) => {
                        known(super::source::RESPONSE, part, "`context.Response`")
                    }
                    (Some(part), _) => known(super::source::CONTEXT, part, "`context`"),
                    (None, _) => None,
                };
                self.faults.extend(found);
            }
            name if self.scopes.iter().any(|known| &**known == name) => {}
            name => {
                let names = self.scopes.iter().map(|known| &**known).chain(["body", "context"]);
                let fix = did_you_mean(name, names).map(|known| format!("did you mean `{known}`?"));
                let message = format!("nothing sets `{name}`: it is empty");
                self.faults.push(Fault { fix, is_warning: true, ..fault(offset, message) });
            }
        }
    }
}

/// What may be meant by the name of a filter: another way to write it, or a similar one.
fn similar(name: &str) -> String {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let names = || FILTERS.iter().map(|filter| filter.name);
    let same = names().find(|known| plain(known) == plain(name));
    match same.or_else(|| did_you_mean(name, names())) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "see the filters in the documentation of `set-body`".to_owned(),
    }
}

fn ended(end: Option<End>, name: &str, offset: usize) -> Result<(), Fault> {
    let Some(end) = end else { return Err(unended(name, offset)) };
    if end.name.strip_prefix("end") == Some(name) {
        return Words::new(&end.markup, end.offset + end.name.len()).end();
    }
    let message = format!("`{{% {} %}}` stands within `{{% {name} %}}`", end.name);
    Err(fault(end.offset, message).fix(format!("end it with `{{% end{name} %}}`")))
}

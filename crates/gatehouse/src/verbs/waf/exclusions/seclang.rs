//! Proposals as rules.

use std::fmt::Write as _;

use gatehouse_gateway::router::{Part, Segment, UrlTemplate};
use gatehouse_model::resources::Catalog;

use super::Report;
use super::proposals::Proposal;

/// Variables whose entries can be taken from a rule.
const NAMED: [&str; 10] = [
    "ARGS",
    "ARGS_GET",
    "ARGS_NAMES",
    "ARGS_POST",
    "ARGS_GET_NAMES",
    "ARGS_POST_NAMES",
    "FILES",
    "REQUEST_COOKIES",
    "REQUEST_COOKIES_NAMES",
    "REQUEST_HEADERS",
];

/// The rule of a proposal; the error says why there is none.
pub(super) fn exclusion(proposal: &Proposal, catalog: &Catalog, id: u64) -> Result<String, String> {
    if proposal.operation.is_empty() {
        return Err("the requests were for no operation".to_owned());
    }
    let (api, operation) = catalog
        .scopes()
        .find_map(|(_, resources)| {
            let api = resources.apis.get(&proposal.api)?;
            Some((api, api.operations.get(&proposal.operation)?))
        })
        .ok_or_else(|| format!("there is no operation `{}/{}` any more", proposal.api, proposal.operation))?;
    let (variable, name) =
        proposal.variable.split_once(':').ok_or_else(|| format!("{} is no parameter", proposal.variable))?;
    if !NAMED.contains(&variable) {
        return Err(format!("{variable} is no parameter of an operation"));
    }
    if (7_000_001..7_000_010).contains(&proposal.rule) {
        return Err("what the rule refuses is broken whatever it says".to_owned());
    }
    let template = UrlTemplate::parse(&operation.url_template).map_err(|error| error.to_string())?;
    let mut rule = String::new();
    if proposal.phase == 1 {
        rule.push_str("#   The rule runs in phase 1: this must stand before it, among `waf.rules`.\n");
    }
    // Writing to a string does not fail.
    let _ = writeln!(
        rule,
        "SecRule REQUEST_METHOD \"@streq {}\" \"id:{id},phase:1,pass,t:none,nolog,chain\"",
        operation.method
    );
    let _ = writeln!(
        rule,
        "    SecRule REQUEST_FILENAME \"@rx (?i)^{}$\" \"t:none,ctl:ruleRemoveTargetById={};{variable}:{}\"",
        path(&api.path, &template),
        proposal.rule,
        selector(name)
    );
    Ok(rule)
}

/// All proposals with what justifies them and what they cost.
pub(super) fn file(report: &Report) -> String {
    let mut text = String::from(
        "# Proposed from the audit log. Whether these requests were harmless is yours to say: an exclusion lets such texts through.\n",
    );
    for row in &report.proposals {
        let plural = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let _ = write!(
            text,
            "\n# {}/{}, {}, rule {} ({}): {} of {}\n",
            row.api,
            row.operation,
            one_line(&row.variable),
            row.rule,
            one_line(&row.message),
            plural(row.requests, "request"),
            plural(row.clients, "client")
        );
        for example in &row.examples {
            let _ = writeln!(
                text,
                "#   {} {} {}: {}",
                example.request_id,
                example.method,
                one_line(&example.uri),
                one_line(&example.data)
            );
        }
        match &row.attacks {
            None => {}
            Some(attacks) if attacks.lost.is_empty() => {
                let _ = writeln!(
                    text,
                    "#   Of {} that the rule finds here, other rules still refuse all.",
                    plural(attacks.tried, "attack")
                );
            }
            Some(attacks) => {
                let _ = writeln!(
                    text,
                    "#   Of {} that the rule finds here, {} would come through: {}",
                    plural(attacks.tried, "attack"),
                    attacks.lost.len(),
                    attacks.lost.join(", ")
                );
            }
        }
        text.push_str(&row.seclang);
    }
    if !report.left_out.is_empty() {
        text.push_str("\n# Nothing can be proposed for:\n");
    }
    for left_out in &report.left_out {
        let _ = writeln!(
            text,
            "#   rule {}, {}, {} requests: {}",
            left_out.rule,
            one_line(&left_out.variable),
            left_out.requests,
            left_out.reason
        );
    }
    text
}

/// A text that cannot leave its comment.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|character| if character.is_control() { ' ' } else { character })
        .take(200)
        .collect::<String>()
        .trim_end_matches('\\')
        .to_owned()
}

/// A pattern for the paths of a template below an API's.
fn path(api: &str, template: &UrlTemplate) -> String {
    let mut pattern = String::new();
    for segment in api.split('/').filter(|segment| !segment.is_empty()) {
        pattern.push('/');
        pattern.push_str(&escaped(segment));
    }
    for segment in &template.segments {
        pattern.push('/');
        match segment {
            Segment::Literal(text) => pattern.push_str(&escaped(text)),
            Segment::Parameter(_) => pattern.push_str("[^/]+"),
            Segment::Rest(_) => pattern.push_str(".*"),
            Segment::Compound(parts) => {
                for part in parts {
                    match part {
                        Part::Literal(text) => pattern.push_str(&escaped(text)),
                        Part::Parameter(_) => pattern.push_str("[^/]+"),
                    }
                }
            }
        }
    }
    pattern + "/?"
}

/// The text as a pattern; quotes and backslashes also mean something around patterns.
fn escaped(text: &str) -> String {
    let mut pattern = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/') {
            pattern.push(char::from(byte));
        } else {
            let _ = write!(pattern, "\\x{byte:02x}");
        }
    }
    pattern
}

/// The name of an entry, as a pattern where it stands for several or has characters that mean something.
fn selector(name: &str) -> String {
    let is_plain =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'$'));
    if is_plain && !name.is_empty() {
        return name.to_owned();
    }
    let parts: Vec<String> = name.split("array_*").map(escaped).collect();
    format!("/^{}$/", parts.join("array_[0-9]+"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths_become_patterns_that_mean_them_alone() {
        assert_eq!(selector("q"), "q");
        assert_eq!(selector("json.a.array_*.b"), "/^json\\x2ea\\x2earray_[0-9]+\\x2eb$/");
        assert_eq!(selector("a'b;c"), "/^a\\x27b\\x3bc$/");
        let template = UrlTemplate::parse("/items/{id}/lines.{format}").unwrap();
        assert_eq!(path("shop/v1", &template), "/shop/v1/items/[^/]+/lines\\x2e[^/]+/?");
        assert_eq!(one_line("a\nSecRuleEngine Off\\"), "a SecRuleEngine Off");
    }
}

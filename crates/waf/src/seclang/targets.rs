//! The list of variables of a rule.

/// One variable of a list, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetText {
    /// `!`: the entry is left out.
    pub(crate) excluded: bool,
    /// `&`: the number of entries.
    pub(crate) counted: bool,
    pub(crate) variable: String,
    /// What stands after the colon.
    pub(crate) selector: Option<String>,
}

/// Splits `ARGS|!ARGS:name|&REQUEST_HEADERS:/^x/`. Patterns and quotes may hold separators.
pub(crate) fn split_targets(text: &str) -> Result<Vec<TargetText>, String> {
    let mut targets = Vec::new();
    let mut rest = text.trim();
    loop {
        let mut target =
            TargetText { excluded: false, counted: false, variable: String::new(), selector: None };
        while let Some(after) = rest.strip_prefix(['!', '&']) {
            if rest.starts_with('!') {
                target.excluded = true;
            } else {
                target.counted = true;
            }
            rest = after;
        }
        let end = rest.find(['|', ',', ':', '.']).unwrap_or(rest.len());
        rest[..end].trim().clone_into(&mut target.variable);
        if target.variable.is_empty() {
            return Err(format!("expected a variable in {text:?}"));
        }
        if target.excluded && target.counted {
            return Err(format!("{text:?}: a variable is either excluded (!) or counted (&)"));
        }
        rest = &rest[end..];
        if let Some(after) = rest.strip_prefix([':', '.']) {
            let end = selector_end(&target.variable, after)?;
            target.selector = Some(after[..end].trim_end().to_owned());
            rest = &after[end..];
        }
        targets.push(target);
        rest = rest.trim_start();
        match rest.strip_prefix(['|', ',']) {
            Some(after) => rest = after.trim_start(),
            None if rest.is_empty() => return Ok(targets),
            None => return Err(format!("expected | between variables, found {rest:?}")),
        }
    }
}

/// Where the selector ends: at a separator outside of a pattern and outside of quotes.
fn selector_end(variable: &str, text: &str) -> Result<usize, String> {
    let bytes = text.as_bytes();
    let separator = |byte: Option<&u8>| matches!(byte, None | Some(b'|' | b','));
    let plain = text.find(['|', ',']).unwrap_or(text.len());
    if variable.eq_ignore_ascii_case("XML") {
        return Ok(plain);
    }
    let close: &[u8] = match bytes {
        [b'\'', b'/', ..] => b"/'",
        [b'\'', ..] => b"'",
        [b'/', ..] => b"/",
        _ => return Ok(plain),
    };
    let mut at = close.len();
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            at += 2;
            continue;
        }
        if bytes[at..].starts_with(close) && separator(bytes.get(at + close.len())) {
            return Ok(at + close.len());
        }
        at += 1;
    }
    Err(format!("the selector {text:?} is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_variables_has_exclusions_counts_and_selectors() {
        let targets =
            split_targets("ARGS|!ARGS:a|&REQUEST_HEADERS:Host|TX:/^x|y$/|XML:/*|XML://@*|ARGS:'/a,b/'")
                .unwrap();
        let selectors: Vec<_> =
            targets.iter().map(|target| target.selector.as_deref().unwrap_or("")).collect();
        assert_eq!(selectors, ["", "a", "Host", "/^x|y$/", "/*", "//@*", "'/a,b/'"]);
        assert!(targets[1].excluded && targets[2].counted);
    }

    #[test]
    fn a_list_that_is_broken_says_where() {
        assert!(split_targets("ARGS||X").unwrap_err().contains("expected a variable"));
        assert!(split_targets("ARGS:/a").unwrap_err().contains("not closed"));
        assert!(split_targets("!&ARGS").unwrap_err().contains("either"));
    }
}

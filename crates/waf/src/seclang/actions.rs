//! The list of actions of a rule.

/// One action as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ActionText {
    /// The name in lower case.
    pub(crate) name: String,
    /// What stands after the colon, without quotes.
    pub(crate) value: Option<String>,
}

/// Splits `id:1,msg:'a, b',deny`. A value in single quotes may hold commas, and `\'` for a quote.
pub(crate) fn split_actions(text: &str) -> Result<Vec<ActionText>, String> {
    let mut actions = Vec::new();
    let mut rest = text.trim_start_matches([',', ' ', '\t']);
    while !rest.is_empty() {
        let end = rest.find([':', ',']).unwrap_or(rest.len());
        let name = rest[..end].trim().to_ascii_lowercase();
        if name.is_empty() {
            return Err(format!("expected an action, found {rest:?}"));
        }
        let mut value = None;
        let after = &rest[end..];
        rest = match after.strip_prefix(':') {
            Some(after) => {
                let (text, after) = action_value(after.trim_start())?;
                value = Some(text);
                after
            }
            None => after,
        };
        actions.push(ActionText { name, value });
        rest = rest.trim_start();
        if !rest.is_empty() && !rest.starts_with(',') {
            return Err(format!("expected a comma between actions, found {rest:?}"));
        }
        rest = rest.trim_start_matches([',', ' ', '\t']);
    }
    Ok(actions)
}

/// The value at the start of a text and what follows it.
fn action_value(text: &str) -> Result<(String, &str), String> {
    let Some(quoted) = text.strip_prefix('\'') else {
        // A variable of setvar may have a quoted part, as in setvar:tx.a='b,c'.
        let mut in_quotes = false;
        let end = text
            .char_indices()
            .find(|(_, character)| {
                in_quotes ^= *character == '\'';
                *character == ',' && !in_quotes
            })
            .map_or(text.len(), |(at, _)| at);
        return Ok((text[..end].trim_end().replace('\'', ""), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Ok((value, &quoted[at + 1..])),
            '\\' if characters.next_if(|(_, next)| *next == '\'').is_some() => value.push('\''),
            _ => value.push(character),
        }
    }
    Err(format!("the value '{quoted} is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_actions_has_names_and_values() {
        let actions = split_actions("id:1, phase:2,msg:'it\\'s a, b',t:none,setvar:tx.a='b',deny").unwrap();
        let values: Vec<_> =
            actions.iter().map(|action| (action.name.as_str(), action.value.as_deref())).collect();
        assert_eq!(
            values,
            [
                ("id", Some("1")),
                ("phase", Some("2")),
                ("msg", Some("it's a, b")),
                ("t", Some("none")),
                ("setvar", Some("tx.a=b")),
                ("deny", None),
            ]
        );
    }

    #[test]
    fn a_list_that_is_broken_says_where() {
        assert!(split_actions("msg:'a").unwrap_err().contains("not closed"));
        assert!(split_actions("msg:'a' b").unwrap_err().contains("expected a comma"));
        assert!(split_actions(":x").unwrap_err().contains("expected an action"));
    }
}

//! The `tracestate` header (W3C Trace Context, section 3.3).

use std::borrow::Cow;

/// What of a `tracestate` is sent on: all of it up to 512 characters and 32 members, as the specification
/// wants at least. Of a longer one, members of more than 128 characters go first, then those at the end.
/// `None`: nothing, or nothing well-formed.
pub(super) fn bounded(header: &str) -> Option<Cow<'_, str>> {
    let members =
        || header.split(',').map(|member| member.trim_matches([' ', '\t'])).filter(|m| !m.is_empty());
    let count = members().count();
    if count == 0 || header.len() > LONGEST_READ || !members().all(is_well_formed) {
        return None;
    }
    if header.len() <= MAX_LENGTH && count <= MAX_MEMBERS {
        return Some(Cow::Borrowed(header));
    }
    let mut kept = String::with_capacity(MAX_LENGTH);
    for member in members().filter(|member| member.len() <= LONG_MEMBER).take(MAX_MEMBERS) {
        if kept.len() + usize::from(!kept.is_empty()) + member.len() > MAX_LENGTH {
            break;
        }
        if !kept.is_empty() {
            kept.push(',');
        }
        kept.push_str(member);
    }
    (!kept.is_empty()).then_some(Cow::Owned(kept))
}

const MAX_LENGTH: usize = 512;
const MAX_MEMBERS: usize = 32;
const LONG_MEMBER: usize = 128;
const LONGEST_READ: usize = 8 * 1024;

fn is_well_formed(member: &str) -> bool {
    let Some((key, value)) = member.split_once('=') else { return false };
    let key_character =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    !key.is_empty()
        && key.len() <= 256
        && key.bytes().all(key_character)
        && !value.is_empty()
        && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_states_pass_as_they_are() {
        for state in ["congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE", "tenant@vendor=a:b"] {
            assert!(matches!(bounded(state), Some(Cow::Borrowed(same)) if same == state));
        }
    }

    #[test]
    fn malformed_states_are_dropped() {
        for state in ["", " , ", "novalue", "=x", "Upper=x", "a=", "a=b=c", "a=ü", "ok=1,bad"] {
            assert_eq!(bounded(state), None, "{state}");
        }
        assert_eq!(bounded(&"a=b,".repeat(3_000)), None);
    }

    #[test]
    fn long_states_lose_long_members_first_and_then_the_oldest() {
        let long = format!("big={}", "x".repeat(400));
        let state = format!("new=1,{long},old={}", "y".repeat(110));
        assert_eq!(bounded(&state).unwrap(), format!("new=1,old={}", "y".repeat(110)));

        let many: Vec<String> = (0..40).map(|number| format!("k{number}=v")).collect();
        assert_eq!(bounded(&many.join(",")).unwrap(), many[..32].join(","));

        let wide: Vec<String> = (0..10).map(|number| format!("k{number}={}", "v".repeat(97))).collect();
        let all = wide.join(",");
        let kept = bounded(&all).unwrap();
        assert_eq!(kept, wide[..5].join(","));
        assert!(kept.len() <= 512);
    }
}

//! How often a request has passed through this service: the field `CDN-Loop` (RFC 8586).

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// What all instances of one service put into `CDN-Loop`.
#[derive(Clone, Debug)]
pub struct LoopMark {
    value: HeaderValue,
    most: usize,
}

impl LoopMark {
    /// The mark of a service, which a request may carry `most` times when it arrives.
    pub fn new(service: &str, most: usize) -> Self {
        let letters: String = service
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' })
            .take(64)
            .collect();
        let value = HeaderValue::try_from(format!("gatehouse-{letters}"));
        Self { value: value.unwrap_or(HeaderValue::from_static("gatehouse")), most }
    }

    /// Adds the mark, and says whether there were too many of it already. Marks of others stay.
    pub(crate) fn add(&self, headers: &mut HeaderMap) -> bool {
        if !headers.contains_key(CDN_LOOP) {
            headers.insert(CDN_LOOP, self.value.clone());
            return self.most == 0;
        }
        let mut joined = Vec::new();
        let mut count = 0;
        for value in headers.get_all(CDN_LOOP) {
            let ids = value.as_bytes().split(|byte| *byte == b',').map(|info| {
                let id = info.split(|byte| *byte == b';').next().unwrap_or_default();
                id.trim_ascii()
            });
            count += ids.filter(|id| *id == self.value.as_bytes()).count();
            joined.extend_from_slice(value.as_bytes());
            joined.extend_from_slice(b", ");
        }
        joined.extend_from_slice(self.value.as_bytes());
        if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(joined)) {
            headers.insert(CDN_LOOP, value);
        }
        count >= self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(mark: &LoopMark, values: &[&'static str]) -> (bool, String) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CDN_LOOP, HeaderValue::from_static(value));
        }
        let is_loop = mark.add(&mut headers);
        assert_eq!(headers.get_all(CDN_LOOP).iter().count(), 1);
        (is_loop, headers[CDN_LOOP].to_str().unwrap().to_owned())
    }

    #[test]
    fn a_mark_is_added_behind_those_of_others() {
        let mark = LoopMark::new("Contoso APIs", 3);
        assert_eq!(pass(&mark, &[]), (false, "gatehouse-contoso-apis".to_owned()));
        let (is_loop, value) = pass(&mark, &["foo; x=1", "barcdn"]);
        assert_eq!((is_loop, value.as_str()), (false, "foo; x=1, barcdn, gatehouse-contoso-apis"));
    }

    #[test]
    fn as_many_as_are_allowed_pass() {
        let mark = LoopMark::new("a", 2);
        assert!(!pass(&mark, &["gatehouse-a"]).0);
        assert!(!pass(&mark, &["gatehouse-a, gatehouse-ab, xgatehouse-a"]).0);
        assert!(pass(&mark, &["gatehouse-a", "foo,gatehouse-a ; v=1"]).0);
    }
}

//! Trailer fields on their way through. Recipients may merge them into the head, so that nothing passes here that the
//! gateway decides about there (RFC 9110 section 6.5.1).

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, FORWARDED, HOST,
    HeaderName, SET_COOKIE, TRAILER,
};
use http_body::Frame;

use crate::hop_by_hop;

/// Fields of a head: of its framing and routing, who the caller is, and what the gateway vouches for.
const OF_THE_HEAD: [HeaderName; 15] = [
    AUTHORIZATION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    FORWARDED,
    HOST,
    SET_COOKIE,
    TRAILER,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-request-id"),
];

/// Takes out of a frame of trailer fields what has no place there. Data stays as it is.
pub(super) fn pass(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Err(data) => data,
        Ok(mut fields) => {
            hop_by_hop::strip(&mut fields);
            for name in &OF_THE_HEAD {
                fields.remove(name);
            }
            Frame::trailers(fields)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn fields_of_the_head_and_of_the_connection_do_not_pass_as_trailers() {
        let mut fields = HeaderMap::new();
        for name in [
            "connection",
            "keep-alive",
            "upgrade",
            "transfer-encoding",
            "content-length",
            "host",
            "authorization",
            "forwarded",
            "x-forwarded-for",
            "x-request-id",
            "x-hop",
            "grpc-status",
            "x-checksum",
        ] {
            fields.insert(name, HeaderValue::from_static("x-hop"));
        }
        let passed = pass(Frame::trailers(fields)).into_trailers().unwrap();
        let mut names: Vec<&str> = passed.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["grpc-status", "x-checksum"]);
    }

    #[test]
    fn data_passes_as_it_is() {
        let data = pass(Frame::data(Bytes::from_static(b"host: x"))).into_data().unwrap();
        assert_eq!(data, "host: x");
    }
}

//! Event hubs, over their HTTPS interface.
//!
//! Source: <https://learn.microsoft.com/rest/api/eventhub/send-batch-events> and
//! <https://learn.microsoft.com/rest/api/eventhub/generate-sas-token>.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatehouse_policy::Partition;
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use url::Url;

use super::event::Event;

const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const BROKER_PROPERTIES: HeaderName = HeaderName::from_static("brokerproperties");
/// How long a signature is good for, in seconds.
const SIGNATURE_LIFE: u64 = 3600;

/// An event hub and the right to send to it.
pub(super) struct Hub {
    /// `https://host/hub`.
    address: String,
    key_name: String,
    key: hmac::Key,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Hub {
    /// Reads a connection string (`Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…`), and the name of the hub
    /// where `EntityPath` does not say it.
    pub(super) fn parse(connection: &str, name: Option<&str>) -> Result<Self, String> {
        let (mut endpoint, mut key_name, mut key, mut path) = (None, None, None, None);
        for part in connection.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((field, value)) = part.split_once('=') else {
                return Err("its connection string holds a part without `=`".to_owned());
            };
            match field.to_ascii_lowercase().as_str() {
                "endpoint" => endpoint = Some(value),
                "sharedaccesskeyname" => key_name = Some(value),
                "sharedaccesskey" => key = Some(value),
                "entitypath" => path = Some(value),
                // What else there may be (`TransportType`) is about other protocols than this one.
                _ => {}
            }
        }
        let lacks = |what: &str| format!("its connection string has no `{what}`");
        let endpoint = Url::parse(endpoint.ok_or_else(|| lacks("Endpoint"))?)
            .map_err(|error| format!("the endpoint of its connection string is no URL: {error}"))?;
        let host = endpoint.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| "the endpoint of its connection string has no host".to_owned())?;
        let port = endpoint.port().map(|port| format!(":{port}")).unwrap_or_default();
        let name = path.or(name).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| "nothing says the name of its event hub".to_owned())?;
        let address = format!("https://{host}{port}/{}", utf8_percent_encode(name, COMPONENT));
        let key = key.filter(|key| !key.is_empty()).ok_or_else(|| lacks("SharedAccessKey"))?;
        Ok(Self {
            address,
            key_name: key_name.ok_or_else(|| lacks("SharedAccessKeyName"))?.to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
        })
    }

    /// URL, header fields and body of a request that sends events of one partition.
    pub(super) fn request(
        &self,
        events: &[Event],
        now_millis: u64,
    ) -> Result<(Url, HeaderMap, Vec<u8>), String> {
        let partition = events.first().and_then(|event| event.partition.as_ref());
        let within = match partition {
            Some(Partition::Id(id)) => format!("/partitions/{id}"),
            _ => String::new(),
        };
        let url = format!("{}{within}/messages?timeout=60&api-version=2014-01", self.address);
        let mut headers = HeaderMap::new();
        let media_type = HeaderValue::from_static("application/vnd.microsoft.servicebus.json");
        headers.insert(http::header::CONTENT_TYPE, media_type);
        let mut token =
            HeaderValue::try_from(self.token(now_millis / 1000)).map_err(|error| error.to_string())?;
        token.set_sensitive(true);
        headers.insert(http::header::AUTHORIZATION, token);
        if let Some(Partition::Key(key)) = partition {
            let properties = json!({ "PartitionKey": &**key }).to_string();
            // Only ASCII stands in a header field; JSON can say everything in it.
            let properties = HeaderValue::try_from(ascii(&properties)).map_err(|error| error.to_string())?;
            headers.insert(BROKER_PROPERTIES, properties);
        }
        let bodies: Vec<_> = events.iter().map(|event| json!({ "Body": &*event.message })).collect();
        let url = Url::parse(&url).map_err(|error| error.to_string())?;
        Ok((url, headers, serde_json::Value::Array(bodies).to_string().into_bytes()))
    }

    /// A shared access signature.
    fn token(&self, now_seconds: u64) -> String {
        let resource = utf8_percent_encode(&self.address, COMPONENT).to_string();
        let expiry = now_seconds + SIGNATURE_LIFE;
        let signature = hmac::sign(&self.key, format!("{resource}\n{expiry}").as_bytes());
        let signature = STANDARD.encode(signature);
        format!(
            "SharedAccessSignature sr={resource}&sig={}&se={expiry}&skn={}",
            utf8_percent_encode(&signature, COMPONENT),
            utf8_percent_encode(&self.key_name, COMPONENT)
        )
    }
}

/// JSON with every character beyond ASCII escaped.
fn ascii(json: &str) -> String {
    use fmt::Write as _;
    let mut plain = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            plain.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(plain, "\\u{unit:04x}");
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTION: &str =
        "Endpoint=sb://contoso.servicebus.windows.net/;SharedAccessKeyName=send;SharedAccessKey=c2VjcmV0PQ==";

    fn event(message: &str, partition: Option<Partition>) -> Event {
        Event { time_millis: 0, request_id: uuid::Uuid::nil(), message: message.into(), partition }
    }

    #[test]
    fn events_go_to_the_hub_with_a_signature() {
        let hub = Hub::parse(CONNECTION, Some("orders")).unwrap();
        let events = [event("a", None), event("b\"", None)];
        let (url, headers, body) = hub.request(&events, 1_700_000_000_000).unwrap();
        assert_eq!(
            url.as_str(),
            "https://contoso.servicebus.windows.net/orders/messages?timeout=60&api-version=2014-01"
        );
        assert_eq!(body, br#"[{"Body":"a"},{"Body":"b\""}]"#);
        let token = headers["authorization"].to_str().unwrap();
        // Made with openssl dgst -sha256 -hmac over the same text.
        assert_eq!(
            token,
            "SharedAccessSignature sr=https%3A%2F%2Fcontoso.servicebus.windows.net%2Forders&sig=z2J%2BqqDUJUZCKcDAIQfYPPLSZP47R%2FIZMVqzCGPvPXM%3D&se=1700003600&skn=send"
        );
    }

    #[test]
    fn partitions_are_named_by_number_or_key() {
        let hub = Hub::parse(&format!("{CONNECTION};EntityPath=o"), None).unwrap();
        let (url, _, _) = hub.request(&[event("a", Some(Partition::Id(7)))], 0).unwrap();
        assert_eq!(url.path(), "/o/partitions/7/messages");
        let (_, headers, _) = hub.request(&[event("a", Some(Partition::Key("kü\n".into())))], 0).unwrap();
        assert_eq!(headers["brokerproperties"], "{\"PartitionKey\":\"k\\u00fc\\n\"}");
    }

    #[test]
    fn connection_strings_that_cannot_be_are_told_without_their_key() {
        for (text, name, wanted) in [
            ("", None, "has no `Endpoint`"),
            ("Endpoint=sb://a/", Some("h"), "has no `SharedAccessKey`"),
            ("Endpoint=sb://a/;SharedAccessKey=secret", Some("h"), "has no `SharedAccessKeyName`"),
            ("Endpoint=sb://a/;SharedAccessKeyName=n;SharedAccessKey=secret", None, "name of its event hub"),
            ("Endpoint=nonsense;SharedAccessKeyName=n;SharedAccessKey=secret", Some("h"), "is no URL"),
            ("secret", Some("h"), "a part without `=`"),
        ] {
            let told = Hub::parse(text, name).unwrap_err();
            assert!(told.contains(wanted) && !told.contains("secret"), "{told}");
        }
    }
}

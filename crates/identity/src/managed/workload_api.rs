//! The SPIFFE Workload API: gRPC over a Unix socket, as far as it is used here.
//!
//! Source: <https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE_Workload_API.md>.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::kind::TokenFailure;
use crate::http_client::{HttpClient, HttpRequest};

const FETCH_JWT: &str = "/SpiffeWorkloadAPI/FetchJWTSVID";
const FETCH_X509: &str = "/SpiffeWorkloadAPI/FetchX509SVID";
/// Wire types of protocol buffers that are read.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

/// A JWT-SVID for an audience.
pub(super) async fn fetch_jwt(
    socket: &Path,
    audience: &str,
    client: &dyn HttpClient,
) -> Result<Zeroizing<String>, TokenFailure> {
    let mut message = Vec::new();
    put_bytes(&mut message, 1, audience.as_bytes());
    let answer = call(socket, FETCH_JWT, message, client).await?;
    let garbled = || TokenFailure::passing("the Workload API's answer cannot be read");
    // JWTSVIDResponse.svids = 1; JWTSVID.svid = 2. The first one is the default identity.
    let svid = field(&answer, 1).map_err(|()| garbled())?;
    let svid =
        svid.ok_or_else(|| TokenFailure::passing("the Workload API gives this instance no identity"))?;
    let token = field(svid, 2).map_err(|()| garbled())?.ok_or_else(garbled)?;
    let token = std::str::from_utf8(token).map_err(|_| garbled())?;
    Ok(Zeroizing::new(token.to_owned()))
}

/// The X.509-SVID with its key, as PEM: the leaf, the intermediates, the key.
pub(super) async fn fetch_certificate(
    socket: &Path,
    client: &dyn HttpClient,
) -> Result<Zeroizing<String>, TokenFailure> {
    let answer = call(socket, FETCH_X509, Vec::new(), client).await?;
    let garbled = || TokenFailure::passing("the Workload API's answer cannot be read");
    // X509SVIDResponse.svids = 1; X509SVID.x509_svid = 2, a chain of DER; X509SVID.x509_svid_key = 3, PKCS#8.
    let svid = field(&answer, 1).map_err(|()| garbled())?;
    let svid =
        svid.ok_or_else(|| TokenFailure::passing("the Workload API gives this instance no identity"))?;
    let chain = field(svid, 2).map_err(|()| garbled())?.ok_or_else(garbled)?;
    let key = field(svid, 3).map_err(|()| garbled())?.ok_or_else(garbled)?;
    let mut pem = Zeroizing::new(String::new());
    let mut rest = chain;
    while !rest.is_empty() {
        let (after, _) = x509_parser::parse_x509_certificate(rest).map_err(|_| garbled())?;
        let certificate = rest.get(..rest.len() - after.len()).ok_or_else(garbled)?;
        push_pem(&mut pem, "CERTIFICATE", certificate);
        rest = after;
    }
    push_pem(&mut pem, "PRIVATE KEY", key);
    Ok(pem)
}

async fn call(
    socket: &Path,
    method: &'static str,
    message: Vec<u8>,
    client: &dyn HttpClient,
) -> Result<Zeroizing<Vec<u8>>, TokenFailure> {
    let request =
        HttpRequest::grpc(socket.to_path_buf(), method, message).header("workload.spiffe.io", "true");
    let answer = client.send(request).await.map_err(|error| TokenFailure::passing(error.to_string()))?;
    match answer.header("grpc-status") {
        None | Some("0") if answer.status == 200 => Ok(answer.body),
        // PERMISSION_DENIED: the agent knows no identity for this process.
        Some("7") => Err(TokenFailure::passing("the Workload API gives this instance no identity")),
        status => {
            let status: String =
                status.unwrap_or("none").chars().filter(char::is_ascii_digit).take(3).collect();
            Err(TokenFailure::passing(format!("the Workload API has failed: gRPC status {status}")))
        }
    }
}

fn push_pem(pem: &mut String, label: &str, der: &[u8]) {
    let text = Zeroizing::new(STANDARD.encode(der));
    // Writing to a string cannot fail.
    let _ = writeln!(pem, "-----BEGIN {label}-----");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    let _ = writeln!(pem, "-----END {label}-----");
}

/// Appends a field of bytes.
fn put_bytes(message: &mut Vec<u8>, number: u64, value: &[u8]) {
    put_varint(message, number << 3 | BYTES);
    put_varint(message, value.len() as u64);
    message.extend_from_slice(value);
}

fn put_varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

/// The first field of bytes with a number.
fn field(mut message: &[u8], wanted: u64) -> Result<Option<&[u8]>, ()> {
    while !message.is_empty() {
        let key = take_varint(&mut message)?;
        let value = match key & 7 {
            VARINT => {
                take_varint(&mut message)?;
                continue;
            }
            FIXED_64 => take(&mut message, 8)?,
            FIXED_32 => take(&mut message, 4)?,
            BYTES => {
                let length = usize::try_from(take_varint(&mut message)?).map_err(|_| ())?;
                take(&mut message, length)?
            }
            _ => return Err(()),
        };
        if key >> 3 == wanted && key & 7 == BYTES {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

fn take<'m>(message: &mut &'m [u8], length: usize) -> Result<&'m [u8], ()> {
    let (value, rest) = message.split_at_checked(length).ok_or(())?;
    *message = rest;
    Ok(value)
}

fn take_varint(message: &mut &[u8]) -> Result<u64, ()> {
    let mut value = 0;
    for place in 0..10 {
        let byte = take(message, 1)?.first().copied().ok_or(())?;
        value |= u64::from(byte & 0x7f).checked_shl(7 * place).ok_or(())?;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_between_others_and_garbage_is_refused() {
        let mut message = Vec::new();
        put_varint(&mut message, 7 << 3);
        put_varint(&mut message, u64::MAX);
        put_varint(&mut message, 8 << 3 | FIXED_32);
        message.extend([1, 2, 3, 4]);
        put_bytes(&mut message, 2, &[b'x'; 300]);
        assert_eq!(field(&message, 2).unwrap().unwrap().len(), 300);
        assert_eq!(field(&message, 3).unwrap(), None);
        for cut in 1..message.len() {
            // Never a panic; a message that is cut within a field is no message.
            let _ = field(&message[..cut], 3);
        }
        assert!(field(&message[..message.len() - 1], 2).is_err());
        assert!(field(&[0xff; 12], 1).is_err());
        assert!(field(&[0x0b], 1).is_err(), "a group");
    }

    #[test]
    fn pem_has_lines_of_64_characters() {
        let mut pem = String::new();
        push_pem(&mut pem, "CERTIFICATE", &[7; 60]);
        let lines: Vec<usize> = pem.lines().map(str::len).collect();
        assert_eq!(lines, [27, 64, 16, 25]);
    }
}

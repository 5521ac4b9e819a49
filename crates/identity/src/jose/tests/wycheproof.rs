//! The JOSE vectors of Project Wycheproof, found in `$GATEHOUSE_CORPORA/wycheproof`.

use std::path::PathBuf;

use serde_json::Value;

use crate::jose::{DecryptionKey, EncryptedToken, JoseError, Jwk, SignedToken, VerificationKey};

/// Cases that no verifier can decide as the suite wants: 346 and 350 are signed with PS384 under a key that is restricted
/// to PS256; 347 and 351 have a key for `ES521`, an algorithm that does not exist; 367 and 370 are, as they stand in the
/// file, the same token as the valid one; 372 and 373 are called valid with a `?` in the middle of their base64url.
const UNDECIDABLE: &[u64] = &[346, 347, 350, 351, 367, 370, 372, 373];

fn file(name: &str) -> Option<Value> {
    let folder = PathBuf::from(std::env::var_os("GATEHOUSE_CORPORA")?).join("wycheproof");
    let text = std::fs::read(folder.join(name)).expect("the corpus has the file");
    Some(serde_json::from_slice(&text).expect("JSON"))
}

fn groups(file: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = file["testGroups"].as_array().into_iter().flatten();
    groups.flat_map(|group| group["tests"].as_array().into_iter().flatten().map(move |test| (group, test)))
}

/// The key of a group as the verifier of tokens has it: the public half, or the secret.
fn key(group: &Value) -> &Value {
    if group["public"].is_object() { &group["public"] } else { &group["private"] }
}

fn keys_of(json: &Value) -> Vec<Value> {
    json["keys"].as_array().cloned().unwrap_or_else(|| vec![json.clone()])
}

fn jwk(json: &Value) -> Jwk<'static> {
    Jwk::parse(json.to_string().as_bytes()).expect("a JSON object")
}

/// Verifies as a relying party with these keys does. A key that cannot be used accepts nothing.
fn verifies(keys: &Value, token: &str) -> bool {
    let listed = keys_of(keys);
    let keys: Vec<VerificationKey> =
        listed.iter().filter_map(|key| jwk(key).verification_key().ok()).collect();
    // Sets that mix secrets with public keys, or name two keys alike, are refused as such.
    let is_mixed =
        keys.iter().any(VerificationKey::is_symmetric) && !keys.iter().all(VerificationKey::is_symmetric);
    let mut ids: Vec<_> = listed.iter().filter_map(|key| key["kid"].as_str()).collect();
    ids.sort_unstable();
    if is_mixed || ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return false;
    }
    SignedToken::parse(token).and_then(|token| token.verify(&keys).map(|_| token.payload().is_ok()))
        == Ok(true)
}

fn decrypts(key: &Value, token: &str) -> Result<Vec<u8>, JoseError> {
    let keys: Vec<DecryptionKey> = jwk(key).decryption_key().into_iter().collect();
    EncryptedToken::parse(token)?.decrypt(&keys).map(|content| content.to_vec())
}

#[test]
fn signatures() {
    let Some(file) = file("json_web_signature_test.json") else { return };
    let mut wrong = Vec::new();
    let mut right = 0;
    for (group, test) in groups(&file) {
        let expected = test["result"] == "valid";
        let number = test["tcId"].as_u64().unwrap();
        if verifies(key(group), test["jws"].as_str().unwrap()) == expected {
            right += 1;
        } else {
            wrong.push(number);
        }
    }
    assert_eq!(wrong, UNDECIDABLE);
    assert_eq!(right + wrong.len(), 401);
}

#[test]
fn keys() {
    let Some(file) = file("json_web_key_test.json") else { return };
    for (group, test) in groups(&file) {
        let expected = test["result"] == "valid";
        let got = verifies(key(group), test["jws"].as_str().unwrap());
        assert_eq!(got, expected, "{} {}", test["tcId"], test["comment"]);
    }
}

#[test]
fn encryption() {
    let Some(file) = file("json_web_encryption_test.json") else { return };
    for (group, test) in groups(&file) {
        let got = decrypts(&group["private"], test["jwe"].as_str().unwrap());
        let flags = test["flags"].to_string();
        // What the suite takes for valid and is refused here on purpose.
        let is_refused = group["private"]["alg"] == "RSA1_5" || flags.contains("CompressedPlaintext");
        let expected = test["result"] == "valid" && !is_refused;
        assert_eq!(got.is_ok(), expected, "{} {} {got:?}", test["tcId"], test["comment"]);
        if let (Ok(content), Some(text)) = (&got, test["pt"].as_str()) {
            let mut hex = String::new();
            crate::distinguished_name::push_hex(&mut hex, content);
            assert_eq!(hex.to_lowercase(), text, "{}", test["tcId"]);
        }
    }
}

#[test]
fn both() {
    let Some(file) = file("json_web_crypto_test.json") else { return };
    for (group, test) in groups(&file) {
        let expected = test["result"] == "valid";
        // Other serializations than the compact one stand in the file as JSON.
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let got = match (test.get("jws"), test.get("jwe")) {
            (Some(token), None) => verifies(key(group), &text(token)),
            (None, Some(token)) => decrypts(&group["private"], &text(token)).is_ok(),
            _ => panic!("{test}"),
        };
        assert_eq!(got, expected, "{} {}", test["tcId"], test["comment"]);
    }
}

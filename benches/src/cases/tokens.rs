//! Access tokens: the bare verification of a signature, all of a token that was not seen before, and a request with one
//! that was (`pipeline/plain` is the same request without).

use std::hint::black_box;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use gatehouse_identity::jose::{SignedToken, VerificationKey, encode_base64url, parse_json};

use crate::Case;
use crate::landing_zone::Gateway;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("tokens/rs256-bare".to_owned(), bare),
        Case::new("tokens/rs256-cold".to_owned(), cold),
        Case::new("pipeline/validate-jwt-warm".to_owned(), warm),
    ]
}

/// An RSA key of 2048 bits that signs nothing else. One that is made at each start takes a time of its own, which would be
/// counted.
const KEY: &[u8] = include_bytes!("../../data/issuer.pk8");

/// A token with claims as issuers write them, its signing input and signature, and the key.
struct Signed {
    pair: KeyPair,
    token: String,
    input: String,
    signature: Vec<u8>,
}

fn signed() -> Signed {
    let pair = KeyPair::from_pkcs8(KEY).unwrap_or_else(|error| panic!("{error}"));
    let claims = r#"{"iss":"https://login.contoso.example/","aud":"https://api.contoso.example","sub":"5f0c2c1e-6c1e-4c1e-9c1e-2c1e5f0c2c1e","azp":"app","scope":"orders.read orders.write","iat":1700000000,"nbf":1700000000,"exp":4102444800,"jti":"0c2c1e5f"}"#;
    let header = r#"{"alg":"RS256","typ":"at+jwt","kid":"2026-01"}"#;
    let input = format!("{}.{}", encode_base64url(header), encode_base64url(claims));
    let mut signature = vec![0; pair.public_modulus_len()];
    let done = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input.as_bytes(), &mut signature);
    done.unwrap_or_else(|error| panic!("{error}"));
    let token = format!("{input}.{}", encode_base64url(&signature));
    Signed { pair, token, input, signature }
}

fn bare() -> crate::Run {
    let Signed { pair, input, signature, .. } = signed();
    let key = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    let key = key.unwrap_or_else(|error| panic!("{error}"));
    Box::new(move || {
        assert!(black_box(&key).verify_sig(black_box(input.as_bytes()), &signature).is_ok());
    })
}

fn cold() -> crate::Run {
    let Signed { pair, token, .. } = signed();
    let (modulus, exponent) = (pair.public_key().modulus(), pair.public_key().exponent());
    let key = VerificationKey::rsa(
        Some("2026-01"),
        modulus.big_endian_without_leading_zero(),
        exponent.big_endian_without_leading_zero(),
    );
    let keys = [key.unwrap_or_else(|error| panic!("{error}"))];
    Box::new(move || {
        let claims = SignedToken::parse(black_box(&token)).and_then(|token| {
            token.verify(&keys)?;
            token.payload()
        });
        let claims = claims.map(|claims| parse_json(&claims));
        assert!(black_box(claims).is_ok_and(|claims| claims.is_ok()));
    })
}

fn warm() -> crate::Run {
    let Signed { pair, token, .. } = signed();
    let number = |bytes: &[u8]| encode_base64url(bytes);
    let n = number(pair.public_key().modulus().big_endian_without_leading_zero());
    let e = number(pair.public_key().exponent().big_endian_without_leading_zero());
    let policy = format!(
        "<validate-jwt token-value=\"{token}\"><issuer-signing-keys><key n=\"{n}\" e=\"{e}\" /></issuer-signing-keys>\
         <audiences><audience>https://api.contoso.example</audience></audiences>\
         <issuers><issuer>https://login.contoso.example/</issuer></issuers>\
         <required-claims><claim name=\"azp\"><value>app</value></claim></required-claims></validate-jwt>"
    );
    let gateway = Gateway::new(&policy, false);
    gateway.check();
    Box::new(move || {
        black_box(gateway.request());
    })
}

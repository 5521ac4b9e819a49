//! What attackers do with tokens.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};

use crate::jose::{
    EncryptedToken, JoseError, Jwk, KeySet, MAX_TOKEN_BYTES, SignedToken, VerificationKey, encode_base64url,
};

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

fn signed(header: &str, payload: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let input = format!("{}.{}", encode_base64url(header), encode_base64url(payload));
    let signature = sign(input.as_bytes());
    format!("{input}.{}", encode_base64url(signature))
}

fn hs256(secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    move |input| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input).as_ref().to_vec()
}

fn symmetric() -> VerificationKey {
    VerificationKey::symmetric(None, SECRET).unwrap()
}

fn verdict(token: &str, keys: &[VerificationKey]) -> Result<(), JoseError> {
    let token = SignedToken::parse(token)?;
    token.verify(keys)?;
    token.payload().map(drop)
}

#[test]
fn a_signed_token_is_taken_as_it_stands() {
    let token = signed(r#"{"alg":"HS256","typ":"JWT","x5u":"https://evil.example"}"#, "{}", hs256(SECRET));
    assert_eq!(verdict(&token, &[symmetric()]), Ok(()));
    let parsed = SignedToken::parse(&token).unwrap();
    assert_eq!(parsed.header_text(), r#"{"alg":"HS256","typ":"JWT","x5u":"https://evil.example"}"#);
    assert_eq!(parsed.payload().unwrap(), b"{}");
}

#[test]
fn no_algorithm_is_no_algorithm_however_it_is_written() {
    for name in ["none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "RSA1_5", "HS1", "RS1"] {
        let token = signed(&format!(r#"{{"alg":"{name}"}}"#), "{}", |_| Vec::new());
        assert!(matches!(verdict(&token, &[symmetric()]), Err(JoseError::Algorithm(_))), "{name}");
    }
    for header in ["{}", r#"{"alg":null}"#, r#"{"alg":["HS256"]}"#, r#"{"alg":5}"#, "[]", "5"] {
        let token = signed(header, "{}", hs256(SECRET));
        assert!(matches!(verdict(&token, &[symmetric()]), Err(JoseError::Malformed(_))), "{header}");
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let pair = aws_lc_rs::rsa::KeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).unwrap();
    let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
    let key =
        VerificationKey::rsa(None, n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
    let keys = [key.unwrap()];
    let sign = |input: &[u8]| {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), input, &mut signature).unwrap();
        signature
    };
    assert_eq!(verdict(&signed(r#"{"alg":"RS256"}"#, "{}", sign), &keys), Ok(()));
    assert_eq!(verdict(&signed(r#"{"alg":"PS256"}"#, "{}", sign), &keys), Err(JoseError::Signature));
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der.as_ref());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----");
    let jwk = format!(
        r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#,
        encode_base64url(n.big_endian_without_leading_zero())
    );
    let secrets =
        [pem.clone().into_bytes(), format!("{pem}\n").into_bytes(), der.as_ref().to_vec(), jwk.into_bytes()];
    for secret in secrets {
        let token = signed(r#"{"alg":"HS256"}"#, "{}", hs256(&secret));
        assert_eq!(verdict(&token, &keys), Err(JoseError::KeyNotFound(None)));
    }
}

#[test]
fn keys_in_the_token_are_not_looked_at() {
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (encode_base64url(&point[1..33]), encode_base64url(&point[33..]));
    let header = format!(
        r#"{{"alg":"ES256","jwk":{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}},"jku":"http://127.0.0.1:1/","x5c":["AAAA"]}}"#
    );
    let sign = |input: &[u8]| pair.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec();
    let token = signed(&header, "{}", sign);
    let own = VerificationKey::elliptic(None, "P-256", point).unwrap();
    assert_eq!(verdict(&token, &[own]), Ok(()), "the signature itself is right");
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let other = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
    let other = VerificationKey::elliptic(None, "P-256", other.public_key().as_ref()).unwrap();
    assert_eq!(verdict(&token, &[other]), Err(JoseError::Signature));
}

#[test]
fn elliptic_signatures_of_nothing_and_in_der_are_refused() {
    let document =
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
    let keys = [VerificationKey::elliptic(None, "P-256", pair.public_key().as_ref()).unwrap()];
    let header = r#"{"alg":"ES256"}"#;
    for signature in [vec![0; 64], vec![], vec![0xff; 64], vec![0x30, 6, 2, 1, 0, 2, 1, 0]] {
        assert_eq!(verdict(&signed(header, "{}", |_| signature.clone()), &keys), Err(JoseError::Signature));
    }
    let der = &aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
    let pair = EcdsaKeyPair::from_pkcs8(der, document.as_ref()).unwrap();
    let sign = |input: &[u8]| pair.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec();
    assert_eq!(verdict(&signed(header, "{}", sign), &keys), Err(JoseError::Signature));
}

#[test]
fn ed25519_has_two_names_and_no_weak_points() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let keys = [VerificationKey::elliptic(None, "Ed25519", pair.public_key().as_ref()).unwrap()];
    let sign = |input: &[u8]| pair.sign(input).as_ref().to_vec();
    for name in ["EdDSA", "Ed25519"] {
        assert_eq!(verdict(&signed(&format!(r#"{{"alg":"{name}"}}"#), "{}", sign), &keys), Ok(()));
    }
    let mut identity = [0; 32];
    identity[0] = 1;
    for point in [[0; 32], identity] {
        for sign_bit in [0, 0x80] {
            let mut point = point;
            point[31] |= sign_bit;
            let refused = VerificationKey::elliptic(None, "Ed25519", &point).unwrap_err();
            assert!(refused.to_string().contains("small order"), "{refused}");
        }
    }
}

#[test]
fn a_token_has_one_spelling() {
    let good = signed(r#"{"alg":"HS256"}"#, r#"{"sub":"a"}"#, hs256(SECRET));
    assert_eq!(verdict(&good, &[symmetric()]), Ok(()));
    let segments: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = segments[..] else { panic!() };
    // The last character of a 32 byte value has two bits that mean nothing.
    let last = signature.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let twin = alphabet.chars().nth(alphabet.find(last).unwrap() ^ 1).unwrap();
    let twisted = format!("{}{twin}", &signature[..signature.len() - 1]);
    let spellings = [
        format!("{header}.{payload}.{signature}="),
        format!("{header}.{payload}.{twisted}"),
        format!("{header}.{payload}.{signature} "),
        format!(" {header}.{payload}.{signature}"),
        format!("{header}.{payload}.{signature}\n"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}"),
        format!("{header}.{payload}.{signature}."),
        format!("{header}.{payload}.{signature}.x"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}.{payload}."),
        String::new(),
        ".".into(),
        "..".into(),
        format!(r#"{{"payload":"{payload}","protected":"{header}","signature":"{signature}"}}"#),
        format!(
            r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
        ),
    ];
    let other = signed(r#"{"alg":"HS256"}"#, r#"{"sub":"???>>>???>>>"}"#, hs256(SECRET));
    let in_base64 = other.replace('-', "+").replace('_', "/");
    assert_ne!(other, in_base64);
    assert_eq!(verdict(&other, &[symmetric()]), Ok(()));
    assert!(verdict(&in_base64, &[symmetric()]).is_err());
    for spelling in spellings {
        assert!(verdict(&spelling, &[symmetric()]).is_err(), "{spelling}");
    }
}

#[test]
fn extensions_are_refused_and_so_is_what_stands_twice() {
    let cases = [
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#,
        r#"{"alg":"HS256","b64":true}"#,
        r#"{"alg":"HS256","zip":"DEF"}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","\u0061lg":"HS256"}"#,
        r#"{"alg":"HS256","kid":5}"#,
        r#"{"alg":"HS256","typ":["JWT"]}"#,
        r#"{"alg":"HS256"} x"#,
    ];
    for header in cases {
        let refused = verdict(&signed(header, "{}", hs256(SECRET)), &[symmetric()]).unwrap_err();
        assert!(matches!(refused, JoseError::Extension(_) | JoseError::Malformed(_)), "{header}: {refused}");
    }
}

#[test]
fn sizes_are_bounded() {
    let long = signed(r#"{"alg":"HS256"}"#, &"x".repeat(MAX_TOKEN_BYTES), hs256(SECRET));
    assert_eq!(verdict(&long, &[symmetric()]), Err(JoseError::TooLong { limit: MAX_TOKEN_BYTES }));
    let header = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(7000));
    assert!(matches!(
        verdict(&signed(&header, "{}", hs256(SECRET)), &[symmetric()]),
        Err(JoseError::Malformed(_))
    ));
    let dots = ".".repeat(MAX_TOKEN_BYTES);
    assert!(SignedToken::parse(&dots).is_err() && EncryptedToken::parse(&dots).is_err());
    let deep = signed(&format!(r#"{{"alg":"HS256","a":{}"#, "[".repeat(4000)), "{}", hs256(SECRET));
    assert!(verdict(&deep, &[symmetric()]).is_err());
}

#[test]
fn the_id_of_a_key_is_compared_and_nothing_else() {
    let named = VerificationKey::symmetric(Some("one"), SECRET).unwrap();
    for (kid, good) in
        [("one", true), ("One", false), ("../one", false), ("one' OR 1=1", false), ("one\\u0000", false)]
    {
        let token = signed(&format!(r#"{{"alg":"HS256","kid":"{kid}"}}"#), "{}", hs256(SECRET));
        let got = verdict(&token, std::slice::from_ref(&named));
        assert_eq!(got.is_ok(), good, "{kid}");
        if let Err(error) = got {
            assert!(matches!(error, JoseError::KeyNotFound(Some(_))), "{error}");
        }
    }
    let long = format!(r#"{{"alg":"HS256","kid":"\u0007{}"}}"#, "k".repeat(3000));
    let told = verdict(&signed(&long, "{}", hs256(SECRET)), &[named]).unwrap_err().to_string();
    assert!(told.len() < 200 && !told.contains('\u{7}'), "{told}");
}

#[test]
fn sets_leave_out_what_must_not_be_used() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let x = encode_base64url(pair.public_key());
    let good = format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"good","x":"{x}"}}"#);
    let small = encode_base64url([0xC1; 128]);
    let k = encode_base64url(SECRET);
    let cases = [
        (format!(r#"{{"kty":"oct","kid":"a","k":"{k}"}}"#), "symmetric"),
        (good.replace("good", "b").replace('}', r#","use":"enc"}"#), "its `use` is `enc`"),
        (good.replace("good", "c").replace('}', r#","key_ops":["sign"]}"#), "do not name verify"),
        (good.replace("good", "d").replace('}', r#","d":"AAAA"}"#), "private half"),
        (good.replace("good", "e").replace('}', r#","alg":"RS256"}"#), "not a key for"),
        (good.replace("good", "f").replace("Ed25519", "Ed448"), "not supported"),
        (format!(r#"{{"kty":"RSA","kid":"g","n":"{small}","e":"AQAB"}}"#), "1024 bits"),
        (
            format!(r#"{{"kty":"RSA","kid":"h","n":"{}","e":"AQ"}}"#, encode_base64url([0xC1; 256])),
            "no RSA key",
        ),
        (format!(r#"{{"kty":"EC","crv":"P-256","kid":"i","x":"{k}","y":"{k}"}}"#), "not one of P-256"),
        (r#"{"kid":"j"}"#.into(), "no `kty`"),
        ("5".into(), "no `kty`"),
    ];
    for (key, wanted) in &cases {
        let set = KeySet::parse(format!(r#"{{"keys":[{good},{key}]}}"#).as_bytes()).unwrap();
        assert_eq!(set.keys().len(), 1, "{key}");
        assert_eq!(set.keys()[0].id(), Some("good"));
        assert!(set.skipped()[0].reason.contains(wanted), "{key}: {:?}", set.skipped());
    }
    let twice = KeySet::parse(format!(r#"{{"keys":[{good},{good}]}}"#).as_bytes()).unwrap();
    assert!(twice.keys().is_empty() && twice.skipped().len() == 2);
    for text in ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#] {
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{text}");
    }
    let many = vec![good.as_str(); KeySet::MAX_KEYS + 1].join(",");
    assert!(KeySet::parse(format!(r#"{{"keys":[{many}]}}"#).as_bytes()).is_err());
}

#[test]
fn encrypted_tokens_cannot_choose_slow_or_leaking_ways() {
    let key =
        Jwk::parse(format!(r#"{{"kty":"oct","k":"{}"}}"#, encode_base64url(SECRET)).as_bytes()).unwrap();
    let keys = [key.decryption_key().unwrap()];
    let cases = [
        r#"{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}"#,
        r#"{"alg":"RSA1_5","enc":"A128GCM"}"#,
        r#"{"alg":"none","enc":"A128GCM"}"#,
        r#"{"alg":"dir","enc":"none"}"#,
        r#"{"alg":"dir","enc":"A256GCM","zip":"DEF"}"#,
        r#"{"alg":"dir","enc":"A256GCM","crit":["exp"]}"#,
        r#"{"alg":"dir"}"#,
    ];
    for header in cases {
        let token = format!("{}..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", encode_base64url(header));
        assert!(EncryptedToken::parse(&token).is_err(), "{header}");
    }
    let header = encode_base64url(r#"{"alg":"dir","enc":"A256GCM"}"#);
    for rest in [
        "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
        ".AAAA.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let token = format!("{header}{rest}");
        let refused = EncryptedToken::parse(&token).unwrap().decrypt(&keys).unwrap_err();
        assert_eq!(refused, JoseError::Decryption);
    }
}

#[test]
fn keys_do_not_show_what_they_hold() {
    let key =
        Jwk::parse(format!(r#"{{"kty":"oct","k":"{}"}}"#, encode_base64url(SECRET)).as_bytes()).unwrap();
    let shown = format!("{:?} {:?}", symmetric(), key.decryption_key().unwrap());
    assert!(!shown.contains("MDEyMzQ1") && !shown.contains("0123"), "{shown}");
}

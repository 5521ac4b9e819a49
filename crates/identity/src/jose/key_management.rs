//! How the key of a token's content is unwrapped or agreed upon (RFC 7518, section 4).

use aws_lc_rs::agreement::{self, UnparsedPublicKey};
use aws_lc_rs::cipher::{self, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::kdf::{SskdfDigestAlgorithmId, get_sskdf_digest_algorithm, sskdf_digest};
use aws_lc_rs::{aead, constant_time};
use zeroize::Zeroizing;

use super::content::gcm;
use super::{ContentEncryption, Json, KeyManagement, decode_base64url};

/// Unwraps a key (RFC 3394, section 2.2.2).
pub(super) fn unwrap(wrapping_key: &[u8], wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const CHECK: [u8; 8] = [0xA6; 8];
    let algorithm = match wrapping_key.len() {
        16 => &cipher::AES_128,
        24 => &cipher::AES_192,
        32 => &cipher::AES_256,
        _ => return None,
    };
    let key = DecryptingKey::ecb(UnboundCipherKey::new(algorithm, wrapping_key).ok()?).ok()?;
    let (blocks, rest) = wrapped.as_chunks::<8>();
    let (first, blocks) = blocks.split_first()?;
    // A content key has 16 to 64 bytes.
    if !rest.is_empty() || !(2..=8).contains(&blocks.len()) {
        return None;
    }
    let mut check = *first;
    let mut blocks = blocks.to_vec();
    let count = blocks.len() as u64;
    for round in (0..6).rev() {
        for (place, block) in blocks.iter_mut().enumerate().rev() {
            let step = count * round + place as u64 + 1;
            let masked = u64::from_be_bytes(check) ^ step;
            let mut both = [0; 16];
            both[..8].copy_from_slice(&masked.to_be_bytes());
            both[8..].copy_from_slice(block);
            let opened = key.decrypt(&mut both, DecryptionContext::None).ok()?;
            check.copy_from_slice(opened.get(..8)?);
            block.copy_from_slice(opened.get(8..16)?);
        }
    }
    constant_time::verify_slices_are_equal(&check, &CHECK).ok()?;
    Some(Zeroizing::new(blocks.concat()))
}

/// Unwraps a key with AES-GCM (section 4.7): vector and tag stand in the header.
pub(super) fn unwrap_gcm(wrapping_key: &[u8], header: &Json, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let algorithm = match wrapping_key.len() {
        16 => &aead::AES_128_GCM,
        24 => &aead::AES_192_GCM,
        32 => &aead::AES_256_GCM,
        _ => return None,
    };
    let member = |name| decode_base64url(header.get(name)?.as_str()?);
    gcm(algorithm, wrapping_key, &member("iv")?, &[], wrapped, &member("tag")?).map(Zeroizing::new)
}

/// Agrees upon a key with the sender's ephemeral one (section 4.6): with the content's algorithm for `ECDH-ES`, else with
/// the one that the content key is wrapped with.
pub(super) fn agree(
    private: &agreement::PrivateKey,
    header: &Json,
    management: KeyManagement,
    encryption: ContentEncryption,
) -> Option<Zeroizing<Vec<u8>>> {
    let (name, length) = match management {
        KeyManagement::EcdhEs => (encryption.name(), encryption.key_bytes()),
        KeyManagement::EcdhEsA128Kw => (management.name(), 16),
        KeyManagement::EcdhEsA192Kw => (management.name(), 24),
        KeyManagement::EcdhEsA256Kw => (management.name(), 32),
        _ => return None,
    };
    let party = |name| match header.get(name) {
        None => Some(Vec::new()),
        Some(value) => decode_base64url(value.as_str()?),
    };
    let mut info = Vec::new();
    for part in [name.as_bytes(), &party("apu")?, &party("apv")?] {
        info.extend((part.len() as u32).to_be_bytes());
        info.extend_from_slice(part);
    }
    info.extend(((length as u32) * 8).to_be_bytes());
    let point = ephemeral_point(header.get("epk")?, private.algorithm())?;
    agreement::agree(private, UnparsedPublicKey::new(private.algorithm(), point), (), |secret| {
        let algorithm = get_sskdf_digest_algorithm(SskdfDigestAlgorithmId::Sha256).ok_or(())?;
        let mut key = Zeroizing::new(vec![0; length]);
        sskdf_digest(algorithm, secret, &info, &mut key).map_err(|_| ())?;
        Ok(key)
    })
    .ok()
}

/// The curve of a private key, by its name in `crv`, with the length of a coordinate.
pub(super) fn agreement_curve(name: &str) -> Option<(&'static agreement::Algorithm, usize)> {
    Some(match name {
        "P-256" => (&agreement::ECDH_P256, 32),
        "P-384" => (&agreement::ECDH_P384, 48),
        "P-521" => (&agreement::ECDH_P521, 66),
        "X25519" => (&agreement::X25519, 32),
        _ => return None,
    })
}

/// The sender's point; the curve must be that of our key. Whether it lies on the curve is checked by the agreement.
fn ephemeral_point(key: &Json, expected: &agreement::Algorithm) -> Option<Vec<u8>> {
    let text = |name| key.get(name).and_then(Json::as_str);
    let (algorithm, length) = agreement_curve(text("crv")?)?;
    if algorithm != expected || key.get("d").is_some() {
        return None;
    }
    let coordinate = |name| decode_base64url(text(name)?).filter(|bytes| bytes.len() == length);
    match text("kty")? {
        "EC" if *algorithm != agreement::X25519 => {
            Some([&[0x04][..], &coordinate("x")?, &coordinate("y")?].concat())
        }
        "OKP" if *algorithm == agreement::X25519 => coordinate("x"),
        _ => None,
    }
}

//! Decryption of a token's content (RFC 7518, section 5).

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::{constant_time, hmac};

use super::ContentEncryption;

const TAG: usize = 16;

/// Decrypts and authenticates; `None` says nothing about what was wrong.
pub(super) fn open(
    encryption: ContentEncryption,
    key: &[u8],
    vector: &[u8],
    associated: &[u8],
    ciphertext: &[u8],
    tag: &[u8],
) -> Option<Vec<u8>> {
    if key.len() != encryption.key_bytes() {
        return None;
    }
    match encryption {
        ContentEncryption::A128Gcm => gcm(&aead::AES_128_GCM, key, vector, associated, ciphertext, tag),
        ContentEncryption::A192Gcm => gcm(&aead::AES_192_GCM, key, vector, associated, ciphertext, tag),
        ContentEncryption::A256Gcm => gcm(&aead::AES_256_GCM, key, vector, associated, ciphertext, tag),
        ContentEncryption::A128CbcHs256 => {
            let (mac, cbc) = (hmac::HMAC_SHA256, &cipher::AES_128);
            cbc_hmac(mac, cbc, key, vector, associated, ciphertext, tag)
        }
        ContentEncryption::A192CbcHs384 => {
            let (mac, cbc) = (hmac::HMAC_SHA384, &cipher::AES_192);
            cbc_hmac(mac, cbc, key, vector, associated, ciphertext, tag)
        }
        ContentEncryption::A256CbcHs512 => {
            let (mac, cbc) = (hmac::HMAC_SHA512, &cipher::AES_256);
            cbc_hmac(mac, cbc, key, vector, associated, ciphertext, tag)
        }
    }
}

/// AES-GCM with a vector of 96 and a tag of 128 bits, no others (section 5.3).
pub(super) fn gcm(
    algorithm: &'static aead::Algorithm,
    key: &[u8],
    vector: &[u8],
    associated: &[u8],
    ciphertext: &[u8],
    tag: &[u8],
) -> Option<Vec<u8>> {
    if tag.len() != TAG {
        return None;
    }
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(vector).ok()?;
    let mut buffer = [ciphertext, tag].concat();
    let length = key.open_in_place(nonce, Aad::from(associated), &mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

/// AES-CBC with HMAC (section 5.2.2.2): the tag is checked before anything is decrypted.
fn cbc_hmac(
    mac: hmac::Algorithm,
    algorithm: &'static cipher::Algorithm,
    key: &[u8],
    vector: &[u8],
    associated: &[u8],
    ciphertext: &[u8],
    tag: &[u8],
) -> Option<Vec<u8>> {
    let (mac_key, encryption_key) = key.split_at_checked(key.len() / 2)?;
    let bits = (associated.len() as u64) * 8;
    let mut context = hmac::Context::with_key(&hmac::Key::new(mac, mac_key));
    for part in [associated, vector, ciphertext, &bits.to_be_bytes()] {
        context.update(part);
    }
    let computed = context.sign();
    let expected = computed.as_ref().get(..mac_key.len())?;
    constant_time::verify_slices_are_equal(expected, tag).ok()?;
    let key =
        PaddedBlockDecryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, encryption_key).ok()?).ok()?;
    let vector: [u8; 16] = vector.try_into().ok()?;
    let mut buffer = ciphertext.to_vec();
    let length = key.decrypt(&mut buffer, DecryptionContext::Iv128(FixedLength::from(vector))).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

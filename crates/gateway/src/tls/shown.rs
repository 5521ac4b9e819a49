//! The certificates that policies name by id.

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair,
};
use gatehouse_expression::Certificate;
use gatehouse_model::configuration::ClientIdentity;
use gatehouse_policy::Certificates;
use rustls_pki_types::PrivateKeyDer;

use super::files;

/// Reads the certificates. What cannot be read is left out: the connections that show it have told why.
pub(crate) fn certificates(identities: &BTreeMap<String, ClientIdentity>) -> Certificates {
    let read = |identity: &ClientIdentity| {
        let chain = files::certificates(&identity.certificate, "certificate").ok()?;
        let der = chain.first()?.as_ref().into();
        let private_key = files::key(&identity.key).ok().and_then(|key| pkcs8(&key)).map(Into::into);
        Some(Certificate { der, private_key })
    };
    identities.iter().filter_map(|(id, identity)| Some((id.as_str().into(), read(identity)?))).collect()
}

/// A private key as PKCS #8.
fn pkcs8(key: &PrivateKeyDer<'_>) -> Option<Vec<u8>> {
    match key {
        PrivateKeyDer::Pkcs8(der) => Some(der.secret_pkcs8_der().to_vec()),
        PrivateKeyDer::Pkcs1(der) => {
            let pair = KeyPair::from_der(der.secret_pkcs1_der()).ok()?;
            let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
            Some(der.as_ref().to_vec())
        }
        PrivateKeyDer::Sec1(der) => {
            let curves = [
                &ECDSA_P256_SHA256_ASN1_SIGNING,
                &ECDSA_P384_SHA384_ASN1_SIGNING,
                &ECDSA_P521_SHA512_ASN1_SIGNING,
            ];
            let read = |curve| EcdsaKeyPair::from_private_key_der(curve, der.secret_sec1_der()).ok();
            let pair = curves.into_iter().find_map(read)?;
            Some(pair.to_pkcs8v1().ok()?.as_ref().to_vec())
        }
        _ => None,
    }
}

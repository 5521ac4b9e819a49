//! X.509 certificates.

use std::fmt::Write as _;

use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate, X509Name};

use super::hash::Hash;
use super::{Definition, Id, member};
use crate::class::Type;
use crate::context;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::time::{DateTime, Kind};
use crate::value::{Object, Value};

/// A certificate as an object.
pub(super) struct Certificate(pub(super) context::Certificate);

impl Object for Certificate {
    fn class(&self) -> Type {
        Type::Plain(Id::X509Certificate2)
    }

    fn text(&self) -> Option<String> {
        let parsed = X509Certificate::from_der(&self.0.der).ok()?.1;
        Some(format!("[Subject]\n  {}\n\n[Issuer]\n  {}\n", name(parsed.subject()), name(parsed.issuer())))
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>().is_some_and(|o| o.0.der == self.0.der))
    }
}

fn with<T>(c: &Call<'_, '_>, read: impl FnOnce(&X509Certificate<'_>) -> T) -> Result<T, Thrown> {
    let certificate: &Certificate = c.object(0)?;
    match X509Certificate::from_der(&certificate.0.der) {
        Ok((_, parsed)) => Ok(read(&parsed)),
        Err(_) => Err(Thrown::cryptographic("The certificate could not be read.")),
    }
}

/// A distinguished name as .NET writes it: last part first, values with special characters quoted.
fn name(name: &X509Name<'_>) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in name.iter_rdn() {
        let joined: Vec<String> = part
            .iter()
            .map(|a| {
                let oid = a.attr_type().to_id_string();
                let key = match oid.as_str() {
                    "2.5.4.3" => "CN",
                    "2.5.4.6" => "C",
                    "2.5.4.7" => "L",
                    "2.5.4.8" => "S",
                    "2.5.4.9" => "STREET",
                    "2.5.4.10" => "O",
                    "2.5.4.11" => "OU",
                    "2.5.4.5" => "SERIALNUMBER",
                    "2.5.4.12" => "T",
                    "2.5.4.4" => "SN",
                    "2.5.4.42" => "G",
                    "1.2.840.113549.1.9.1" => "E",
                    "0.9.2342.19200300.100.1.25" => "DC",
                    _ => "",
                };
                let key = if key.is_empty() { format!("OID.{oid}") } else { key.to_owned() };
                let value = a.as_str().unwrap_or_default();
                let quoted = value.contains([',', '+', '=', '"', '\n', '<', '>', '#', ';'])
                    || value.starts_with(' ')
                    || value.ends_with(' ');
                if quoted {
                    format!("{key}=\"{}\"", value.replace('"', "\"\""))
                } else {
                    format!("{key}={value}")
                }
            })
            .collect();
        parts.push(joined.join(" + "));
    }
    parts.reverse();
    parts.join(", ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, b| {
        let _ = write!(out, "{b:02X}");
        out
    })
}

fn date(unix: i64) -> Result<Value, Thrown> {
    // NotBefore and NotAfter are in local time, which is UTC here.
    let date = DateTime::from_unix_millis(unix.saturating_mul(1000)).unwrap_or_default();
    Ok(Value::DateTime(DateTime { kind: Kind::Local, ..date }))
}

fn common_name(parsed: &X509Name<'_>) -> Option<String> {
    parsed.iter_common_name().next().and_then(|a| a.as_str().ok()).map(str::to_owned)
}

fn alternative(
    parsed: &X509Certificate<'_>,
    pick: impl Fn(&GeneralName<'_>) -> Option<String>,
) -> Option<String> {
    let names = parsed.subject_alternative_name().ok()??;
    names.value.general_names.iter().find_map(pick)
}

fn name_info(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    let (kind, issuer) = (c.enumeration(1), c.boolean(2)?);
    let text =
        with(c, |parsed| {
            let subject = if issuer { parsed.issuer() } else { parsed.subject() };
            let first = || subject.iter_attributes().next().and_then(|a| a.as_str().ok()).map(str::to_owned);
            let email = || {
                alternative(parsed, |n| {
                    if let GeneralName::RFC822Name(m) = n { Some((*m).to_owned()) } else { None }
                })
                .or_else(|| subject.iter_email().next().and_then(|a| a.as_str().ok()).map(str::to_owned))
            };
            let dns = || {
                alternative(parsed, |n| {
                    if let GeneralName::DNSName(d) = n { Some((*d).to_owned()) } else { None }
                })
            };
            match kind {
                0 => common_name(subject).or_else(first),
                1 => email(),
                3 | 4 => dns().or_else(|| common_name(subject)),
                5 => alternative(parsed, |n| {
                    if let GeneralName::URI(u) = n { Some((*u).to_owned()) } else { None }
                }),
                _ => None,
            }
        })?;
    Ok(Value::from(text.unwrap_or_default()))
}

/// Whether the dates hold now and the certificate is one; chains are the business of the gateway's own check.
fn in_force(c: &Call<'_, '_>) -> Result<bool, Thrown> {
    let now = DateTime::from_system(c.machine.context.now());
    let now = (now.ticks - crate::time::UNIX) / crate::time::SECOND;
    with(c, |p| p.validity().not_before.timestamp() <= now && now <= p.validity().not_after.timestamp())
}

pub(super) const X509_CERTIFICATE: Definition = Definition {
    name: "System.Security.Cryptography.X509Certificates.X509Certificate",
    bases: &["object", "System.IDisposable"],
    members: &[
        member("Subject: string", |c| with(c, |p| Value::from(name(p.subject())))),
        member("Issuer: string", |c| with(c, |p| Value::from(name(p.issuer())))),
        member("GetSerialNumberString(): string", |c| with(c, |p| Value::from(hex(p.raw_serial())))),
        member("GetCertHashString(): string", |c| {
            Ok(Value::from(hex(&Hash::Sha1.digest(&c.object::<Certificate>(0)?.0.der))))
        }),
        member("GetCertHashString(HashAlgorithmName): string", |c| {
            let hash = super::hash::hash_at(c, 1)?;
            Ok(Value::from(hex(&hash.digest(&c.object::<Certificate>(0)?.0.der))))
        }),
        member("GetCertHash(): byte[]", |c| {
            Ok(Value::bytes(Hash::Sha1.digest(&c.object::<Certificate>(0)?.0.der)))
        }),
        member("GetRawCertData(): byte[]", |c| Ok(Value::bytes(c.object::<Certificate>(0)?.0.der.to_vec()))),
        member("GetRawCertDataString(): string", |c| {
            Ok(Value::from(hex(&c.object::<Certificate>(0)?.0.der)))
        }),
        member("GetPublicKeyString(): string", |c| {
            with(c, |p| Value::from(hex(&p.public_key().subject_public_key.data)))
        }),
        member("GetPublicKey(): byte[]", |c| {
            with(c, |p| Value::bytes(p.public_key().subject_public_key.data.to_vec()))
        }),
        member("GetExpirationDateString(): string", |c| {
            let at = with(c, |p| p.validity().not_after.timestamp())?;
            Ok(Value::from(date(at)?.display()))
        }),
        member("GetEffectiveDateString(): string", |c| {
            let at = with(c, |p| p.validity().not_before.timestamp())?;
            Ok(Value::from(date(at)?.display()))
        }),
        member("GetFormat(): string", |_| Ok(Value::from("X509"))),
    ],
    ..Definition::NEW
};

/// `new X509Certificate2(bytes, password)`: the content is a certificate that needs no password. A PKCS#12 file is not
/// opened: the certificates of the gateway's configuration are in `context.Deployment.Certificates`.
fn with_password(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let bytes = c.bytes(0)?;
    let der = decode(&bytes).ok_or_else(|| {
        Thrown::cryptographic(
            "The certificate could not be read: it is neither DER nor PEM. A PKCS#12 file is not opened in an expression; \
             configure the certificate and read it from context.Deployment.Certificates.",
        )
    })?;
    Ok(Value::object(Certificate(context::Certificate { der: der.into(), private_key: None })))
}

pub(super) const X509_CERTIFICATE2: Definition = Definition {
    name: "System.Security.Cryptography.X509Certificates.X509Certificate2",
    bases: &["System.Security.Cryptography.X509Certificates.X509Certificate"],
    members: &[
        member("new(byte[])", |c| {
            let bytes = c.bytes(0)?;
            let der =
                decode(&bytes).ok_or_else(|| Thrown::cryptographic("The certificate could not be read."))?;
            Ok(Value::object(Certificate(context::Certificate { der: der.into(), private_key: None })))
        }),
        member("new(byte[], string)", with_password),
        member("Thumbprint: string", |c| {
            Ok(Value::from(hex(&Hash::Sha1.digest(&c.object::<Certificate>(0)?.0.der))))
        }),
        member("SerialNumber: string", |c| with(c, |p| Value::from(hex(p.raw_serial())))),
        member("SubjectName: X500DistinguishedName", |c| {
            with(c, |p| Value::object(Distinguished(name(p.subject()))))
        }),
        member("IssuerName: X500DistinguishedName", |c| {
            with(c, |p| Value::object(Distinguished(name(p.issuer()))))
        }),
        member("NotAfter: DateTime", |c| {
            let at = with(c, |p| p.validity().not_after.timestamp())?;
            date(at)
        }),
        member("NotBefore: DateTime", |c| {
            let at = with(c, |p| p.validity().not_before.timestamp())?;
            date(at)
        }),
        member("Version: int", |c| with(c, |p| Value::Int32(p.version().0 as i32 + 1))),
        member("FriendlyName: string", |_| Ok(Value::from(""))),
        member("HasPrivateKey: bool", |c| {
            Ok(Value::Boolean(c.object::<Certificate>(0)?.0.private_key.is_some()))
        }),
        member("RawData: byte[]", |c| Ok(Value::bytes(c.object::<Certificate>(0)?.0.der.to_vec()))),
        member("SignatureAlgorithm: Oid", |c| {
            with(c, |p| Value::object(ObjectId(p.signature_algorithm.algorithm.to_id_string())))
        }),
        member("PublicKey: PublicKey", |c| Ok(c.value(0))),
        member("GetNameInfo(X509NameType, bool): string", |c| name_info(c)),
        member("Verify(): bool", |c| Ok(Value::Boolean(in_force(c)? && chain_is_trusted(c)))),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
    ],
    ..Definition::NEW
};

/// Trust is decided by the gateway: it hands in the client's certificate only where the listener has verified its chain,
/// or says so in the policy `validate-client-certificate`.
fn chain_is_trusted(c: &Call<'_, '_>) -> bool {
    let own = c.get(0).downcast::<Certificate>().map(|k| std::sync::Arc::clone(&k.0.der));
    own.is_some() && own == c.machine.context.client_certificate()
}

/// `VerifyNoRevocation()`.
pub(super) fn verify_no_revocation(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    Ok(Value::Boolean(in_force(c)? && chain_is_trusted(c)))
}

/// DER, from DER or PEM.
fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Some(body) = text.split("-----BEGIN CERTIFICATE-----").nth(1)
    {
        return super::convert::from_base64(body.split("-----END").next()?).ok();
    }
    X509Certificate::from_der(bytes).ok().map(|_| bytes.to_vec())
}

/// A distinguished name.
struct Distinguished(String);

impl Object for Distinguished {
    fn class(&self) -> Type {
        Type::Plain(Id::X500DistinguishedName)
    }

    fn text(&self) -> Option<String> {
        Some(self.0.clone())
    }
}

pub(super) const X500_DISTINGUISHED_NAME: Definition = Definition {
    name: "System.Security.Cryptography.X509Certificates.X500DistinguishedName",
    bases: &["object"],
    members: &[member("Name: string", |c| Ok(Value::from(c.get(0).display())))],
    ..Definition::NEW
};

pub(super) const PUBLIC_KEY: Definition = Definition {
    name: "System.Security.Cryptography.X509Certificates.PublicKey",
    bases: &["object"],
    members: &[member("Key: AsymmetricAlgorithm", |c| public(c))],
    ..Definition::NEW
};

/// An object identifier.
struct ObjectId(String);

impl Object for ObjectId {
    fn class(&self) -> Type {
        Type::Plain(Id::Oid)
    }
}

pub(super) const OID: Definition = Definition {
    name: "System.Security.Cryptography.Oid",
    bases: &["object"],
    members: &[
        member("Value: string", |c| Ok(Value::from(c.object::<ObjectId>(0)?.0.as_str()))),
        member("FriendlyName: string", |c| {
            Ok(Value::from(match c.object::<ObjectId>(0)?.0.as_str() {
                "1.2.840.113549.1.1.11" => "sha256RSA",
                "1.2.840.113549.1.1.12" => "sha384RSA",
                "1.2.840.113549.1.1.13" => "sha512RSA",
                "1.2.840.113549.1.1.5" => "sha1RSA",
                "1.2.840.10045.4.3.2" => "sha256ECDSA",
                "1.2.840.10045.4.3.3" => "sha384ECDSA",
                other => other,
            }))
        }),
    ],
    ..Definition::NEW
};

fn public(c: &Call<'_, '_>) -> Result<Value, Thrown> {
    let key = with(c, |p| p.public_key().raw.to_vec())?;
    Ok(Value::object(super::rsa::Rsa { public: parking_lot::Mutex::new(key), private: None }))
}

pub(super) const RSA_CERTIFICATE_EXTENSIONS: Definition = Definition {
    name: "System.Security.Cryptography.X509Certificates.RSACertificateExtensions",
    members: &[
        member("extension GetRSAPrivateKey(X509Certificate2): RSA", |c| {
            match &c.object::<Certificate>(0)?.0.private_key {
                Some(key) => super::rsa::from_private(std::sync::Arc::clone(key)),
                None => Ok(Value::Null),
            }
        }),
        member("extension GetRSAPublicKey(X509Certificate2): RSA", |c| public(c)),
    ],
    ..Definition::NEW
};

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::string::{BmpString, Ia5String, PrintableString, TeletexString};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SanType, SerialNumber};

use super::*;

fn read(change: impl FnOnce(&mut CertificateParams)) -> ClientCertificate {
    let mut params = CertificateParams::default();
    change(&mut params);
    let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    ClientCertificate::from_der(certificate.der()).unwrap()
}

fn named(parts: impl IntoIterator<Item = (DnType, DnValue)>) -> ClientCertificate {
    read(|params| {
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind, value);
        }
    })
}

#[test]
fn names_are_written_most_specific_first() {
    let certificate = named([
        (DnType::CountryName, "DE".into()),
        (DnType::StateOrProvinceName, "Berlin".into()),
        (DnType::OrganizationName, "Contoso".into()),
        (DnType::OrganizationalUnitName, "Orders".into()),
        (DnType::CommonName, "ana".into()),
    ]);
    assert_eq!(certificate.subject, "CN=ana, OU=Orders, O=Contoso, S=Berlin, C=DE");
    assert_eq!(certificate.issuer, certificate.subject);
    assert_eq!(certificate.common_name.as_deref(), Some("ana"));
}

#[test]
fn ambiguous_values_are_quoted() {
    for (value, expected) in [
        ("Contoso, Ltd.", "CN=\"Contoso, Ltd.\""),
        ("say \"hi\"", "CN=\"say \"\"hi\"\"\""),
        (" blank ", "CN=\" blank \""),
        ("a=b", "CN=\"a=b\""),
        ("#1", "CN=\"#1\""),
        ("a+b", "CN=\"a+b\""),
        ("back\\slash", "CN=back\\slash"),
        ("plain text", "CN=plain text"),
        ("Jürgen Ω", "CN=Jürgen Ω"),
    ] {
        let certificate = named([(DnType::CommonName, value.into())]);
        assert_eq!(certificate.subject, expected);
        assert_eq!(certificate.common_name.as_deref(), Some(value));
    }
}

#[test]
fn attribute_types_have_their_windows_names_or_their_number() {
    let custom = |oid: &[u64]| DnType::CustomDnType(oid.to_vec());
    let certificate = named([
        (custom(&[0, 9, 2342, 19_200_300, 100, 1, 25]), "example".into()),
        (
            custom(&[1, 2, 840, 113_549, 1, 9, 1]),
            DnValue::Ia5String(Ia5String::try_from("a@b.example").unwrap()),
        ),
        (custom(&[2, 5, 4, 5]), "42".into()),
        (custom(&[1, 2, 3, 4]), "own".into()),
    ]);
    assert_eq!(certificate.subject, "OID.1.2.3.4=own, SERIALNUMBER=42, E=a@b.example, DC=example");
    assert_eq!(certificate.common_name, None);
}

#[test]
fn every_string_type_is_decoded() {
    let certificate = named([
        (DnType::CountryName, DnValue::PrintableString(PrintableString::try_from("DE").unwrap())),
        (DnType::LocalityName, DnValue::TeletexString(TeletexString::try_from("Ulm").unwrap())),
        (DnType::CommonName, DnValue::BmpString(BmpString::try_from("Ωmega").unwrap())),
    ]);
    assert_eq!(certificate.subject, "CN=Ωmega, L=Ulm, C=DE");
}

#[test]
fn numbers_times_and_names_are_read() {
    let certificate = read(|params| {
        params.serial_number = Some(SerialNumber::from(vec![0x0A, 0xBC, 0x01]));
        params.not_before = rcgen::date_time_ymd(2025, 1, 1);
        params.not_after = rcgen::date_time_ymd(2060, 1, 1);
        params.subject_alt_names = vec![
            SanType::DnsName("a.example".try_into().unwrap()),
            SanType::Rfc822Name("ana@a.example".try_into().unwrap()),
            SanType::DnsName("*.b.example".try_into().unwrap()),
        ];
    });
    assert_eq!(certificate.serial_number, "0ABC01");
    assert!(certificate.has_serial_number("abc01") && certificate.has_serial_number("0A:BC:01"));
    assert!(!certificate.has_serial_number("ABC0") && !certificate.has_serial_number(""));
    assert_eq!((certificate.not_before, certificate.not_after), (1_735_689_600, 2_840_140_800));
    assert!(certificate.is_valid_at(1_735_689_600) && certificate.is_valid_at(2_840_140_800));
    assert!(!certificate.is_valid_at(1_735_689_599) && !certificate.is_valid_at(2_840_140_801));
    assert_eq!(certificate.dns_names, ["a.example", "*.b.example"]);
}

#[test]
fn thumbprints_are_compared_as_people_write_them() {
    let certificate = read(|_| {});
    assert_eq!((certificate.thumbprint.len(), certificate.thumbprint_sha256.len()), (40, 64));
    let spaced: String = certificate.thumbprint.chars().flat_map(|digit| [digit, ' ']).collect();
    for same in [
        certificate.thumbprint.clone(),
        certificate.thumbprint.to_lowercase(),
        format!("\u{200E}{spaced}"),
        certificate.thumbprint_sha256.to_lowercase(),
    ] {
        assert!(certificate.has_thumbprint(&same), "{same}");
    }
    for other in ["", &certificate.thumbprint[1..], &certificate.thumbprint_sha256[..40], "x"] {
        assert!(!certificate.has_thumbprint(other), "{other}");
    }
}

#[test]
fn what_is_no_certificate_is_refused() {
    let der = CertificateParams::default().self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
    for cut in [0, 1, 10, der.len() / 2, der.len() - 1] {
        assert!(ClientCertificate::from_der(&der[..cut]).is_err(), "cut at {cut}");
    }
    let longer = [&der[..], &[0]].concat();
    assert!(ClientCertificate::from_der(&longer).unwrap_err().to_string().contains("bytes after its end"));
    assert!(ClientCertificate::from_der(b"-----BEGIN CERTIFICATE-----").is_err());
}

/// Compares with what another implementation says about a certificate that it has made itself.
#[test]
fn openssl_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("certificate.pem");
    let certificate = certificate.to_str().unwrap();
    let openssl = |arguments: &[&str]| Command::new("openssl").args(arguments).output();
    let made = openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        folder.path().join("key.pem").to_str().unwrap(),
        "-out",
        certificate,
        "-days",
        "10",
        "-set_serial",
        "0xD01E4090000046520000000100000004",
        "-utf8",
        "-multivalue-rdn",
        "-subj",
        "/C=DE/O=Contoso, Ltd./OU=Orders+UID=7/CN=Jürgen",
        "-addext",
        "subjectAltName=DNS:client.example,IP:127.0.0.1,DNS:other.example",
    ]);
    let Ok(made) = made else {
        println!("ignored: there is no openssl on this machine");
        return;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let said = |arguments: &[&str]| {
        let mut all = vec!["x509", "-noout", "-in", certificate];
        all.extend(arguments);
        let output = openssl(&all).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim_end().split_once('=').unwrap().1.to_owned()
    };

    let pem = std::fs::read_to_string(certificate).unwrap();
    let encoded: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let read = ClientCertificate::from_der(&STANDARD.decode(encoded).unwrap()).unwrap();
    assert_eq!(read.thumbprint, said(&["-fingerprint", "-sha1"]).replace(':', ""));
    assert_eq!(read.thumbprint_sha256, said(&["-fingerprint", "-sha256"]).replace(':', ""));
    assert!(read.has_serial_number(&said(&["-serial"])));
    assert_eq!(read.serial_number, "00D01E4090000046520000000100000004");
    assert_eq!(read.dns_names, ["client.example", "other.example"]);
    assert_eq!(read.not_after - read.not_before, 10 * 86_400);
    assert_eq!(read.common_name.as_deref(), Some("Jürgen"));
    // The order within a part is that of the encoding, which DER sorts.
    let multiple =
        ["OU=Orders + OID.0.9.2342.19200300.100.1.1=7", "OID.0.9.2342.19200300.100.1.1=7 + OU=Orders"];
    assert!(
        multiple.iter().any(|part| read.subject == format!("CN=Jürgen, {part}, O=\"Contoso, Ltd.\", C=DE")),
        "{}",
        read.subject
    );
}

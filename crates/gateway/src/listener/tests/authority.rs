//! A certificate authority and the files that it makes.

use std::path::{Path, PathBuf};

use gatehouse_model::{Located, Location};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    date_time_ymd,
};

/// An authority whose files lie in a folder.
pub(super) struct Authority {
    pub(super) folder: PathBuf,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(super) fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { folder: folder.to_path_buf(), issuer }
    }

    pub(super) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Writes the authority's certificate.
    pub(super) fn write(&self, file: &str) -> Located<PathBuf> {
        self.put(file, &self.pem())
    }

    /// A certificate with these names, and its key, as PEM.
    pub(super) fn issue(
        &self,
        names: &[&str],
        adapt: impl FnOnce(&mut CertificateParams),
    ) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        adapt(&mut params);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// Writes a certificate and its key as `NAME.pem` and `NAME.key`.
    pub(super) fn write_issued(&self, file: &str, names: &[&str]) -> (Located<PathBuf>, Located<PathBuf>) {
        let (certificate, key) = self.issue(names, |_| {});
        (self.put(&format!("{file}.pem"), &certificate), self.put(&format!("{file}.key"), &key))
    }

    /// Writes a list that revokes these serial numbers.
    pub(super) fn write_crl(&self, file: &str, serials: &[u64], next_year: i32) -> Located<PathBuf> {
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(next_year, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: serials
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: SerialNumber::from(*serial),
                    revocation_time: date_time_ymd(2020, 1, 1),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let crl = params.signed_by(&self.issuer).unwrap();
        self.put(file, &crl.pem().unwrap())
    }

    /// Writes any text, by rename as tools that rotate files do.
    pub(super) fn put(&self, file: &str, text: &str) -> Located<PathBuf> {
        let path = self.folder.join(file);
        let fresh = self.folder.join(format!("{file}.new"));
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(&fresh, &path).unwrap();
        Located::new(path, Location::new(self.folder.join("gatehouse.yaml"), 7, 11))
    }
}

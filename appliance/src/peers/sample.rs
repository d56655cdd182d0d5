//! Authorities and certificates for tests.

use hive_inventory::seed::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};

/// A site's authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A host's identity, and its certificate as DER.
pub struct Sample {
    /// As a seed carries it.
    pub identity: Identity,
    /// The certificate.
    pub der: Vec<u8>,
}

impl Authority {
    /// Makes one.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = date_time_ymd(2020, 1, 1);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// An identity that holds for very long.
    pub fn identity(&self, host: &str) -> Sample {
        self.identity_between(host, (2020, 1, 1), (2100, 1, 1))
    }

    /// An identity that holds between two days.
    pub fn identity_between(
        &self,
        host: &str,
        (year, month, day): (i32, u8, u8),
        (last_year, last_month, last_day): (i32, u8, u8),
    ) -> Sample {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = date_time_ymd(year, month, day);
        params.not_after = date_time_ymd(last_year, last_month, last_day);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Sample {
            der: certificate.der().to_vec(),
            identity: Identity {
                certificate: certificate.pem(),
                key: key.serialize_pem(),
                authority: self.0.pem(),
            },
        }
    }
}

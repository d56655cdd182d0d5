//! Whom to believe: a certificate of the site's authority that names a hive of the seed.
//!
//! The clock of a machine without a battery may be years behind at its first boot, and the swarm has
//! to form before a time server was heard. So a certificate is never "not yet valid" here: that the
//! authority has signed it proves that its first second has passed, and our clock is what is wrong. The same
//! goes for every certificate of the site that was seen, ours and the authority's included: the
//! latest of their first seconds is the earliest that it can be now. Against that moment or the
//! clock, whichever is later, certificates do expire.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, PeerIncompatible,
    SignatureScheme,
};
use webpki::{EndEntityCert, KeyUsage};

use super::certificate;
use crate::calendar;

/// What is wrong with who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stranger {
    /// Its certificate was signed by somebody else.
    #[error(
        "belongs to another site: its certificate is signed by {issuer:?}, not by this site's authority"
    )]
    Foreign {
        /// Common name of the signer.
        issuer: String,
    },
    /// It does not take our certificate, and so did not show its own.
    #[error(
        "belongs to another site, or has a seed of an older authority: it does not accept this site's authority"
    )]
    Refuses,
    /// Of the site, and not in the seed.
    #[error(
        "has a certificate of this site for {name:?}, which is no hive of this host's seed; hosts of one stage need seeds with the same list of hosts: write them again with `hive seed`"
    )]
    Unlisted {
        /// The names in its certificate.
        name: String,
    },
    /// A second machine with this host's seed.
    #[error(
        "has this host's own name: the seed of this host was given to two machines; switch one of them off"
    )]
    Twin,
    /// A hive of the seed, at another hive's address.
    #[error("is {name}, but the seed has {wanted} at this address")]
    Misplaced {
        /// Who it is.
        name: String,
        /// Who was called.
        wanted: String,
    },
    /// Of the site, and its time is over.
    #[error(
        "has a certificate that expired on {expired}; it is {now} here; if that clock is right, write the host's seed again with `hive seed`"
    )]
    Expired {
        /// When, RFC 3339.
        expired: String,
        /// Our idea of the time, RFC 3339.
        now: String,
    },
    /// Anything else.
    #[error("has a certificate that can't be used: {0}")]
    Unusable(String),
}

/// The part of the judgement that all connections share.
#[derive(Debug)]
pub struct Trust {
    me: String,
    hives: BTreeSet<String>,
    anchor: TrustAnchor<'static>,
    algorithms: WebPkiSupportedAlgorithms,
    /// The latest first second of any certificate of the site that was seen.
    earliest_now: Mutex<u64>,
    clock: fn() -> u64,
}

impl Trust {
    /// Believes in `authority` for `hives`, one of which is `me`.
    ///
    /// # Errors
    /// The authority's certificate does not read, in words.
    pub fn new(
        me: &str,
        hives: BTreeSet<String>,
        authority: &CertificateDer<'_>,
        clock: fn() -> u64,
    ) -> Result<Self, String> {
        let anchor = webpki::anchor_from_trusted_cert(authority)
            .map_err(|e| format!("the authority's certificate does not read: {e}"))?
            .to_owned();
        let trust = Self {
            me: me.to_owned(),
            hives,
            anchor,
            algorithms: rustls::crypto::ring::default_provider().signature_verification_algorithms,
            earliest_now: Mutex::new(0),
            clock,
        };
        trust.saw(authority);
        Ok(trust)
    }

    /// Takes note of a certificate of the site: it is later now than its first second.
    pub fn saw(&self, trusted: &CertificateDer<'_>) {
        let first = certificate::facts(trusted).map_or(0, |facts| facts.not_before);
        let mut earliest = self.earliest();
        *earliest = first.max(*earliest);
    }

    /// What the time is at least, since 1970.
    fn now(&self) -> u64 {
        (self.clock)().max(*self.earliest())
    }

    fn earliest(&self) -> std::sync::MutexGuard<'_, u64> {
        // A number can't be left half changed.
        self.earliest_now.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Judges a certificate; returns the hive that it names.
    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        usage: KeyUsage,
    ) -> Result<String, Stranger> {
        let parsed =
            EndEntityCert::try_from(end_entity).map_err(|e| Stranger::Unusable(e.to_string()))?;
        let facts = certificate::facts(end_entity)
            .ok_or_else(|| Stranger::Unusable("it does not read".into()))?;
        let now = self.now().max(facts.not_before);
        let verified = |at: u64| {
            let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(at));
            let anchors = std::slice::from_ref(&self.anchor);
            let algorithms = self.algorithms.all;
            parsed
                .verify_for_usage(algorithms, anchors, intermediates, at, usage, None, None)
                .map(|_| ())
        };
        let wrong = match verified(now) {
            Ok(()) => None,
            // The time is looked at before the signature: it may be a stranger's.
            Err(webpki::Error::CertExpired { .. }) => match verified(facts.not_after) {
                Ok(()) => Some(Stranger::Expired {
                    expired: calendar::rfc3339(facts.not_after),
                    now: calendar::rfc3339(now),
                }),
                Err(e) => Some(refusal(e, &facts.issuer)),
            },
            Err(e) => Some(refusal(e, &facts.issuer)),
        };
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        self.saw(end_entity);
        let names: Vec<&str> = parsed.valid_dns_names().collect();
        if names.contains(&self.me.as_str()) {
            return Err(Stranger::Twin);
        }
        match names.iter().find(|name| self.hives.contains(**name)) {
            Some(name) => Ok((*name).to_owned()),
            None => Err(Stranger::Unlisted {
                name: names.join(", "),
            }),
        }
    }
}

fn refusal(error: webpki::Error, issuer: &str) -> Stranger {
    match error {
        // Authorities of two sites may have the same name: then it is the signature that differs.
        webpki::Error::UnknownIssuer
        | webpki::Error::InvalidSignatureForPublicKey
        | webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Stranger::Foreign {
            issuer: issuer.to_owned(),
        },
        other => Stranger::Unusable(other.to_string()),
    }
}

/// One connection's judge; afterwards it tells what it found.
#[derive(Debug, Clone)]
pub struct Judge {
    trust: Arc<Trust>,
    /// Who has to be at the other end; `None`: any hive.
    wanted: Option<String>,
    found: Arc<Mutex<Option<Result<String, Stranger>>>>,
}

impl Judge {
    /// For one connection.
    pub fn new(trust: Arc<Trust>, wanted: Option<String>) -> Self {
        Self {
            trust,
            wanted,
            found: Arc::default(),
        }
    }

    /// The hive at the other end, or why it is none; `None`: no certificate was seen.
    pub fn found(&self) -> Option<Result<String, Stranger>> {
        self.slot().clone()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Result<String, Stranger>>> {
        self.found.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn judge(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        usage: KeyUsage,
    ) -> Result<(), Error> {
        let mut found = self.trust.judge(end_entity, intermediates, usage);
        if let (Ok(name), Some(wanted)) = (&found, &self.wanted)
            && name != wanted
        {
            found = Err(Stranger::Misplaced {
                name: name.clone(),
                wanted: wanted.clone(),
            });
        }
        let verdict = match &found {
            Ok(_) => Ok(()),
            // What the other end is told by an alert: it can't tell more apart either.
            Err(Stranger::Foreign { .. }) => Err(CertificateError::UnknownIssuer),
            Err(Stranger::Expired { .. }) => Err(CertificateError::Expired),
            Err(_) => Err(CertificateError::ApplicationVerificationFailure),
        };
        *self.slot() = Some(found);
        verdict.map_err(Error::InvalidCertificate)
    }

    fn signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.trust.algorithms)
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge(end_entity, intermediates, KeyUsage::server_auth())?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Judge {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge(end_entity, intermediates, KeyUsage::client_auth())?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.algorithms.supported_schemes()
    }
}

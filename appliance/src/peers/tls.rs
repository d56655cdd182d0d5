//! TLS 1.3 under the site's authority, both sides with a certificate.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use hive_inventory::seed::Identity;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::TLS13;
use rustls::{AlertDescription, ClientConfig, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::trust::{Judge, Stranger, Trust};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Who is at the other end is not to be spoken to. Reads after "the machine at …".
    #[error(transparent)]
    Stranger(#[from] Stranger),
    /// The connection broke, or something else than TLS is spoken.
    #[error("has no secure connection to offer: {0}")]
    Broken(io::Error),
}

/// This host's half of every connection.
#[derive(Debug, Clone)]
pub struct Tls {
    trust: Arc<Trust>,
    provider: Arc<CryptoProvider>,
    own: Arc<SingleCertAndKey>,
}

impl Tls {
    /// Makes it of the seed's identity.
    ///
    /// # Errors
    /// Certificate, key or authority do not read or do not fit, in words.
    pub fn new(
        me: &str,
        hives: BTreeSet<String>,
        identity: &Identity,
        clock: fn() -> u64,
    ) -> Result<Self, String> {
        let provider = Arc::new(ring::default_provider());
        let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| format!("the seed's certificate does not read: {e}"))?;
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes())
            .map_err(|e| format!("the key of the seed's certificate does not read: {e}"))?;
        let authority = CertificateDer::from_pem_slice(identity.authority.as_bytes())
            .map_err(|e| format!("the authority's certificate in the seed does not read: {e}"))?;
        let own = CertifiedKey::from_der(chain, key, &provider)
            .map_err(|e| format!("the seed's certificate and key do not fit: {e}"))?;
        let trust = Trust::new(me, hives, &authority, clock)?;
        if let Some(first) = own.cert.first() {
            trust.saw(first);
        }
        Ok(Self {
            trust: Arc::new(trust),
            provider,
            own: Arc::new(SingleCertAndKey::from(own)),
        })
    }

    /// Takes a connection; tells which hive it is from.
    ///
    /// # Errors
    /// It is from no hive of the seed, or breaks.
    pub async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<(String, server::TlsStream<TcpStream>), TlsError> {
        let judge = Judge::new(Arc::clone(&self.trust), None);
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| TlsError::Broken(io::Error::other(e)))?
            .with_client_cert_verifier(Arc::new(judge.clone()))
            .with_cert_resolver(Arc::clone(&self.own) as _);
        // A resumed session would show no certificate to judge.
        config.send_tls13_tickets = 0;
        let stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await;
        judged(&judge, stream)
    }

    /// Opens a connection over `stream` to the hive `name`, nobody else.
    ///
    /// # Errors
    /// Another machine is there, or the connection breaks.
    pub async fn connect(
        &self,
        name: &str,
        stream: TcpStream,
    ) -> Result<client::TlsStream<TcpStream>, TlsError> {
        let judge = Judge::new(Arc::clone(&self.trust), Some(name.to_owned()));
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| TlsError::Broken(io::Error::other(e)))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(judge.clone()))
            .with_client_cert_resolver(Arc::clone(&self.own) as _);
        config.resumption = rustls::client::Resumption::disabled();
        let server_name = ServerName::try_from(name.to_owned())
            .map_err(|e| TlsError::Broken(io::Error::other(e)))?;
        let stream = TlsConnector::from(Arc::new(config))
            .connect(server_name, stream)
            .await;
        Ok(judged(&judge, stream)?.1)
    }
}

/// Prefers what the judge found to the words of a broken connection.
fn judged<S>(judge: &Judge, stream: io::Result<S>) -> Result<(String, S), TlsError> {
    match (judge.found(), stream) {
        (Some(Err(stranger)), _) => Err(TlsError::Stranger(stranger)),
        (Some(Ok(name)), Ok(stream)) => Ok((name, stream)),
        (None, Ok(_)) => Err(TlsError::Broken(io::Error::other(
            "no certificate was shown",
        ))),
        (_, Err(e)) => Err(refusal(&e).map_or(TlsError::Broken(e), TlsError::Stranger)),
    }
}

/// What the other end's alert says about it.
pub fn refusal(error: &io::Error) -> Option<Stranger> {
    let rustls::Error::AlertReceived(alert) = error.get_ref()?.downcast_ref()? else {
        return None;
    };
    match alert {
        AlertDescription::UnknownCA | AlertDescription::BadCertificate => Some(Stranger::Refuses),
        AlertDescription::CertificateExpired => Some(Stranger::Unusable(
            "it says that this host's certificate has expired".into(),
        )),
        AlertDescription::AccessDenied | AlertDescription::CertificateUnknown => {
            Some(Stranger::Unusable(
                "it does not count this host among its hives; hosts of one stage need seeds with the same list of hosts".into(),
            ))
        }
        _ => None,
    }
}

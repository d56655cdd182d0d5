//! Certificates (X.509, RFC 5280), written and read.
//!
//! Written by hand, because names have to be exact: an authority's name has a `DC` per label of the
//! site, and the issuer of a host's certificate has to be the authority's name byte for byte, also
//! when another program has made the authority. `rcgen` keeps one value per kind of name part.

use std::net::IpAddr;

use anyhow::{Context, Result, anyhow, bail};
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::pem::Pem;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::der;
use super::signer::{Signer, pem};

/// PEM label of a certificate.
const LABEL: &str = "CERTIFICATE";

/// What a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// To sign others.
    Authority,
    /// To be a server and a client under these names.
    Host {
        /// DNS name.
        name: String,
        /// IP addresses.
        addresses: Vec<IpAddr>,
    },
}

/// What goes into a certificate.
pub struct Request<'a> {
    /// Whose it is, a name in DER.
    pub subject: &'a [u8],
    /// Who signs it, a name in DER.
    pub issuer: &'a [u8],
    /// The subject's public key (SubjectPublicKeyInfo).
    pub public: &'a [u8],
    /// Identifier of the issuer's key, where its own certificate has one.
    pub issuer_key: Option<&'a [u8]>,
    /// From when it is valid, seconds since 1970.
    pub from: i64,
    /// Until when.
    pub until: i64,
    /// What for.
    pub purpose: Purpose,
}

impl Request<'_> {
    /// Signs it; the text is the certificate's PEM block.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn sign(&self, signer: &Signer) -> Result<String> {
        let mut serial = [0; 16];
        SystemRandom::new().fill(&mut serial).map_err(|_| {
            anyhow!("choosing a certificate's serial number: the system gives no random numbers")
        })?;
        // Positive, and never shorter than it is.
        serial[0] = serial[0] & 0x7F | 0x40;
        let algorithm = signer.algorithm();
        let body = der::sequence([
            &der::tlv(0xA0, &der::integer(&[2])),
            &der::integer(&serial),
            &algorithm,
            self.issuer,
            &der::sequence([&der::time(self.from), &der::time(self.until)]),
            self.subject,
            self.public,
            &der::tlv(0xA3, &der::tlv(0x30, &self.extensions())),
        ]);
        let signature = signer.sign(&body)?;
        let whole = der::sequence([&body, &algorithm, &der::bits(&signature, 0)]);
        Ok(pem(LABEL, &whole))
    }

    fn extensions(&self) -> Vec<u8> {
        let extension = |last: u32, critical: bool, value: &[u8]| {
            let critical = if critical { der::yes() } else { Vec::new() };
            der::sequence([&der::oid(&[2, 5, 29, last]), &critical, &der::octets(value)])
        };
        let own_key = der::octets(&key_id(self.public));
        let mut out = extension(14, false, &own_key);
        if let Some(id) = self.issuer_key {
            out.extend(extension(35, false, &der::sequence([&der::tlv(0x80, id)])));
        }
        match &self.purpose {
            Purpose::Authority => {
                out.extend(extension(19, true, &der::sequence([&der::yes()])));
                // digitalSignature, keyCertSign, cRLSign
                out.extend(extension(15, true, &der::bits(&[0b1000_0110], 1)));
            }
            Purpose::Host { name, addresses } => {
                out.extend(extension(19, true, &der::sequence([])));
                // digitalSignature
                out.extend(extension(15, true, &der::bits(&[0b1000_0000], 7)));
                let usage = |last| der::oid(&[1, 3, 6, 1, 5, 5, 7, 3, last]);
                let both = der::sequence([&usage(1), &usage(2)]);
                out.extend(extension(37, false, &both));
                let mut names = der::tlv(0x82, name.as_bytes());
                for address in addresses {
                    names.extend(match address {
                        IpAddr::V4(v4) => der::tlv(0x87, &v4.octets()),
                        IpAddr::V6(v6) => der::tlv(0x87, &v6.octets()),
                    });
                }
                out.extend(extension(17, false, &der::tlv(0x30, &names)));
            }
        }
        out
    }
}

/// The identifier of a public key: RFC 7093, method 1, over all of it.
pub fn key_id(public: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA256, public).as_ref()[..20].to_vec()
}

/// A name of domain components, from the widest to the narrowest, and a common name.
pub fn name(domain: &[&str], common: &str) -> Vec<u8> {
    let part = |kind: &[u32], value: Vec<u8>| der::set(&der::sequence([&der::oid(kind), &value]));
    let mut out = Vec::new();
    for label in domain {
        out.extend(part(&[0, 9, 2342, 19_200_300, 100, 1, 25], der::ia5(label)));
    }
    out.extend(part(&[2, 5, 4, 3], der::utf8(common)));
    der::tlv(0x30, &out)
}

/// A certificate that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// It alone, as a PEM block.
    pub pem: String,
    /// Whose it is, a name in DER.
    pub subject: Vec<u8>,
    /// Public key (SubjectPublicKeyInfo).
    pub public: Vec<u8>,
    /// Identifier of the key, where it says one.
    pub key_id: Option<Vec<u8>>,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// From when it is valid, seconds since 1970.
    pub from: i64,
    /// Until when.
    pub until: i64,
    /// DNS names.
    pub names: Vec<String>,
    /// IP addresses.
    pub addresses: Vec<IpAddr>,
    der: Vec<u8>,
}

impl Certificate {
    /// Reads a PEM file with one certificate; what else stands in the file is left out.
    ///
    /// # Errors
    /// It has none, several, or one that does not read.
    pub fn from_pem(text: &str) -> Result<Self> {
        let mut blocks = Pem::iter_from_buffer(text.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .context("reading its PEM blocks")?;
        blocks.retain(|block| block.label == LABEL);
        let [block] = blocks.as_slice() else {
            bail!(
                "it holds {} certificates, and should hold one",
                blocks.len()
            );
        };
        let (_, read) = X509Certificate::from_der(&block.contents)
            .map_err(|error| anyhow!("it is not a certificate: {error}"))?;
        let (mut names, mut addresses, mut key_id) = (Vec::new(), Vec::new(), None);
        for extension in read.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::SubjectKeyIdentifier(id) => key_id = Some(id.0.to_vec()),
                ParsedExtension::SubjectAlternativeName(list) => {
                    for entry in &list.general_names {
                        match entry {
                            GeneralName::DNSName(name) => names.push((*name).to_owned()),
                            GeneralName::IPAddress(bytes) => addresses.extend(address(bytes)),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(Self {
            pem: pem(LABEL, &block.contents),
            subject: read.subject().as_raw().to_vec(),
            public: read.public_key().raw.to_vec(),
            key_id,
            is_authority: read.is_ca(),
            from: read.validity().not_before.timestamp(),
            until: read.validity().not_after.timestamp(),
            names,
            addresses,
            der: block.contents.clone(),
        })
    }

    /// Whether `authority` has signed it.
    pub fn is_signed_by(&self, authority: &Self) -> bool {
        let read = |der| X509Certificate::from_der(der).map(|(_, read)| read);
        let (Ok(own), Ok(above)) = (read(&self.der), read(&authority.der)) else {
            return false;
        };
        own.issuer().as_raw() == authority.subject
            && own.verify_signature(Some(above.public_key())).is_ok()
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

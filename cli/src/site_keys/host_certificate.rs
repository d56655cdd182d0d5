//! What a host proves itself with to its peers: a key and a certificate by the stage's authority.
//!
//! A certificate lasts ten years. It lies in a seed, and a host has nobody to renew it with: the
//! authority's key is on no machine of the site. A short life would be a date on which the swarm
//! stops. It is renewed once less than a third of that is left, so a seed that is written today is
//! good for more than three years. Who is no longer to be believed goes with the authority: another
//! one, new images, new seeds.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use hive_inventory::seed::Identity;
use hive_site::Host;

use super::authority::{Authority, now};
use super::certificate::{Certificate, Purpose, name};
use super::private_file;
use super::signer::Signer;
use crate::context_folder::{ContextFolder, write};
use crate::error::Result;

/// Seconds that a certificate lasts.
const LIFE: i64 = 3_652 * 86_400;
/// The longest common name (RFC 5280, appendix A.1).
const LONGEST_NAME: usize = 64;

/// A host's certificate and key, made when there are none, and the certificate anew when it no
/// longer fits the key, the names, the authority or the time.
///
/// # Errors
/// The files can't be read or written.
pub fn of_host(context: &ContextFolder, authority: &Authority, host: &Host) -> Result<Identity> {
    let folder = context.host(host.short_name());
    let (key_file, file) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let (signer, key) = match private_file::read_text(&key_file)? {
        Some(text) => {
            let signer = Signer::from_pem(&text).with_context(|| {
                format!(
                    "reading the host's private key {}; remove the file to have a new one made",
                    key_file.display()
                )
            })?;
            (signer, text)
        }
        None => {
            let (signer, text) = Signer::generate()?;
            write(&key_file, 0o600, text.as_bytes())?;
            (signer, text)
        }
    };
    let public = signer.public();
    let addresses = vec![host.private_ip.into(), Ipv4Addr::LOCALHOST.into()];
    let there = fs::read_to_string(&file)
        .ok()
        .and_then(|text| Certificate::from_pem(&text).ok());
    let certificate = match there {
        Some(there) if is_good(&there, authority, &public, &host.name, &addresses, now()) => {
            there.pem
        }
        _ => {
            let common = match host.name.len() <= LONGEST_NAME {
                true => host.name.as_str(),
                false => host.short_name(),
            };
            let purpose = Purpose::Host {
                name: host.name.clone(),
                addresses,
            };
            let text = authority.certify(&name(&[], common), &public, now() + LIFE, purpose)?;
            write(&file, 0o644, text.as_bytes())?;
            text
        }
    };
    Ok(Identity {
        certificate,
        key,
        authority: authority.certificate.pem.clone(),
    })
}

fn is_good(
    certificate: &Certificate,
    authority: &Authority,
    public: &[u8],
    name: &str,
    addresses: &[IpAddr],
    now: i64,
) -> bool {
    let above = &authority.certificate;
    // Where the authority itself ends sooner, a new one would last no longer.
    let lasts = certificate.until - now > LIFE / 3 || certificate.until == above.until;
    lasts
        && certificate.public == public
        && certificate.names == [name]
        && certificate.addresses == addresses
        && certificate.is_signed_by(above)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site_keys::tests::{context, stage};

    #[test]
    fn a_certificate_stays_until_something_about_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let context = context(dir.path());
        let authority = Authority::find_or_make(&context, "hive.example").unwrap();
        let mut host = stage().hosts()[1].clone();
        let first = of_host(&context, &authority, &host).unwrap();
        assert!(of_host(&context, &authority, &host).unwrap() == first);

        let read = Certificate::from_pem(&first.certificate).unwrap();
        let good = |at| {
            is_good(
                &read,
                &authority,
                &read.public,
                &host.name,
                &read.addresses,
                at,
            )
        };
        assert!(good(read.until - LIFE / 3 - 1) && !good(read.until - LIFE / 3));

        host.private_ip = "192.168.77.99".parse().unwrap();
        let moved = of_host(&context, &authority, &host).unwrap();
        assert!(moved.key == first.key && moved.certificate != first.certificate);
        let read = Certificate::from_pem(&moved.certificate).unwrap();
        assert_eq!(
            read.addresses,
            ["192.168.77.99", "127.0.0.1"].map(|a| a.parse::<IpAddr>().unwrap())
        );

        fs::remove_dir_all(context.path("ca")).unwrap();
        let other = Authority::find_or_make(&context, "hive.example").unwrap();
        let changed = of_host(&context, &other, &host).unwrap();
        assert!(changed.certificate != moved.certificate);
        // A certificate without its key is of no use.
        fs::remove_file(context.host("p-hive1").join("key.pem")).unwrap();
        let anew = of_host(&context, &other, &host).unwrap();
        assert!(anew.key != changed.key);
    }
}

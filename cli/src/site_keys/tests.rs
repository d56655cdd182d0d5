//! What the keys of a stage promise.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hive_builder::site_layer;
use hive_inventory::seed::Identity;
use hive_inventory::seed::VerifyingKey;
use hive_site::sample;
use hive_site::{SourceFile, Stage, StageName};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::*;
use crate::admin_key::AdminKey;
use crate::host_key;

mod openssl;

/// The private stage of the sample site.
pub fn stage() -> Stage {
    let files = sample::FILES.map(|f| SourceFile {
        path: f.path.into(),
        text: f.text.into(),
    });
    let parsed = hive_site::parse(&files).unwrap_or_else(|e| panic!("{e}"));
    parsed.site.stage(&StageName::Private).unwrap().clone()
}

/// A stage's private folder below `dir`.
pub fn context(dir: &Path) -> ContextFolder {
    ContextFolder::make(dir, StageName::Private).unwrap()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// As a peer checks it: both as a server and as a client, under its name and its address.
fn believed(identity: &Identity, name: &str) -> Result<(), webpki::Error> {
    let der = |text: &str| CertificateDer::from_pem_slice(text.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(vec![der(&identity.certificate)], key, &provider).unwrap();
    let authority = der(&identity.authority);
    let anchors = [anchor_from_trusted_cert(&authority)?];
    let own = der(&identity.certificate);
    let own = EndEntityCert::try_from(&own)?;
    for usage in [KeyUsage::server_auth(), KeyUsage::client_auth()] {
        own.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &[],
            UnixTime::now(),
            usage,
            None,
            None,
        )?;
    }
    for name in [name, "127.0.0.1"] {
        own.verify_is_valid_for_subject_name(&ServerName::try_from(name).unwrap())?;
    }
    Ok(())
}

#[test]
fn keys_are_made_once_and_closed_to_others() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    assert_eq!(find_public(&context).unwrap(), None);
    let public = find_or_make_public(&context, "hive.example").unwrap();
    assert_eq!(find_public(&context).unwrap().as_ref(), Some(&public));
    let keys = SiteKeys::find_or_make(&context, "hive.example").unwrap();
    assert_eq!(
        VerifyingKey::from_text(&public.seed_key).unwrap(),
        keys.seed.verifying_key()
    );
    assert_eq!(public.authority, keys.authority.certificate.pem);
    let host = &stage().hosts()[0].clone();
    let identity = keys.identity(&context, host).unwrap();
    believed(&identity, &host.name).unwrap();
    for secret in ["ca/cakey.pem", "seed-key.pk8", "hosts/p-hive0/key.pem"] {
        assert_eq!(mode(&context.path(secret)), 0o600, "{secret}");
    }
    for open in ["ca/cacert.pem", "seed-key.pub"] {
        assert_eq!(mode(&context.path(open)), 0o644, "{open}");
    }
    assert_eq!(mode(&context.path("")), 0o700);
}

#[test]
fn no_line_of_a_private_key_is_in_what_goes_into_an_image() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    let mut stage = stage();
    let admin = AdminKey::find_or_make(&context, "admin@hive.example").unwrap();
    stage.settings.admin_keys = vec![admin.public];
    let keys = SiteKeys::find_or_make(&context, "hive.example").unwrap();
    for host in stage.hosts() {
        keys.identity(&context, host).unwrap();
        host_key::of_host(&context, host.short_name(), &host.name).unwrap();
    }
    let public = find_or_make_public(&context, "hive.example").unwrap();
    let layer =
        site_layer::render("hive.example", "private", &stage.settings, Some(&public)).unwrap();
    let layer: Vec<u8> = layer.into_iter().flat_map(|file| file.content).collect();
    assert!(holds(&layer, public.seed_key.as_bytes()));

    let document = fs::read(context.path("seed-key.pk8")).unwrap();
    // The secret itself, behind the document's head and before the public half (RFC 8410).
    let mut secrets = vec![document[16..48].to_vec()];
    let folder = |host: &Host| context.host(host.short_name());
    let files = stage
        .hosts()
        .iter()
        .flat_map(|h| ["key.pem", "ssh_host_ed25519_key"].map(|name| folder(h).join(name)))
        .chain([context.path("ca/cakey.pem"), context.path("id_ed25519")]);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        secrets.extend(text.lines().skip(1).map(|line| line.as_bytes().to_vec()));
    }
    assert!(secrets.len() > 20);
    for secret in secrets {
        assert!(
            !holds(&layer, &secret),
            "{}",
            String::from_utf8_lossy(&secret)
        );
    }
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn a_host_of_another_site_is_not_believed() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = (context(a.path()), context(b.path()));
    let host = &stage().hosts()[0].clone();
    let identity = |context: &ContextFolder| {
        let keys = SiteKeys::find_or_make(context, "hive.example").unwrap();
        keys.identity(context, host).unwrap()
    };
    let (own, other) = (identity(&a), identity(&b));
    let mixed = Identity {
        authority: other.authority,
        ..own
    };
    assert!(believed(&mixed, &host.name).is_err());
    assert!(believed(&identity(&a), "p-hive9.hive.example").is_err());
}

#[test]
fn an_interrupted_first_run_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    let keys = SiteKeys::find_or_make(&context, "hive.example").unwrap();
    fs::remove_file(context.path("ca/cacert.pem")).unwrap();
    fs::remove_file(context.path("seed-key.pub")).unwrap();
    let again = SiteKeys::find_or_make(&context, "hive.example").unwrap();
    assert_eq!(
        again.authority.certificate.public,
        keys.authority.certificate.public
    );
    assert_eq!(again.seed.verifying_key(), keys.seed.verifying_key());
}

#[test]
fn public_halves_alone_bake_and_sign_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    let public = find_or_make_public(&context, "hive.example").unwrap();
    fs::remove_file(context.path("ca/cakey.pem")).unwrap();
    fs::remove_file(context.path("seed-key.pk8")).unwrap();
    assert_eq!(
        find_or_make_public(&context, "hive.example").unwrap(),
        public
    );
    assert!(!context.path("ca/cakey.pem").exists() && !context.path("seed-key.pk8").exists());
    let error = SiteKeys::find_or_make(&context, "hive.example")
        .err()
        .unwrap()
        .text();
    assert!(error.contains("copy it from there"), "{error}");
}

#[test]
fn halves_of_different_keys_are_refused_and_left_alone() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (context, other) = (context(a.path()), context(b.path()));
    for folder in [&context, &other] {
        SiteKeys::find_or_make(folder, "hive.example").unwrap();
    }
    for name in ["ca/cakey.pem", "seed-key.pub"] {
        let kept = fs::read(context.path(name)).unwrap();
        let strange = fs::read(other.path(name)).unwrap();
        fs::write(context.path(name), &strange).unwrap();
        let error = SiteKeys::find_or_make(&context, "hive.example")
            .err()
            .unwrap()
            .text();
        assert!(error.contains("hint: ") && error.contains(name), "{error}");
        assert_eq!(fs::read(context.path(name)).unwrap(), strange);
        fs::write(context.path(name), kept).unwrap();
    }
}

#[test]
fn a_certificate_that_is_no_authoritys_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    let keys = SiteKeys::find_or_make(&context, "hive.example").unwrap();
    let identity = keys.identity(&context, &stage().hosts()[0]).unwrap();
    fs::write(context.path("ca/cacert.pem"), identity.certificate).unwrap();
    let error = find_public(&context).err().unwrap().text();
    assert!(error.contains("CA:TRUE"), "{error}");
}

//! Certificates as another program makes and reads them, the predecessor's authority among them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::{believed, context, mode, stage};
use crate::site_keys::SiteKeys;

fn openssl(args: &[&str], dir: &Path) -> bool {
    let run = Command::new("openssl").args(args).current_dir(dir).output();
    match run {
        Err(_) => {
            println!("SKIPPED: openssl is not installed");
            false
        }
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "openssl {args:?}: {said}");
            true
        }
    }
}

#[test]
fn a_predecessors_authority_signs_for_new_hosts() {
    for form in ["traditional", "pkcs8"] {
        let dir = tempfile::tempdir().unwrap();
        let context = context(dir.path());
        let ca = context.path("ca");
        fs::create_dir_all(&ca).unwrap();
        let made = openssl(
            &[
                "req",
                "-x509",
                "-newkey",
                "rsa:4096",
                "-nodes",
                "-sha256",
                "-days",
                "36500",
                "-subj",
                "/DC=com/DC=example/DC=pdns/CN=ca.pdns.example.com",
                "-addext",
                "keyUsage=digitalSignature,cRLSign,keyCertSign",
                "-keyout",
                "cakey.pem",
                "-out",
                "cacert.pem",
            ],
            &ca,
        );
        if !made {
            return;
        }
        if form == "traditional" {
            openssl(
                &["rsa", "-traditional", "-in", "cakey.pem", "-out", "old.pem"],
                &ca,
            );
            fs::rename(ca.join("old.pem"), ca.join("cakey.pem")).unwrap();
        }
        fs::set_permissions(ca.join("cakey.pem"), fs::Permissions::from_mode(0o644)).unwrap();
        let before = fs::read(ca.join("cacert.pem")).unwrap();
        let keys = SiteKeys::find_or_make(&context, "pdns.example.com").unwrap();
        let host = &stage().hosts()[0].clone();
        let identity = keys.identity(&context, host).unwrap();
        believed(&identity, &host.name).unwrap();
        assert_eq!(fs::read(ca.join("cacert.pem")).unwrap(), before);
        assert_eq!(mode(&ca.join("cakey.pem")), 0o600);
        let certificate = context.host("p-hive0").join("certificate.pem");
        let certificate = certificate.to_str().unwrap();
        openssl(
            &[
                "verify",
                "-x509_strict",
                "-CAfile",
                "cacert.pem",
                "-purpose",
                "sslserver",
                certificate,
            ],
            &ca,
        );
    }
}

#[test]
fn openssl_believes_a_new_authority_and_reads_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let context = context(dir.path());
    let keys = SiteKeys::find_or_make(&context, "pdns.example.com").unwrap();
    keys.identity(&context, &stage().hosts()[0]).unwrap();
    let certificate = context.host("p-hive0").join("certificate.pem");
    let certificate = certificate.to_str().unwrap();
    let ca = context.path("ca");
    if !openssl(
        &[
            "verify",
            "-x509_strict",
            "-CAfile",
            "cacert.pem",
            "-purpose",
            "sslclient",
            certificate,
        ],
        &ca,
    ) {
        return;
    }
    let output = Command::new("openssl")
        .args([
            "x509",
            "-noout",
            "-subject",
            "-nameopt",
            "compat",
            "-in",
            "cacert.pem",
        ])
        .current_dir(&ca)
        .output()
        .unwrap();
    let subject = String::from_utf8(output.stdout).unwrap();
    assert!(
        subject
            .trim()
            .ends_with("/DC=com/DC=example/DC=pdns/CN=ca.pdns.example.com"),
        "{subject}"
    );
}

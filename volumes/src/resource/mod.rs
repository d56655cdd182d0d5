//! DRBD's configuration of a volume, `/etc/drbd.d/NAME.res` (drbd.conf(5)), the same on all its hosts.

mod mesh;
mod pair;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use crate::name::VolumeName;
use crate::record::{Module, Part, PartKind, Record};

/// What DRBD 8.4 starts when a primary loses sight of its peer, with `DRBD_RESOURCE` in its environment.
pub const FENCE_HANDLER: &str = "/usr/bin/hived fence-peer";
/// DRBD takes secrets of up to 64 characters.
const LONGEST_SECRET: usize = 64;

/// Why a configuration can't be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The seed has another list of hosts.
    #[error(
        "volume {volume} has a part on {host}, of which this host's seed has no address; give this host a new seed (`hive seed`)"
    )]
    NoAddress {
        /// The volume.
        volume: VolumeName,
        /// The host.
        host: String,
    },
    /// The secret by which hosts know each other is unfit.
    #[error(
        "the secret of volume {volume} is not of 16 to {LONGEST_SECRET} letters and digits; the config {config} holds it"
    )]
    Secret {
        /// The volume.
        volume: VolumeName,
        /// Where the secret lies.
        config: String,
    },
}

/// Where the file lies.
pub fn path(volume: &VolumeName) -> String {
    format!("/etc/drbd.d/{volume}.res")
}

/// The text of the file. It holds the secret: mode 0600. `addresses` are the private ones of the site's
/// hosts, by short name.
///
/// # Errors
/// An address is not known, or the secret is unfit.
pub fn render(
    record: &Record,
    addresses: &BTreeMap<String, IpAddr>,
    secret: &str,
) -> Result<String, RenderError> {
    let identity = &record.identity;
    let fit = (16..=LONGEST_SECRET).contains(&secret.len())
        && secret.bytes().all(|b| b.is_ascii_alphanumeric());
    if !fit {
        return Err(RenderError::Secret {
            volume: identity.name.clone(),
            config: identity.secret.clone(),
        });
    }
    let mut text = "# Written by hived from the swarm's record of this volume; it writes it anew when it is changed.\n"
        .to_owned();
    text.push_str(&match identity.module {
        Module::Drbd9 => mesh::options(record, secret),
        Module::Drbd84 => pair::options(record, secret),
    });
    for (host, part) in record.state.present() {
        let address = addresses.get(host).ok_or_else(|| RenderError::NoAddress {
            volume: identity.name.clone(),
            host: host.to_owned(),
        })?;
        text.push_str(&on(record, host, part, *address));
    }
    if identity.module == Module::Drbd9 {
        text.push_str(&mesh::connections(record));
    }
    text.push_str("}\n");
    Ok(text)
}

/// The disk options of both kinds. Resync goes as fast as the disks can while nothing else is to be
/// done; areas of 1 MiB that are all zero stay unallocated in a thin pool of 1 MiB pieces.
const DISK: [&str; 8] = [
    "on-io-error detach",
    "disk-flushes yes",
    "md-flushes yes",
    "c-plan-ahead 1",
    "c-max-rate 1024000",
    "c-delay-target 1",
    "c-fill-target 1M",
    "rs-discard-granularity 1048576",
];

/// The network options of both kinds. A peer that says nothing is given up after 4 s, or 3 s later
/// when there was nothing to say; a host that knows no secret is not let in.
fn net(secret: &str) -> Vec<String> {
    let fixed = [
        "protocol C",
        "max-buffers 16000",
        "max-epoch-size 16000",
        "sndbuf-size 1048576",
        "timeout 40",
        "ping-int 3",
        "connect-int 3",
        "cram-hmac-alg sha256",
        // What online verify compares.
        "verify-alg crc32c",
    ];
    let mut lines: Vec<String> = fixed.map(str::to_owned).to_vec();
    lines.push(format!("shared-secret \"{secret}\""));
    lines
}

/// A section with a line per option.
fn section<S: AsRef<str>>(name: &str, lines: &[S]) -> String {
    let mut text = format!("\t{name} {{\n");
    for line in lines {
        let _ = writeln!(text, "\t\t{};", line.as_ref());
    }
    text.push_str("\t}\n");
    text
}

fn on(record: &Record, host: &str, part: Part, address: IpAddr) -> String {
    let identity = &record.identity;
    let port = identity.port();
    let address = match address {
        IpAddr::V4(address) => format!("ipv4 {address}:{port}"),
        IpAddr::V6(address) => format!("ipv6 [{address}]:{port}"),
    };
    let mut text = format!("\ton \"{host}\" {{\n");
    if identity.module == Module::Drbd9 {
        let _ = writeln!(text, "\t\tnode-id {};", part.node_id);
    }
    let disk = match part.kind {
        PartKind::Copy => format!("disk {};\n\t\t\tmeta-disk internal;", identity.backing()),
        PartKind::Diskless | PartKind::Gone => "disk none;".to_owned(),
    };
    let _ = write!(
        text,
        "\t\taddress {address};\n\t\tvolume 0 {{\n\t\t\tdevice minor {};\n\t\t\t{disk}\n\t\t}}\n\t}}\n",
        identity.id
    );
    text
}

#[cfg(test)]
mod tests;

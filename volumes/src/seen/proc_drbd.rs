//! `/proc/drbd` of DRBD 8.4, whose programs have no status in JSON.
//!
//! ```text
//!  1: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----
//!     ns:8 nr:0 dw:8 dr:1 al:1 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
//! ```
//! The first flag is `s` while all I/O waits (drbd.org, user's guide 8.4, "The status information in `/proc/drbd`").

use std::collections::BTreeMap;

use super::{Peer, Resource, SeenError, connection, disk_state, primary};

/// The resources that are up, by minor number; `peer` tells the short name of the other host of each.
///
/// # Errors
/// Lines of another shape, or words that are not known.
pub fn read(text: &str, peer: impl Fn(u8) -> String) -> Result<BTreeMap<u8, Resource>, SeenError> {
    let mut found: BTreeMap<u8, Resource> = BTreeMap::new();
    let mut last = None;
    for line in text.lines() {
        if let Some((minor, resource)) = head(line, &peer)? {
            last = Some(minor);
            if let Some(resource) = resource {
                found.insert(minor, resource);
            }
        } else if let Some(differing) = out_of_sync(line)
            && let Some(resource) = last.and_then(|minor| found.get_mut(&minor))
        {
            for peer in resource.peers.values_mut() {
                peer.out_of_sync = differing;
            }
        }
    }
    Ok(found)
}

/// The module's version and API: `8.4.11` and 1. DRBD 9 answers with API 2, and tells nothing else here.
pub fn version(text: &str) -> Option<(&str, u32)> {
    let rest = text.lines().next()?.strip_prefix("version: ")?;
    let (version, rest) = rest.split_once(" (api:")?;
    let api = rest.split_once('/')?.0.parse().ok()?;
    Some((version, api))
}

type Head = Option<(u8, Option<Resource>)>;

fn head(line: &str, peer: &impl Fn(u8) -> String) -> Result<Head, SeenError> {
    let Some((number, rest)) = line.trim_start().split_once(": cs:") else {
        return Ok(None);
    };
    let bad = || SeenError::Line(line.to_owned());
    let minor = number.parse().map_err(|_| bad())?;
    let mut words = rest.split_whitespace();
    let state = words.next().ok_or_else(bad)?;
    if state == "Unconfigured" {
        return Ok(Some((minor, None)));
    }
    let mut pair = |key: &str| {
        let word = words.next().and_then(|word| word.strip_prefix(key));
        word.and_then(|word| word.split_once('/')).ok_or_else(bad)
    };
    let (role, peer_role) = pair("ro:")?;
    let (disk, peer_disk) = pair("ds:")?;
    // Between them stands the protocol, or nothing when there is no connection configured.
    let flags = words.find(|word| word.len() > 1).ok_or_else(bad)?;
    let other = Peer {
        connection: connection(state)?,
        primary: primary(peer_role)?,
        disk: disk_state(peer_disk)?,
        out_of_sync: 0,
    };
    let resource = Resource {
        primary: primary(role)?,
        disk: disk_state(disk)?,
        suspended: flags.starts_with('s'),
        quorum: true,
        peers: BTreeMap::from([(peer(minor), other)]),
    };
    Ok(Some((minor, Some(resource))))
}

/// `oos:` in KiB, as bytes.
fn out_of_sync(line: &str) -> Option<u64> {
    let word = line
        .split_whitespace()
        .find_map(|w| w.strip_prefix("oos:"))?;
    Some(word.parse::<u64>().ok()?.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::super::{Connection, DiskState};
    use super::*;

    const MANY: &str = include_str!("../../tests/fixtures/proc-drbd-8.4");

    fn all() -> BTreeMap<u8, Resource> {
        read(MANY, |minor| format!("peer{minor}")).unwrap()
    }

    #[test]
    fn each_state_is_read() {
        let all = all();
        assert_eq!(all.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
        let good = &all[&1];
        assert!(good.primary && !good.suspended);
        assert_eq!(good.disk, DiskState::UpToDate);
        assert_eq!(good.peers["peer1"].connection, Connection::Connected);
        let filled = &all[&2];
        assert_eq!(filled.peers["peer2"].connection, Connection::SyncTarget);
        assert!(filled.peers["peer2"].primary);
        assert_eq!(filled.peers["peer2"].out_of_sync, 1_021_952 * 1024);
        let frozen = &all[&3];
        assert!(frozen.suspended && frozen.primary);
        assert_eq!(frozen.peers["peer3"].connection, Connection::Trying);
        assert_eq!(frozen.peers["peer3"].disk, DiskState::Unknown);
    }

    /// As the kernel prints it when one gave the connection up: no protocol, and a blank in its place.
    #[test]
    fn a_resource_that_stands_alone_has_no_protocol() {
        let alone = " 4: cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown   s-----\n";
        let all = read(alone, |_| "h1".to_owned()).unwrap();
        assert_eq!(all[&4].peers["h1"].connection, Connection::StandAlone);
        assert!(all[&4].suspended && all[&4].primary);
    }

    #[test]
    fn the_first_line_tells_the_generation() {
        assert_eq!(version(MANY), Some(("8.4.11", 1)));
        let nine = "version: 9.2.18 (api:2/proto:86-122)\nGIT-hash: 0\n";
        assert_eq!(version(nine), Some(("9.2.18", 2)));
        assert_eq!(version(""), None);
        assert!(read(nine, |_| String::new()).unwrap().is_empty());
    }

    #[test]
    fn what_does_not_read_is_quoted() {
        let cut = MANY.replace(" ds:UpToDate/UpToDate C r-----", "");
        let error = read(&cut, |_| String::new()).unwrap_err().to_string();
        assert!(error.contains("1: cs:Connected ro:"), "{error}");
    }
}

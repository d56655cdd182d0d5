//! A volume in what DRBD prints: `/proc/drbd` of 8.4, `drbdsetup status --verbose --statistics` of DRBD 9.

/// Of a volume, on one host.
#[derive(Debug)]
pub struct Status<'a> {
    /// Names and values, `cs:Connected`, in the order of the text.
    words: Vec<(&'a str, &'a str)>,
    /// With 8.4, how its I/O goes: `r-----`, and `s` in front when it is suspended.
    flow: Option<&'a str>,
}

const RESYNCS: [&str; 9] = [
    "SyncSource",
    "SyncTarget",
    "PausedSyncS",
    "PausedSyncT",
    "StartingSyncS",
    "StartingSyncT",
    "WFBitMapS",
    "WFBitMapT",
    "WFSyncUUID",
];

impl<'a> Status<'a> {
    /// `None`: the resource is not up. The first line tells the version.
    pub fn of(text: &'a str, volume: &str, minor: u64) -> Option<Self> {
        let is_old = text.lines().next()?.contains("api:1/");
        let number = format!("{minor}:");
        let first = |line: &str| {
            line.split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let is_ours = |line: &str| match is_old {
            true => first(line) == number,
            false => !line.starts_with(' ') && first(line) == volume,
        };
        let begins = |line: &str| match is_old {
            true => {
                let word = first(line);
                let number = word.strip_suffix(':');
                number.is_some_and(|number| number.parse::<u64>().is_ok())
            }
            false => !line.starts_with(' '),
        };
        let mut lines = text.lines().skip(1).skip_while(|line| !is_ours(line));
        let head = lines.next()?;
        let rest = lines.take_while(|line| !begins(line));
        let words = std::iter::once(head)
            .chain(rest)
            .flat_map(str::split_whitespace);
        Some(Self {
            words: words.filter_map(|word| word.split_once(':')).collect(),
            flow: head.split_whitespace().last().filter(|_| is_old),
        })
    }

    fn all(&self, names: &[&str]) -> impl Iterator<Item = &'a str> {
        let named = self.words.iter().filter(|(name, _)| names.contains(name));
        named.map(|(_, value)| *value)
    }

    /// The copies that there are, here and elsewhere.
    fn disks(&self) -> impl Iterator<Item = &'a str> {
        let disks = self.all(&["ds", "disk", "peer-disk"]);
        let disks = disks.flat_map(|word| word.split('/'));
        disks.filter(|disk| *disk != "Diskless")
    }

    fn connections(&self) -> impl Iterator<Item = &'a str> {
        self.all(&["cs", "connection", "replication"])
    }

    /// A connection was given up.
    pub fn stands_alone(&self) -> bool {
        self.connections().any(|word| word == "StandAlone")
    }

    /// A copy is being filled.
    pub fn is_resyncing(&self) -> bool {
        self.connections().any(|word| RESYNCS.contains(&word))
    }

    /// All copies are up to date.
    pub fn is_whole(&self) -> bool {
        self.disks().count() > 1 && self.disks().all(|disk| disk == "UpToDate")
    }

    /// One copy is.
    pub fn is_up_to_date_somewhere(&self) -> bool {
        self.disks().any(|disk| disk == "UpToDate")
    }

    /// KiB that differ, as far as is known.
    pub fn out_of_sync(&self) -> u64 {
        let figures = self.all(&["oos", "out-of-sync"]);
        figures.filter_map(|word| word.parse::<u64>().ok()).sum()
    }

    /// It is in use here, and its I/O neither waits nor fails.
    pub fn can_write(&self) -> bool {
        let role = self.all(&["ro", "role"]).next().unwrap_or_default();
        let is_free = |word: &str| word == "no";
        role.split('/').next() == Some("Primary")
            && self.flow.is_none_or(|flow| !flow.starts_with('s'))
            && self.all(&["suspended"]).all(is_free)
            && !self.all(&["quorum"]).any(is_free)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "version: 8.4.11 (api:1/proto:86-101)
srcversion: 0123456789ABCDEF01234567

 1: cs:Connected ro:Secondary/Primary ds:UpToDate/UpToDate C r-----
    ns:0 nr:8 dw:8 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:0
 2: cs:SyncTarget ro:Primary/Secondary ds:Inconsistent/UpToDate C r-----
    ns:0 nr:8 dw:8 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:1024
\t[=>..................] sync'ed: 10.0% (1024/2048)K
11: cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown C s---F-
    ns:0 nr:8 dw:8 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:12
";
    const NEW: &str = "version: 9.2.18 (api:2/proto:118-122)
web node-id:0 role:Primary suspended:no force-io-failures:no
    write-ordering:flush
  volume:0 minor:1 disk:UpToDate backing_dev:/dev/drbdvg/web quorum:yes
      size:511948 read:1 written:2 al-writes:3 bm-writes:0 upper-pending:0 lower-pending:0
      al-suspended:no blocked:no
  p-hive1 node-id:1 connection:Connected role:Secondary tls:no congested:no ap-in-flight:0 rs-in-flight:0
    volume:0 replication:Established peer-disk:UpToDate resync-suspended:no
        received:0 sent:2 out-of-sync:0 pending:0 unacked:0
  p-hive2 node-id:2 connection:Connected role:Secondary tls:no congested:no ap-in-flight:0 rs-in-flight:0
    volume:0 replication:SyncSource peer-disk:Inconsistent resync-suspended:no
        received:0 sent:2 out-of-sync:8 pending:0 unacked:0

web2 node-id:0 role:Primary suspended:quorum force-io-failures:no
  volume:0 minor:2 disk:UpToDate quorum:no
  p-hive1 node-id:1 connection:StandAlone role:Unknown
    volume:0 replication:Off peer-disk:DUnknown
";

    #[test]
    fn a_device_of_the_kernels_module_is_found_among_others() {
        let first = Status::of(OLD, "any", 1).unwrap();
        assert!(first.is_whole() && !first.is_resyncing() && !first.can_write());
        assert_eq!(first.out_of_sync(), 0);
        let second = Status::of(OLD, "any", 2).unwrap();
        assert!(second.is_resyncing() && !second.is_whole() && second.can_write());
        assert_eq!(second.out_of_sync(), 1024);
        let frozen = Status::of(OLD, "any", 11).unwrap();
        assert!(!frozen.can_write() && !frozen.stands_alone());
        assert!(Status::of(OLD, "any", 3).is_none());
        assert!(Status::of("", "any", 3).is_none());
    }

    #[test]
    fn a_resource_of_drbd_9_is_found_among_others() {
        let first = Status::of(NEW, "web", 1).unwrap();
        assert!(first.is_resyncing() && first.is_up_to_date_somewhere() && !first.is_whole());
        assert!(first.can_write() && !first.stands_alone());
        assert_eq!(first.out_of_sync(), 8);
        let second = Status::of(NEW, "web2", 2).unwrap();
        assert!(second.stands_alone() && !second.can_write());
        assert!(Status::of(NEW, "we", 1).is_none());
    }
}

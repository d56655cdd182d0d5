//! What other hives have to say before marks go that a resync left, or a copy is made anew that only half agrees.

use hive_volumes::Record;
use hive_volumes::seen::Resource;
use hive_volumes::seen::history::Lasting;
use hive_volumes::seen::left_over::Stayed;
use hive_volumes::upkeep::spares;

use super::access::Access;
use super::question::Sight;

/// Hives that can be asked about a volume, by their short names.
pub(super) trait Others {
    /// As [`Access::counts`].
    async fn counts(&self, host: &str, record: &Record) -> Option<u64>;
    /// As [`Access::spares`].
    async fn spares(&self, host: &str, record: &Record) -> bool;
    /// As [`Access::sight`].
    async fn sight(&self, host: &str, record: &Record) -> Sight;
}

impl Others for Access {
    async fn counts(&self, host: &str, record: &Record) -> Option<u64> {
        Self::counts(self, host, record).await
    }

    async fn spares(&self, host: &str, record: &Record) -> bool {
        Self::spares(self, host, record).await
    }

    async fn sight(&self, host: &str, record: &Record) -> Sight {
        Self::sight(self, host, record).await
    }
}

/// Whether marks are of a resync, and may go as [`Seen::left_over`](hive_volumes::upkeep::Seen::left_over) says. The peer
/// has to be at rest, too: one that waits for this host may have written what this copy lacks.
pub(super) async fn let_go(
    others: &impl Others,
    stayed: &Stayed,
    resource: &Resource,
    record: &Record,
    me: &str,
) -> bool {
    let peer = stayed.peer.as_str();
    let Some(there) = others.counts(peer, record).await else {
        return false;
    };
    if resource.primary {
        // What both count, the peer sees to.
        return there == 0 && spares(record, me, peer, resource);
    }
    let Some(user) = resource.user() else {
        return false;
    };
    let of_resync = stayed.of_resync || there == 0;
    let same = |host: &str| {
        let seen = resource.peers.get(host);
        seen.is_some_and(|peer| peer.out_of_sync == 0)
    };
    of_resync
        && others.spares(peer, record).await
        && (user == peer
            || same(user)
                && others.counts(user, record).await == Some(0)
                && others.spares(user, record).await)
}

/// As [`Seen::half_agreed`](hive_volumes::upkeep::Seen::half_agreed) says. The copy of the host that waits is made anew; if
/// that host uses the volume, this one, which does not wait, and counts what the other has written.
pub(super) async fn half_agreed(
    others: &impl Others,
    lasting: &Lasting,
    resource: &Resource,
    record: &Record,
) -> Option<String> {
    let user = resource.user();
    let (peer, half) = match (&lasting.half_agreed, &lasting.stayed) {
        (Some(peer), _) => (peer, Sight::Rests),
        (None, Some(Stayed { peer, .. })) if user == Some(peer) => (peer, Sight::Waits),
        _ => return None,
    };
    let anew = others.sight(peer, record).await == half
        && match user {
            Some(user) => others.spares(user, record).await,
            None => true,
        };
    anew.then(|| peer.clone())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use hive_volumes::seen::{DiskState, Peer};
    use hive_volumes::{Part, PartKind};
    use std::collections::BTreeMap;

    /// What each host would say; one that is not in it does not answer.
    struct Say(BTreeMap<&'static str, Answers>);

    struct Answers {
        counts: Option<u64>,
        spares: bool,
        sight: Sight,
    }

    impl Others for Say {
        async fn counts(&self, host: &str, _: &Record) -> Option<u64> {
            self.0.get(host)?.counts
        }

        async fn spares(&self, host: &str, _: &Record) -> bool {
            self.0.get(host).is_some_and(|says| says.spares)
        }

        async fn sight(&self, host: &str, _: &Record) -> Sight {
            let says = self.0.get(host);
            says.map_or(Sight::Otherwise, |says| says.sight)
        }
    }

    /// All is well, with h1 and h2.
    fn well() -> Say {
        let answers = || Answers {
            counts: Some(0),
            spares: true,
            sight: Sight::Rests,
        };
        Say(["h1", "h2"].map(|host| (host, answers())).into())
    }

    fn edited(host: &str, edit: impl FnOnce(&mut Answers)) -> Say {
        let mut say = well();
        edit(say.0.get_mut(host).unwrap());
        say
    }

    /// This copy, of h0, with marks towards h1, while another host uses the volume.
    fn used_on(user: &str) -> Resource {
        let mut resource = sample::resource(&["h1", "h2"]);
        resource.peers.get_mut(user).unwrap().primary = true;
        resource.peers.get_mut("h1").unwrap().out_of_sync = 4096;
        resource
    }

    async fn goes(say: &Say, of_resync: bool, resource: &Resource) -> bool {
        let peer = "h1".to_owned();
        let stayed = Stayed { peer, of_resync };
        let_go(say, &stayed, resource, &three(), "h0").await
    }

    /// A volume with copies on three hosts.
    fn three() -> Record {
        let mut record = sample::pair("db", 2);
        let (node_id, kind) = (2, PartKind::Copy);
        let third = Part { node_id, kind };
        record.state.hosts.insert("h2".into(), third);
        record
    }

    #[tokio::test]
    async fn what_only_the_user_counts_goes_while_a_third_is_whole() {
        let mut used_here = sample::resource(&["h1", "h2"]);
        used_here.primary = true;
        let edit = |edit: &dyn Fn(&mut Peer), host| {
            let mut resource = used_here.clone();
            edit(resource.peers.get_mut(host).unwrap());
            resource
        };
        let marked = edit(&|peer| peer.out_of_sync = 4096, "h1");
        assert!(goes(&well(), true, &marked).await);
        assert!(goes(&well(), false, &marked).await);
        let both = edited("h1", |says| says.counts = Some(4096));
        assert!(!goes(&both, true, &marked).await, "h1 takes them");
        let busy = edited("h1", |says| says.counts = None);
        assert!(!goes(&busy, true, &marked).await);
        let old = edit(&|peer| peer.disk = DiskState::Outdated, "h2");
        assert!(!goes(&well(), true, &old).await, "h1 is the only other one");
    }

    #[tokio::test]
    async fn marks_go_that_a_resync_left_or_that_only_this_host_counts() {
        for used in [used_on("h1"), used_on("h2")] {
            assert!(goes(&well(), true, &used).await);
            assert!(goes(&well(), false, &used).await);
        }
        let both = edited("h1", |says| says.counts = Some(4096));
        assert!(goes(&both, true, &used_on("h2")).await);
        assert!(!goes(&both, false, &used_on("h2")).await, "a comparison");
        let idle = sample::resource(&["h1", "h2"]);
        assert!(!goes(&well(), true, &idle).await, "nobody uses it");
    }

    #[tokio::test]
    async fn marks_stay_unless_the_peer_and_the_user_say_that_nothing_is_lost() {
        let mut silent = well();
        silent.0.remove("h1");
        let resyncs = edited("h1", |says| says.counts = None);
        let needed = edited("h1", |says| says.spares = false);
        for say in [&silent, &resyncs, &needed] {
            assert!(!goes(say, true, &used_on("h1")).await);
            assert!(!goes(say, true, &used_on("h2")).await);
        }
        // With a third that uses it, no two of the three may count anything else.
        let counts = edited("h2", |says| says.counts = Some(4096));
        let needed = edited("h2", |says| says.spares = false);
        for say in [&counts, &needed] {
            assert!(goes(say, true, &used_on("h1")).await);
            assert!(!goes(say, true, &used_on("h2")).await);
        }
        let mut other = used_on("h2");
        other.peers.get_mut("h2").unwrap().out_of_sync = 4096;
        assert!(!goes(&well(), true, &other).await);
    }

    async fn made_anew(say: &Say, lasting: &Lasting, resource: &Resource) -> bool {
        let peer = half_agreed(say, lasting, resource, &sample::pair("db", 2)).await;
        assert!(peer.as_ref().is_none_or(|peer| peer == "h1"), "{peer:?}");
        peer.is_some()
    }

    #[tokio::test]
    async fn who_waits_is_made_anew_when_the_other_rests_and_the_user_can_do_without() {
        let waits = Lasting {
            half_agreed: Some("h1".into()),
            ..Lasting::default()
        };
        let idle = sample::resource(&["h1", "h2"]);
        assert!(made_anew(&well(), &waits, &idle).await);
        assert!(made_anew(&well(), &waits, &used_on("h2")).await);
        let both = edited("h1", |says| says.sight = Sight::Waits);
        assert!(!made_anew(&both, &waits, &idle).await, "each would be");
        assert!(!made_anew(&Say(BTreeMap::new()), &waits, &idle).await);
        let needed = edited("h2", |says| says.spares = false);
        assert!(made_anew(&needed, &waits, &idle).await);
        assert!(!made_anew(&needed, &waits, &used_on("h2")).await);
    }

    #[tokio::test]
    async fn who_does_not_wait_is_made_anew_when_the_user_waits() {
        let marked = Lasting {
            stayed: Some(Stayed {
                peer: "h1".into(),
                of_resync: true,
            }),
            ..Lasting::default()
        };
        let waits = edited("h1", |says| says.sight = Sight::Waits);
        assert!(made_anew(&waits, &marked, &used_on("h1")).await);
        assert!(!made_anew(&waits, &marked, &used_on("h2")).await, "h1 is");
        assert!(!made_anew(&well(), &marked, &used_on("h1")).await, "marks");
        assert!(!made_anew(&waits, &Lasting::default(), &used_on("h1")).await);
    }
}

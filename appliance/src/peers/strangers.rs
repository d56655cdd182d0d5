//! Machines that spoke to this one and are no hives of its site.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long a machine is remembered after it was met last.
const MEMORY: Duration = Duration::from_secs(15 * 60);
/// How many are remembered: a network full of strangers is one notice's worth of news.
const MOST: usize = 16;

/// Who was met lately.
#[derive(Debug, Default)]
pub struct Strangers(Mutex<BTreeMap<IpAddr, (Instant, String)>>);

impl Strangers {
    /// Remembers a machine; `what` reads after "a machine at 192.168.0.9".
    pub fn met(&self, address: IpAddr, what: &str) {
        let mut met = self.lock();
        forget_old(&mut met);
        let known = met.insert(address, (Instant::now(), what.to_owned()));
        if known.is_none_or(|(_, before)| before != what) {
            eprintln!("hived: a machine at {address} {what}");
        }
        if met.len() > MOST {
            let oldest = met.iter().min_by_key(|(_, (at, _))| *at).map(|(a, _)| *a);
            if let Some(oldest) = oldest {
                met.remove(&oldest);
            }
        }
    }

    /// A sentence for each.
    pub fn notices(&self) -> Vec<String> {
        let mut met = self.lock();
        forget_old(&mut met);
        met.iter()
            .map(|(address, (_, what))| format!("a machine at {address} {what}"))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, (Instant, String)>> {
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }
}

fn forget_old(met: &mut BTreeMap<IpAddr, (Instant, String)>) {
    met.retain(|_, (at, _)| at.elapsed() < MEMORY);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn each_machine_is_told_once_and_a_crowd_does_not_fill_the_memory() {
        let strangers = Strangers::default();
        for host in 0..200 {
            for _ in 0..2 {
                strangers.met(Ipv4Addr::new(10, 0, 0, host).into(), "is strange");
            }
        }
        let notices = strangers.notices();
        assert_eq!(notices.len(), MOST);
        assert!(notices.contains(&"a machine at 10.0.0.199 is strange".to_owned()));
    }
}

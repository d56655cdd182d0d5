//! How the kernel holds an address of ours, and how it is recognised. [`crate::Links::add`] says why.

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::interface::Interface;
use crate::netlink::{self, AddressMessage, Message, NewAddress, Request};

/// Our mark on an address (IFA_PROTO, Linux 5.18 and later): a number that neither the kernel nor
/// iproute2's `rt_addrprotos` gives to anybody else.
pub const MARK: u8 = b'h';
/// The end of an IPv4 address's label: what older kernels keep, and what people see.
const LABEL: &str = ":hive";
/// The longest label, in bytes (IFNAMSIZ less the zero byte).
const LONGEST_LABEL: usize = 15;

/// The kernel's worker takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often is looked.
const LOOK: Duration = Duration::from_millis(1);

/// Whether the address has our mark. A kernel that knows marks shows another one where somebody else
/// set it; the label decides only where there is none.
pub(crate) fn is_ours(address: &AddressMessage) -> bool {
    let labelled = || address.label.as_ref().is_some_and(|l| l.ends_with(LABEL));
    address.protocol.map_or_else(labelled, |mark| mark == MARK)
}

/// How the kernel has to hold the address; [`crate::Links::add`] says why.
pub(crate) fn form(interface: &Interface, ip: IpAddr, prefix: u8) -> NewAddress {
    let covered = interface.covering(ip).is_some();
    let label = format!("{}{LABEL}", interface.name);
    NewAddress {
        index: interface.index,
        ip,
        prefix: if ip.is_ipv4() && covered { 32 } else { prefix },
        route: !covered,
        label: (ip.is_ipv4() && label.len() <= LONGEST_LABEL).then_some(label),
        protocol: MARK,
    }
}

/// Switches `promote_secondaries` on for the interface (ip-sysctl.rst of the kernel), unless it is.
pub(crate) fn keep_secondaries(interface: &Interface) -> Result<(), Error> {
    let setting = |name: &str| format!("/proc/sys/net/ipv4/conf/{name}/promote_secondaries");
    let on = |name: &str| fs::read_to_string(setting(name)).is_ok_and(|text| text.trim() == "1");
    if on("all") || on(&interface.name) {
        return Ok(());
    }
    let file = setting(&interface.name);
    let doing = format!("switching on promote_secondaries for {}", interface.name);
    fs::write(file, "1").map_err(Error::kernel(doing))
}

/// Waits until the kernel takes what is sent to `ip`. For IPv6 that comes a little later than the
/// address itself: its local route is made by a worker of the kernel, and until then all that comes
/// for the address is dropped, the first answers of neighbours included.
pub(crate) async fn in_force(interface: &Interface, ip: IpAddr) -> Result<(), Error> {
    let doing = format!(
        "waiting until {} takes what is sent to {ip}",
        interface.name
    );
    let start = Instant::now();
    loop {
        match netlink::request(&doing, &Request::Way(ip)).await {
            Ok(answers) if answers.contains(&Message::Way { local: true }) => return Ok(()),
            // No way at all is a way that is not there yet.
            Ok(_) | Err(Error::Kernel { .. }) => {}
            Err(e) => return Err(e),
        }
        if start.elapsed() > PATIENCE {
            let after = PATIENCE;
            return Err(Error::Late { doing, after });
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::Address;

    fn eth0(addresses: &[(&str, u8)]) -> Interface {
        let address = |(ip, prefix): &(&str, u8)| Address {
            ip: ip.parse().unwrap(),
            prefix: *prefix,
            ours: false,
        };
        Interface {
            name: "eth0".into(),
            index: 3,
            mac: None,
            up: true,
            addresses: addresses.iter().map(address).collect(),
        }
    }

    #[test]
    fn an_address_is_held_so_that_the_host_keeps_its_own() {
        let host = eth0(&[("10.0.0.1", 24), ("fd00::1", 64)]);
        let at = |ip: &str, prefix| form(&host, ip.parse().unwrap(), prefix);
        assert_eq!(at("10.0.0.9", 24).prefix, 32);
        let elsewhere = at("192.0.2.9", 24);
        assert_eq!((elsewhere.prefix, elsewhere.route), (24, true));
        let covered = at("fd00::9", 64);
        assert_eq!((covered.prefix, covered.route), (64, false));
        assert!(at("fd01::9", 64).route);
        assert_eq!(at("10.0.0.9", 24).label.as_deref(), Some("eth0:hive"));
        assert_eq!(covered.label, None);
        let long = Interface {
            name: "a-long-name".into(),
            ..host
        };
        assert_eq!(form(&long, "10.0.0.9".parse().unwrap(), 24).label, None);
    }

    #[test]
    fn the_mark_decides_and_the_label_where_there_is_none() {
        let told = |protocol, label: Option<&str>| {
            is_ours(&AddressMessage {
                index: 3,
                ip: "10.0.0.9".parse().unwrap(),
                prefix: 32,
                label: label.map(str::to_owned),
                protocol,
            })
        };
        assert!(told(Some(MARK), None));
        assert!(told(None, Some("eth0:hive")));
        assert!(!told(Some(18), Some("eth0:hive")));
        assert!(!told(None, Some("eth0")));
        assert!(!told(None, None));
    }
}

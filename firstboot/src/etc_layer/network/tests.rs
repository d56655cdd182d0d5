//! Interfaces as networkd reads them.

use hive_inventory::seed::Bond;

use super::*;

fn text<'a>(files: &'a [EtcFile], name: &str) -> &'a str {
    let path = format!("systemd/network/{name}");
    let file = files.iter().find(|f| f.path == path);
    let names: Vec<_> = files.iter().map(|f| &f.path).collect();
    std::str::from_utf8(
        &file
            .unwrap_or_else(|| panic!("no {name} in {names:?}"))
            .content,
    )
    .unwrap()
}

fn by_name(name: &str) -> Interface {
    Interface {
        name: Some(name.into()),
        ..Interface::default()
    }
}

fn bond(name: &str, parts: &[&str]) -> Interface {
    Interface {
        bond: Some(Bond {
            interfaces: parts.iter().map(|p| (*p).to_owned()).collect(),
        }),
        ..by_name(name)
    }
}

#[test]
fn a_static_interface() {
    let interface = Interface {
        mac: Some("52:54:00:12:34:56".into()),
        addresses: vec!["192.168.0.4/24".into(), "fd00::4/64".into()],
        gateway: Some("192.168.0.254".parse().unwrap()),
        nameservers: vec!["192.168.0.254".parse().unwrap()],
        ..Interface::default()
    };
    let files = files(&[interface]).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(
        text(&files, "10-hive-0.network"),
        "[Match]\nMACAddress=52:54:00:12:34:56\nType=ether\nKind=!*\n\n[Network]\nDHCP=no\nAddress=192.168.0.4/24\nAddress=fd00::4/64\nGateway=192.168.0.254\nDNS=192.168.0.254\n"
    );
}

#[test]
fn entries_of_one_interface_become_one_file() {
    let mut first = by_name("eth0");
    first.addresses = vec!["10.0.0.4/24".into()];
    first.gateway = Some("10.0.0.1".parse().unwrap());
    let mut second = by_name("eth0");
    second.mac = Some("52:54:00:12:34:AB".into());
    second.addresses = vec!["10.0.1.4/24".into(), "10.0.0.4/24".into()];
    let mut third = second.clone();
    third.name = None;
    third.dhcp = true;
    third.addresses.clear();
    let files = files(&[first, second, third]).unwrap();
    assert_eq!(files.len(), 1);
    assert_eq!(
        text(&files, "10-hive-0.network"),
        "[Match]\nMACAddress=52:54:00:12:34:ab\nType=ether\nKind=!*\n\n[Network]\nDHCP=yes\nAddress=10.0.0.4/24\nAddress=10.0.1.4/24\nGateway=10.0.0.1\n"
    );
}

#[test]
fn a_bond_with_vlans_on_it() {
    let mut storage = bond("bond0", &["eno1", "eno2"]);
    storage.vlan = Some(5);
    storage.addresses = vec!["10.5.0.4/24".into()];
    // The bond was described once; that is enough.
    let mut public = by_name("bond0");
    public.vlan = Some(4094);
    public.dhcp = true;
    let files = files(&[storage, public]).unwrap();
    assert_eq!(
        text(&files, "10-hive-0.netdev"),
        "[NetDev]\nName=bond0\nKind=bond\n\n[Bond]\nMode=802.3ad\nMIIMonitorSec=100ms\nUpDelaySec=600ms\nDownDelaySec=600ms\nTransmitHashPolicy=layer2+3\n"
    );
    assert_eq!(
        text(&files, "10-hive-0-parts.network"),
        "[Match]\nName=eno1 eno2\n\n[Network]\nBond=bond0\n"
    );
    assert_eq!(
        text(&files, "10-hive-0.network"),
        "[Match]\nName=bond0\nKind=bond\n\n[Link]\nRequiredForOnline=carrier\n\n[Network]\nDHCP=no\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nVLAN=bond0.5\nVLAN=bond0.4094\n"
    );
    assert_eq!(
        text(&files, "10-hive-0-vlan5.netdev"),
        "[NetDev]\nName=bond0.5\nKind=vlan\n\n[VLAN]\nId=5\n"
    );
    assert_eq!(
        text(&files, "10-hive-0-vlan5.network"),
        "[Match]\nName=bond0.5\nKind=vlan\n\n[Network]\nDHCP=no\nAddress=10.5.0.4/24\n"
    );
    assert!(text(&files, "10-hive-0-vlan4094.network").contains("DHCP=yes"));
    assert_eq!(files.len(), 7);
}

#[test]
fn a_vlan_beside_addresses_of_the_interface_itself() {
    let mut plain = by_name("enp1s0");
    plain.dhcp = true;
    let mut tagged = by_name("enp1s0");
    tagged.vlan = Some(7);
    let files = files(&[plain, tagged]).unwrap();
    assert_eq!(
        text(&files, "10-hive-0.network"),
        "[Match]\nName=enp1s0\n\n[Network]\nDHCP=yes\nVLAN=enp1s0.7\n"
    );
    // Without addresses, as networks without `ips` are.
    assert_eq!(
        text(&files, "10-hive-0-vlan7.network"),
        "[Match]\nName=enp1s0.7\nKind=vlan\n\n[Link]\nRequiredForOnline=carrier\n\n[Network]\nDHCP=no\n"
    );
}

#[test]
fn names_of_vlans_are_short_and_each_is_there_once() {
    let on = |interface: Interface, vlan| Interface {
        vlan: Some(vlan),
        ..interface
    };
    let mac = |last: &str| Interface {
        mac: Some(format!("52:54:00:12:34:{last}")),
        ..Interface::default()
    };
    let files = files(&[
        on(by_name("enp129s0f1np1"), 100),
        on(mac("01"), 100),
        on(mac("02"), 100),
        by_name("vlan200"),
        on(mac("02"), 200),
    ])
    .unwrap();
    let names: Vec<&str> = files
        .iter()
        .filter(|f| f.path.ends_with(".netdev"))
        .filter_map(|f| std::str::from_utf8(&f.content).unwrap().lines().nth(1))
        .collect();
    assert_eq!(
        names,
        [
            "Name=vlan100",
            "Name=vlan100-1",
            "Name=vlan100-2",
            "Name=vlan200-2"
        ]
    );
}

#[test]
fn values_that_are_none_are_refused() {
    let dhcp = |name: &str| Interface {
        dhcp: true,
        ..by_name(name)
    };
    assert!(files(&[dhcp("enp1s0")]).is_ok());
    for name in [
        "eth0\nDHCP=yes",
        "",
        "eth 0",
        "*",
        "!eth0",
        "lo",
        "sixteen-letters-",
    ] {
        assert!(files(&[dhcp(name)]).is_err(), "{name:?}");
        assert!(
            files(&[bond("bond0", &["eth0", name])]).is_err(),
            "{name:?}"
        );
    }
    assert_eq!(
        files(&[Interface::default()]).unwrap_err(),
        RenderError::Unnamed(0)
    );
    for address in ["192.168.0.4/33", "192.168.0.4", "192.168.0.4/+8", "::/129"] {
        let mut odd = dhcp("eth0");
        odd.addresses = vec![address.into()];
        assert!(files(&[odd]).is_err(), "{address:?}");
    }
    for vlan in [0, 4095, u16::MAX] {
        let mut odd = dhcp("eth0");
        odd.vlan = Some(vlan);
        assert!(files(&[odd]).is_err(), "{vlan}");
    }
    let mut odd = dhcp("eth0");
    odd.mac = Some("52:54:00:12:34:5\n".into());
    assert!(files(&[odd]).is_err());
}

#[test]
fn an_interface_is_not_two_things() {
    let refused = |interfaces: &[Interface]| {
        let error = files(interfaces).unwrap_err();
        assert!(matches!(error, RenderError::Bond { .. }), "{error}");
    };
    refused(&[bond("bond0", &[])]);
    refused(&[bond("bond0", &["eth0", "eth0"])]);
    refused(&[bond("bond0", &["eth0"]), bond("bond1", &["eth0"])]);
    refused(&[bond("bond0", &["eth0"]), by_name("eth0")]);
    refused(&[bond("bond0", &["eth0"]), bond("bond0", &["eth1"])]);
    let mut odd = bond("bond0", &["eth0"]);
    odd.mac = Some("52:54:00:12:34:56".into());
    refused(&[odd]);
    let nameless = Interface {
        name: None,
        ..bond("x", &["eth0"])
    };
    assert_eq!(files(&[nameless]).unwrap_err(), RenderError::Unnamed(0));
}

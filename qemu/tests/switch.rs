//! Private networks: frames between members, silently lost frames, machines that come and go.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, not in what they share

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hive_qemu::{
    Error, FirmwareSearch, Lifetime, Mac, Nic, Patience, Switch, Tap, Version, Vm, VmConfig,
};
use serde_json::json;

const SOON: Duration = Duration::from_secs(10);
/// Long enough for a frame that must not come.
const NEVER: Duration = Duration::from_millis(300);

fn can_run() -> bool {
    let ready = Version::query("qemu-system-x86_64").and_then(|_| FirmwareSearch::default().find());
    if let Err(error) = &ready {
        println!("SKIPPED: {error}");
    }
    ready.is_ok()
}

fn frame(fill: u8) -> Vec<u8> {
    let mut frame = vec![0xff; 6];
    frame.extend(Mac::local(fill.into()).0);
    frame.extend([0x88, 0xb5]); // for experiments, IEEE 802
    frame.extend([fill; 50]);
    frame
}

/// Sends until the other end hears it: a port passes nothing before it noticed its new member.
fn meet(from: &mut Tap, to: &mut Tap, fill: u8) {
    let until = Instant::now() + SOON;
    while Instant::now() < until {
        from.send(&frame(fill)).unwrap();
        if to.receive(NEVER).unwrap() == Some(frame(fill)) {
            while to.receive(NEVER).unwrap().is_some() {}
            return;
        }
    }
    panic!("no frame came through");
}

#[test]
fn members_hear_each_other_and_not_themselves() {
    if !can_run() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let switch = Switch::start(dir.path(), Lifetime::Tied).unwrap();
    let [mut a, mut b, mut c] = ["a", "b", "c"].map(|name| switch.tap(name).unwrap());
    meet(&mut a, &mut b, 1);
    meet(&mut b, &mut c, 2);
    while a.receive(NEVER).unwrap().is_some() {}

    c.send(&frame(3)).unwrap();
    assert_eq!(a.receive(SOON).unwrap(), Some(frame(3)));
    assert_eq!(b.receive(SOON).unwrap(), Some(frame(3)));
    assert_eq!(c.receive(NEVER).unwrap(), None, "its own frame came back");

    switch.set_port("b", false).unwrap();
    a.send(&frame(4)).unwrap();
    assert_eq!(c.receive(SOON).unwrap(), Some(frame(4)));
    assert_eq!(
        b.receive(NEVER).unwrap(),
        None,
        "a port that is down let a frame through"
    );
    switch.set_port("b", true).unwrap();

    let taken = switch.tap("b").unwrap_err();
    assert!(matches!(taken, Error::PlugTaken { .. }), "{taken}");
    drop(b);
    let mut b = switch.tap("b").unwrap();
    meet(&mut a, &mut b, 5);
    assert!(switch.port("../x").is_err());
}

#[test]
fn who_spoke_while_alone_is_heard_by_who_comes_later() {
    if !can_run() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let switch = Switch::start(dir.path(), Lifetime::Tied).unwrap();
    let mut a = switch.tap("a").unwrap();
    let alone = Instant::now();
    while alone.elapsed() < NEVER {
        a.send(&frame(1)).unwrap();
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut b = switch.tap("b").unwrap();
    meet(&mut a, &mut b, 2);
    meet(&mut b, &mut a, 3);
}

/// QEMU ends with a segmentation fault when a frame is for a port that is up and has nobody.
#[test]
fn frames_for_a_port_without_a_member_harm_nobody() {
    if !can_run() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let switch = Switch::start(dir.path(), Lifetime::Tied).unwrap();
    let mut a = switch.tap("a").unwrap();
    for number in 0..30 {
        // What is sent first is still on its way while the port is made.
        for _ in 0..100 {
            a.send(&frame(1)).unwrap();
        }
        let name = format!("empty-{number}");
        switch.port(&name).unwrap();
        switch.set_port(&name, true).unwrap();
    }
    let mut b = switch.tap("empty-0").unwrap();
    meet(&mut a, &mut b, 2);
    drop(b);
    switch.set_port("empty-0", true).unwrap();
    let mut b = switch.tap("empty-1").unwrap();
    meet(&mut a, &mut b, 3);
}

/// The switch's end of a port waits until its frames are taken, and everybody else with it. A
/// machine that takes none (its system has not come to its network yet) must not be felt.
#[test]
fn a_machine_that_takes_no_frames_holds_nobody_up() {
    if !can_run() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let switch = Switch::start(&dir.path().join("switch"), Lifetime::Tied).unwrap();
    let nic = Nic::switch(Mac::local(9), switch.port("vm").unwrap());
    let config = VmConfig::new("vm", dir.path().join("vm")).memory(256);
    let _vm = Vm::start(config.nic(nic)).unwrap();
    let [mut a, mut b] = ["a", "b"].map(|name| switch.tap(name).unwrap());
    meet(&mut a, &mut b, 1);

    // Several times what a socket holds.
    let mut large = frame(2);
    large.extend([2; 1400]);
    for number in 0..3000 {
        a.send(&large).unwrap();
        let heard = b.receive(SOON).unwrap();
        assert_eq!(heard.as_ref(), Some(&large), "frame {number} of 3000");
    }
}

/// Stops what is meant to outlive the test, when the test fails.
struct Stop(PathBuf);

impl Drop for Stop {
    fn drop(&mut self) {
        if let Ok(switch) = Switch::attach(&self.0) {
            switch.stop().unwrap();
        }
    }
}

#[test]
fn a_switch_outlives_its_handle_only_if_it_shall() {
    if !can_run() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let _whatever_happens = Stop(dir.path().to_owned());
    let switch = Switch::start(dir.path(), Lifetime::Detached).unwrap();
    switch.port("a").unwrap();
    let again = Switch::start(dir.path(), Lifetime::Tied).unwrap_err();
    assert!(matches!(again, Error::AlreadyRunning { .. }), "{again}");
    drop(switch);
    let switch = Switch::attach(dir.path()).unwrap();
    let (mut a, mut b) = (switch.tap("a").unwrap(), switch.tap("b").unwrap());
    meet(&mut a, &mut b, 1);
    let port = switch.port("a").unwrap();
    drop(a);
    switch.stop().unwrap();

    let gone = Switch::attach(dir.path()).unwrap_err();
    assert!(matches!(gone, Error::NotRunning { .. }), "{gone}");
    let config = VmConfig::new("vm", dir.path().join("vm")).nic(Nic::switch(Mac::local(1), port));
    let error = Vm::start(config).unwrap_err().to_string();
    assert!(error.contains("no switch runs there"), "{error}");
}

/// The DHCP message type (option 53, RFC 2132) of a frame, with its sender, if it is DHCP.
fn dhcp(frame: &[u8]) -> Option<(&[u8], u8)> {
    let udp_ports = frame.get(34..38)?;
    let is_udp = frame[12..14] == [0x08, 0x00] && frame[23] == 17;
    let is_dhcp = udp_ports == [0, 68, 0, 67] || udp_ports == [0, 67, 0, 68];
    if !is_udp || !is_dhcp {
        return None;
    }
    let mut options = frame.get(14 + 20 + 8 + 240..)?;
    while let [code, length, rest @ ..] = options {
        if *code == 53 {
            return Some((&frame[6..12], *rest.first()?));
        }
        options = rest.get(usize::from(*length)..)?;
    }
    None
}

/// A machine's firmware boots from the network. A DHCP server in another QEMU process answers it;
/// that it then asks for what was offered proves frames both ways, through the whole path.
#[test]
fn a_machine_and_another_qemu_exchange_frames() {
    if !can_run() {
        return;
    }
    let patience = Patience::measured().unwrap().shared_by(4);
    let dir = tempfile::tempdir().unwrap();
    let switch = Switch::start(&dir.path().join("switch"), Lifetime::Tied).unwrap();
    let server =
        json!({"type": "user", "id": "server", "restrict": true, "bootfile": "nothing.efi"});
    switch.execute("netdev_add", server).unwrap();
    let member = json!({"type": "hubport", "id": "hub-server", "hubid": 0, "netdev": "server"});
    switch.execute("netdev_add", member).unwrap();
    let mut tap = switch.tap("watch").unwrap();
    let capture = dir.path().join("frames.pcap");
    switch.capture("watch", &capture).unwrap();

    let mac = Mac::local(0xabcdef);
    let nic = Nic {
        netboot: true,
        ..Nic::switch(mac, switch.port("vm").unwrap())
    };
    // A folder too deep for the path of a socket.
    let deep = dir.path().join("d".repeat(120));
    let vm = Vm::start(VmConfig::new("vm", deep).memory(256).nic(nic)).unwrap();

    let (discover, offer, request) = (1, 2, 3);
    let mut seen = Vec::new();
    vm.wait_until(
        "the firmware to ask for the address offered",
        patience.scale(Duration::from_secs(60)),
        || {
            while let Some(frame) = tap.receive(Duration::from_millis(100))? {
                if let Some((sender, kind)) = dhcp(&frame) {
                    seen.push((sender == mac.0, kind));
                }
            }
            Ok::<_, std::io::Error>(seen.contains(&(true, request)).then_some(()))
        },
    )
    .unwrap();
    assert!(
        seen.contains(&(true, discover)) && seen.contains(&(false, offer)),
        "{seen:?}"
    );
    assert!(capture.metadata().unwrap().len() > 24, "nothing captured");
    vm.set_link(0, false).unwrap();
    vm.set_link(0, true).unwrap();
    assert!(vm.set_link(7, false).is_err());
}

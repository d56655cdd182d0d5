//! What machine this is, as its firmware and network cards tell.

use std::fs;
use std::path::Path;

use hive_inventory::seed::Machine;

/// Hardware type of Ethernet (include/uapi/linux/if_arp.h).
const ETHERNET: &str = "1";

/// Reads it from sysfs, mounted at `sys`.
pub fn machine(sys: &Path) -> Machine {
    let dmi = |file: &str| text(&sys.join("class/dmi/id").join(file));
    Machine {
        macs: macs(&sys.join("class/net")),
        serial: dmi("product_serial"),
        uuid: dmi("product_uuid"),
    }
}

/// Hardware addresses of the network cards; what has no device below it is made by software.
fn macs(folder: &Path) -> Vec<String> {
    let mut out: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|card| card.join("device").exists())
        .filter(|card| text(&card.join("type")).as_deref() == Some(ETHERNET))
        .filter_map(|card| text(&card.join("address")))
        .collect();
    out.sort();
    out.dedup();
    out
}

fn text(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_firmware_are_read() {
        let sys = tempfile::tempdir().unwrap();
        let put = |path: &str, content: &str| {
            let path = sys.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        put("class/net/lo/address", "00:00:00:00:00:00\n");
        put("class/net/lo/type", "772\n");
        put("class/net/eth0/address", "52:54:00:00:00:01\n");
        put("class/net/eth0/type", "1\n");
        put("class/net/eth0/device/vendor", "0x1af4\n");
        put("class/net/br0/address", "52:54:00:00:00:99\n");
        put("class/net/br0/type", "1\n");
        put("class/dmi/id/product_serial", "\n");
        put("class/dmi/id/product_uuid", "AB-CD\n");
        assert_eq!(
            machine(sys.path()),
            Machine {
                macs: vec!["52:54:00:00:00:01".into()],
                serial: None,
                uuid: Some("AB-CD".into()),
            }
        );
        assert_eq!(
            machine(Path::new("/does/not/exist/at/all")),
            Machine::default()
        );
    }
}

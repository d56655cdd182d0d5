//! What service definitions put into the inventory: services, images (`image_NAME`), volumes
//! (`volume_NAME`) and networks, each as if it were a host.
//!
//! Here nothing is judged; whoever reads the services says what is wrong with them.

use super::inventory::{Inventory, Kind, entry, number, text};
use crate::hive::stage::StageName;
use crate::yaml::tree::{Entry, Node, Value};

/// The network that every site has.
const DEFAULT_NETWORK: &str = "hive_default_network";
/// What a standalone service gets on top: memory in these places,
const STANDALONE_TMPFS: [&str; 3] = ["/run", "/tmp", "/sys/fs/cgroup"];
/// these capabilities,
const STANDALONE_CAPABILITIES: [&str; 5] = [
    "NET_ADMIN",
    "SYS_ADMIN",
    "SYSLOG",
    "SYS_PTRACE",
    "AUDIT_CONTROL",
];
/// and, unless it has one, this command.
const STANDALONE_COMMAND: [&str; 3] = [
    "sh",
    "-c",
    "mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec /sbin/init",
];
/// The keys of a mount that concern a container; the others concern the volume.
const OF_MOUNTS: [&str; 4] = ["source", "target", "type", "readonly"];
/// The keys of a definition that are no variables.
const NO_VARIABLES: [&str; 4] = ["available_on", "image", "volumes", "ports"];

/// Adds what one service definition defines.
pub(crate) fn add(inventory: &mut Inventory, node: &Node) {
    let groups = [
        "services",
        "images",
        "volumes",
        "drbd_volumes",
        "nfs_volumes",
        "networks",
    ];
    for group in groups {
        inventory.groups.declare(group);
    }
    let everywhere = stages(node.get("available_on")).unwrap_or(StageName::ALL.to_vec());
    for stage in &everywhere {
        inventory.groups.declare(stage.name());
    }
    for service in entries(node.get("services")) {
        add_service(inventory, service, &everywhere);
    }
    for network in entries(node.get("networks")) {
        let given = prefixed(&network.node, &[]);
        place(
            inventory,
            &network.key,
            Kind::Network,
            given,
            &["networks"],
            &everywhere,
        );
    }
    place(
        inventory,
        DEFAULT_NETWORK,
        Kind::Network,
        Vec::new(),
        &["networks"],
        &everywhere,
    );
}

fn add_service(inventory: &mut Inventory, service: &Entry, everywhere: &[StageName]) {
    let node = &service.node;
    let stages = stages(node.get("available_on")).unwrap_or_else(|| everywhere.to_vec());
    let standalone = node
        .get("standalone")
        .is_some_and(|entry| is_true(&entry.node));
    let mut given = prefixed(node, &NO_VARIABLES);
    let image = node.get("image");
    let image_name = format!("image_{}", service.key);
    match image.map(|image| (&image.node.value, image)) {
        Some((Value::Map(_), image)) => {
            given.push(text("hive_image_name", &*image_name, image.place))
        }
        Some((_, image)) => given.push(renamed(image, "hive_image")),
        None => {}
    }
    if let Some(mounts) = mounts(node, standalone) {
        given.push(entry("hive_volumes", mounts));
    }
    if standalone {
        make_standalone(&mut given, node);
    }
    if let Some(ports) = node.get("ports") {
        given.push(entry("hive_ports", ports_of(&ports.node)));
    }
    place(
        inventory,
        &service.key,
        Kind::Service,
        given,
        &["services"],
        &stages,
    );
    for volume in items(node.get("volumes")) {
        add_volume(inventory, volume, &stages);
    }
    if let Some(image) = image
        && matches!(image.node.value, Value::Map(_))
    {
        let mut given = prefixed(&image.node, &[]);
        if standalone && image.node.get("standalone").is_none() {
            given.extend(
                node.get("standalone")
                    .map(|e| renamed(e, "hive_standalone")),
            );
        }
        place(
            inventory,
            &image_name,
            Kind::Image,
            given,
            &["images"],
            &stages,
        );
    }
}

fn add_volume(inventory: &mut Inventory, volume: &Node, stages_of_service: &[StageName]) {
    let Some(source) = volume.get("source").and_then(|e| e.node.as_text()) else {
        return;
    };
    let (group, key) = if volume.get("drbd").is_some() {
        ("drbd_volumes", "drbd")
    } else if volume.get("nfs").is_some() {
        ("nfs_volumes", "nfs")
    } else if volume.get("driver").is_some() {
        ("volumes", "driver")
    } else {
        return;
    };
    let Some(kind) = volume.get(key) else { return };
    let mut map = vec![text("name", source, volume.place), kind.clone()];
    if key == "driver"
        && let Some(options) = volume.get("driver_opts")
    {
        map.push(renamed(options, "driver_options"));
    }
    let node = Node {
        value: Value::Map(map),
        place: volume.place,
    };
    let stages = stages(kind.node.get("available_on")).unwrap_or(stages_of_service.to_vec());
    let name = format!("volume_{source}");
    place(
        inventory,
        &name,
        Kind::Volume,
        vec![entry("hive_volume", node)],
        &[group],
        &stages,
    );
}

fn place(
    inventory: &mut Inventory,
    name: &str,
    kind: Kind,
    given: Vec<Entry>,
    groups: &[&'static str],
    stages: &[StageName],
) {
    inventory.add(name, kind, given);
    for group in groups
        .iter()
        .copied()
        .chain(stages.iter().map(|s| s.name()))
    {
        inventory.groups.add(group, name);
    }
}

/// The mounts of a service without what concerns volumes.
fn mounts(node: &Node, standalone: bool) -> Option<Node> {
    let written = node.get("volumes");
    if written.is_none() && !standalone {
        return None;
    }
    let at = written.map_or(node.place, |entry| entry.place);
    let memory = STANDALONE_TMPFS
        .iter()
        .filter(|_| standalone)
        .map(|target| Node {
            value: Value::Map(vec![
                text("source", "", at),
                text("target", *target, at),
                text("type", "tmpfs", at),
            ]),
            place: at,
        });
    let own = items(written).iter().map(|item| match &item.value {
        Value::Map(entries) => Node {
            value: Value::Map(
                entries
                    .iter()
                    .filter(|entry| OF_MOUNTS.contains(&entry.key.as_str()))
                    .cloned()
                    .collect(),
            ),
            place: item.place,
        },
        _ => item.clone(),
    });
    Some(Node {
        value: Value::List(memory.chain(own).collect()),
        place: at,
    })
}

fn make_standalone(given: &mut Vec<Entry>, node: &Node) {
    let at = node
        .get("standalone")
        .map_or(node.place, |entry| entry.place);
    let word = |word: &str| text("", word, at).node;
    if node.get("command").is_none() {
        let words = Value::List(STANDALONE_COMMAND.map(word).to_vec());
        given.push(entry(
            "hive_command",
            Node {
                value: words,
                place: at,
            },
        ));
    }
    let mut capabilities: Vec<Node> = items(node.get("cap_add")).to_vec();
    for capability in STANDALONE_CAPABILITIES {
        if !capabilities.iter().any(|c| c.as_text() == Some(capability)) {
            capabilities.push(word(capability));
        }
    }
    given.retain(|entry| entry.key != "hive_cap_add");
    let value = Value::List(capabilities);
    given.push(entry("hive_cap_add", Node { value, place: at }));
}

/// Ports in their long form; a published port that is not given stays open.
fn ports_of(node: &Node) -> Node {
    let Value::List(items) = &node.value else {
        return node.clone();
    };
    let long = items.iter().map(|item| match item.as_text() {
        Some(short) => long_form(short, item).unwrap_or_else(|| item.clone()),
        None => with_protocol(item),
    });
    Node {
        value: Value::List(long.collect()),
        place: node.place,
    }
}

fn with_protocol(item: &Node) -> Node {
    let mut item = item.clone();
    if let Value::Map(entries) = &mut item.value
        && !entries.iter().any(|entry| entry.key == "protocol")
    {
        entries.push(text("protocol", "tcp", item.place));
    }
    item
}

fn long_form(short: &str, item: &Node) -> Option<Node> {
    let (ports, protocol) = short.split_once('/').unwrap_or((short, "tcp"));
    let (published, target) = match ports.split_once(':') {
        Some((published, target)) => (Some(published), target),
        None => (None, ports),
    };
    let mut map = vec![
        text("protocol", protocol, item.place),
        number("target_port", target.parse::<u16>().ok()?, item.place),
    ];
    if let Some(published) = published {
        map.push(number(
            "published_port",
            published.parse::<u16>().ok()?,
            item.place,
        ));
    }
    Some(Node {
        value: Value::Map(map),
        place: item.place,
    })
}

/// The keys of a mapping as variables, but for these.
fn prefixed(node: &Node, without: &[&str]) -> Vec<Entry> {
    let Value::Map(entries) = &node.value else {
        return Vec::new();
    };
    entries
        .iter()
        .filter(|entry| !without.contains(&entry.key.as_str()))
        .map(|entry| renamed(entry, &format!("hive_{}", entry.key)))
        .collect()
}

fn renamed(entry: &Entry, key: &str) -> Entry {
    Entry {
        key: key.to_owned(),
        ..entry.clone()
    }
}

fn is_true(node: &Node) -> bool {
    match &node.value {
        Value::Bool { value, .. } => *value,
        Value::Text(text) => matches!(text.to_lowercase().as_str(), "yes" | "on" | "true"),
        _ => false,
    }
}

fn stages(entry: Option<&Entry>) -> Option<Vec<StageName>> {
    let Value::List(items) = &entry?.node.value else {
        return None;
    };
    let names = items.iter().filter_map(Node::as_text);
    Some(names.filter_map(StageName::from_name).collect())
}

fn items(entry: Option<&Entry>) -> &[Node] {
    match entry.map(|entry| &entry.node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

fn entries(entry: Option<&Entry>) -> &[Entry] {
    match entry.map(|entry| &entry.node.value) {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    }
}

//! The table `inet hive_vip`: nft(8), libnftables-json(5).

use std::fmt::Write as _;
use std::net::IpAddr;

use hive_system::{Failure, Program};
use serde_json::Value;

use super::{Forward, run};
use crate::error::Error;

/// The table's name; nothing else is in it.
const TABLE: &str = "hive_vip";
/// Its chains with their hooks. One step before Docker's, which come at −100 and 100: the first who
/// rewrites a connection decides, and a port that Docker publishes on all addresses would win.
const CHAINS: [(&str, &str, i64); 3] = [
    ("from_network", "prerouting", -101),
    ("from_host", "output", -101),
    ("to_network", "postrouting", 99),
];

/// What became of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// It was as wanted.
    Unchanged,
    /// It was written anew, as a whole.
    Written,
    /// It was removed, because nothing is wanted of it.
    Removed,
}

/// Reads the table and writes it when it is another one.
pub(super) async fn reconcile(wanted: &[Forward]) -> Result<Table, Error> {
    let rules = rules(wanted);
    let seen = match read().await {
        // Without nft nothing of ours can be there.
        Err(Error::Program {
            source: Failure::Missing { .. },
            ..
        }) if rules.is_empty() => None,
        read => read?,
    };
    let (text, outcome) = match seen {
        None if rules.is_empty() => return Ok(Table::Unchanged),
        Some(seen) if !rules.is_empty() && same(&seen, &rules) => return Ok(Table::Unchanged),
        Some(_) if rules.is_empty() => (removal(), Table::Removed),
        _ => (script(&rules), Table::Written),
    };
    let program = Program::new("nft").package("nftables");
    let program = program.args(["-f", "-"]).stdin(text);
    run::text("writing the rules that lead ports to containers", program).await?;
    Ok(outcome)
}

/// A rule of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    chain: &'static str,
    /// What it does, in nft's words.
    text: String,
    /// The same for the rule's comment, by which it is recognised. Shorter than nft's 128 bytes.
    comment: String,
}

/// The table as it is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    /// Chains with hook and priority, in any order.
    chains: Vec<(String, String, i64)>,
    /// Chain and comment of each rule, in order within a chain; without a comment it is not ours.
    rules: Vec<(String, Option<String>)>,
}

fn rules(wanted: &[Forward]) -> Vec<Rule> {
    let mut rules = Vec::new();
    for forward in wanted {
        let (vip, container) = (forward.vip, forward.container);
        let ip = family(vip);
        for port in &forward.ports {
            let (protocol, number) = (port.protocol.name(), port.number);
            for chain in ["from_network", "from_host"] {
                rules.push(Rule {
                    chain,
                    text: format!(
                        "{ip} daddr {vip} {protocol} dport {number} dnat {ip} to {container}"
                    ),
                    comment: format!("{vip} {port} to {container}"),
                });
            }
        }
        if !forward.ports.is_empty() {
            // A container that speaks to its own virtual address gets its own packets back; with
            // its own address as their source it would take them for forged ones.
            rules.push(Rule {
                chain: "to_network",
                text: format!(
                    "{ip} saddr {container} {ip} daddr {container} ct status dnat masquerade"
                ),
                comment: format!("{container} to itself"),
            });
        }
        if let Some(index) = forward.leaves_by {
            rules.push(Rule {
                chain: "to_network",
                // A number, because a name may hold what nft takes for a pattern. nft refuses the
                // whole table when there is no interface of that number.
                text: format!("oif {index} {ip} saddr {container} snat {ip} to {vip}"),
                comment: format!("{container} by {index} as {vip}"),
            });
        }
    }
    rules
}

fn family(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { "ip" } else { "ip6" }
}

/// Replaces the table in one transaction. It is named before it is deleted, so that deleting it is
/// no error when it is not there.
fn script(rules: &[Rule]) -> String {
    let mut text = removal();
    let _ = writeln!(text, "table inet {TABLE} {{");
    for (chain, hook, priority) in CHAINS {
        let _ = writeln!(text, "chain {chain} {{");
        let _ = writeln!(
            text,
            "type nat hook {hook} priority {priority}; policy accept;"
        );
        for rule in rules.iter().filter(|rule| rule.chain == chain) {
            let _ = writeln!(text, "{} comment \"{}\"", rule.text, rule.comment);
        }
        text.push_str("}\n");
    }
    text.push_str("}\n");
    text
}

fn removal() -> String {
    format!("table inet {TABLE} {{}}\ndelete table inet {TABLE}\n")
}

/// Whether the table is what [`script`] makes of the rules.
fn same(seen: &Seen, rules: &[Rule]) -> bool {
    let chains = CHAINS.iter().all(|(chain, hook, priority)| {
        seen.chains
            .iter()
            .any(|(c, h, p)| c == chain && h == hook && p == priority)
    });
    let same_rules = CHAINS.iter().all(|(chain, ..)| {
        let there = seen.rules.iter().filter(|(c, _)| c == chain);
        let there = there.map(|(_, comment)| comment.as_deref());
        let wanted = rules.iter().filter(|rule| rule.chain == *chain);
        there.eq(wanted.map(|rule| Some(rule.comment.as_str())))
    });
    chains && same_rules && seen.chains.len() == CHAINS.len()
}

/// The table as it is; `None` if there is none.
async fn read() -> Result<Option<Seen>, Error> {
    let doing = "reading the rules that lead ports to containers";
    let nft = || Program::new("nft").package("nftables").arg("-j");
    // Asking for a table that is not there is an error like any other; a list of tables is none.
    let tables = run::text(doing, nft().args(["list", "tables"])).await?;
    let there = entries(doing, &tables)?
        .iter()
        .any(|entry| entry["table"]["family"] == "inet" && entry["table"]["name"] == TABLE);
    if !there {
        return Ok(None);
    }
    // Without looking up names, so that it never asks a name server.
    let table = run::text(doing, nft().args(["-n", "list", "table", "inet", TABLE])).await?;
    Ok(Some(seen(&entries(doing, &table)?)))
}

fn entries(doing: &str, text: &str) -> Result<Vec<Value>, Error> {
    let unreadable = |what: String| Error::Answer {
        doing: doing.to_owned(),
        what,
    };
    let document: Value = serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?;
    document["nftables"]
        .as_array()
        .cloned()
        .ok_or_else(|| unreadable("nft's JSON has no list `nftables`".to_owned()))
}

fn seen(entries: &[Value]) -> Seen {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut seen = Seen::default();
    for entry in entries {
        if let Some(chain) = entry.get("chain") {
            let priority = chain["prio"].as_i64().unwrap_or_default();
            seen.chains
                .push((text(&chain["name"]), text(&chain["hook"]), priority));
        } else if let Some(rule) = entry.get("rule") {
            let comment = rule["comment"].as_str().map(str::to_owned);
            seen.rules.push((text(&rule["chain"]), comment));
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port_list::PortList;

    fn forward(vip: &str, container: &str, ports: &str, leaves_by: Option<u32>) -> Forward {
        let ports: PortList = ports.parse().unwrap();
        let (vip, container) = (vip.parse().unwrap(), container.parse().unwrap());
        Forward::new(vip, container, ports.ports(), leaves_by).unwrap()
    }

    #[test]
    fn the_table_as_nft_reads_it() {
        let wanted = [
            forward("10.0.0.9", "172.18.0.5", "80,53/udp", Some(3)),
            forward("fd00::9", "fd01::5", "80", None),
        ];
        let text = script(&rules(&wanted));
        assert_eq!(
            text,
            r#"table inet hive_vip {}
delete table inet hive_vip
table inet hive_vip {
chain from_network {
type nat hook prerouting priority -101; policy accept;
ip daddr 10.0.0.9 tcp dport 80 dnat ip to 172.18.0.5 comment "10.0.0.9 80/tcp to 172.18.0.5"
ip daddr 10.0.0.9 udp dport 53 dnat ip to 172.18.0.5 comment "10.0.0.9 53/udp to 172.18.0.5"
ip6 daddr fd00::9 tcp dport 80 dnat ip6 to fd01::5 comment "fd00::9 80/tcp to fd01::5"
}
chain from_host {
type nat hook output priority -101; policy accept;
ip daddr 10.0.0.9 tcp dport 80 dnat ip to 172.18.0.5 comment "10.0.0.9 80/tcp to 172.18.0.5"
ip daddr 10.0.0.9 udp dport 53 dnat ip to 172.18.0.5 comment "10.0.0.9 53/udp to 172.18.0.5"
ip6 daddr fd00::9 tcp dport 80 dnat ip6 to fd01::5 comment "fd00::9 80/tcp to fd01::5"
}
chain to_network {
type nat hook postrouting priority 99; policy accept;
ip saddr 172.18.0.5 ip daddr 172.18.0.5 ct status dnat masquerade comment "172.18.0.5 to itself"
oif 3 ip saddr 172.18.0.5 snat ip to 10.0.0.9 comment "172.18.0.5 by 3 as 10.0.0.9"
ip6 saddr fd01::5 ip6 daddr fd01::5 ct status dnat masquerade comment "fd01::5 to itself"
}
}
"#
        );
    }

    #[test]
    fn comments_fit_what_nft_takes() {
        let longest = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff";
        let wanted = forward(
            &format!("{longest}fe"),
            &format!("{longest}ff"),
            "65535/sctp",
            Some(u32::MAX),
        );
        for rule in rules(&[wanted]) {
            assert!(rule.comment.len() < 128, "{}", rule.comment);
        }
    }

    #[test]
    fn any_difference_is_seen() {
        let rules = rules(&[forward("10.0.0.9", "172.18.0.5", "80,81", None)]);
        let as_written = || Seen {
            chains: CHAINS
                .iter()
                .map(|(c, h, p)| ((*c).to_owned(), (*h).to_owned(), *p))
                .collect(),
            rules: rules
                .iter()
                .map(|rule| (rule.chain.to_owned(), Some(rule.comment.clone())))
                .collect(),
        };
        assert!(same(&as_written(), &rules));
        let changes: [fn(&mut Seen); 5] = [
            |seen| drop(seen.rules.pop()),
            |seen| seen.rules.push(("from_network".into(), None)),
            |seen| drop(seen.chains.pop()),
            |seen| seen.chains[0].2 = 0,
            |seen| seen.rules.swap(0, 2),
        ];
        for change in changes {
            let mut seen = as_written();
            change(&mut seen);
            assert!(!same(&seen, &rules), "{seen:?}");
        }
    }
}

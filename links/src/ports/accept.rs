//! Rules of ours in Docker's chain `DOCKER-USER`: iptables(8), iptables-extensions(8).
//!
//! Docker drops what is forwarded to containers unless a port is published. It leaves this one chain
//! to others and passes everything through it first; it makes the chain when it starts and keeps what
//! is in it.

use std::net::IpAddr;
use std::path::Path;

use hive_system::{Failure, Program};

use super::{Forward, run};
use crate::error::Error;
use crate::port_list::Port;

const CHAIN: &str = "DOCKER-USER";
/// How each comment of ours begins.
const COMMENT: &str = "hive_vip ";
/// How long iptables waits for others that change rules, in seconds.
const WAIT: &str = "5";

/// What became of our rules in Docker's chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chain {
    /// They were as wanted.
    Unchanged,
    /// Some were added or removed.
    Changed,
    /// There is no chain `DOCKER-USER`, and nothing that drops what is forwarded: Docker has not
    /// started yet, or leaves this family alone, as it does with IPv6 unless told otherwise.
    NotNeeded,
    /// There is no chain `DOCKER-USER`, what is forwarded is dropped, and something is wanted: try
    /// again when Docker is up.
    Missing,
}

/// The two iptables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    fn program(self) -> Program {
        let name = match self {
            Self::V4 => "iptables",
            Self::V6 => "ip6tables",
        };
        Program::new(name).package("iptables").args(["-w", WAIT])
    }

    /// Whether the kernel knows the family: IPv6 can be switched off at boot, and then ip6tables only
    /// fails.
    fn is_spoken(self) -> bool {
        self == Self::V4 || Path::new("/proc/sys/net/ipv6").exists()
    }

    fn has(self, ip: IpAddr) -> bool {
        ip.is_ipv4() == (self == Self::V4)
    }
}

/// Adds what is missing, then removes what is ours and not wanted.
pub(super) async fn reconcile(family: Family, wanted: &[Forward]) -> Result<Chain, Error> {
    let wanted = rules(family, wanted);
    if !family.is_spoken() {
        return Ok(without_chain(&wanted, false));
    }
    // The whole table: of a chain alone that is not there it only says so in words, which differ.
    let doing = format!("reading the chain {CHAIN}");
    let listing = match run::text(&doing, family.program().arg("-S")).await {
        // Without iptables nothing of ours can be there.
        Err(Error::Program {
            source: Failure::Missing { .. },
            ..
        }) if wanted.is_empty() => return Ok(Chain::Unchanged),
        listing => listing?,
    };
    let has = |line: &str| listing.lines().any(|there| there == line);
    if !has(&format!("-N {CHAIN}")) {
        return Ok(without_chain(&wanted, !has("-P FORWARD ACCEPT")));
    }
    let (missing, stale) = differences(&wanted, &listing);
    let changed = !missing.is_empty() || !stale.is_empty();
    for rule in missing {
        let doing = format!("having Docker accept {}", rule.comment);
        let program = family.program().args(["-I", CHAIN]).args(&rule.words);
        run::text(&doing, program).await?;
    }
    for words in stale {
        let program = family.program().arg("-D").args(&words);
        run::text("removing a rule of ours that is not needed", program).await?;
    }
    Ok(if changed {
        Chain::Changed
    } else {
        Chain::Unchanged
    })
}

fn without_chain(wanted: &[Rule], drops: bool) -> Chain {
    match (wanted.is_empty(), drops) {
        (true, _) => Chain::Unchanged,
        (false, true) => Chain::Missing,
        (false, false) => Chain::NotNeeded,
    }
}

/// A rule of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    comment: String,
    /// All after the chain's name.
    words: Vec<String>,
}

/// One rule for each port: it takes connections by what they were before they were rewritten, so it
/// has both directions and does not change when the container's address does.
fn rules(family: Family, wanted: &[Forward]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for forward in wanted.iter().filter(|forward| family.has(forward.vip)) {
        for port in &forward.ports {
            let rule = rule(forward.vip, *port);
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
    }
    rules
}

fn rule(vip: IpAddr, port: Port) -> Rule {
    let comment = format!("{COMMENT}{vip} {port}");
    let (vip, number) = (vip.to_string(), port.number.to_string());
    let protocol = port.protocol.name();
    let mut words = vec!["-p", protocol];
    words.extend(["-m", "conntrack", "--ctstate", "DNAT"]);
    words.extend(["--ctorigdst", &vip, "--ctorigdstport", &number]);
    words.extend(["-m", "comment", "--comment", &comment]);
    words.extend(["-j", "ACCEPT"]);
    let words = words.into_iter().map(str::to_owned).collect();
    Rule { comment, words }
}

/// What is wanted and not there, and what is there (as words after `-D`) and ours but not wanted. Of
/// two that are alike one is too many.
fn differences<'a>(wanted: &'a [Rule], listing: &str) -> (Vec<&'a Rule>, Vec<Vec<String>>) {
    let mut missing: Vec<&Rule> = wanted.iter().collect();
    let mut stale = Vec::new();
    for line in listing.lines() {
        let words = words(line);
        let [add, chain, rest @ ..] = &words[..] else {
            continue;
        };
        let comment = rest
            .iter()
            .position(|word| word == "--comment")
            .and_then(|at| rest.get(at + 1));
        let Some(comment) = comment.filter(|comment| comment.starts_with(COMMENT)) else {
            continue;
        };
        if add != "-A" || chain != CHAIN {
            continue;
        }
        match missing.iter().position(|rule| rule.comment == *comment) {
            Some(at) => drop(missing.remove(at)),
            None => stale.push(words[1..].to_vec()),
        }
    }
    (missing, stale)
}

/// The words of a line that iptables wrote: with spaces in quotes, where a backslash keeps the next
/// character.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut open, mut quoted) = (String::new(), false, false);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => (open, quoted) = (true, !quoted),
            '\\' => {
                open = true;
                word.extend(letters.next());
            }
            ' ' if !quoted => {
                if open {
                    words.push(std::mem::take(&mut word));
                }
                open = false;
            }
            other => {
                open = true;
                word.push(other);
            }
        }
    }
    if open {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port_list::PortList;

    fn forward(vip: &str, container: &str, ports: &str) -> Forward {
        let ports: PortList = ports.parse().unwrap();
        let (vip, container) = (vip.parse().unwrap(), container.parse().unwrap());
        Forward::new(vip, container, ports.ports(), None).unwrap()
    }

    #[test]
    fn a_rule_for_each_port_of_the_family() {
        let wanted = [
            forward("10.0.0.9", "172.18.0.5", "80"),
            forward("10.0.0.9", "172.18.0.6", "80"),
            forward("fd00::9", "fd01::5", "53/udp"),
        ];
        let v4 = rules(Family::V4, &wanted);
        assert_eq!(
            v4.iter()
                .map(|rule| rule.words.join(" "))
                .collect::<Vec<_>>(),
            [
                "-p tcp -m conntrack --ctstate DNAT --ctorigdst 10.0.0.9 --ctorigdstport 80 -m comment --comment hive_vip 10.0.0.9 80/tcp -j ACCEPT"
            ]
        );
        let v6 = rules(Family::V6, &wanted);
        assert_eq!(v6.len(), 1);
        assert_eq!(v6[0].comment, "hive_vip fd00::9 53/udp");
    }

    #[test]
    fn only_our_own_are_removed_and_one_of_two() {
        let wanted = rules(Family::V4, &[forward("10.0.0.9", "172.18.0.5", "80,81")]);
        let listing = r#"-N DOCKER-USER
-A DOCKER-USER -p tcp -m comment --comment "hive_vip 10.0.0.9 80/tcp" -j ACCEPT
-A DOCKER-USER -p tcp -m comment --comment "hive_vip 10.0.0.9 80/tcp" -j ACCEPT
-A DOCKER-USER -p udp -m comment --comment "hive_vip 10.0.0.8 53/udp" -j ACCEPT
-A DOCKER-USER -s 10.0.0.1/32 -m comment --comment "an admin's \"hive_vip \"" -j DROP
-A DOCKER-USER -s 10.0.0.2/32 -m comment --comment hive_vip -j DROP
-A DOCKER-USER -j RETURN
"#;
        let (missing, stale) = differences(&wanted, listing);
        assert_eq!(missing, [&wanted[1]]);
        let stale: Vec<String> = stale.iter().map(|words| words.join("|")).collect();
        assert_eq!(
            stale,
            [
                "DOCKER-USER|-p|tcp|-m|comment|--comment|hive_vip 10.0.0.9 80/tcp|-j|ACCEPT",
                "DOCKER-USER|-p|udp|-m|comment|--comment|hive_vip 10.0.0.8 53/udp|-j|ACCEPT"
            ]
        );
    }

    #[test]
    fn words_as_iptables_quotes_them() {
        assert_eq!(
            words(r#"-A X --comment "a \"b\" c\\" "" -j Y"#),
            ["-A", "X", "--comment", r#"a "b" c\"#, "", "-j", "Y"]
        );
    }
}

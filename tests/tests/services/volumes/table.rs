//! The benchmark's table: medians, and what hive's own layer costs.

use std::fmt::Write as _;

/// MiB of the large file, written in pieces of 1 MiB past the page cache.
const LARGE: f64 = 64.0;
/// Pieces of 4 KiB, each on the disks before the next is written.
const PIECES: f64 = 512.0;
/// What is written to.
const PLACES: [&str; 3] = [
    "a: thin volume, not mirrored",
    "b: hive's mirrored volume",
    "c: DRBD, set up by hand",
];

/// Seconds of one round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    pub sequential: f64,
    pub small: f64,
}

/// Of all rounds of the three places.
pub fn table(measured: &[Vec<Measured>; 3]) -> String {
    let rates = measured.each_ref().map(|rounds| {
        let seconds = |of: fn(&Measured) -> f64| median(rounds.iter().map(of).collect());
        (
            LARGE / seconds(|m| m.sequential),
            PIECES / seconds(|m| m.small),
        )
    });
    let mut text = format!(
        "{:<32}{:>18}{:>20}\n",
        "", "64 MiB at once", "4 KiB, each synced"
    );
    for (place, (sequential, small)) in PLACES.iter().zip(rates) {
        writeln!(text, "{place:<32}{sequential:>12.1} MiB/s{small:>18.0}/s").unwrap();
    }
    let [a, b, c] = rates;
    for (name, other) in [
        ("b/c, hive's own cost", c),
        ("b/a, with the mirror's cost", a),
    ] {
        writeln!(
            text,
            "{name:<32}{:>18.2}{:>20.2}",
            b.0 / other.0,
            b.1 / other.1
        )
        .unwrap();
    }
    text
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[(seconds.len() - 1) / 2]
}

#[test]
fn the_table_has_rates_and_ratios_of_medians() {
    let rounds = |sequential: f64, small: f64| {
        [1.0, 3.0, 2.0]
            .map(|times| Measured {
                sequential: sequential * times / 2.0,
                small: small * times / 2.0,
            })
            .to_vec()
    };
    let text = table(&[rounds(0.5, 0.512), rounds(1.0, 2.048), rounds(0.8, 1.024)]);
    let words = |name: &str| -> Vec<&str> {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line[32..].split_whitespace().collect()
    };
    assert_eq!(words("a:"), ["128.0", "MiB/s", "1000/s"]);
    assert_eq!(words("b:"), ["64.0", "MiB/s", "250/s"]);
    assert_eq!(words("b/c"), ["0.80", "0.50"]);
    assert_eq!(words("b/a"), ["0.50", "0.25"]);
}

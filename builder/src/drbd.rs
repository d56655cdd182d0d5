//! What is known of versions of the DRBD kernel module.
//!
//! Seen with three nodes that copy while another promotes and writes: some versions end with
//! different bytes on nodes that all call themselves up to date.

/// What is to be said of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing bad is known.
    Good,
    /// It works, and there is a better one.
    Better(&'static str),
    /// It loses data.
    Bad(&'static str),
}

/// The verdict on a module version such as `9.2.18`.
pub fn verdict(version: &str) -> Verdict {
    let mut parts = version
        .split(['.', '-', '~', '+'])
        .map(|p| p.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    match (next(), next(), next()) {
        (8, 4, _) => Verdict::Good,
        (9, 3, _) => Verdict::Bad(
            "with 9.3 a node that another node overtakes while it resynchronises ends with wrong data and calls itself up to date",
        ),
        (9, 2, 19..) => Verdict::Good,
        (9, 2, 18) => Verdict::Better("9.2.19 mends silent divergence in rare orders of events"),
        (9, 2, _) => Verdict::Bad(
            "releases of 9.2 before 9.2.18 were not tried, and later ones mend data loss in them",
        ),
        (9, 0 | 1, _) => Verdict::Bad(
            "9.0 and 9.1 were not tried with this kernel, and lack mends of data loss in 9.2",
        ),
        _ => Verdict::Bad("nothing is known of this version"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_judged() {
        assert_eq!(verdict("8.4.11"), Verdict::Good);
        assert_eq!(verdict("9.2.19"), Verdict::Good);
        assert_eq!(verdict("9.2.20-1"), Verdict::Good);
        assert!(matches!(verdict("9.2.18"), Verdict::Better(_)));
        for bad in ["9.3.0", "9.3.3", "9.2.4", "9.1.1", "10.0.0", "nonsense"] {
            assert!(matches!(verdict(bad), Verdict::Bad(_)), "{bad}");
        }
    }
}

//! Finds the word that a person meant.

/// The known word nearest to `word`, if one is near enough to be what was meant: a slip of the fingers,
/// or a part of it (`vlan` for `vlanid`).
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let word = folded(word);
    let limit = (word.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter_map(|candidate| {
            let other = folded(candidate);
            let distance = distance(&word, &other);
            let part = word.len().min(other.len()) >= 3
                && (other.contains(&word) || word.contains(&other));
            // A slip is likelier than a part, and the shortest whole is the likeliest.
            (distance <= limit || part).then_some(((distance > limit, distance), candidate))
        })
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, candidate)| candidate)
}

/// The advice for an unknown word: the nearest known one, or all of them.
pub fn advice(word: &str, known: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let known: Vec<_> = known.into_iter().collect();
    let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    match nearest(word, known.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "there are none".into(),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// Case and the choice between hyphen and underscore are not what tells words apart.
fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

/// How many letters must be added, dropped, changed or swapped with their neighbour
/// (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised() {
        let known = ["subnets", "cidr", "cpus", "number_of_hosts"];
        assert_eq!(nearest("subnet", known), Some("subnets"));
        assert_eq!(nearest("cird", known), Some("cidr"));
        assert_eq!(nearest("Number-of-Hosts", known), Some("number_of_hosts"));
        assert_eq!(nearest("hosts", known), Some("number_of_hosts"));
        assert_eq!(nearest("flavour", known), None);
    }
}

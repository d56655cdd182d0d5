//! Finds the word that a person meant.

/// The advice for an unknown word: the nearest known one, or all of them.
pub(crate) fn advice<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, &known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "there are none".into(),
        None => format!("known here: {}", known.join(", ")),
    }
}

fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let word = folded(word);
    let limit = (word.chars().count() / 3).max(1);
    let ranked = known.iter().filter_map(|candidate| {
        let other = folded(candidate);
        let distance = distance(&word, &other);
        let part =
            word.len().min(other.len()) >= 3 && (other.contains(&word) || word.contains(&other));
        // A slip is likelier than a part.
        (distance <= limit || part).then_some(((distance > limit, distance), *candidate))
    });
    ranked
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, candidate)| candidate)
}

/// Case and the choice between hyphen and underscore are not what tells words apart.
fn folded(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

/// How many letters must be added, dropped, changed or swapped with their neighbour.
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

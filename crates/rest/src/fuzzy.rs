//! The nearest name to a misspelled one, scored as PostgREST scores it: by shared groups of letters, then by edit distance.

use ahash::AHashMap;

/// Scores below this are no hint.
const LEAST_SCORE: f64 = 0.33;
/// How many of the best by groups of letters are compared letter by letter.
const COMPARED: usize = 50;

/// The names that resemble `wanted`, best first, with scores from 0 to 1; 1 is the name itself.
pub(crate) fn resembling<'a>(names: impl Iterator<Item = &'a str>, wanted: &str, least: f64) -> Vec<(f64, &'a str)> {
    let key = wanted.to_lowercase();
    let mut known: Vec<(String, &str)> = Vec::new();
    let mut seen = ahash::AHashSet::new();
    for name in names {
        let lower = name.to_lowercase();
        if seen.insert(lower.clone()) {
            known.push((lower, name));
        }
    }
    if let Some((_, name)) = known.iter().find(|(lower, _)| *lower == key) {
        return vec![(1.0, name)];
    }
    // Groups of three first; where none of them is shared enough, groups of two.
    [3, 2]
        .into_iter()
        .map(|size| matches(&known, &key, size, least))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

/// The best of [`resembling`].
pub(crate) fn nearest<'a>(names: impl Iterator<Item = &'a str>, wanted: &str, least: Option<f64>) -> Option<&'a str> {
    resembling(names, wanted, least.unwrap_or(LEAST_SCORE)).first().map(|(_, name)| *name)
}

/// [`resembling`] with the usual least score.
pub(crate) fn similar<'a>(names: impl Iterator<Item = &'a str>, wanted: &str) -> Vec<(f64, &'a str)> {
    resembling(names, wanted, LEAST_SCORE)
}

fn matches<'a>(known: &[(String, &'a str)], key: &str, size: usize, least: f64) -> Vec<(f64, &'a str)> {
    let wanted = groups(key, size);
    let length = magnitude(&wanted);
    let mut scored: Vec<(f64, &(String, &str))> = known
        .iter()
        .filter_map(|entry| {
            let other = groups(&entry.0, size);
            let shared: f64 = wanted.iter().filter_map(|(g, n)| other.get(g).map(|m| n * m)).sum();
            (shared > 0.0).then(|| (shared / (length * magnitude(&other)), entry))
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut compared: Vec<(f64, &str)> =
        scored.into_iter().take(COMPARED).map(|(_, (lower, name))| (likeness(lower, key), *name)).collect();
    compared.sort_by(|a, b| b.0.total_cmp(&a.0));
    compared.retain(|(score, _)| *score >= least);
    compared
}

/// How often each group of `size` letters occurs; signs are left out, a dash marks the ends.
fn groups(text: &str, size: usize) -> AHashMap<Vec<char>, f64> {
    let mut letters = vec!['-'];
    letters.extend(text.chars().filter(|c| c.is_alphanumeric() || *c == ' ' || *c == ','));
    letters.push('-');
    let mut found = AHashMap::new();
    for group in letters.windows(size) {
        *found.entry(group.to_vec()).or_insert(0.0) += 1.0;
    }
    found
}

fn magnitude(groups: &AHashMap<Vec<char>, f64>) -> f64 {
    groups.values().map(|n| n * n).sum::<f64>().sqrt()
}

/// 1 less the edit distance by the longer length (Levenshtein).
fn likeness(a: &str, b: &str) -> f64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let longest = a.len().max(b.len());
    if longest == 0 {
        return 1.0;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    1.0 - row[b.len()] as f64 / longest as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_not() {
        let films = ["films", "actors", "directors"];
        assert_eq!(nearest(films.into_iter(), "film", None), Some("films"));
        assert_eq!(nearest(films.into_iter(), "noclosealternative", None), None);
        let parameters = ["(name, param, val)", "(attr, id)"];
        assert_eq!(nearest(parameters.into_iter(), "(nam, pqaram, vall)", None), Some("(name, param, val)"));
        assert_eq!(nearest(parameters.into_iter(), "(id)", None), Some("(attr, id)"));
        assert_eq!(nearest(parameters.into_iter(), "(noclosealternative)", None), None);
    }

    #[test]
    fn the_name_itself_scores_one() {
        assert_eq!(similar(["roles"].into_iter(), "Roles"), [(1.0, "roles")]);
    }
}

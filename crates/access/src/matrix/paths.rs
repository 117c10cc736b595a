//! Paths in buckets: which folder names conditions ask for.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::draft::{Draft, Stock, place};
use super::subject::Subject;
use crate::identities::Person;

/// `alias.column = folder[n]` or the reverse, in a condition without its parentheses.
static FOLDER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"([\w$.]+)(?:::text)? = storage\.foldername\s*(?:objects\.)?name\[(\d)\]"));
static REVERSE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"storage\.foldername\s*(?:objects\.)?name\[(\d)\] = ([\w$.]+)"));
static FROM: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b(?:from|join)\s+(\w+)\.(\w+)(?:\s+(?:as\s+)?(\w+))?"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| unreachable!("a fixed pattern: {error}"))
}

/// What one folder is.
#[derive(Debug, Clone, PartialEq)]
enum Segment {
    Person,
    /// Schema, table, column; folders of one alias are of one row.
    Of(String, String, String, String),
}

/// New objects for a person: by each condition's path, by his own folder, and one at the top.
pub fn drafts(subject: &Subject, people: &[Person], person: usize, stock: &mut Stock<'_>) -> Vec<Draft> {
    let mut paths = Vec::new();
    for atom in subject.atoms.iter().filter(|atom| about(&atom.sql, subject)) {
        let segments = segments(&atom.sql);
        let files = files(&atom.sql);
        for file in files.iter().take(3) {
            for _ in 0..3 {
                paths.extend(path(&segments, people, person, stock).map(|folder| format!("{folder}{file}")));
            }
        }
    }
    if let Some(uid) = &people[person].uid {
        paths.push(format!("{uid}/file.png"));
    }
    paths.push(format!("file{}.png", stock.chance.below(1_000_000)));
    paths.into_iter().filter_map(|path| draft(subject, people, person, &path)).collect()
}

fn draft(subject: &Subject, people: &[Person], person: usize, path: &str) -> Option<Draft> {
    let bucket = subject.bucket()?;
    let mut draft = vec![
        (place(&subject.relation, "bucket_id")?, Some(bucket.to_owned())),
        (place(&subject.relation, "name")?, Some(path.to_owned())),
    ];
    draft.extend(place(&subject.relation, "owner_id").map(|at| (at, people[person].uid.clone())));
    Some(draft)
}

/// Policies of other buckets say nothing of this one.
fn about(sql: &str, subject: &Subject) -> bool {
    !sql.contains("bucket_id") || subject.bucket().is_some_and(|bucket| sql.contains(&format!("'{bucket}'")))
}

fn segments(sql: &str) -> BTreeMap<usize, Segment> {
    let bare = sql
        .replace(['(', ')', '"'], "")
        .replace("SELECT auth.uid AS uid", "auth.uid")
        .replace("select auth.uid", "auth.uid");
    let mut tables = BTreeMap::new();
    for found in FROM.captures_iter(&bare) {
        let alias = found.get(3).map_or(&found[2], |alias| alias.as_str());
        let alias =
            if matches!(alias.to_lowercase().as_str(), "where" | "on" | "join" | "left") { &found[2] } else { alias };
        tables.insert(alias.to_owned(), (found[1].to_owned(), found[2].to_owned()));
    }
    let forward = FOLDER.captures_iter(&bare).map(|found| (found[2].to_owned(), found[1].to_owned()));
    let reverse = REVERSE.captures_iter(&bare).map(|found| (found[1].to_owned(), found[2].to_owned()));
    let mut segments = BTreeMap::new();
    for (number, what) in forward.chain(reverse) {
        let what = what.trim_end_matches("::text");
        let Ok(number) = number.parse::<usize>() else { continue };
        let segment = match what.split_once('.') {
            Some((alias, column)) if tables.contains_key(alias) => {
                let (schema, table) = tables[alias].clone();
                Segment::Of(alias.to_owned(), schema, table, column.to_owned())
            }
            _ if what.contains("uid") => Segment::Person,
            _ => continue,
        };
        segments.insert(number, segment);
    }
    segments
}

/// `a/b/` for the folders; folders that nothing is said of are the person's.
fn path(
    segments: &BTreeMap<usize, Segment>,
    people: &[Person],
    person: usize,
    stock: &mut Stock<'_>,
) -> Option<String> {
    let last = *segments.keys().next_back()?;
    let mut rows = BTreeMap::new();
    let mut folders = String::new();
    for number in 1..=last {
        let name = match segments.get(&number) {
            Some(Segment::Of(alias, schema, table, column)) => {
                if !rows.contains_key(alias) {
                    let row = stock.row_of(schema, table, Some(person))?;
                    rows.insert(alias.clone(), row);
                }
                let row: &Vec<(String, Option<String>)> = rows.get(alias)?;
                row.iter().find(|(name, _)| name == column).and_then(|(_, value)| value.clone())?
            }
            _ if stock.chance.percent(70) => people[person].uid.clone()?,
            _ => {
                let others: Vec<_> = people.iter().filter_map(|person| person.uid.clone()).collect();
                stock.chance.pick(&others).cloned()?
            }
        };
        folders += &name;
        folders.push('/');
    }
    Some(folders)
}

/// File names made of the words in the condition's texts, since it may ask for them.
fn files(sql: &str) -> Vec<String> {
    let mut names = vec!["file.png".to_owned()];
    for text in sql.split('\'').skip(1).step_by(2) {
        let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 2);
        names.extend(words.map(|word| format!("{word}.png")));
    }
    names.reverse();
    names.truncate(4);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_found_in_words_and_in_what_postgresql_prints() {
        let of = |alias: &str, table: &str, column: &str| {
            Segment::Of(alias.into(), "public".into(), table.into(), column.into())
        };
        let word =
            "exists (select 1 from public.courses c where c.id::text = (storage.foldername(name))[1] and c.by = $uid)";
        assert_eq!(segments(word), BTreeMap::from([(1, of("c", "courses", "id"))]));
        let printed = "((( SELECT auth.uid() AS uid))::text = (storage.foldername(objects.name))[1])";
        assert_eq!(segments(printed), BTreeMap::from([(1, Segment::Person)]));
        assert_eq!(segments("(storage.foldername(name))[3] = $uid::text"), BTreeMap::from([(3, Segment::Person)]));
    }
}

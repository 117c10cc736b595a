//! Paths in buckets: which folders and file names conditions ask for.

mod literals;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::draft::{Draft, Stock, place};
use super::subject::Subject;
use crate::identities::Person;
use literals::Literals;

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
    /// One of these names.
    Named(Vec<String>),
    /// Schema, table, column; folders of one alias are of one row.
    Of(String, String, String, String),
}

/// What one condition says of a path.
#[derive(Debug, Clone)]
pub struct Way {
    literals: Literals,
    segments: BTreeMap<usize, Segment>,
    files: Vec<String>,
}

/// What conditions say of the paths in a bucket.
pub fn ways<'s>(conditions: impl Iterator<Item = &'s str>, bucket: &str) -> Vec<Way> {
    let way = |sql: &str| {
        let literals = Literals::read(sql);
        let mut segments = segments(sql);
        for (number, names) in &literals.folders {
            segments.entry(*number).or_insert_with(|| Segment::Named(names.clone()));
        }
        let mut files = files(sql);
        files.truncate(3);
        files.extend(literals.files.iter().cloned());
        Way { literals, segments, files }
    };
    conditions.filter(|sql| about(sql, Some(bucket))).map(way).collect()
}

/// New objects for a person: by each condition's path, by his own folder, and one at the top. Their names are new ones, as far as
/// the conditions leave a choice: a path that is there already would be refused before any policy is asked.
pub fn drafts(subject: &Subject, people: &[Person], person: usize, stock: &mut Stock<'_>) -> Vec<Draft> {
    let mut paths = Vec::new();
    let mut known: Vec<BTreeMap<usize, Segment>> = Vec::new();
    for Way { literals, segments, files } in &subject.ways {
        let new = fresh(stock, literals);
        for file in files.iter().chain([&new]) {
            for _ in 0..3 {
                paths.extend(path(segments, people, person, stock).map(|folder| format!("{folder}{file}")));
            }
        }
        if segments.is_empty() && literals.say_something() {
            let own = people[person].uid.as_ref().map(|uid| format!("{uid}/"));
            for folder in own.into_iter().chain([String::new()]) {
                paths.push(format!("{folder}{}", fresh(stock, literals)));
                let deep = stock.chance.below(1_000_000);
                paths.extend(literals.files.iter().map(|file| format!("{folder}{deep}/{file}")));
                paths.extend(literals.files.iter().map(|file| format!("{folder}{file}")));
            }
        }
        for like in &literals.patterns {
            let filler = format!("f{}", stock.chance.below(1_000_000));
            let uid = people[person].uid.as_deref().unwrap_or_default();
            let name = like.text.replace('%', &filler);
            let name = if like.after_uid { format!("{uid}{name}") } else { name };
            let open_end = like.text.ends_with('%') && !name.contains('.');
            paths.push(if open_end { format!("{name}.{}", literals.extension(stock)) } else { name });
        }
        paths.extend(literals.names.iter().cloned());
        if !segments.is_empty() && !known.contains(segments) {
            known.push(segments.clone());
        }
    }
    // Rights ask for several conditions at once, each of which may speak of other folders.
    for (segments, file) in both(&known).into_iter().flat_map(|segments| std::iter::repeat_n(segments, 8)).zip(1..) {
        let name = format!("f{}{file}.png", stock.chance.below(1_000_000));
        paths.extend(path(&segments, people, person, stock).map(|folder| format!("{folder}{name}")));
    }
    let number = stock.chance.below(1_000_000);
    paths.extend(people[person].uid.as_ref().map(|uid| format!("{uid}/file{number}.png")));
    paths.push(format!("file{}.png", stock.chance.below(1_000_000)));
    paths.into_iter().filter_map(|path| draft(subject, people, person, &path)).collect()
}

/// Any two of them, where they agree on the folders that both name.
fn both(known: &[BTreeMap<usize, Segment>]) -> Vec<BTreeMap<usize, Segment>> {
    const MOST: usize = 6;
    let mut found: Vec<BTreeMap<usize, Segment>> = Vec::new();
    for (at, one) in known.iter().enumerate() {
        for other in &known[at + 1..] {
            let agree = one.iter().all(|(number, segment)| other.get(number).is_none_or(|there| there == segment));
            let mut all = one.clone();
            all.extend(other.iter().map(|(number, segment)| (*number, segment.clone())));
            if agree && !known.contains(&all) && !found.contains(&all) {
                found.push(all);
            }
        }
    }
    found.truncate(MOST);
    found
}

/// A file name that nobody has, with an extension that the condition names.
fn fresh(stock: &mut Stock<'_>, literals: &Literals) -> String {
    format!("f{}.{}", stock.chance.below(1_000_000), literals.extension(stock))
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
pub fn about(sql: &str, bucket: Option<&str>) -> bool {
    !sql.contains("bucket_id") || bucket.is_none_or(|bucket| sql.contains(&format!("'{bucket}'")))
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
            Some(Segment::Named(names)) => stock.chance.pick(names)?.clone(),
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

//! Names that a condition on `storage.objects` writes out: folders, files, extensions, patterns.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::pattern;
use crate::matrix::draft::Stock;

/// Values after `=`, `= ANY (ARRAY[…])` or `IN (…)`, without parentheses.
const VALUES: &str = r"\s*(?:=\s*ANY\s*ARRAY\s*\[|=\s*ANY\s*|=|in\s)\s*((?:'(?:[^']|'')*'(?:::[a-z]+(?: varying)?(?:\[\])?)?(?:,\s*)?)+)";
/// The object's name.
const NAME: &str = r"\s+(?:objects\.)?name";

static FOLDER: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)storage\.foldername{NAME}\s*\[(\d)\]{VALUES}")));
static FOLDER_FIRST: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)'((?:[^']|'')*)'(?:::text)?\s*=\s*storage\.foldername{NAME}\s*\[(\d)\]")));
static SPLIT: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"(?i)split_part{NAME}\s*(?:::text)?,\s*'/'(?:::text)?,\s*(\d){VALUES}")));
static FILE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)storage\.filename{NAME}{VALUES}")));
static EXTENSION: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)storage\.extension{NAME}{VALUES}")));
static END: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)\bright{NAME}\s*(?:::text)?,\s*\d+{VALUES}")));
static WHOLE: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"(?i)(?:^|and|or|where){NAME}{VALUES}")));
static LIKE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?i)(?:^|and|or|where|not){NAME}\s*(?:::text)?\s+(?:~~\*?|i?like)\s+([^']{{0,80}}\|\|\s*)?'((?:[^']|'')*)'"
    ))
});
static START: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"(?i)(?:starts_with{NAME}\s*(?:::text)?,|{NAME}\s*(?:::text)?\s+\^@)\s*'((?:[^']|'')*)'"))
});
static TEXT: LazyLock<Regex> = LazyLock::new(|| pattern(r"'((?:[^']|'')*)'"));

/// A pattern of LIKE.
#[derive(Debug, Clone, PartialEq)]
pub struct Like {
    /// With its `%`.
    pub text: String,
    /// Does the person's id stand before it?
    pub after_uid: bool,
}

/// What is written out.
#[derive(Debug, Clone, Default)]
pub struct Literals {
    /// Names of the folder of this number, from 1.
    pub folders: BTreeMap<usize, Vec<String>>,
    /// File names.
    pub files: Vec<String>,
    /// Whole paths.
    pub names: Vec<String>,
    /// Patterns of whole paths.
    pub patterns: Vec<Like>,
    extensions: Vec<String>,
}

impl Literals {
    /// Reads a condition, as it is written or as PostgreSQL prints it.
    pub fn read(sql: &str) -> Self {
        let bare = format!(" {}", sql.replace(['(', ')'], " ").replace('"', ""));
        let values = |text: &str| -> Vec<String> {
            TEXT.captures_iter(text).map(|found| found[1].replace("''", "'")).filter(|text| !text.is_empty()).collect()
        };
        let mut literals = Self::default();
        for found in FOLDER.captures_iter(&bare).chain(SPLIT.captures_iter(&bare)) {
            if let Ok(number) = found[1].parse() {
                literals.folders.entry(number).or_default().extend(values(&found[2]));
            }
        }
        for found in FOLDER_FIRST.captures_iter(&bare) {
            if let Ok(number) = found[2].parse() {
                literals.folders.entry(number).or_default().push(found[1].replace("''", "'"));
            }
        }
        literals.files.extend(FILE.captures_iter(&bare).flat_map(|found| values(&found[1])));
        literals.extensions.extend(EXTENSION.captures_iter(&bare).flat_map(|found| values(&found[1])));
        literals.names.extend(WHOLE.captures_iter(&bare).flat_map(|found| values(&found[1])));
        for found in END.captures_iter(&bare) {
            let ends = values(&found[1]);
            literals
                .extensions
                .extend(ends.iter().filter_map(|end| end.rsplit_once('.').map(|(_, last)| last.to_owned())));
        }
        for found in LIKE.captures_iter(&bare) {
            let after_uid = found.get(1).is_some_and(|before| before.as_str().contains("uid"));
            let text = found[2].replace("''", "'");
            if let Some((_, last)) = text.rsplit_once("%.").filter(|(_, last)| !last.contains(['%', '/'])) {
                literals.extensions.push(last.to_owned());
            }
            literals.patterns.push(Like { text, after_uid });
        }
        literals
            .patterns
            .extend(START.captures_iter(&bare).map(|found| Like { text: format!("{}%", &found[1]), after_uid: false }));
        literals
    }

    /// Is a name asked for at all, beside folders?
    pub const fn say_something(&self) -> bool {
        !self.files.is_empty() || !self.extensions.is_empty()
    }

    /// An extension that is named, else any.
    pub fn extension(&self, stock: &mut Stock<'_>) -> String {
        stock.chance.pick(&self.extensions).cloned().unwrap_or_else(|| "png".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_out_is_found_in_words_and_in_what_postgresql_prints() {
        let folders = |sql: &str| Literals::read(sql).folders;
        assert_eq!(folders("(storage.foldername(name))[1] = 'public'"), BTreeMap::from([(1, vec!["public".into()])]));
        assert_eq!(
            folders(
                "((bucket_id = 'a'::text) AND ((storage.foldername(objects.name))[2] = ANY (ARRAY['x'::text, 'y'::text])))"
            ),
            BTreeMap::from([(2, vec!["x".into(), "y".into()])])
        );
        assert_eq!(folders("split_part(name, '/'::text, 1) = 'x'::text"), BTreeMap::from([(1, vec!["x".into()])]));
        assert_eq!(folders("(storage.foldername(name))[1] in ('a', 'it''s')")[&1], ["a", "it's"]);
        assert_eq!(Literals::read("(storage.filename(name) = 'logo.png'::text)").files, ["logo.png"]);
        assert_eq!(Literals::read("lower(storage.extension(name)) = 'pdf'").extensions, ["pdf"]);
        assert_eq!(Literals::read("(\"right\"(name, 4) = '.gif'::text)").extensions, ["gif"]);
        assert_eq!(Literals::read("((name = 'a/b.png'::text) AND (bucket_id = 'x'::text))").names, ["a/b.png"]);
        assert!(Literals::read("(bucket_id = 'x'::text)").names.is_empty());
        let like = |text: &str, after_uid| Like { text: text.into(), after_uid };
        assert_eq!(Literals::read("(name ~~ 'avatars/%'::text)").patterns, [like("avatars/%", false)]);
        assert_eq!(Literals::read("(name ~~ ((auth.uid())::text || '/%'::text))").patterns, [like("/%", true)]);
        assert_eq!(Literals::read("starts_with(name, 'a/')").patterns, [like("a/%", false)]);
    }
}

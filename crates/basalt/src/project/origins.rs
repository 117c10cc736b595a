//! Which line of which migration made an object, as far as reading can tell: for reports that point to files.

use std::path::Path;

use access::lint::Object;
use access::lint::report::Place;
use migrate::split;

use super::Plan;

/// What the migrations of a project make.
#[derive(Debug, Default)]
pub struct Origins {
    made: Vec<Made>,
    folder: String,
}

#[derive(Debug, PartialEq, Eq)]
struct Made {
    what: What,
    uri: String,
    line: usize,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// A kind in the words of the linter, schema and name.
    Object(String, String, String),
    /// A column of a table.
    Column(String, String, String),
    /// A policy of a table.
    Policy(String, String, String),
}

impl Origins {
    /// Reads the migrations. What cannot be read made nothing.
    pub fn read(plan: &Plan) -> Self {
        let folder = plan.paths.migrations();
        let mut origins = Self { made: Vec::new(), folder: uri(&folder) };
        for file in migrate::migrations(&folder).map(|found| found.files).unwrap_or_default() {
            if let Ok(text) = std::fs::read_to_string(&file.path) {
                origins.add(&text, &uri(&file.path));
            }
        }
        origins
    }

    fn add(&mut self, text: &str, uri: &str) {
        for statement in split(text) {
            let words = words(statement.text, statement.first_line);
            let made = made(&words).into_iter();
            self.made.extend(made.map(|(what, line)| Made { what, uri: uri.to_owned(), line }));
        }
    }

    /// The policy, the column, the object, or the folder of migrations: the first that is found, where it was made last.
    pub fn place(&self, object: &Object) -> Place {
        let (schema, name) = (object.schema.clone(), object.name.clone());
        let policy = object.policy.clone().map(|policy| What::Policy(schema.clone(), name.clone(), policy));
        let column = object.column.clone().map(|column| What::Column(schema.clone(), name.clone(), column));
        let itself = What::Object(object.kind.to_owned(), schema, name);
        let found = [policy, column, Some(itself)]
            .into_iter()
            .flatten()
            .find_map(|what| self.made.iter().rev().find(|made| made.what == what));
        match found {
            Some(made) => Place { uri: made.uri.clone(), line: Some(made.line) },
            None => Place { uri: self.folder.clone(), line: None },
        }
    }
}

/// Relative to where the command runs, with what a URI cannot hold in its place.
fn uri(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path).to_string_lossy().into_owned();
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            other => text.push_str(&format!("%{other:02X}")),
        }
    }
    text
}

/// A word of a statement: a name as PostgreSQL sees it, or a symbol.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    text: String,
    line: usize,
    /// First on its line?
    first: bool,
}

/// The words up to the body of a function; of texts and comments nothing.
fn words(statement: &str, mut line: usize) -> Vec<Word> {
    let mut found = Vec::new();
    let mut first = true;
    let mut rest = statement;
    while let Some(c) = rest.chars().next() {
        let mut end = c.len_utf8();
        if c == '\n' {
            (line, first) = (line + 1, true);
        } else if rest.starts_with("--") {
            end = rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") {
            end = rest.find("*/").map_or(rest.len(), |at| at + 2);
            line += rest[..end].matches('\n').count();
        } else if c == '$' {
            break;
        } else if c == '\'' || c == '"' {
            end = rest[1..].find(c).map_or(rest.len(), |at| at + 2);
            if c == '"' {
                found.push(Word { text: rest[1..end.max(2) - 1].to_owned(), line, first });
                first = false;
            }
            line += rest[..end].matches('\n').count();
        } else if c.is_alphanumeric() || c == '_' {
            end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            found.push(Word { text: rest[..end].to_lowercase(), line, first });
            first = false;
        } else if !c.is_whitespace() {
            found.push(Word { text: c.to_string(), line, first });
            first = false;
        }
        rest = &rest[end..];
    }
    found
}

/// What a statement makes.
fn made(words: &[Word]) -> Vec<(What, usize)> {
    let Some(start) = words.first() else { return Vec::new() };
    let mut at = 1;
    let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found.text == word);
    if start.text == "alter" {
        return added_columns(words);
    }
    if start.text != "create" {
        return Vec::new();
    }
    while ["or", "replace", "temp", "temporary", "unlogged", "recursive", "trusted"].iter().any(|word| is(at, word)) {
        at += 1;
    }
    let kind = match words.get(at).map(|word| word.text.as_str()) {
        Some("materialized") => "materialized view",
        Some("foreign") => "foreign table",
        Some("procedure") => "function",
        Some("user") => "role",
        Some(kind @ ("table" | "view" | "function" | "extension" | "role" | "policy")) => kind,
        _ => return Vec::new(),
    };
    at += 1 + usize::from(kind.contains(' '));
    while ["if", "not", "exists"].iter().any(|word| is(at, word)) {
        at += 1;
    }
    if kind == "policy" {
        let Some(policy) = words.get(at) else { return Vec::new() };
        let table = name_at(words, at + 2).filter(|_| is(at + 1, "on"));
        return table
            .map(|(schema, table, _)| (What::Policy(schema, table, policy.text.clone()), start.line))
            .into_iter()
            .collect();
    }
    let Some((schema, name, after)) = name_at(words, at) else { return Vec::new() };
    let schema = if matches!(kind, "extension" | "role") { String::new() } else { schema };
    let mut found = vec![(What::Object(kind.to_owned(), schema.clone(), name.clone()), start.line)];
    if kind.ends_with("table") {
        // A column stands first on its line, as people write them; of others the table's line will do.
        let columns = words[after..].iter().filter(|word| word.first);
        found.extend(columns.map(|word| (What::Column(schema.clone(), name.clone(), word.text.clone()), word.line)));
    }
    found
}

/// `alter table t add [column] c …, add d …`
fn added_columns(words: &[Word]) -> Vec<(What, usize)> {
    let mut at = 1;
    while ["table", "if", "exists", "only"].iter().any(|word| words.get(at).is_some_and(|w| w.text == *word)) {
        at += 1;
    }
    let Some((schema, table, mut at)) = name_at(words, at).filter(|_| words.get(1).is_some_and(|w| w.text == "table"))
    else {
        return Vec::new();
    };
    let mut found = Vec::new();
    while at < words.len() {
        if words[at].text == "add" {
            at += 1;
            while ["column", "if", "not", "exists"].iter().any(|word| words.get(at).is_some_and(|w| w.text == *word)) {
                at += 1;
            }
            if let Some(column) = words.get(at) {
                found.push((What::Column(schema.clone(), table.clone(), column.text.clone()), column.line));
            }
        }
        at += 1;
    }
    found
}

/// `schema.name` or `name` of public, and where the words go on.
fn name_at(words: &[Word], at: usize) -> Option<(String, String, usize)> {
    let first = words.get(at)?;
    if words.get(at + 1).is_some_and(|word| word.text == ".") {
        return Some((first.text.clone(), words.get(at + 2)?.text.clone(), at + 3));
    }
    Some(("public".to_owned(), first.text.clone(), at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "-- create table public.not_this (id int);
create table if not exists public.notes (
  id int primary key,
  \"Body\" text default 'create view x', -- owner
  owner uuid
);

create policy \"Own notes\" on notes for select using (owner = auth.uid());
create or replace function private.f(a int) returns int language sql as $$
  create table nothing ()
$$;
alter table only notes
  add column if not exists rank int,
  add note text;
create materialized view shop.sales as select 1;
create extension if not exists \"pg_trgm\" with schema extensions;
create table notes_2 (id int); create table public.notes_3 (id int);
";

    #[test]
    fn each_object_is_found_on_its_line() {
        let mut origins = Origins { folder: "supabase/migrations".to_owned(), ..Origins::default() };
        origins.add(SQL, "1_a.sql");
        let line = |kind: &'static str, schema: &str, name: &str, column: Option<&str>, policy: Option<&str>| {
            let object = Object {
                kind,
                schema: schema.to_owned(),
                name: name.to_owned(),
                column: column.map(str::to_owned),
                policy: policy.map(str::to_owned),
            };
            origins.place(&object).line
        };
        assert_eq!(line("table", "public", "notes", None, None), Some(2));
        assert_eq!(line("table", "public", "notes", Some("Body"), None), Some(4));
        assert_eq!(line("table", "public", "notes", Some("rank"), None), Some(13));
        assert_eq!(line("table", "public", "notes", Some("note"), None), Some(14));
        assert_eq!(line("table", "public", "notes", Some("unknown"), None), Some(2));
        assert_eq!(line("table", "public", "notes", None, Some("Own notes")), Some(8));
        assert_eq!(line("function", "private", "f", None, None), Some(9));
        assert_eq!(line("materialized view", "shop", "sales", None, None), Some(15));
        assert_eq!(line("extension", "", "pg_trgm", None, None), Some(16));
        assert_eq!(line("table", "public", "notes_3", None, None), Some(17));
        assert_eq!(line("table", "public", "not_this", None, None), None);
        assert_eq!(line("table", "public", "nothing", None, None), None);
        assert_eq!(uri(Path::new("/no/such/a b.sql")), "/no/such/a%20b.sql");
    }
}

//! Which code may leave traces in the session that runs it: settings, locks, temporary tables. A session is cleaned after it.
//!
//! Judged by the text of functions, policies, views, defaults and triggers: whatever is named there may run, and whatever names that may
//! run it. Names count without their schema, so that two of one name are both suspected.

use ahash::{AHashMap, AHashSet};
use serde::Deserialize;

/// A function or relation with the code that runs when it is used.
#[derive(Debug, Deserialize)]
pub(crate) struct Source {
    /// Its name, without the schema.
    pub(crate) name: String,
    /// Code that runs when it is called or read.
    pub(crate) reads: String,
    /// Code that runs when it is written to, besides.
    pub(crate) writes: String,
    /// By its own text it may leave a trace.
    pub(crate) leaves: bool,
    /// It runs without being named: an operator, a cast, a type.
    pub(crate) unnamed: bool,
}

/// What leaves traces.
#[derive(Debug, Default)]
pub struct Traces {
    reads: Names,
    writes: Names,
    /// Something that leaves traces runs without being named.
    everywhere: bool,
}

/// Names in lower case.
#[derive(Debug, Default)]
struct Names {
    words: AHashSet<String>,
    /// Those that are no single word.
    others: Vec<String>,
}

impl Traces {
    /// Follows names from what leaves traces to all that leads there.
    pub(crate) fn of(sources: &[Source]) -> Self {
        let everywhere_of = |names: &Names| sources.iter().any(|s| s.unnamed && names.has(&s.name));
        let reads = spread(sources, |source| [source.reads.as_str(), ""]);
        let writes = spread(sources, |source| [&source.reads, &source.writes]);
        Self { everywhere: everywhere_of(&reads) || everywhere_of(&writes), reads, writes }
    }

    /// May this read leave traces?
    pub fn of_read(&self, sql: &str) -> bool {
        self.everywhere || self.reads.are_in(sql)
    }

    /// May this write or call leave traces?
    pub fn of_write(&self, sql: &str) -> bool {
        self.everywhere || self.writes.are_in(sql)
    }
}

impl Names {
    fn add(&mut self, name: &str) {
        let name = name.to_lowercase();
        if words(&name).eq([name.as_str()]) {
            self.words.insert(name);
        } else {
            self.others.push(name);
        }
    }

    fn has(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.words.contains(&name) || self.others.contains(&name)
    }

    fn are_in(&self, text: &str) -> bool {
        if self.words.is_empty() && self.others.is_empty() {
            return false;
        }
        let text = text.to_lowercase();
        words(&text).any(|word| self.words.contains(word)) || self.others.iter().any(|name| text.contains(name))
    }
}

/// All names that lead to a source that leaves traces.
fn spread<'s>(sources: &'s [Source], code: impl Fn(&'s Source) -> [&'s str; 2]) -> Names {
    let texts: Vec<String> = sources.iter().map(|source| code(source).join(" ").to_lowercase()).collect();
    let mut named_in: AHashMap<&str, Vec<usize>> = AHashMap::new();
    for (n, text) in texts.iter().enumerate() {
        for word in words(text) {
            named_in.entry(word).or_default().push(n);
        }
    }
    let mut found = Names::default();
    let mut seen = vec![false; sources.len()];
    let mut open: Vec<usize> = (0..sources.len()).filter(|n| sources[*n].leaves).collect();
    while let Some(n) = open.pop() {
        if std::mem::replace(&mut seen[n], true) {
            continue;
        }
        let name = sources[n].name.to_lowercase();
        found.add(&name);
        match named_in.get(name.as_str()) {
            Some(users) => open.extend(users),
            None => open.extend((0..texts.len()).filter(|user| texts[*user].contains(&name))),
        }
    }
    found
}

/// Runs of letters, digits and `_`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, reads: &str, writes: &str, leaves: bool) -> Source {
        Source { name: name.into(), reads: reads.into(), writes: writes.into(), leaves, unnamed: false }
    }

    #[test]
    fn names_lead_from_tables_through_functions_to_what_leaves_traces() {
        let sources = [
            source("switch", "perform set_config('a', 'b', false)", "", true),
            source("is_member", "select switch()", "", false),
            source("clubs", "is_member(id)", "", false),
            source("rooms", "exists (select 1 from public.clubs)", "", false),
            source("notes", "true", "Touch()", false),
            source("touch", "begin perform switch(); end", "", false),
            source("plain", "owner = auth.uid()", "", false),
            source("Große Liste", "", "", true),
            source("list", "select * from \"große liste\"", "", false),
        ];
        let traces = Traces::of(&sources);
        for (sql, read, write) in [
            ("select * from \"public\".\"clubs\"", true, true),
            ("select * from rooms r", true, true),
            ("select * from notes", false, true),
            ("select * from plain", false, false),
            ("select * from List", true, true),
            ("select * from clubs_of_others", false, false),
        ] {
            assert_eq!((traces.of_read(sql), traces.of_write(sql)), (read, write), "{sql}");
        }
    }

    #[test]
    fn an_operator_that_leaves_traces_is_everywhere() {
        let mut sources = [source("compare", "set x = 1", "", true), source("t", "", "", false)];
        sources[0].unnamed = true;
        assert!(Traces::of(&sources).of_read("select 1"));
    }
}

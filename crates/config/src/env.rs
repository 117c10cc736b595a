use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::Error;

/// Environment variables as a value. The binary fills it from the process; everything else is given it.
///
/// Precedence is the Supabase CLI's: what the process has wins; then, in `supabase/` before the project folder,
/// `.env.<environment>.local`, `.env.local` (not when the environment is `test`), `.env.<environment>`, `.env`.
/// The environment is `SUPABASE_ENV`, `development` by default.
#[derive(Clone, Default)]
pub struct Env {
    vars: BTreeMap<String, String>,
}

// Names only: values are often secrets.
impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.vars.keys()).finish()
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(iter: I) -> Self {
        Self { vars: iter.into_iter().map(|(k, v)| (k.into(), v.into())).collect() }
    }
}

impl Env {
    /// The value of a variable, if it is set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str)
    }

    /// All variables, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.vars.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// Sets a variable unless it is set already.
    fn set_default(&mut self, name: String, value: String) {
        self.vars.entry(name).or_insert(value);
    }

    /// This environment with the `.env` files of a project folder beneath it.
    ///
    /// # Errors
    /// A file that cannot be read or parsed; missing files are fine.
    pub fn with_files(mut self, project_dir: &Path) -> Result<Self, Error> {
        for path in env_files(project_dir, self.get("SUPABASE_ENV").unwrap_or("development")) {
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(source) => return Err(Error::Read { path, source }),
            };
            for (name, value) in
                parse(&text, &self).map_err(|(line, message)| Error::EnvFile { path, line, message })?
            {
                self.set_default(name, value);
            }
        }
        Ok(self)
    }
}

fn env_files(project_dir: &Path, environment: &str) -> Vec<PathBuf> {
    let environment = if environment.is_empty() { "development" } else { environment };
    let mut names = vec![format!(".env.{environment}.local")];
    if environment != "test" {
        names.push(".env.local".to_owned());
    }
    names.extend([format!(".env.{environment}"), ".env".to_owned()]);
    [project_dir.join("supabase"), project_dir.to_owned()]
        .iter()
        .flat_map(|dir| names.iter().map(|name| dir.join(name)))
        .collect()
}

/// The lines of a `.env` file: `export` prefix, `=` or `:`, comments, single quotes (literal, may span lines), double quotes
/// (escapes and `${NAME}`, may span lines), bare values (`${NAME}`, ` #` starts a comment).
fn parse(text: &str, outer: &Env) -> Result<Vec<(String, String)>, (usize, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rest = text;
    let line_of = |rest: &str| text[..text.len() - rest.len()].matches('\n').count() + 1;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok(found);
        }
        if rest.starts_with('#') {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let line = line_of(rest);
        let end = rest.find('\n').unwrap_or(rest.len());
        let Some(at) = rest[..end].find(['=', ':']) else {
            return Err((line, "expected NAME=value".to_owned()));
        };
        let name = rest[..at].trim();
        let name = name.strip_prefix("export").filter(|n| n.starts_with(char::is_whitespace)).map_or(name, str::trim);
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.') {
            return Err((line, "a variable's name has letters, digits, _ and . only".to_owned()));
        }
        let after = rest[at + 1..].trim_start_matches([' ', '\t']);
        let lookup = |found: &[(String, String)], name: &str| {
            let inner = found.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.clone());
            outer.get(name).map(str::to_owned).or(inner).unwrap_or_default()
        };
        let (value, remaining) = match after.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let Some(close) = closing_quote(&after[1..], quote) else {
                    return Err((line, "a quoted value does not end".to_owned()));
                };
                let raw = &after[1..=close];
                let value = if quote == '"' { expand(&unescape(raw), |n| lookup(&found, n)) } else { raw.to_owned() };
                let tail = &after[close + 2..];
                (value, tail.split_once('\n').map_or("", |(_, after)| after))
            }
            _ => {
                let (bare, remaining) = after.split_once('\n').unwrap_or((after, ""));
                let bare = bare
                    .char_indices()
                    .find(|&(i, c)| c == '#' && (i == 0 || bare[..i].ends_with(char::is_whitespace)))
                    .map_or(bare, |(i, _)| &bare[..i]);
                (expand(bare.trim(), |n| lookup(&found, n)), remaining)
            }
        };
        found.push((name.to_owned(), value));
        rest = remaining;
    }
}

/// Byte offset of the quote that ends a value, skipping escaped ones.
fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return Some(i),
            _ => {}
        }
    }
    None
}

/// Escapes of double quotes; `\$` is left for [`expand`].
fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match (c, c == '\\') {
            (_, true) => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some('$') => out.push_str("\\$"),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            (c, false) => out.push(c),
        }
    }
    out
}

/// Replaces `$NAME` and `${NAME}`; `\$` is a dollar sign.
fn expand(text: &str, lookup: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        if let Some(before) = before.strip_suffix('\\') {
            out.push_str(before);
            out.push('$');
            rest = after;
            continue;
        }
        out.push_str(before);
        let (name, tail) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, tail)) => (name, tail),
            None => after.split_at(after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len())),
        };
        if name.is_empty() {
            out.push('$');
        } else {
            out.push_str(&lookup(name));
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text, &Env::default()).unwrap()
    }

    #[track_caller]
    fn check(line: &str, value: &str) {
        assert_eq!(pairs(line), vec![("A".to_owned(), value.to_owned())], "{line}");
    }

    #[test]
    fn the_ways_to_write_a_value() {
        check("A=1", "1");
        check("export A = b c ", "b c");
        check("A=b # comment", "b");
        check("A=b#c", "b#c");
        check("A='$B # not a comment'", "$B # not a comment");
        check("A=\"x\\ny\" # comment", "x\ny");
        check("A=\"two\nlines\"", "two\nlines");
        check("A: yaml", "yaml");
        check("A=", "");
        check("A=price\\$5", "price$5");
        check("A=\"it's\"", "it's");
    }

    #[test]
    fn a_value_may_use_earlier_ones() {
        let found = pairs("HOST=h\nURL=\"http://${HOST}/$HOST\"\n");
        assert_eq!(found[1].1, "http://h/h");
    }

    #[test]
    fn a_broken_line_is_named_without_its_value() {
        assert_eq!(parse("A=1\n\nsecret words\n", &Env::default()).unwrap_err().0, 3);
        assert_eq!(parse("A='open\n", &Env::default()).unwrap_err().0, 1);
    }

    #[test]
    fn files_are_read_in_the_order_of_the_cli() {
        let dir = tempfile::tempdir().unwrap();
        let supabase = dir.path().join("supabase");
        std::fs::create_dir(&supabase).unwrap();
        std::fs::write(supabase.join(".env.local"), "A=supabase-local\n").unwrap();
        std::fs::write(supabase.join(".env"), "A=no\nB=supabase\nP=no\n").unwrap();
        std::fs::write(dir.path().join(".env.local"), "B=no\nC=root-local\n").unwrap();
        std::fs::write(dir.path().join(".env"), "C=no\nD=root\n").unwrap();
        let env = Env::from_iter([("P", "process")]).with_files(dir.path()).unwrap();
        for (name, value) in
            [("A", "supabase-local"), ("B", "supabase"), ("C", "root-local"), ("D", "root"), ("P", "process")]
        {
            assert_eq!(env.get(name), Some(value), "{name}");
        }
        let test = Env::from_iter([("SUPABASE_ENV", "test")]).with_files(dir.path()).unwrap();
        assert_eq!(test.get("A"), Some("no"), ".env.local is not read in tests");
    }

    proptest::proptest! {
        #[test]
        fn any_text_parses_or_is_refused(text in "[A=\"'$\\{}#\\n a\\\\é]{0,60}") {
            let _ = parse(&text, &Env::default());
        }
    }
}

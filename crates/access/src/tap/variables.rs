//! psql's variables: `\set name value`, and `:name`, `:'name'`, `:"name"` in SQL (psql, "Variables", "SQL Interpolation").
//! Both stand in the same file of the project: nothing from outside comes into its SQL.

use std::collections::BTreeMap;

/// Names and values.
#[derive(Debug, Clone, Default)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Takes a `\set` or `\unset`; `false` where it is another command.
    pub fn takes(&mut self, meta: &str) -> bool {
        let (command, rest) = meta.split_once(char::is_whitespace).unwrap_or((meta, ""));
        let (name, value) = rest.trim().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
        match command {
            "\\set" if !name.is_empty() => {
                let value = self.value(value.trim());
                self.0.insert(name.to_owned(), value);
            }
            "\\unset" => {
                self.0.remove(name);
            }
            "\\set" => {}
            _ => return false,
        }
        true
    }

    /// Words are joined, quotes go, `:name` is replaced.
    fn value(&self, text: &str) -> String {
        let mut value = String::new();
        let (mut chars, mut quoted, mut word) = (text.chars().peekable(), false, String::new());
        while let Some(c) = chars.next() {
            match c {
                '\'' if quoted && chars.peek() == Some(&'\'') => {
                    chars.next();
                    value.push('\'');
                }
                '\'' => {
                    value += &self.replaced(&std::mem::take(&mut word));
                    quoted = !quoted;
                }
                _ if quoted => value.push(c),
                c if c.is_whitespace() => {}
                c => word.push(c),
            }
        }
        value + &self.replaced(&word)
    }

    /// SQL with the values in it. A name that is not set stays as it is, as in psql.
    pub fn replaced(&self, sql: &str) -> String {
        if self.0.is_empty() || !sql.contains(':') {
            return sql.to_owned();
        }
        let mut text = String::new();
        let mut rest = sql;
        while let Some(c) = rest.chars().next() {
            let length = opaque(rest).or_else(|| rest.starts_with("::").then_some(2));
            if let Some(length) = length {
                text += &rest[..length];
                rest = &rest[length..];
                continue;
            }
            if c == ':'
                && let Some((value, length)) = self.at(&rest[1..])
            {
                text += &value;
                rest = &rest[1 + length..];
                continue;
            }
            text.push(c);
            rest = &rest[c.len_utf8()..];
        }
        text
    }

    /// The value that a colon before `rest` means, and the length of its name.
    fn at(&self, rest: &str) -> Option<(String, usize)> {
        let mark = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let inner = if mark.is_some() { &rest[1..] } else { rest };
        let end = inner.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(inner.len());
        let value = self.0.get(&inner[..end])?;
        let Some(mark) = mark else { return Some((value.clone(), end)) };
        if !inner[end..].starts_with(mark) {
            return None;
        }
        let value = match mark {
            '"' => pg::ident(value),
            _ if value.contains('\\') => format!("E'{}'", value.replace('\\', "\\\\").replace('\'', "''")),
            _ => format!("'{}'", value.replace('\'', "''")),
        };
        Some((value, end + 2))
    }
}

/// The length of what begins here and in which nothing is replaced: a string, a quoted name, a comment.
fn opaque(rest: &str) -> Option<usize> {
    let until = |start: usize, end: &str| rest[start..].find(end).map_or(rest.len(), |at| start + at + end.len());
    if rest.starts_with("--") {
        return Some(until(2, "\n"));
    }
    if rest.starts_with("/*") {
        return Some(until(2, "*/"));
    }
    match rest.chars().next()? {
        mark @ ('\'' | '"') => Some(until(1, &mark.to_string())),
        '$' => {
            let tag = rest[1..].find('$').map(|at| &rest[..at + 2])?;
            let name = &tag[1..tag.len() - 1];
            let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_')
                && !name.starts_with(|c: char| c.is_ascii_digit());
            plain.then(|| until(tag.len(), tag))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_psql_puts_them() {
        let mut variables = Variables::default();
        for meta in ["\\set id 7", "\\set who 'O''Hara'", "\\set t my table", "\\set twice :id :id"] {
            assert!(variables.takes(meta));
        }
        let check = |sql: &str, expected: &str| assert_eq!(variables.replaced(sql), expected);
        check("select :id, :'who', :\"t\"", "select 7, 'O''Hara', \"mytable\"");
        check(
            "select ':id', $$:id$$, $a$ :id $a$, 1::id, :other -- :id",
            "select ':id', $$:id$$, $a$ :id $a$, 1::id, :other -- :id",
        );
        check("select a[1::id], :twice", "select a[1::id], 77");
        assert!(!variables.takes("\\gset"));
    }
}

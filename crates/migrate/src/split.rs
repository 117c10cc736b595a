//! Cuts a file into statements, as psql does.

use crate::lexer::{Lexer, Piece, words};

/// A statement of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The text with the comments before it, without the final semicolon.
    pub text: &'a str,
    /// The line where `text` starts, from 1.
    pub first_line: usize,
    /// The line of its first word, from 1.
    pub line: usize,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    /// SQL.
    Sql,
    /// `COPY … FROM stdin` with its rows, as they stand in the file.
    Copy(&'a str),
    /// A command of psql (`\restrict …`); `text` is its line.
    Meta,
}

/// Cuts `sql` into statements. Never fails: what cannot be understood is left for PostgreSQL to refuse.
///
/// Semicolons in quotes, dollar quotes, comments, parentheses and `BEGIN ATOMIC … END` bodies do not end a statement (psql's rules).
pub fn split(sql: &str) -> Vec<Statement<'_>> {
    let mut splitter = Splitter { sql, start: 0, found: Vec::new(), lines: Lines { sql, at: 0, line: 1 } };
    let mut at = 0;
    if sql.starts_with('\u{feff}') {
        at = '\u{feff}'.len_utf8();
    }
    while at < sql.len() {
        at = splitter.statement(at);
    }
    splitter.found
}

struct Splitter<'a> {
    sql: &'a str,
    /// Where the statement under way starts.
    start: usize,
    found: Vec<Statement<'a>>,
    lines: Lines<'a>,
}

impl<'a> Splitter<'a> {
    /// Reads one statement from `at`; gives where the next one starts.
    fn statement(&mut self, at: usize) -> usize {
        self.start = at;
        let mut body = Body::default();
        let mut first_word = None;
        for (piece, range) in Lexer::new(self.sql, at) {
            match piece {
                Piece::Space | Piece::Comment => continue,
                Piece::Symbol('\\') if first_word.is_none() => return self.meta(range.start),
                Piece::Symbol(';') if body.may_end() => return self.finish(first_word, range.start, range.end),
                _ => {}
            }
            first_word.get_or_insert(range.start);
            body.see(piece, &self.sql[range]);
        }
        self.finish(first_word, self.sql.len(), self.sql.len())
    }

    fn meta(&mut self, at: usize) -> usize {
        let end = self.sql[at..].find('\n').map_or(self.sql.len(), |i| at + i);
        let line = self.lines.at(at);
        self.found.push(Statement { text: self.sql[at..end].trim_end(), first_line: line, line, kind: Kind::Meta });
        end
    }

    fn finish(&mut self, first_word: Option<usize>, end: usize, next: usize) -> usize {
        let Some(first_word) = first_word else { return next };
        let untrimmed = &self.sql[self.start..end];
        let start = self.start + (untrimmed.len() - untrimmed.trim_start().len());
        let text = untrimmed.trim();
        let first_line = self.lines.at(start);
        let line = self.lines.at(first_word);
        let (kind, next) = if is_copy_from_stdin(&self.sql[first_word..end]) {
            let (rows, next) = self.copy_rows(next);
            (Kind::Copy(rows), next)
        } else {
            (Kind::Sql, next)
        };
        self.found.push(Statement { text, first_line, line, kind });
        next
    }

    /// The lines after a COPY up to `\.`.
    fn copy_rows(&self, at: usize) -> (&'a str, usize) {
        let rest = &self.sql[at..];
        let start = rest.find('\n').map_or(rest.len(), |i| i + 1);
        let mut end = start;
        for line in rest[start..].split_inclusive('\n') {
            if line.trim_end_matches(['\n', '\r']) == "\\." {
                return (&rest[start..end], at + end + line.len());
            }
            end += line.len();
        }
        (&rest[start..], self.sql.len())
    }
}

/// What of a statement decides whether a semicolon ends it.
#[derive(Default)]
struct Body {
    parentheses: usize,
    /// `BEGIN ATOMIC` and `CASE` that wait for their `END`.
    blocks: usize,
    /// The first words: only a routine has an SQL body.
    is_routine: bool,
    words: usize,
    after_begin: bool,
}

impl Body {
    fn may_end(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn see(&mut self, piece: Piece, text: &str) {
        match piece {
            Piece::Symbol('(') => self.parentheses += 1,
            Piece::Symbol(')') => self.parentheses = self.parentheses.saturating_sub(1),
            Piece::Word => self.see_word(text),
            _ => {}
        }
    }

    fn see_word(&mut self, word: &str) {
        let is = |other: &str| word.eq_ignore_ascii_case(other);
        self.words += 1;
        if self.words <= 4 && (is("function") || is("procedure")) {
            self.is_routine = true;
        }
        if self.is_routine {
            if self.after_begin && is("atomic") || self.blocks > 0 && is("case") {
                self.blocks += 1;
            } else if self.blocks > 0 && is("end") {
                self.blocks -= 1;
            }
        }
        self.after_begin = is("begin");
    }
}

fn is_copy_from_stdin(statement: &str) -> bool {
    let mut words = words(statement);
    if words.next().as_deref() != Some("copy") {
        return false;
    }
    let mut previous = String::new();
    for word in words {
        if previous == "from" && word == "stdin" {
            return true;
        }
        previous = word;
    }
    false
}

/// Counts lines while offsets grow.
struct Lines<'a> {
    sql: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, offset: usize) -> usize {
        if offset > self.at {
            self.line += self.sql[self.at..offset].matches('\n').count();
            self.at = offset;
        }
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: &[(usize, &str)]) {
        let found: Vec<(usize, &str)> = split(sql).iter().map(|s| (s.line, s.text)).collect();
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn semicolons_end_statements() {
        check("select 1;\n\nselect 2 ;select 3", &[(1, "select 1"), (3, "select 2"), (3, "select 3")]);
        check("", &[]);
        check(" ;; -- nothing\n;", &[]);
    }

    #[test]
    fn quoted_semicolons_do_not() {
        check("select 'a;''b;', \";\"\";\"; x", &[(1, "select 'a;''b;', \";\"\";\""), (1, "x")]);
        check("select E'a\\';b'; x", &[(1, "select E'a\\';b'"), (1, "x")]);
        check("select 'a\\'; x", &[(1, "select 'a\\'"), (1, "x")]);
        check("do $$ begin; $a$;$a$ end $$; x", &[(1, "do $$ begin; $a$;$a$ end $$"), (1, "x")]);
        check("do $fn_1$ ; $$ ; $fn_1$; x", &[(1, "do $fn_1$ ; $$ ; $fn_1$"), (1, "x")]);
        check("select $1; select a$b$c; x", &[(1, "select $1"), (1, "select a$b$c"), (1, "x")]);
    }

    #[test]
    fn comments_go_with_the_statement_after_them() {
        let found = split("-- one; two\n/* a /* b; */ ; */\nselect 1; -- end");
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].first_line, found[0].line), (1, 3));
        assert!(found[0].text.starts_with("-- one"));
    }

    #[test]
    fn bodies_in_sql_are_one_statement() {
        let body = "create function f(a int) returns int language sql begin atomic\n select case a when 1 then 2 end;\n select 2;\nend";
        check(&format!("{body}; x"), &[(1, body), (4, "x")]);
        check(
            "begin; select case when true then 1 end; commit;",
            &[(1, "begin"), (1, "select case when true then 1 end"), (1, "commit")],
        );
        check(
            "create rule r as on insert to t do (select 1; select 2); x",
            &[(1, "create rule r as on insert to t do (select 1; select 2)"), (1, "x")],
        );
    }

    #[test]
    fn psql_is_understood_where_dumps_use_it() {
        let found = split("\\restrict abc\nselect 1;\n\\unrestrict abc\n");
        assert_eq!(
            found.iter().map(|s| (s.kind, s.line, s.text)).collect::<Vec<_>>(),
            [(Kind::Meta, 1, "\\restrict abc"), (Kind::Sql, 2, "select 1"), (Kind::Meta, 3, "\\unrestrict abc"),]
        );
        let found = split("COPY public.t (a, b) FROM stdin;\n1\tit's; $$\n2\t\\N\n\\.\n\nselect 1;");
        assert_eq!(found[0].kind, Kind::Copy("1\tit's; $$\n2\t\\N\n"));
        assert_eq!((found[1].text, found[1].line), ("select 1", 6));
        assert_eq!(split("copy t from stdin;\n1\n")[0].kind, Kind::Copy("1\n"));
        assert_eq!(split("copy t from '/x';\nselect 1;").len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_split_without_loss(sql in "(;|'|\"|\\$|\\$a\\$|E'|\\\\|--|/\\*|\\*/|\n|\\(|\\)|create function|begin atomic|case|end|copy t from stdin;|\\\\\\.|é|x| ){0,40}") {
            let found = split(&sql);
            let mut last = 0;
            for statement in &found {
                proptest::prop_assert!(statement.first_line >= last && statement.line >= statement.first_line);
                proptest::prop_assert!(!statement.text.is_empty());
                last = statement.first_line;
            }
        }

        #[test]
        fn arbitrary_text_never_panics(sql in "\\PC{0,80}") {
            let _ = split(&sql);
            let _ = crate::lexer::normalized(&sql);
        }

        #[test]
        fn joined_statements_come_apart_again(parts in proptest::collection::vec("(select 'a;b'|do \\$\\$ ; \\$\\$|create table t \\(a int\\)|select \";\"|select E'\\\\';'|select /\\* ; \\*/ 1)", 0..8)) {
            let sql = parts.iter().map(|p| format!("{p};\n")).collect::<String>();
            let texts: Vec<&str> = split(&sql).iter().map(|s| s.text).collect();
            proptest::prop_assert_eq!(texts, parts);
        }
    }
}

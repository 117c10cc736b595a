//! What stands in a file, and what is sent for it: dumps of a newer PostgreSQL, extensions in other versions, and what the hosted
//! platform lets `postgres` do inside of a `DO` block.
//!
//! What is taken out leaves blanks, so that the lines and columns of errors are those of the file.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::lexer::{Lexer, Piece, Token, first_tokens, tokens};
use crate::rights::elevated;

/// The first version with `MAINTAIN` and `transaction_timeout`.
const FIRST_WITH_MAINTAIN: u32 = 17;
/// Of one statement in a `DO` block, what leads to the next.
const STARTS_STATEMENTS: &[&str] = &["begin", "then", "else", "loop"];

/// A statement to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) sql: String,
    /// Runs with more rights.
    pub(crate) elevated: bool,
}

/// What is sent for one statement: nothing for what is passed over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Adapted {
    pub(crate) sent: Vec<Sent>,
    /// What the session must be allowed for it.
    pub(crate) allowed: Vec<String>,
    /// What its owner should know.
    pub(crate) note: Option<String>,
}

/// Where the file runs.
#[derive(Debug, Default)]
pub(crate) struct Place {
    /// PostgreSQL's major version.
    pub(crate) major: u32,
    /// Is there somebody who can give more rights?
    pub(crate) can_elevate: bool,
    /// The versions that extensions have here, the default one first.
    pub(crate) extensions: BTreeMap<String, Vec<String>>,
    /// Is pgsodium's table of keys here?
    pub(crate) has_pgsodium: bool,
}

/// Does the file name versions of extensions, so that [`Place::extensions`] is needed?
pub(crate) fn names_versions(sql: &str) -> bool {
    let head = first_tokens(sql, 2);
    matches!(head.as_slice(), [_, Token::Word(word)] if word == "extension") && version(&tokens(sql)).is_some()
}

/// What dumps of 2023 and 2024 say of pgsodium, which every hosted project had: the root of its keys never left the platform, so that
/// they open nothing anywhere else.
pub(crate) fn is_of_pgsodium(sql: &str) -> bool {
    let tokens = first_tokens(sql, 6);
    let is_table = |at: usize| {
        matches!(tokens.get(at..), Some([schema, Token::Symbol('.'), table, ..])
            if schema.name() == Some("pgsodium") && table.name() == Some("key"))
    };
    let word = |n: usize| tokens.get(n).and_then(Token::word).unwrap_or_default();
    match (word(0), word(1)) {
        ("copy", _) => is_table(1),
        ("insert", "into") => is_table(2),
        ("select", "pg_catalog") => word(3) == "setval" && sql.contains("'\"pgsodium\".\"key_key_id_seq\"'"),
        _ => false,
    }
}

/// What is to be sent for `sql`.
pub(crate) fn adapt(sql: &str, place: &Place) -> Adapted {
    if !place.has_pgsodium && is_of_pgsodium(sql) {
        return Adapted::default();
    }
    if is_of_data(sql) {
        return plain(sql.to_owned());
    }
    let tokens = tokens(sql);
    if is_passed_over(&tokens, place) {
        return Adapted::default();
    }
    if place.major < FIRST_WITH_MAINTAIN && is_grant(&tokens) {
        return without_maintain(sql).map(|sql| lifted_or_not(&sql, &tokens, place)).unwrap_or_default();
    }
    if let Some(other) = other_version(sql, &tokens, place) {
        let with_rights = place.can_elevate && !elevated(&other.sql).is_empty();
        let allowed = if with_rights { vec![other.sql.clone()] } else { Vec::new() };
        return Adapted { sent: vec![Sent { sql: other.sql, elevated: with_rights }], allowed, note: Some(other.note) };
    }
    lifted_or_not(sql, &tokens, place)
}

/// The statement, with more rights where it may have them.
fn lifted_or_not(sql: &str, tokens: &[Token], place: &Place) -> Adapted {
    if !place.can_elevate {
        return plain(sql.to_owned());
    }
    if matches!(tokens.first(), Some(Token::Word(word)) if word == "do") {
        let (sql, allowed) = lifted(sql);
        return Adapted { sent: vec![Sent { sql, elevated: false }], allowed, note: None };
    }
    let allowed = elevated(sql);
    if allowed.is_empty() {
        return plain(sql.to_owned());
    }
    Adapted { sent: allowed.iter().map(|sql| Sent { sql: sql.clone(), elevated: true }).collect(), allowed, note: None }
}

fn plain(sql: String) -> Adapted {
    Adapted { sent: vec![Sent { sql, elevated: false }], ..Adapted::default() }
}

/// Rows, of which there may be many: nothing below is about them.
fn is_of_data(sql: &str) -> bool {
    let head = first_tokens(sql, 1);
    let word = head.first().and_then(Token::word);
    word.is_some_and(|word| matches!(word, "insert" | "update" | "delete" | "select" | "with" | "values" | "copy"))
}

fn is_passed_over(tokens: &[Token], place: &Place) -> bool {
    let words: Vec<&str> = tokens.iter().map(|token| token.word().unwrap_or_default()).collect();
    match words.as_slice() {
        // pg_dump 17 writes it at the head of every dump.
        ["set", "transaction_timeout", ..] | ["set", "session" | "local", "transaction_timeout", ..] => {
            place.major < FIRST_WITH_MAINTAIN
        }
        // The hosted platform makes `postgres` the owner of event triggers, PostgreSQL allows only superusers: the rights are the same.
        ["alter", "event", "trigger", _, "owner", "to", _] => {
            place.can_elevate && tokens[6].name().is_some_and(|name| matches!(name, "postgres" | "current_user"))
        }
        _ => false,
    }
}

fn is_grant(tokens: &[Token]) -> bool {
    let word = |n: usize| tokens.get(n).and_then(Token::word).unwrap_or_default();
    matches!(word(0), "grant" | "revoke") || (word(0), word(1), word(2)) == ("alter", "default", "privileges")
}

/// The statement without the privilege `MAINTAIN`, which came with PostgreSQL 17; `None` when nothing else is given or taken.
fn without_maintain(sql: &str) -> Option<String> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut inside = false;
    for (piece, range) in Lexer::new(sql, 0) {
        let word = if piece == Piece::Word { sql[range.clone()].to_ascii_lowercase() } else { String::new() };
        match (piece, word.as_str()) {
            (Piece::Space | Piece::Comment, _) => {}
            (_, "grant" | "revoke") if !inside => {
                inside = true;
                entries.push(Entry::default());
            }
            // `REVOKE GRANT OPTION FOR …` starts the list anew.
            (_, "for") if inside => entries = vec![Entry::default()],
            (_, "on") if inside => break,
            (Piece::Symbol(','), _) if inside => entries.push(Entry { comma: Some(range), ..Entry::default() }),
            _ if inside => {
                if let Some(entry) = entries.last_mut() {
                    entry.words += 1;
                    entry.is_maintain = word == "maintain";
                    entry.range = range;
                }
            }
            _ => {}
        }
    }
    let is_maintain = |entry: &Entry| entry.words == 1 && entry.is_maintain;
    if entries.is_empty() || !entries.iter().any(is_maintain) {
        return Some(sql.to_owned());
    }
    if entries.iter().all(is_maintain) {
        return None;
    }
    let mut out = sql.to_owned();
    let first_kept = entries.iter().position(|entry| !is_maintain(entry)).unwrap_or_default();
    for (index, entry) in entries.iter().enumerate() {
        if is_maintain(entry) {
            blank(&mut out, &entry.range);
        }
        // Of the commas, the one before what is taken out goes, and those before the first that stays.
        if let Some(comma) = entry.comma.as_ref().filter(|_| is_maintain(entry) || index <= first_kept) {
            blank(&mut out, comma);
        }
    }
    Some(out)
}

#[derive(Default)]
struct Entry {
    /// The comma before it.
    comma: Option<Range<usize>>,
    range: Range<usize>,
    words: usize,
    is_maintain: bool,
}

/// As many blanks as there were characters.
fn blank(sql: &mut String, range: &Range<usize>) {
    let blanks: String = sql[range.clone()].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
    if blanks.len() == range.len() {
        sql.replace_range(range.clone(), &blanks);
    }
}

struct Other {
    sql: String,
    note: String,
}

/// The extension, and where the version stands, of `CREATE EXTENSION … VERSION '…'` and `ALTER EXTENSION … UPDATE TO '…'`.
fn version(tokens: &[Token]) -> Option<(&str, usize)> {
    let word = |n: usize| tokens.get(n).and_then(Token::word).unwrap_or_default();
    let name_at = match (word(0), word(1), word(2), word(3), word(4)) {
        ("create", "extension", "if", "not", "exists") => 5,
        ("create", "extension", ..) | ("alter", "extension", ..) => 2,
        _ => return None,
    };
    let name = tokens.get(name_at)?.name()?;
    let (before, at) = (1..tokens.len()).map(|at| (word(at - 1), at)).find(|(before, at)| {
        (*before == "version" && word(0) == "create" && *at > name_at + 1)
            || (*before == "to" && word(0) == "alter" && word(at - 2) == "update")
    })?;
    (!before.is_empty() && matches!(tokens[at], Token::Text | Token::Name(_) | Token::Word(_))).then_some((name, at))
}

/// The statement without a version that this machine does not have, where it has another.
fn other_version(sql: &str, tokens: &[Token], place: &Place) -> Option<Other> {
    let (name, at) = version(tokens)?;
    let here = place.extensions.get(name)?;
    let (first, last) = (piece_of(sql, at - 1)?, piece_of(sql, at)?);
    let wanted = sql[last.clone()].trim_matches(['\'', '"']);
    if here.iter().any(|version| version == wanted) {
        return None;
    }
    let note = format!("extension {name} {wanted} is not installed here: {} is taken", here.first()?);
    let mut out = sql.to_owned();
    blank(&mut out, &(first.start..last.end));
    Some(Other { sql: out, note })
}

/// Where the token of this number stands.
fn piece_of(sql: &str, number: usize) -> Option<Range<usize>> {
    let means = |piece: &Piece| !matches!(piece, Piece::Space | Piece::Comment | Piece::Symbol(';'));
    Lexer::new(sql, 0).filter(|(piece, _)| means(piece)).nth(number).map(|(_, range)| range)
}

/// A `DO` block whose statements that may run with more rights do so; and what must be allowed for it.
///
/// The hosted platform decides when a statement runs, here its text decides: so it stands in the block as it is, or as the text of an
/// `EXECUTE`.
fn lifted(sql: &str) -> (String, Vec<String>) {
    let body = Lexer::new(sql, 0).find(|(piece, range)| *piece == Piece::Quoted && sql[range.clone()].starts_with('$'));
    let Some((_, body)) = body else { return (sql.to_owned(), Vec::new()) };
    let fence = 1 + sql[body.start + 1..].find('$').unwrap_or_default() + 1;
    if body.len() < 2 * fence {
        return (sql.to_owned(), Vec::new());
    }
    let inner = &sql[body.start + fence..body.end - fence];
    let (mut out, mut allowed, mut copied) = (String::new(), Vec::new(), 0);
    for range in statements(inner) {
        let text = &inner[range.clone()];
        let statement = executed(text).unwrap_or_else(|| text.to_owned());
        let all = elevated(&statement);
        if all.is_empty() {
            continue;
        }
        out.push_str(&inner[copied..range.start]);
        let calls: Vec<String> = all.iter().map(|sql| call(sql)).collect();
        out.push_str(&calls.join("; "));
        copied = range.end;
        allowed.extend(all);
    }
    if allowed.is_empty() {
        return (sql.to_owned(), allowed);
    }
    out.push_str(&inner[copied..]);
    (format!("{}{out}{}", &sql[..body.start + fence], &sql[body.end - fence..]), allowed)
}

fn call(sql: &str) -> String {
    // Escapes are named, so that a backslash is one whatever `standard_conforming_strings` says.
    let text = sql.replace('\\', "\\\\").replace('\'', "''");
    format!("perform _basalt.elevated(E'{text}', pg_catalog.current_setting('search_path'))")
}

/// Where the statements of a block in PL/pgSQL stand, without their semicolons; those of control are left out.
fn statements(body: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut at_start, mut start, mut depth) = (false, None, 0usize);
    for (piece, range) in Lexer::new(body, 0) {
        let word = if piece == Piece::Word { body[range.clone()].to_ascii_lowercase() } else { String::new() };
        match piece {
            Piece::Space | Piece::Comment => continue,
            Piece::Symbol('(') => depth += 1,
            Piece::Symbol(')') => depth = depth.saturating_sub(1),
            Piece::Symbol(';') if depth == 0 => {
                if let Some(start) = start.take() {
                    found.push(start..range.start);
                }
                at_start = true;
                continue;
            }
            Piece::Word if start.is_none() && STARTS_STATEMENTS.contains(&word.as_str()) => {
                at_start = true;
                continue;
            }
            Piece::Word if at_start && matches!(word.as_str(), "create" | "alter" | "drop" | "comment" | "execute") => {
                start = Some(range.start);
            }
            _ => {}
        }
        at_start = false;
    }
    found
}

/// The text of `EXECUTE '…'`, where it is all that is executed.
fn executed(statement: &str) -> Option<String> {
    let mut pieces = Lexer::new(statement, 0).filter(|(piece, _)| !matches!(piece, Piece::Space | Piece::Comment));
    let (Some((Piece::Word, word)), Some((Piece::Quoted, text)), None) = (pieces.next(), pieces.next(), pieces.next())
    else {
        return None;
    };
    if !statement[word].eq_ignore_ascii_case("execute") {
        return None;
    }
    let text = &statement[text];
    let inner = if let Some(rest) = text.strip_prefix('\'') {
        rest.strip_suffix('\'')?.replace("''", "'")
    } else {
        let fence = 2 + text.strip_prefix('$')?.find('$')?;
        text.get(fence..text.len().checked_sub(fence)?)?.to_owned()
    };
    Some(inner.trim().trim_end_matches(';').trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(major: u32) -> Place {
        let extensions = [("pg_net".to_owned(), vec!["0.14.0".to_owned(), "0.13.0".to_owned()])].into();
        Place { major, can_elevate: true, extensions, has_pgsodium: false }
    }

    fn sent(sql: &str, major: u32) -> Vec<String> {
        adapt(sql, &place(major)).sent.into_iter().map(|sent| sent.sql).collect()
    }

    #[test]
    fn dumps_of_postgresql_17_run_on_older_ones() {
        for sql in
            ["SET transaction_timeout = 0", "set local transaction_timeout to '1s'", "grant maintain on t to anon"]
        {
            assert_eq!(sent(sql, 15), Vec::<String>::new(), "{sql}");
            assert_eq!(sent(sql, 17), [sql]);
        }
        for (sql, expected) in [
            ("GRANT SELECT,MAINTAIN,UPDATE ON TABLE t TO a", "GRANT SELECT         ,UPDATE ON TABLE t TO a"),
            ("grant maintain, select on t to a", "grant           select on t to a"),
            ("grant select (a, b), maintain on t to a", "grant select (a, b)           on t to a"),
            (
                "revoke grant option for maintain, select on t from a",
                "revoke grant option for           select on t from a",
            ),
            ("revoke select on maintain from maintain", "revoke select on maintain from maintain"),
            ("grant maintain to a", "grant maintain to a"),
            (
                "alter default privileges for role postgres in schema s grant select, maintain on tables to a",
                "alter default privileges for role postgres in schema s grant select           on tables to a",
            ),
        ] {
            assert_eq!(sent(sql, 16), [expected]);
            assert_eq!(sent(sql, 17), [sql]);
        }
    }

    #[test]
    fn versions_of_extensions_are_those_that_are_here() {
        let adapted =
            adapt("create extension if not exists \"pg_net\" with schema \"extensions\" version '0.7.1'", &place(17));
        assert_eq!(
            adapted.sent[0].sql.trim_end(),
            "create extension if not exists \"pg_net\" with schema \"extensions\""
        );
        assert_eq!(adapted.note.as_deref(), Some("extension pg_net 0.7.1 is not installed here: 0.14.0 is taken"));
        let adapted = adapt("alter extension \"pg_net\" update to '0.8.0'", &place(17));
        assert_eq!(adapted.sent[0].sql.trim_end(), "alter extension \"pg_net\" update");
        assert!(adapted.sent[0].elevated && adapted.allowed == [adapted.sent[0].sql.clone()]);
        for sql in [
            "create extension pg_net version '0.13.0'",
            "create extension pg_net version \"0.14.0\"",
            "create extension vector version '0.8.0'",
            "create extension version",
            "alter extension pg_net set schema public",
        ] {
            assert_eq!(sent(sql, 17), [sql]);
            assert_eq!(adapt(sql, &place(17)).note, None);
        }
    }

    #[test]
    fn statements_in_blocks_have_the_rights_of_others() {
        let (sql, allowed) = lifted(
            "do $do$\nbegin\n  if not exists (select 1) then\n    create event trigger e on ddl_command_end\n      execute function f();\n  \
             else\n    execute $x$ drop event trigger e; $x$;\n  end if;\n  create role \"r\" bypassrls password 'it''s';\nend $do$",
        );
        let path = "pg_catalog.current_setting('search_path')";
        assert_eq!(
            sql,
            format!(
                "do $do$\nbegin\n  if not exists (select 1) then\n    perform _basalt.elevated(E'create event trigger e on \
                 ddl_command_end\n      execute function f()', {path});\n  else\n    perform _basalt.elevated(E'drop event trigger e', \
                 {path});\n  end if;\n  perform _basalt.elevated(E'create role \"r\" bypassrls password ''it''''s''', {path}); perform \
                 _basalt.elevated(E'grant \"r\" to postgres with admin option', {path});\nend $do$"
            )
        );
        assert_eq!(allowed.len(), 4);
    }

    #[test]
    fn other_blocks_stay_as_they_are() {
        for sql in [
            "do $$ begin create table t (a int); execute 'create role r'; end $$",
            "do $$ begin raise notice 'then create event trigger e on x execute function f();'; end $$",
            "do $$ begin execute format('drop event trigger %I', x); end $$",
            "do $$ begin execute 'drop event trigger ' || x; end $$",
            "do $$ begin -- begin drop event trigger e;\n null; end $$",
            "do $$ declare create text := 'x'; begin null; end $$",
            "do 'begin drop event trigger e; end'",
            "do $$",
            "do $a$ begin create role r bypassrls superuser; end $a$",
        ] {
            assert_eq!(lifted(sql), (sql.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn keys_of_pgsodium_stay_behind() {
        for sql in [
            "SELECT pg_catalog.setval('\"pgsodium\".\"key_key_id_seq\"', 1, false)",
            "INSERT INTO \"pgsodium\".\"key\" (\"id\") VALUES ('x')",
            "insert into pgsodium.key select",
        ] {
            assert_eq!(sent(sql, 17), Vec::<String>::new(), "{sql}");
            assert_eq!(adapt(sql, &Place { has_pgsodium: true, ..place(17) }).sent[0].sql, sql);
        }
        assert!(is_of_pgsodium("COPY \"pgsodium\".\"key\" (\"id\") FROM stdin"));
        for sql in [
            "select pg_catalog.setval('\"public\".\"key_key_id_seq\"', 1)",
            "insert into public.key values (1)",
            "select 1",
        ] {
            assert_eq!(sent(sql, 17), [sql]);
        }
    }

    #[test]
    fn a_grant_keeps_its_rights() {
        let sql = "alter default privileges for role \"supabase_admin\" in schema public grant all on tables to anon";
        assert!(adapt(sql, &place(15)).sent[0].elevated && adapt(sql, &place(17)).sent[0].elevated);
    }

    #[test]
    fn owners_of_event_triggers_are_who_they_are() {
        assert_eq!(sent("ALTER EVENT TRIGGER \"e\" OWNER TO \"postgres\"", 17), Vec::<String>::new());
        assert_eq!(sent("alter event trigger e owner to anon", 17), ["alter event trigger e owner to anon"]);
    }

    proptest::proptest! {
        #[test]
        fn any_text_can_be_adapted(sql in "(grant|revoke|maintain|,|on|for| |do|\\$\\$|\\$a\\$|begin|then|execute|'|create role r bypassrls|;|\\(|\\)|é|create extension|version|alter extension a update to){0,24}") {
            let _ = adapt(&sql, &place(15));
        }
    }
}

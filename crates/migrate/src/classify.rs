//! What a statement needs: a transaction, no transaction, or a superuser.

use crate::lexer::words;

/// How a statement stands to transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// Runs in one.
    Fits,
    /// Must run outside of one.
    Outside,
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`, not to a savepoint.
    Rollback,
}

pub(crate) fn transaction(sql: &str) -> Transaction {
    let words: Vec<String> = words(sql).take(8).collect();
    let word = |n: usize| words.get(n).map_or("", String::as_str);
    let has = |w: &str| words.iter().any(|word| word == w);
    match (word(0), word(1)) {
        ("begin", _) | ("start", "transaction") => Transaction::Begin,
        ("commit", "prepared") | ("rollback", "prepared") => Transaction::Outside,
        ("commit" | "end", _) => Transaction::Commit,
        ("rollback", _) if word(1) == "to" || word(2) == "to" => Transaction::Fits,
        ("rollback" | "abort", _) => Transaction::Rollback,
        ("vacuum", _)
        | ("create" | "drop", "database" | "tablespace")
        | ("alter", "system")
        | ("create" | "drop", "subscription") => Transaction::Outside,
        ("create" | "drop" | "reindex" | "refresh", _) if has("concurrently") => Transaction::Outside,
        ("alter", "table") if has("detach") && words_after(sql, "concurrently") => Transaction::Outside,
        ("reindex", "database" | "system") => Transaction::Outside,
        ("alter", "database") if has("tablespace") => Transaction::Outside,
        ("cluster", "") => Transaction::Outside,
        _ => Transaction::Fits,
    }
}

fn words_after(sql: &str, word: &str) -> bool {
    words(sql).any(|w| w == word)
}

/// Roles that applications set parameters of, and that `postgres` does not own.
const SHARED_ROLES: &[&str] = &["anon", "authenticated", "authenticator", "service_role", "postgres"];

/// May this statement run as the superuser on behalf of `postgres`? The list is what supautils allows on the hosted platform;
/// `SUPERUSER` is never among it.
pub(crate) fn needs_elevation(sql: &str) -> bool {
    let words: Vec<String> = words(sql).take(64).collect();
    let word = |n: usize| words.get(n).map_or("", String::as_str);
    let has = |w: &str| words.iter().any(|word| word == w);
    let pair = |a: &str, b: &str| words.windows(2).any(|w| w[0] == a && w[1] == b);
    match (word(0), word(1)) {
        ("create" | "alter" | "drop", "event") => word(2) == "trigger",
        ("comment", "on") => word(2) == "extension" || word(2) == "event",
        ("alter" | "drop", "extension") => true,
        ("create" | "alter", "publication") => pair("all", "tables") || pair("tables", "in"),
        ("drop", "publication") => true,
        ("create" | "alter", "role" | "user") if has("superuser") => false,
        ("create" | "alter", "role" | "user") if has("bypassrls") || has("replication") => true,
        ("alter", "role" | "user") => SHARED_ROLES.contains(&word(2)) && (has("set") || has("reset")),
        ("create" | "alter" | "drop", "foreign") => word(2) == "data" && word(3) == "wrapper",
        ("alter", "default") => word(2) == "privileges" && has("supabase_admin"),
        _ => false,
    }
}

/// The role that an elevated statement creates, so that `postgres` can be given its administration.
pub(crate) fn created_role(sql: &str) -> Option<String> {
    let words: Vec<String> = words(sql).take(3).collect();
    match words.as_slice() {
        [create, kind, name] if create == "create" && (kind == "role" || kind == "user") => Some(name.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_statements_cannot_run_in_a_transaction() {
        for sql in [
            "create index concurrently i on t (a)",
            "create unique index concurrently if not exists i on t (a)",
            "drop index concurrently i",
            "vacuum analyze t",
            "alter system set work_mem = '1MB'",
            "/* c */ create database x",
            "reindex index concurrently i",
            "reindex (verbose) table concurrently t",
        ] {
            assert_eq!(transaction(sql), Transaction::Outside, "{sql}");
        }
        for sql in
            ["create index i on t (a)", "select 'concurrently'", "rollback to savepoint a", "savepoint a", "analyze"]
        {
            assert_eq!(transaction(sql), Transaction::Fits, "{sql}");
        }
        assert_eq!(transaction("-- x\nBEGIN"), Transaction::Begin);
        assert_eq!(transaction("end"), Transaction::Commit);
        assert_eq!(transaction("rollback"), Transaction::Rollback);
    }

    #[test]
    fn only_listed_statements_are_lifted() {
        for sql in [
            "create event trigger e on ddl_command_end execute function f()",
            "create publication p for all tables",
            "alter role x bypassrls",
            "create role r with login bypassrls",
            "alter role authenticator set pgrst.db_schemas = 'a'",
            "comment on extension pgcrypto is 'x'",
        ] {
            assert!(needs_elevation(sql), "{sql}");
        }
        for sql in [
            "create role r superuser bypassrls",
            "alter role postgres superuser",
            "create role r nobypassrls",
            "alter system set x = 1",
            "create publication p for table t",
            "select 'create event trigger'",
            "create table event (trigger int)",
            "create extension vector",
        ] {
            assert!(!needs_elevation(sql), "{sql}");
        }
    }
}

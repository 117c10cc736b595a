//! What a statement needs: a transaction, or none.

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
}

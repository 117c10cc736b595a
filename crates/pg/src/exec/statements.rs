//! The prepared statements of one connection.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ahash::RandomState;
use bytes::Bytes;

use super::Column;

/// Names kept per connection; each costs the backend some 50 kB.
const MOST: usize = 200;
/// Texts of the context statement kept per connection: one per set of setting names.
const MOST_CONTEXTS: usize = 32;

/// A prepared statement; its columns are known once the server described it.
#[derive(Debug)]
pub(super) struct Statement {
    /// Its name is `s<id>`; 0 is the unnamed statement.
    pub(super) id: u32,
    columns: OnceLock<Arc<[Column]>>,
}

impl Statement {
    pub(super) fn unnamed() -> Self {
        Self { id: 0, columns: OnceLock::new() }
    }

    pub(super) fn columns(&self) -> Option<Arc<[Column]>> {
        self.columns.get().cloned()
    }

    pub(super) fn describe(&self, columns: Arc<[Column]>) {
        let _ = self.columns.set(columns);
    }
}

/// A plan with row-level security is made for one role, so one name is never shared by two.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    role: Bytes,
    sql: Arc<str>,
}

#[derive(Debug)]
struct Entry {
    statement: Arc<Statement>,
    used: u64,
}

#[derive(Debug)]
struct Context {
    names: Vec<Cow<'static, str>>,
    read_only: bool,
    sql: Arc<str>,
}

/// What a connection has prepared, least recently used first out.
#[derive(Debug, Default)]
pub(super) struct Statements {
    entries: HashMap<Key, Entry, RandomState>,
    contexts: Vec<Context>,
    last_id: u32,
    tick: u64,
    /// Names to be closed by the next flush, before anything in it can fail.
    discarded: Vec<u32>,
    generation: u64,
}

impl Statements {
    /// The statement of this text for this role, and whether it must be parsed first.
    pub(super) fn get(&mut self, role: &Bytes, sql: &Arc<str>) -> (Arc<Statement>, bool) {
        self.tick += 1;
        let key = Key { role: role.clone(), sql: sql.clone() };
        if let Some(entry) = self.entries.get_mut(&key) {
            entry.used = self.tick;
            return (entry.statement.clone(), false);
        }
        if self.entries.len() >= MOST {
            self.discard_oldest();
        }
        self.last_id += 1;
        let statement = Arc::new(Statement { id: self.last_id, columns: OnceLock::new() });
        self.entries.insert(key, Entry { statement: statement.clone(), used: self.tick });
        (statement, true)
    }

    fn discard_oldest(&mut self) {
        let Some(oldest) = self.entries.values().map(|e| e.used).min() else { return };
        let discarded = &mut self.discarded;
        self.entries.retain(|_, e| {
            if e.used == oldest {
                discarded.push(e.statement.id);
            }
            e.used != oldest
        });
    }

    /// Forgets one statement: it was not parsed after all, or is stale.
    pub(super) fn forget(&mut self, id: u32) {
        let before = self.entries.len();
        self.entries.retain(|_, e| e.statement.id != id);
        if self.entries.len() < before {
            self.discarded.push(id);
        }
    }

    /// Forgets everything when the schema has changed since it was prepared.
    pub(super) fn follow(&mut self, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.forget_all();
        }
    }

    /// Forgets everything.
    pub(super) fn forget_all(&mut self) {
        self.discarded.extend(self.entries.drain().map(|(_, e)| e.statement.id));
    }

    /// Names to be closed now.
    pub(super) fn take_discarded(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.discarded)
    }

    /// The text that sets these settings, and `transaction_read_only`.
    pub(super) fn context<'s>(
        &mut self,
        settings: impl Iterator<Item = &'s (Cow<'static, str>, Bytes)> + Clone,
        read_only: bool,
    ) -> Arc<str> {
        let same = |c: &&Context| c.read_only == read_only && c.names.iter().eq(settings.clone().map(|(name, _)| name));
        if let Some(known) = self.contexts.iter().find(same) {
            return known.sql.clone();
        }
        let names: Vec<Cow<'static, str>> = settings.map(|(name, _)| name.clone()).collect();
        let sql: Arc<str> = context_sql(&names, read_only).into();
        if self.contexts.len() >= MOST_CONTEXTS {
            self.contexts.remove(0);
        }
        self.contexts.push(Context { names, read_only, sql: sql.clone() });
        sql
    }
}

/// `select set_config('role', $1, true), …`. Names that are plain words stand in the text, others are parameters too.
fn context_sql(names: &[Cow<'static, str>], read_only: bool) -> String {
    use std::fmt::Write;
    let mut sql = String::from("select ");
    let mut parameter = 0;
    if read_only {
        sql.push_str("set_config('transaction_read_only','on',true)");
    }
    for (at, name) in names.iter().enumerate() {
        if at > 0 || read_only {
            sql.push(',');
        }
        let written = if is_plain(name) {
            parameter += 1;
            write!(sql, "set_config('{name}',${parameter},true)")
        } else {
            parameter += 2;
            write!(sql, "set_config(${},${parameter},true)", parameter - 1)
        };
        // Writing to a String does not fail.
        let _ = written;
    }
    sql
}

/// Letters, digits, `_` and `.` only: safe inside quotes.
pub(super) fn is_plain(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &'static str) -> Bytes {
        Bytes::from_static(name.as_bytes())
    }

    #[test]
    fn one_name_per_role_and_text() {
        let mut all = Statements::default();
        let sql: Arc<str> = "select 1".into();
        let (first, fresh) = all.get(&role("anon"), &sql);
        assert!(fresh);
        let (again, fresh) = all.get(&role("anon"), &"select 1".into());
        assert!(!fresh && again.id == first.id);
        assert_ne!(all.get(&role("admin"), &sql).0.id, first.id);
    }

    #[test]
    fn the_oldest_gives_way_and_is_closed() {
        let mut all = Statements::default();
        let text = |n: usize| -> Arc<str> { format!("select {n}").into() };
        for n in 0..MOST {
            all.get(&role("anon"), &text(n));
        }
        all.get(&role("anon"), &text(0));
        all.get(&role("anon"), &text(MOST));
        assert_eq!(all.take_discarded(), [2], "the second is the oldest since the first was used again");
        assert!(!all.get(&role("anon"), &text(0)).1);
        assert!(all.get(&role("anon"), &text(1)).1);
    }

    #[test]
    fn a_schema_change_closes_all() {
        let mut all = Statements::default();
        all.get(&role("anon"), &"select 1".into());
        all.follow(1);
        assert_eq!(all.take_discarded(), [1]);
        assert!(all.get(&role("anon"), &"select 1".into()).1);
    }

    #[test]
    fn settings_become_parameters() {
        let names = ["role".into(), "app.settings.it's".into()];
        assert_eq!(
            context_sql(&names, true),
            "select set_config('transaction_read_only','on',true),set_config('role',$1,true),set_config($2,$3,true)"
        );
    }
}

//! From a batch to the bytes of one flush.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};

use super::kept::{self, Kept, Question};
use super::short::{TIMEOUT, Way};
use super::statements::{Statement, Statements, is_plain};
use super::{Access, Batch, End, Isolation};

/// What must be known of a flush to read its answer.
#[derive(Debug)]
pub(super) struct Flight {
    /// Statements before the steps: `BEGIN` and the context.
    pub(super) lead: usize,
    /// The statements of the steps.
    pub(super) steps: Vec<Arc<Statement>>,
}

/// What the settings of a session are before a request sets its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults<'a> {
    /// A connection of the short lane is read-only, and may have a timeout of its own.
    pub(super) way: Way,
    /// What the session keeps between requests, as of this moment.
    pub(super) kept: &'a Kept,
    pub(super) now: Instant,
}

impl Defaults<'_> {
    /// Need this setting not be made?
    fn has(&self, (name, value): &(Cow<'static, str>, Bytes)) -> bool {
        spared(self.way, name, value) || self.kept.has(name, value, self.now)
    }
}

/// Where the lane has a timeout, a longer one need not be set.
fn spared(way: Way, name: &str, value: &Bytes) -> bool {
    way == Way::Timed && name == "statement_timeout" && !is_shorter(value)
}

/// Makes the batch no settings but those that a session can keep?
pub(super) fn is_plain_batch(batch: &Batch, way: Way) -> bool {
    batch.settings.iter().all(|(name, value)| kept::NAMES.contains(&name.as_ref()) || spared(way, name, value))
}

/// Writes messages for one connection.
pub(super) struct Encoder<'a> {
    pub(super) out: &'a mut BytesMut,
    pub(super) statements: &'a mut Statements,
    /// Statements that this flush parses, in order.
    pub(super) fresh: Vec<Arc<Statement>>,
    /// `db-prepared-statements`: otherwise each is parsed without a name.
    pub(super) prepared: bool,
}

/// Undoes what a user's function may have done to the session, since no transaction ends it: GUCs and role set for good, advisory locks,
/// listening, held cursors, temporary tables, `lastval`. `DISCARD ALL` would also drop the prepared statements.
const CLEANUP: &str = "set session authorization default; reset role; reset all; close all; \
    select pg_advisory_unlock_all(); unlisten *; discard temp; discard sequences";

impl Encoder<'_> {
    /// A whole request up to its `Sync`. `defaults`: what the session has already, so that it need not be set.
    pub(super) fn batch(&mut self, batch: &Batch, defaults: &Defaults<'_>) -> Flight {
        for id in self.statements.take_discarded() {
            self.close(id);
        }
        let explicit = explicit(batch);
        let read_only = batch.access == Access::ReadOnly;
        let mut lead = 0;
        if explicit {
            self.run(begin(batch.isolation, read_only));
            lead += 1;
        }
        let role = batch.settings.iter().find(|(name, _)| name == "role").map_or_else(Bytes::new, |(_, v)| v.clone());
        let sets_read_only = read_only && !explicit && defaults.way == Way::Wide;
        lead += self.context(batch.settings.iter().filter(|setting| !defaults.has(setting)), sets_read_only);
        let mut steps = Vec::with_capacity(batch.steps.len());
        for step in &batch.steps {
            let params = step.params.iter().map(|p| p.as_deref());
            steps.push(self.statement(&role, &step.sql, params));
        }
        match batch.end {
            End::Commit if explicit => self.run_unnamed("commit"),
            End::Rollback => {
                self.run_unnamed("set constraints all immediate");
                self.run_unnamed("rollback");
            }
            End::Commit | End::Judge(_) => {}
        }
        self.sync();
        Flight { lead, steps }
    }

    /// The statement that sets what the request is to see; returns how many statements it took.
    fn context<'s>(
        &mut self,
        settings: impl Iterator<Item = &'s (Cow<'static, str>, Bytes)> + Clone,
        read_only: bool,
    ) -> usize {
        if settings.clone().next().is_none() && !read_only {
            return 0;
        }
        let sql = self.statements.context(settings.clone(), read_only);
        let params = settings.flat_map(|(name, value)| {
            let name = (!is_plain(name)).then_some(Some(name.as_bytes()));
            name.into_iter().chain([Some(&value[..])])
        });
        self.statement(&Bytes::new(), &sql, params);
        1
    }

    /// Tells or asks the session something, in a flush of its own.
    pub(super) fn question(&mut self, question: &Question) {
        let prepared = std::mem::replace(&mut self.prepared, false);
        let (sql, params) = question.sql();
        self.statement(&Bytes::new(), &Arc::from(sql), params.into_iter());
        self.prepared = prepared;
        self.sync();
    }

    /// Our own words in a flush of their own, by the simple protocol: user code cannot have replaced or deallocated them.
    pub(super) fn words(&mut self, text: &str) {
        self.message(b'Q', |out| put_text(out, text));
    }

    /// Cleans the session, in a transaction of its own.
    pub(super) fn cleanup(&mut self) {
        self.words(CLEANUP);
    }

    /// One of our own statements, without parameters, before user code.
    fn run(&mut self, sql: &'static str) {
        self.statement(&Bytes::new(), &Arc::from(sql), std::iter::empty::<Option<&[u8]>>());
    }

    /// One of our own statements after user code: parsed each time, so that it is ours for sure.
    fn run_unnamed(&mut self, sql: &'static str) {
        let prepared = std::mem::replace(&mut self.prepared, false);
        self.run(sql);
        self.prepared = prepared;
    }

    /// Parse and Describe where needed, Bind, Execute.
    fn statement<'p>(
        &mut self,
        role: &Bytes,
        sql: &Arc<str>,
        params: impl Iterator<Item = Option<&'p [u8]>>,
    ) -> Arc<Statement> {
        let (statement, fresh) =
            if self.prepared { self.statements.get(role, sql) } else { (Arc::new(Statement::unnamed()), true) };
        if fresh {
            self.message(b'P', |out| {
                put_name(out, statement.id);
                put_text(out, sql);
                out.put_i16(0);
            });
        }
        if fresh && self.prepared {
            self.message(b'D', |out| {
                out.put_u8(b'S');
                put_name(out, statement.id);
            });
            self.fresh.push(statement.clone());
        }
        self.message(b'B', |out| bind(out, statement.id, params));
        if !self.prepared {
            self.out.put_slice(b"D\0\0\0\x06P\0");
        }
        self.out.put_slice(b"E\0\0\0\x09\0\0\0\0\0");
        statement
    }

    fn close(&mut self, id: u32) {
        self.message(b'C', |out| {
            out.put_u8(b'S');
            put_name(out, id);
        });
    }

    fn sync(&mut self) {
        self.out.put_slice(b"S\0\0\0\x04");
    }

    fn message(&mut self, tag: u8, body: impl FnOnce(&mut BytesMut)) {
        self.out.put_u8(tag);
        let start = self.out.len();
        self.out.put_u32(0);
        body(self.out);
        let len = (self.out.len() - start) as u32;
        self.out[start..start + 4].copy_from_slice(&len.to_be_bytes());
    }
}

/// Is a `BEGIN` needed? The implicit transaction of a pipeline has one level of isolation and can only commit.
pub(super) fn explicit(batch: &Batch) -> bool {
    batch.isolation.is_some() || !matches!(batch.end, End::Commit)
}

fn begin(isolation: Option<Isolation>, read_only: bool) -> &'static str {
    match (isolation, read_only) {
        (None, true) => "begin read only",
        (None, false) => "begin read write",
        (Some(Isolation::ReadCommitted), true) => "begin isolation level read committed read only",
        (Some(Isolation::ReadCommitted), false) => "begin isolation level read committed read write",
        (Some(Isolation::RepeatableRead), true) => "begin isolation level repeatable read read only",
        (Some(Isolation::RepeatableRead), false) => "begin isolation level repeatable read read write",
        (Some(Isolation::Serializable), true) => "begin isolation level serializable read only",
        (Some(Isolation::Serializable), false) => "begin isolation level serializable read write",
    }
}

/// Does the batch set a timeout that ends it before the short lane's own would?
pub(super) fn has_own_timeout(batch: &Batch) -> bool {
    batch.settings.iter().any(|(name, value)| name == "statement_timeout" && is_shorter(value))
}

/// Is a `statement_timeout` shorter than the short lane's own? Milliseconds, or with a unit; 0 is none.
fn is_shorter(value: &[u8]) -> bool {
    let text = String::from_utf8_lossy(value);
    let text = text.trim().trim_matches('\'');
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit_ms = match text[digits..].trim() {
        "" | "ms" => 1,
        // Longer units are longer than the lane's in any number but 0.
        _ => u128::MAX,
    };
    let ms = text[..digits].parse::<u128>().unwrap_or(0).saturating_mul(unit_ms);
    (1..TIMEOUT.as_millis()).contains(&ms)
}

/// The unnamed portal, text parameters, text results.
fn bind<'p>(out: &mut BytesMut, id: u32, params: impl Iterator<Item = Option<&'p [u8]>>) {
    out.put_u8(0);
    put_name(out, id);
    out.put_i16(0);
    let count_at = out.len();
    out.put_u16(0);
    let mut count: u16 = 0;
    for param in params {
        count = count.saturating_add(1);
        match param {
            Some(value) => {
                out.put_u32(value.len() as u32);
                out.put_slice(value);
            }
            None => out.put_i32(-1),
        }
    }
    out[count_at..count_at + 2].copy_from_slice(&count.to_be_bytes());
    out.put_i16(0);
}

/// `s17` and its NUL; nothing but the NUL for the unnamed statement.
fn put_name(out: &mut BytesMut, id: u32) {
    if id > 0 {
        out.put_u8(b's');
        out.put_slice(itoa::Buffer::new().format(id).as_bytes());
    }
    out.put_u8(0);
}

/// Text ends at its NUL; one inside would smuggle in a message, so it ends there.
fn put_text(out: &mut BytesMut, text: &str) {
    let end = memchr::memchr(0, text.as_bytes()).unwrap_or(text.len());
    out.put_slice(&text.as_bytes()[..end]);
    out.put_u8(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_shorter_timeout_acts_on_the_short_lane() {
        for (value, shorter) in [
            ("100", true),
            ("100ms", true),
            (" 249 ms", true),
            ("250", false),
            ("3s", false),
            ("0", false),
            ("1min", false),
        ] {
            assert_eq!(is_shorter(value.as_bytes()), shorter, "{value}");
        }
    }

    #[test]
    fn a_nul_ends_a_text_and_begins_no_message() {
        let mut out = BytesMut::new();
        put_text(&mut out, "select 1\0X");
        assert_eq!(&out[..], b"select 1\0");
    }
}

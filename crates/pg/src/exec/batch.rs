//! What a request asks of the executor, and what it gets back.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::Rows;

/// One transaction of one request: its settings, its statements, and how it ends.
#[derive(Debug)]
pub struct Batch {
    /// `set_config(name, value, true)` in this order, before the first step: search path, settings of the role, `role`, claims…
    /// Each request must set `role` and every GUC that it promises, also to `''`: what another request left is thereby overwritten.
    pub settings: Vec<(Cow<'static, str>, Bytes)>,
    /// May the statements write?
    pub access: Access,
    /// The isolation level, where it is not the server's default; costs an explicit `BEGIN`, and thereby the short lane.
    pub isolation: Option<Isolation>,
    /// The statements, run in order; an error skips the rest and rolls back all.
    pub steps: Vec<Step>,
    /// What happens at the end.
    pub end: End,
    /// A hint where to run it; [`Lane::Short`] is taken only for what is read-only and commits.
    pub lane: Lane,
    /// Named statements, kept between requests (`db-prepared-statements`).
    pub prepared: bool,
    /// Reaches functions of users, which may leave session state: the connection is cleaned before its next request.
    pub tainted: bool,
    /// It is known to run no code of users that might change the session: only such requests rely on what a session keeps, and after
    /// any other one nothing is kept; only such requests run under the short lane's timeout, and once more where it ends them.
    pub harmless: bool,
}

impl Batch {
    /// A read-only transaction on the short lane, prepared, that commits.
    pub fn read(settings: Vec<(Cow<'static, str>, Bytes)>, steps: Vec<Step>) -> Self {
        Self {
            settings,
            access: Access::ReadOnly,
            isolation: None,
            steps,
            end: End::Commit,
            lane: Lane::Short,
            prepared: true,
            tainted: false,
            harmless: false,
        }
    }

    /// A read-write transaction on the wide lane, prepared, that commits.
    pub fn write(settings: Vec<(Cow<'static, str>, Bytes)>, steps: Vec<Step>) -> Self {
        Self { access: Access::ReadWrite, lane: Lane::Wide, ..Self::read(settings, steps) }
    }
}

/// What a transaction may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Writes fail with SQLSTATE 25006.
    ReadOnly,
    /// Writes are allowed.
    ReadWrite,
}

/// A transaction's isolation level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Each statement sees what was committed before it; named, it also asks for an explicit `BEGIN`.
    ReadCommitted,
    /// All statements see what was committed before the first.
    RepeatableRead,
    /// As if transactions ran one after the other.
    Serializable,
}

/// How a transaction ends when no statement failed.
pub enum End {
    /// Keep what was done.
    Commit,
    /// Check deferred constraints, then undo everything.
    Rollback,
    /// Look at the results and decide.
    Judge(Judge),
}

/// Decides over a transaction by its results.
pub type Judge = Box<dyn FnOnce(&[StepResult]) -> Verdict + Send>;

/// A decision over a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Keep what was done.
    Commit,
    /// Undo it; deferred constraints are not checked.
    Rollback,
    /// Check deferred constraints, then undo it, as [`End::Rollback`].
    DryRun,
}

impl fmt::Debug for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Commit => "Commit",
            Self::Rollback => "Rollback",
            Self::Judge(_) => "Judge",
        })
    }
}

/// Which connections a batch runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lane {
    /// A few shared connections, many requests in flight on each: for reads that are expected to be short.
    /// What turns out slow or large is moved to the wide lane by itself.
    Short,
    /// Connections that serve one request at a time: writes, functions, big results.
    Wide,
}

/// A statement with its parameters.
#[derive(Debug, Clone)]
pub struct Step {
    /// SQL text with `$1`…; equal text is prepared once per connection and role, so values never go into it.
    pub sql: Arc<str>,
    /// Parameters in text format and of unknown type: PostgreSQL infers the type from the place.
    pub params: Vec<Option<Bytes>>,
}

impl Step {
    /// A statement with its parameters.
    pub fn new(sql: impl Into<Arc<str>>, params: Vec<Option<Bytes>>) -> Self {
        Self { sql: sql.into(), params }
    }
}

/// What a statement returned.
#[derive(Debug, Clone)]
pub struct StepResult {
    /// The columns; empty for a statement without rows.
    pub columns: Arc<[Column]>,
    /// The rows, in text format.
    pub rows: Rows,
    /// Rows that the command tag counts: returned, inserted, updated or deleted.
    pub affected: u64,
}

/// A column of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name or alias.
    pub name: String,
    /// OID of its type in `pg_type`.
    pub type_oid: u32,
}

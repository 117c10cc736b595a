//! The user's schema as an immutable value: tables, relationships, functions, representations.
//!
//! A [`Catalog`] is read once by [`load`], put behind an `Arc` and never changed; a reload makes another one. What a surface
//! exposes is decided here (schemas, search path); what a caller may do is decided by PostgreSQL.

mod key_dependencies;
mod load;
mod relationships;
mod routine;
mod table;
mod traces;
mod view_origins;

use ahash::{AHashMap, AHashSet};
use serde::{Deserialize, Serialize};

pub use load::{LoadError, Options, Query, assemble, queries, read_routines, routines_of_caller};
pub use relationships::{Cardinality, ColumnPair, Junction, Relationship};
pub use routine::{Parameter, Returns, Routine, Volatility};
pub use table::{Column, Table};
pub use traces::Traces;

/// A schema and a name in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QualifiedName {
    /// The schema; empty for a name of our own, such as an alias in a statement.
    pub schema: String,
    /// The name.
    pub name: String,
}

impl QualifiedName {
    /// `schema.name`.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// A name without a schema: an alias.
    pub fn local(name: impl Into<String>) -> Self {
        Self { schema: String::new(), name: name.into() }
    }

    /// The quoted text for SQL.
    pub fn sql(&self) -> String {
        if self.schema.is_empty() { pg::ident(&self.name) } else { pg::qualified(&self.schema, &self.name) }
    }
}

/// An implicit cast between a domain and `json` or `text`: how a value is shown and read (PostgREST's "domain representations").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Representation {
    /// Name of the source type as `regtype` prints it.
    pub source: String,
    /// Name of the target type as `regtype` prints it.
    pub target: String,
    /// The function that converts, quoted where needed, ready for SQL.
    pub function: String,
}

/// A function or aggregate whose result is a domain named like a media type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaHandler {
    /// The aggregate, or the domain itself where a function returns the media type.
    pub handler: QualifiedName,
    /// The relation or function whose result it handles; `pg_catalog.anyelement` for any.
    pub target: QualifiedName,
    /// The domain's name in lower case, e.g. `text/csv` or `*/*`.
    pub media_type: String,
    /// What the response is labelled with: `application/octet-stream` for `*/*`.
    pub resolved: String,
}

/// What `ALTER ROLE … SET` says for a role that the login role may become.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleSettings {
    /// `default_transaction_isolation`, in lower case.
    pub isolation: Option<String>,
    /// All others that may be set for a transaction, in the order of their names.
    pub settings: Vec<(String, String)>,
}

/// The exposed part of one database.
#[derive(Debug, Default, Serialize)]
pub struct Catalog {
    /// Tables and views of the exposed schemas, ordered by name.
    #[serde(serialize_with = "as_list")]
    pub tables: AHashMap<QualifiedName, Table>,
    /// Relationships by the relation they start from and the schema that they lead to, sorted.
    #[serde(serialize_with = "relationships_as_list")]
    pub relationships: AHashMap<(QualifiedName, String), Vec<Relationship>>,
    /// Functions of the exposed schemas; overloads sorted, fewest parameters first.
    #[serde(serialize_with = "as_list")]
    pub routines: AHashMap<QualifiedName, Vec<Routine>>,
    /// Conversions by (source, target).
    #[serde(skip)]
    pub representations: AHashMap<(String, String), Representation>,
    /// Handlers of media types, in no order.
    pub media_handlers: Vec<MediaHandler>,
    /// Settings by role.
    #[serde(skip)]
    pub roles: AHashMap<String, RoleSettings>,
    /// Does any function, policy, view or default read `request.method`, `.path`, `.headers` or `.cookies`?
    pub reads_request: bool,
    /// Does anything set `response.headers` or `response.status`?
    pub writes_response: bool,
    /// Do transactions begin with another isolation level than `read committed`, by what is set for the login role or the database?
    pub other_isolation: bool,
    /// Do they begin read-only?
    pub begins_read_only: bool,
    /// Which code of the user may leave something in the session: a setting, a lock, a temporary table.
    #[serde(skip)]
    pub traces: Traces,
    /// Relations that can be read without running any code that might change the session; `true`: rows can be inserted so, too.
    #[serde(skip)]
    pub harmless: AHashMap<QualifiedName, bool>,
    /// Functions that only read, and run no code that might change the session.
    #[serde(skip)]
    pub harmless_functions: AHashSet<QualifiedName>,
    /// Major version of the server.
    pub server_version: u32,
}

impl Catalog {
    /// The table or view of this name.
    pub fn table(&self, name: &QualifiedName) -> Option<&Table> {
        self.tables.get(name)
    }

    /// The function that shows `source` as `target`, if there is one.
    pub fn representation(&self, source: &str, target: &str) -> Option<&Representation> {
        // Two look-ups of owned keys would cost more than the walk over the few that exist.
        self.representations.values().find(|r| r.source == source && r.target == target)
    }

    /// Relationships that lead from `origin` into `schema`.
    pub fn relationships_from(&self, origin: &QualifiedName, schema: &str) -> &[Relationship] {
        self.relationships.get(&(origin.clone(), schema.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// Is the relation known to lead anywhere, be it hidden?
    pub fn is_related(&self, origin: &QualifiedName, schema: &str) -> bool {
        self.relationships.contains_key(&(origin.clone(), schema.to_owned()))
    }

    /// One line for the log.
    pub fn summary(&self) -> String {
        format!(
            "{} relations, {} relationships, {} functions, {} domain representations, {} media type handlers",
            self.tables.len(),
            self.relationships.values().map(Vec::len).sum::<usize>(),
            self.routines.values().map(Vec::len).sum::<usize>(),
            self.representations.len(),
            self.media_handlers.len()
        )
    }
}

fn as_list<V: Serialize, S: serde::Serializer>(
    map: &AHashMap<QualifiedName, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    serializer.collect_seq(entries)
}

fn relationships_as_list<S: serde::Serializer>(
    map: &AHashMap<(QualifiedName, String), Vec<Relationship>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    serializer.collect_seq(entries)
}

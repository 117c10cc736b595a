//! The one loader. It is pure on both ends: [`queries`] says what to ask, [`assemble`] makes the catalog of the answers, and
//! whoever has a connection runs them in one read-only transaction with an empty `search_path`, so that names come out qualified.

use ahash::AHashMap;
use serde::Deserialize;

use crate::key_dependencies::{Key, KeyKind, View, key_dependencies};
use crate::relationships::{ColumnPair, ForeignKey, relationships};
use crate::traces::{Source, Traces};
use crate::view_origins::origins;
use crate::{Catalog, MediaHandler, QualifiedName, Relationship, Representation, RoleSettings, Routine, Table};

/// What is exposed.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Schemas whose relations and functions are reachable.
    pub schemas: Vec<String>,
    /// Schemas that functions and views may use besides.
    pub extra_search_path: Vec<String>,
}

/// A statement with one row and one column of text, and its parameters in text format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Its text.
    pub sql: &'static str,
    /// Its parameters.
    pub params: Vec<String>,
}

/// The answers did not fit together.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A number of answers that differs from the number of queries.
    #[error("the catalog needs {expected} answers, got {got}")]
    Answers {
        /// Queries asked.
        expected: usize,
        /// Answers given.
        got: usize,
    },
    /// An answer that is not the JSON asked for.
    #[error("answer {number} of the catalog's queries cannot be read: {source}")]
    Json {
        /// Which query, from 0.
        number: usize,
        /// Why.
        source: serde_json::Error,
    },
}

/// Lists the functions of one schema that the current role may execute: for a description made for the caller.
pub fn routines_of_caller(schema: &str) -> Query {
    Query { sql: include_str!("routines.sql"), params: vec![array(&[schema.to_owned()]), "caller".to_owned()] }
}

/// Reads the answer to [`routines_of_caller`].
///
/// # Errors
/// Text that is not the JSON asked for.
pub fn read_routines(answer: &str) -> Result<AHashMap<QualifiedName, Vec<Routine>>, LoadError> {
    Ok(group(serde_json::from_str(answer).map_err(|source| LoadError::Json { number: 0, source })?))
}

/// The statements, in the order in which [`assemble`] wants the answers.
pub fn queries(options: &Options) -> Vec<Query> {
    let schemas = array(&options.schemas);
    let query = |sql, params| Query { sql, params };
    vec![
        query(include_str!("tables.sql"), vec![schemas.clone()]),
        query(include_str!("foreign_keys.sql"), vec![]),
        query(include_str!("primary_keys.sql"), vec![]),
        query(include_str!("views.sql"), vec![schemas.clone(), array(&options.extra_search_path)]),
        query(include_str!("routines.sql"), vec![schemas.clone(), "all".to_owned()]),
        query(include_str!("computed.sql"), vec![]),
        query(include_str!("representations.sql"), vec![]),
        query(include_str!("media_handlers.sql"), vec![schemas]),
        query(include_str!("roles.sql"), vec![]),
        query(include_str!("facts.sql"), vec![]),
        query(include_str!("harmless.sql"), vec![]),
    ]
}

/// Makes the catalog of the answers to [`queries`].
///
/// # Errors
/// A missing answer, or one that is not the JSON asked for.
pub fn assemble(options: &Options, answers: &[String]) -> Result<Catalog, LoadError> {
    let [tables, foreign, primary, views, routines, computed, representations, handlers, roles, facts, harmless] =
        answers
    else {
        return Err(LoadError::Answers { expected: queries(options).len(), got: answers.len() });
    };
    let tables: Vec<Table> = read(0, tables)?;
    let foreign: Vec<ForeignKeyRow> = read(1, foreign)?;
    let primary: Vec<PrimaryKeyRow> = read(2, primary)?;
    let views: Vec<ViewRow> = read(3, views)?;
    let routines: Vec<Routine> = read(4, routines)?;
    let computed: Vec<ComputedRow> = read(5, computed)?;
    let representations: Vec<Representation> = read(6, representations)?;
    let media_handlers: Vec<MediaHandler> = read(7, handlers)?;
    let roles: Vec<RoleRow> = read(8, roles)?;
    let facts: Facts = read(9, facts)?;
    let harmless: Harmless = read(10, harmless)?;

    let views: Vec<View> = views.into_iter().map(View::from).collect();
    let dependencies = key_dependencies(&views, &keys(&foreign, &primary));
    let mut tables: AHashMap<QualifiedName, Table> =
        tables.into_iter().map(|t| (QualifiedName::new(&t.schema, &t.name), t)).collect();
    if facts.sets_datestyle {
        // What stands in the text of dates is not known then; as JSON they have one form.
        const DATES: [&str; 3] = ["date", "timestamp without time zone", "timestamp with time zone"];
        let columns = tables.values_mut().flat_map(|table| table.columns.values_mut());
        columns.filter(|c| DATES.contains(&c.base_type.as_str())).for_each(|column| column.plain = false);
    }
    for dependency in dependencies.iter().filter(|d| d.kind == KeyKind::Primary) {
        if let Some(view) = tables.get_mut(&dependency.view) {
            // Where a view shows a key column twice, either identifies the row.
            view.primary_key.extend(dependency.columns.iter().filter_map(|shown| shown.first().cloned()));
        }
    }
    let foreign: Vec<ForeignKey> = foreign.into_iter().filter(|k| !k.inherited).map(ForeignKey::from).collect();
    let computed = computed.into_iter().map(Relationship::from).collect();
    Ok(Catalog {
        relationships: relationships(&foreign, &dependencies, &tables, computed, &options.schemas),
        tables,
        routines: group(routines),
        representations: representations.into_iter().map(|r| ((r.source.clone(), r.target.clone()), r)).collect(),
        media_handlers,
        roles: role_settings(roles),
        reads_request: facts.reads_request,
        writes_response: facts.writes_response,
        other_isolation: facts.other_isolation,
        begins_read_only: facts.begins_read_only,
        traces: Traces::of(&facts.sources),
        harmless: harmless
            .relations
            .into_iter()
            .map(|(schema, name, writes)| (QualifiedName::new(&schema, &name), writes))
            .collect(),
        harmless_functions: harmless.functions.iter().map(|(schema, name)| QualifiedName::new(schema, name)).collect(),
        server_version: facts.server_version,
    })
}

fn read<'a, T: Deserialize<'a>>(number: usize, answer: &'a str) -> Result<T, LoadError> {
    serde_json::from_str(answer).map_err(|source| LoadError::Json { number, source })
}

fn group(routines: Vec<Routine>) -> AHashMap<QualifiedName, Vec<Routine>> {
    let mut map: AHashMap<QualifiedName, Vec<Routine>> = AHashMap::new();
    for routine in routines {
        map.entry(QualifiedName::new(&routine.schema, &routine.name)).or_default().push(routine);
    }
    for overloads in map.values_mut() {
        overloads.sort();
    }
    map
}

fn keys(foreign: &[ForeignKeyRow], primary: &[PrimaryKeyRow]) -> Vec<Key> {
    let mut keys: Vec<Key> = primary
        .iter()
        .map(|k| Key { constraint: k.id, kind: KeyKind::Primary, table: k.table_id, columns: k.key.clone() })
        .collect();
    for key in foreign {
        keys.push(Key { constraint: key.id, kind: KeyKind::Foreign, table: key.table_id, columns: key.key.clone() });
        keys.push(Key {
            constraint: key.id,
            kind: KeyKind::Referenced,
            table: key.foreign_table_id,
            columns: key.foreign_key.clone(),
        });
    }
    keys
}

fn role_settings(rows: Vec<RoleRow>) -> AHashMap<String, RoleSettings> {
    let mut roles: AHashMap<String, RoleSettings> = AHashMap::new();
    for row in rows {
        let role = roles.entry(row.role).or_default();
        if row.name == "default_transaction_isolation" {
            role.isolation = Some(row.value.to_lowercase());
        } else {
            role.settings.retain(|(name, _)| *name != row.name);
            role.settings.push((row.name, row.value));
        }
    }
    for role in roles.values_mut() {
        role.settings.sort();
    }
    roles
}

/// `{"a","b"}`: the text of a `text[]`.
fn array(items: &[String]) -> String {
    let quoted: Vec<String> =
        items.iter().map(|item| format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    format!("{{{}}}", quoted.join(","))
}

#[derive(Deserialize)]
struct Harmless {
    /// With whether they can be written to, too.
    relations: Vec<(String, String, bool)>,
    functions: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct ForeignKeyRow {
    id: u32,
    name: String,
    table_id: u32,
    foreign_table_id: u32,
    key: Vec<i32>,
    foreign_key: Vec<i32>,
    table: QualifiedName,
    foreign_table: QualifiedName,
    columns: Vec<ColumnPair>,
    unique: bool,
    inherited: bool,
}

impl From<ForeignKeyRow> for ForeignKey {
    fn from(row: ForeignKeyRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            table: row.table,
            foreign_table: row.foreign_table,
            columns: row.columns,
            unique: row.unique,
        }
    }
}

#[derive(Deserialize)]
struct PrimaryKeyRow {
    id: u32,
    table_id: u32,
    key: Vec<i32>,
}

#[derive(Deserialize)]
struct ViewRow {
    id: u32,
    name: QualifiedName,
    exposed: bool,
    columns: Option<Vec<(i32, String)>>,
    tree: String,
}

impl From<ViewRow> for View {
    fn from(row: ViewRow) -> Self {
        Self {
            id: row.id,
            name: row.name,
            exposed: row.exposed,
            columns: row.columns.unwrap_or_default().into_iter().collect(),
            origins: origins(&row.tree),
        }
    }
}

#[derive(Deserialize)]
struct ComputedRow {
    function: QualifiedName,
    table: QualifiedName,
    foreign_table: QualifiedName,
    to_one: bool,
}

impl From<ComputedRow> for Relationship {
    fn from(row: ComputedRow) -> Self {
        let is_self = row.table == row.foreign_table;
        Self::Computed {
            function: row.function,
            table: row.table,
            foreign_table: row.foreign_table,
            to_one: row.to_one,
            is_self,
        }
    }
}

#[derive(Deserialize)]
struct RoleRow {
    role: String,
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Facts {
    reads_request: bool,
    writes_response: bool,
    sets_datestyle: bool,
    other_isolation: bool,
    begins_read_only: bool,
    sources: Vec<Source>,
    server_version: u32,
}

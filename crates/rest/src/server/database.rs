//! What the server itself asks the database: options kept there, and the catalog.

use std::fmt;

use bytes::Bytes;
use catalog::{Catalog, Options};
use pg::exec::{Batch, Executor, Lane, Step, StepResult};

use super::config::{Config, KNOBS};

/// Settings of the login role, those for this database first.
const ROLE_SETTINGS: &str = "select distinct on (name) name, value from (\
    select substr(s, 1, strpos(s, '=') - 1) as name, substr(s, strpos(s, '=') + 1) as value, setdatabase \
    from pg_catalog.pg_db_role_setting, unnest(setconfig) s \
    where setrole = (select oid from pg_catalog.pg_roles where rolname = session_user) \
      and setdatabase in (0, (select oid from pg_catalog.pg_database where datname = current_database()))) all_settings \
    where name like 'pgrst.%' order by name, setdatabase desc";

/// Definitions of views, indexes and policies are read under locks of their tables. Whoever changes these at the moment must not be the
/// victim of a deadlock with us: we give up well before PostgreSQL looks for one (`deadlock_timeout`, a second).
const LOCK_TIMEOUT: &str = "300ms";

/// Fails where a schema is not there (3F000): a name that is misspelt must not come to an API without anything in it.
const SCHEMAS_EXIST: &str =
    "select count(quote_ident(name)::regnamespace) from json_array_elements_text($1::text::json) as given (name)";

/// Why there is no catalog.
#[derive(Debug)]
pub(super) enum NoCatalog {
    /// Somebody is changing the schema.
    Locked,
    /// There is no connection to be had, in words.
    Away(String),
    /// In words.
    Failed(String),
}

impl fmt::Display for NoCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Locked => "somebody is changing the schema",
            Self::Away(why) | Self::Failed(why) => why,
        })
    }
}

/// Runs statements in one read-only transaction as the login role.
async fn ask(executor: &Executor, path: &'static str, steps: Vec<Step>) -> Result<Vec<StepResult>, pg::Error> {
    let settings = vec![
        ("search_path".into(), Bytes::from_static(path.as_bytes())),
        ("lock_timeout".into(), Bytes::from_static(LOCK_TIMEOUT.as_bytes())),
    ];
    executor.run(Batch { lane: Lane::Wide, prepared: false, tainted: true, ..Batch::read(settings, steps) }).await
}

/// The options that `ALTER ROLE … SET pgrst.*` and `db-pre-config` set, without their prefix.
pub(super) async fn settings(executor: &Executor, config: &Config) -> Result<Vec<(String, String)>, pg::Error> {
    if !config.db_config {
        return Ok(Vec::new());
    }
    let mut steps = vec![Step::new(ROLE_SETTINGS, Vec::new())];
    if let Some(function) = &config.db_pre_config {
        let (schema, name) = function.split_once('.').unwrap_or(("public", function));
        steps.push(Step::new(format!("select {}()", pg::qualified(schema, name)), Vec::new()));
        steps.push(current_settings());
    }
    let results = ask(executor, "", steps).await?;
    let mut found: Vec<(String, String)> = Vec::new();
    // Of two with the same name the later holds: the role's own go before what the function sets.
    if let [_, _, after] = &results[..] {
        found.extend(pairs(after).into_iter().filter(|(_, value)| !value.is_empty()));
    }
    if let Some(roles) = results.first() {
        let unprefixed = pairs(roles).into_iter().map(|(n, v)| (n.trim_start_matches("pgrst.").to_owned(), v));
        found.extend(unprefixed);
    }
    Ok(found)
}

/// Every option that the database may set, as the session sees it now.
fn current_settings() -> Step {
    let names: Vec<String> = KNOBS.iter().filter(|k| k.in_db).map(|k| k.name.replace('-', "_")).collect();
    let sql =
        "select name, coalesce(current_setting('pgrst.' || name, true), '') from unnest(string_to_array($1, ',')) name";
    Step::new(sql, vec![Some(Bytes::from(names.join(",")))])
}

fn pairs(result: &StepResult) -> Vec<(String, String)> {
    let text = |field: Option<&[u8]>| String::from_utf8_lossy(field.unwrap_or_default()).into_owned();
    result.rows.iter().map(|row| (text(row.get(0)), text(row.get(1)))).collect()
}

/// Reads the exposed part of the database. `all`: every schema must be there.
pub(super) async fn catalog(executor: &Executor, config: &Config, all: bool) -> Result<Catalog, NoCatalog> {
    let options =
        Options { schemas: config.db_schemas.clone(), extra_search_path: config.db_extra_search_path.clone() };
    let param = |p: String| Some(Bytes::from(p));
    let queries = catalog::queries(&options).into_iter();
    let mut steps: Vec<Step> = queries.map(|q| Step::new(q.sql, q.params.into_iter().map(param).collect())).collect();
    let asked = steps.len();
    if all {
        let names: Vec<&String> = options.schemas.iter().chain(&options.extra_search_path).collect();
        steps.push(Step::new(SCHEMAS_EXIST, vec![param(serde_json::json!(names).to_string())]));
    }
    let results = ask(executor, "", steps).await.map_err(|error| match error {
        pg::Error::Connect(_) | pg::Error::Closed(_) => NoCatalog::Away(error.to_string()),
        _ if error.code() == Some("55P03") => NoCatalog::Locked,
        _ => NoCatalog::Failed(error.to_string()),
    })?;
    let first = |r: &StepResult| String::from_utf8_lossy(r.rows.value(0).unwrap_or_default()).into_owned();
    let answers: Vec<String> = results.iter().take(asked).map(first).collect();
    // Reading the definitions of many views takes a while.
    let assembled = tokio::task::spawn_blocking(move || catalog::assemble(&options, &answers)).await;
    let assembled = assembled.map_err(|error| NoCatalog::Failed(error.to_string()))?;
    assembled.map_err(|error| NoCatalog::Failed(error.to_string()))
}

//! `gen types`: the shape of the live database in the words of a language.

mod model;
mod typescript;

use pg::Error as PgError;
use tokio_postgres::Client;

use crate::Error;
use model::Model;

/// TypeScript as `supabase gen types typescript` writes it: the type `Database`, helper types, and `Constants`.
///
/// `schemas`: whose tables, views, functions and types are described, in any order.
///
/// # Errors
/// The catalog cannot be read, or a schema is missing.
pub async fn typescript(client: &Client, schemas: &[String]) -> Result<String, Error> {
    let mut schemas = schemas.to_vec();
    schemas.sort();
    schemas.dedup();
    let there: Vec<String> = client
        .query("select nspname::text from pg_catalog.pg_namespace where nspname = any ($1)", &[&schemas])
        .await?
        .iter()
        .map(|row| row.get(0))
        .collect();
    if let Some(missing) = schemas.iter().find(|schema| !there.contains(schema)) {
        return Err(Error::Nothing(format!("the database has no schema {missing}")));
    }
    let model = Model::read(client, &schemas).await?;
    Ok(typescript::print(&model))
}

pub(crate) fn unexpected(what: impl std::fmt::Display) -> Error {
    Error::Database(PgError::Unexpected(what.to_string()))
}

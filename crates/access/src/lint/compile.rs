//! Functions whose source PostgreSQL no longer accepts: a table was renamed, a column dropped.

use pg::tokio_postgres::Client;

use super::Uncompilable;
use crate::Error;
use crate::schema::{FunctionKind, Schema, is_platform};

/// Makes each function of the project anew, in a transaction that is rolled back. SQL functions are checked down to names and types;
/// of PL/pgSQL PostgreSQL checks the grammar, and looks at names only when a statement runs.
pub async fn uncompilable(client: &Client, schema: &Schema) -> Result<Vec<Uncompilable>, Error> {
    let ours = schema.functions.iter().filter(|function| {
        let is_source = matches!(function.language.as_str(), "sql" | "plpgsql");
        let is_plain = !matches!(function.kind, FunctionKind::Aggregate | FunctionKind::Window);
        function.extension.is_none() && !is_platform(&function.schema) && is_source && is_plain
    });
    let oids: Vec<u32> = ours.map(|function| function.oid).collect();
    client.batch_execute("begin; set local check_function_bodies = on").await?;
    let result = tried(client, &oids).await;
    client.batch_execute("rollback").await?;
    result
}

/// One statement tries all of them, each in a sub-transaction: a round trip for each would be most of the time.
async fn tried(client: &Client, oids: &[u32]) -> Result<Vec<Uncompilable>, Error> {
    client.batch_execute(include_str!("compile.sql")).await?;
    let rows = client.query("select function, error from pg_temp.basalt_uncompilable($1)", &[&oids]).await?;
    Ok(rows.iter().map(|row| Uncompilable { function: row.get(0), error: row.get(1) }).collect())
}

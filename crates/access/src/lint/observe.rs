//! What only a connection can tell.

use pg::tokio_postgres::Client;

use super::{Observed, compile};
use crate::Error;
use crate::schema::Schema;

/// Looks for bloated tables and for functions that no longer compile. Changes nothing: what is tried is rolled back.
///
/// # Errors
/// The connection fails.
pub async fn observe(client: &Client, schema: &Schema) -> Result<Observed, Error> {
    let rows = client.query(include_str!("bloat.sql"), &[]).await?;
    let bloated = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    Ok(Observed { bloated, uncompilable: compile::uncompilable(client, schema).await? })
}

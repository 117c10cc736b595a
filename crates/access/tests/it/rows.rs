//! Rows that are made up: PostgreSQL takes them, people would believe them, and the same seed makes the same.
#![expect(clippy::unwrap_used, reason = "tests")]

mod blueprints;
mod checks;
mod hostile;
mod random;

use access::Schema;
use access::rows::{Filled, Generator, Plan};
use testkit::Database;

/// Fills a database as `db seed` does.
async fn fill(database: &Database, seed: u64, plan: &Plan) -> Filled {
    let mut client = database.connect(&database.admin).await;
    let schema = Schema::read(&client).await.unwrap();
    Generator::new(&schema, seed).fill(&mut client, plan).await.unwrap()
}

/// What was not made, a line each.
fn reasons(filled: &Filled) -> Vec<String> {
    let of = |table: &access::rows::FilledTable| {
        let name = format!("{}.{}", table.schema, table.name);
        let refused = table.reasons.iter().map(|(why, count)| format!("{name}: {why} ({count})"));
        refused.chain(table.notes.iter().map(|note| format!("{name}: {note}"))).collect::<Vec<_>>()
    };
    filled.tables.iter().flat_map(of).collect()
}

/// One value, as text.
async fn one(database: &Database, sql: &str) -> String {
    let client = database.connect(&database.admin).await;
    let sql = format!("select ({sql})::text");
    client.query_one(&sql, &[]).await.unwrap().get::<_, Option<String>>(0).unwrap_or_default()
}

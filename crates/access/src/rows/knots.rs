//! Tables that require rows of each other, none of which can come first: one statement inserts them all, since keys are checked at its end.

use pg::ident;

use super::fill::Filler;
use super::insert::Refusal;
use super::plan::FilledTable;
use super::rules::Cell;
use super::table::{NoRow, Table};
use crate::Error;
use crate::schema::Relation;

/// A knot is tied row by row; more of them are rarely wanted.
const MOST: u64 = 200;
/// Refusals after which a knot is given up.
const PATIENCE: u32 = 10;

/// Inserts up to `count` rows into each of the tables, one of each at a time.
pub async fn fill<'s>(
    filler: &mut Filler<'_, 's>,
    relations: &[&'s Relation],
    count: u64,
) -> Result<Vec<FilledTable>, Error> {
    let count = count.min(MOST);
    let mut done: Vec<FilledTable> = relations.iter().map(|relation| FilledTable::new(relation, count)).collect();
    let mut tables = Vec::new();
    for relation in relations {
        tables.push(filler.open(relation).await?);
    }
    let mut refusals = 0;
    for _ in 0..count {
        let rows = match rows(filler, &mut tables).await? {
            Ok(rows) => rows,
            Err(why) => {
                done.iter_mut().for_each(|done| done.refused(&Refusal::new(&why)));
                break;
            }
        };
        match insert(filler, &tables, &rows).await? {
            Ok(()) => {
                refusals = 0;
                done.iter_mut().for_each(|done| done.rows += 1);
            }
            Err(message) => {
                refusals += 1;
                // What one refuses none has.
                done.iter_mut().for_each(|done| done.refused(&Refusal::new(&message)));
                if refusals >= PATIENCE {
                    break;
                }
            }
        }
    }
    Ok(done)
}

/// One row of each table, whose keys to each other point to each other.
async fn rows(filler: &Filler<'_, '_>, tables: &mut [Table<'_>]) -> Result<Result<Vec<Vec<Cell>>, String>, Error> {
    let oids: Vec<u32> = tables.iter().map(|table| table.rules.relation.oid).collect();
    let mut rows = Vec::new();
    for table in tables.iter_mut() {
        let numbers = filler.numbers(table, 1).await?;
        let own: Vec<i64> = numbers.iter().filter_map(|numbers| numbers.first().copied()).collect();
        // Keys to the others are as if they had been postponed; their columns are set below.
        let names: Vec<String> =
            table.keys.iter().filter(|key| oids.contains(&key.target)).map(|key| key.name.clone()).collect();
        for name in &names {
            table.promise(name);
        }
        match table.row(&own, false) {
            Ok(row) => rows.push(row),
            Err(NoRow::Full(why) | NoRow::Reason(why)) => return Ok(Err(why)),
        }
    }
    for at in 0..tables.len() {
        for key in &tables[at].keys {
            let Some(target) = oids.iter().position(|oid| *oid == key.target) else { continue };
            for (from, name) in key.columns.iter().zip(&key.target_columns) {
                let columns = &tables[target].rules.relation.columns;
                if let Some(to) = columns.iter().position(|column| column.name == *name) {
                    rows[at][*from] = rows[target][to].clone();
                }
            }
        }
    }
    Ok(Ok(rows))
}

async fn insert(
    filler: &Filler<'_, '_>,
    tables: &[Table<'_>],
    rows: &[Vec<Cell>],
) -> Result<Result<(), String>, Error> {
    let mut parameters: Vec<Option<&str>> = Vec::new();
    let mut parts = Vec::new();
    for (n, (table, row)) in tables.iter().zip(rows).enumerate() {
        let relation = table.rules.relation;
        let columns = table.columns(false);
        let names = columns.iter().map(|at| ident(&relation.columns[*at].name)).collect::<Vec<_>>().join(", ");
        let mut values = Vec::new();
        for at in columns {
            parameters.push(row[at].text());
            values.push(format!("${}::text::{}", parameters.len(), relation.columns[at].type_sql));
        }
        let values = values.join(", ");
        parts.push(format!(
            "i{n} as (insert into {} ({names}) overriding system value values ({values}))",
            relation.sql()
        ));
    }
    let sql = format!("with {} select", parts.join(", "));
    let parameters: Vec<&(dyn pg::tokio_postgres::types::ToSql + Sync)> =
        parameters.iter().map(|text| text as &(dyn pg::tokio_postgres::types::ToSql + Sync)).collect();
    let insert = filler.insert;
    let outcome = insert.guarded(async || insert.client.execute(&sql, &parameters).await).await?;
    Ok(outcome.map(|_| ()).map_err(|refusal| refusal.message))
}

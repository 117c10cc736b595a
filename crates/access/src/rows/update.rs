//! Values into columns of rows that are there.

use pg::ident;

use super::insert::{Inserter, Outcome};
use crate::Error;
use crate::schema::Relation;

/// Sets `columns` of the rows that `key` names. Each row holds the key's values, then the columns'. `keep`: what is not NULL stays.
pub async fn update(
    insert: Inserter<'_>,
    relation: &Relation,
    key: &[usize],
    columns: &[usize],
    rows: &[Vec<Option<String>>],
    keep: bool,
) -> Result<Outcome, Error> {
    let cast = |n: usize, at: usize| format!("v.c{n}::{}", relation.columns[at].type_sql);
    let name = |at: usize| ident(&relation.columns[at].name);
    let sets = columns.iter().enumerate().map(|(n, at)| {
        let value = cast(key.len() + n, *at);
        if keep { format!("{0} = coalesce(t.{0}, {value})", name(*at)) } else { format!("{} = {value}", name(*at)) }
    });
    let same = key.iter().enumerate().map(|(n, at)| format!("t.{} = {}", name(*at), cast(n, *at)));
    let all = key.len() + columns.len();
    let arrays = (1..=all).map(|n| format!("${n}::text[]")).collect::<Vec<_>>().join(", ");
    let aliases = (0..all).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "update {} t set {} from unnest({arrays}) v({aliases}) where {}",
        relation.sql(),
        sets.collect::<Vec<_>>().join(", "),
        same.collect::<Vec<_>>().join(" and ")
    );
    let values: Vec<Vec<Option<&str>>> = (0..all).map(|n| rows.iter().map(|row| row[n].as_deref()).collect()).collect();
    let parameters: Vec<&(dyn pg::tokio_postgres::types::ToSql + Sync)> =
        values.iter().map(|v| v as &(dyn pg::tokio_postgres::types::ToSql + Sync)).collect();
    insert.guarded(async || insert.client.execute(&sql, &parameters).await).await
}

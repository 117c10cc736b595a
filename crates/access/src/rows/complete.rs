//! Rows that a sign-up trigger made: they are there, but nearly empty.

use super::fill::Filler;
use super::links::place_all;
use super::random::Random;
use super::rules::Cell;
use super::table::Table;
use super::update::update;
use crate::Error;

/// Completes the rows of the users that were just made: NULLs get values, what is there stays. Answers how many rows.
pub async fn rows_of_triggers(filler: &mut Filler<'_, '_>, table: &mut Table<'_>) -> Result<u64, Error> {
    let relation = table.rules.relation;
    let key = place_all(relation, relation.primary_key());
    let [id] = key.as_slice() else { return Ok(0) };
    // Its primary key is the user's id, by a key or by convention.
    if filler.filled.users.is_empty() || relation.columns[*id].base_type != "uuid" {
        return Ok(0);
    }
    let name = pg::ident(&relation.columns[*id].name);
    let sql = format!("select {name}::text from {} where {name}::text = any ($1) order by 1", relation.sql());
    let found = filler.insert.client.query(&sql, &[&filler.filled.users]).await?;
    if found.is_empty() {
        return Ok(0);
    }
    let keyed = |at: usize| table.keys.iter().any(|key| key.columns.contains(&at));
    let unique = |at: usize| {
        let name = &relation.columns[at].name;
        relation.indexes.iter().any(|index| index.unique && index.columns.contains(name))
    };
    let columns: Vec<usize> = (0..relation.columns.len())
        .filter(|at| {
            !relation.columns[*at].not_null && relation.columns[*at].generated.is_none() && !keyed(*at) && !unique(*at)
        })
        .collect();
    let count = found.len() as u64;
    if columns.is_empty() {
        return Ok(count);
    }
    let mut random = Random::new(filler.seed, &format!("{} completed", relation.sql()));
    let mut rows = Vec::new();
    for (n, row) in found.iter().enumerate() {
        for attempt in 0..10 {
            let mut cells = vec![Cell::Default; relation.columns.len()];
            cells[*id] = Cell::Value(row.get(0));
            for at in &columns {
                cells[*at] = Cell::Free;
            }
            if table.rules.fill(&mut cells, n as u64, attempt, filler.plan.today, &mut random).is_ok() {
                rows.push(key.iter().chain(&columns).map(|at| cells[*at].text().map(str::to_owned)).collect());
                break;
            }
        }
    }
    if let Err(refusal) = update(filler.insert, relation, &key, &columns, &rows, true).await? {
        filler.note(relation, format!("rows that a trigger made stay as it made them: {}", refusal.message));
    }
    Ok(count)
}

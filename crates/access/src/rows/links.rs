//! Keys that close a cycle: NULL at first, set when both ends are there.

use pg::ident;

use super::fill::Filler;
use super::random::Random;
use super::rules::Cell;
use super::update::update;
use crate::Error;
use crate::schema::Relation;

/// How many rows get their link; enough to be lifelike.
const ROWS: i64 = 5000;

/// Sets the key `name` of rows where it is NULL, most of them.
pub async fn set<'s>(filler: &mut Filler<'_, 's>, relation: &'s Relation, name: &str) -> Result<(), Error> {
    let places: Vec<usize> = place_all(relation, relation.primary_key());
    let Some(target) = relation.foreign_keys.iter().find(|key| key.name == name) else { return Ok(()) };
    if places.is_empty() {
        filler
            .note(relation, format!("the key \"{name}\" stays NULL: the table has no primary key to find its rows by"));
        return Ok(());
    }
    let mut table = filler.open(relation).await?;
    let Some(at) = table.keys.iter().position(|key| key.name == name) else { return Ok(()) };
    let list =
        places.iter().map(|at| format!("{}::text", ident(&relation.columns[*at].name))).collect::<Vec<_>>().join(", ");
    let null = target.columns.iter().map(|name| format!("{} is null", ident(name))).collect::<Vec<_>>().join(" and ");
    let sql = format!("select {list} from {} where {null} order by 1 limit {ROWS}", relation.sql());
    let found = filler.insert.client.query(&sql, &[]).await?;
    let mut random = Random::new(filler.seed, &format!("{}.{name}", relation.sql()));
    let key = table.keys[at].clone();
    let set: Vec<usize> = key.columns.iter().copied().filter(|column| key.optional.contains(column)).collect();
    let mut rows = Vec::new();
    for row in &found {
        let mut cells = vec![Cell::Free; relation.columns.len()];
        for (n, place) in places.iter().enumerate() {
            cells[*place] = Cell::Value(row.get(n));
        }
        if key.choose(&mut table.pools[at], &mut cells, &mut random) && set.iter().all(|at| cells[*at].text().is_some())
        {
            let value = |at: &usize| cells[*at].text().map(str::to_owned);
            rows.push(places.iter().chain(&set).map(value).collect::<Vec<_>>());
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    if let Err(refusal) = update(filler.insert, relation, &places, &set, &rows, false).await? {
        // One at a time: a unique key or a trigger may allow some.
        let mut refused = 0;
        for row in rows.iter().take(200) {
            refused += u64::from(
                update(filler.insert, relation, &places, &set, std::slice::from_ref(row), false).await?.is_err(),
            );
        }
        if refused > 0 {
            filler.note(relation, format!("the key \"{name}\" stays NULL in some rows: {}", refusal.message));
        }
    }
    Ok(())
}

/// Places of columns by name.
pub fn place_all(relation: &Relation, names: &[String]) -> Vec<usize> {
    names.iter().filter_map(|name| relation.columns.iter().position(|column| column.name == *name)).collect()
}

//! The order in which tables are filled, so that a key's target is there before the key.

use std::collections::{BTreeSet, HashMap};

use crate::schema::{ForeignKey, Relation};

/// What is done in one step.
#[derive(Debug)]
pub enum Step {
    /// Fill this table.
    Table(usize),
    /// Fill these together in one statement: each requires a row of the other.
    Knot(Vec<usize>),
}

/// The order, and the keys that are set afterwards by an update, as (table, name of the key).
#[derive(Debug)]
pub struct Order {
    /// In order.
    pub steps: Vec<Step>,
    /// Keys in a cycle that can be NULL for a while.
    pub later: BTreeSet<(usize, String)>,
}

/// May the key be NULL for a while?
pub fn optional(relation: &Relation, key: &ForeignKey) -> bool {
    key.columns
        .iter()
        .any(|name| relation.column(name).is_some_and(|column| !column.not_null && column.generated.is_none()))
}

/// Finds the order. A key to its own table, or to one that is not filled, sets none.
pub fn order(tables: &[&Relation]) -> Order {
    let place: HashMap<u32, usize> = tables.iter().enumerate().map(|(at, table)| (table.oid, at)).collect();
    let mut waits: Vec<Vec<(usize, &ForeignKey)>> = tables
        .iter()
        .enumerate()
        .map(|(at, table)| {
            let others = table.foreign_keys.iter().filter_map(|key| Some((*place.get(&key.target)?, key)));
            others.filter(|(target, _)| *target != at).collect()
        })
        .collect();
    let mut order = Order { steps: Vec::new(), later: BTreeSet::new() };
    let mut left: BTreeSet<usize> = (0..tables.len()).collect();
    while !left.is_empty() {
        let ready: Vec<usize> =
            left.iter().copied().filter(|at| waits[*at].iter().all(|(target, _)| !left.contains(target))).collect();
        if !ready.is_empty() {
            for at in ready {
                left.remove(&at);
                order.steps.push(Step::Table(at));
            }
            continue;
        }
        let cycle = first_cycle(&waits, &left);
        let inside = |(at, (target, key)): (usize, &(usize, &ForeignKey))| {
            (cycle.contains(target) && optional(tables[at], key)).then(|| (at, key.name.clone()))
        };
        let gives_way = cycle.iter().flat_map(|at| waits[*at].iter().map(|key| (*at, key))).find_map(inside);
        match gives_way {
            Some((at, name)) => {
                waits[at].retain(|(_, key)| key.name != name);
                order.later.insert((at, name));
            }
            None => {
                for at in &cycle {
                    left.remove(at);
                }
                order.steps.push(Step::Knot(cycle.into_iter().collect()));
            }
        }
    }
    order
}

/// Tables that all wait for each other and for nobody else.
fn first_cycle(waits: &[Vec<(usize, &ForeignKey)>], left: &BTreeSet<usize>) -> BTreeSet<usize> {
    let reach: HashMap<usize, BTreeSet<usize>> = left.iter().map(|at| (*at, reachable(*at, waits, left))).collect();
    // Of those that reach themselves, the one that reaches fewest is at the bottom: what it reaches reaches it.
    let turning = left.iter().copied().filter(|at| reach[at].contains(at));
    let bottom = turning.min_by_key(|at| reach[at].len()).unwrap_or_default();
    reach[&bottom].iter().copied().filter(|at| reach[at].contains(&bottom)).collect()
}

fn reachable(from: usize, waits: &[Vec<(usize, &ForeignKey)>], left: &BTreeSet<usize>) -> BTreeSet<usize> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(at) = next.pop() {
        for (target, _) in waits[at].iter().filter(|(target, _)| left.contains(target)) {
            if seen.insert(*target) {
                next.push(*target);
            }
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cycle_is_found_also_where_another_table_only_leads_to_it() {
        let key: ForeignKey = serde_json::from_value(serde_json::json!({
            "name": "key", "columns": ["a"], "target_schema": "public", "target_table": "t", "target": 1, "target_columns": ["a"],
            "target_index": null, "on_delete": "NO ACTION", "on_update": "NO ACTION", "deferrable": false
        }))
        .unwrap();
        // 0 leads to 1; 1 and 2 wait for each other.
        let waits = vec![vec![(1, &key)], vec![(2, &key)], vec![(1, &key)]];
        assert_eq!(first_cycle(&waits, &BTreeSet::from([0, 1, 2])), BTreeSet::from([1, 2]));
    }
}

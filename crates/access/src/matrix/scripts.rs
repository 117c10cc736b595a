//! Statements that bring about what a condition needs: rows that are there are changed, others come, and what is to be the same is.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pg::ident;

use super::draft::{Draft, Stock, place};
use super::needs::{Cell, Needs};
use super::plan::writable;
use crate::Schema;
use crate::schema::Relation;
use crate::sql::typed;

/// May this column of this row be changed?
pub type Guard<'g> = &'g dyn Fn(&Relation, &[Option<String>], usize) -> bool;

/// One attempt, as statements to be run together; `person`: new rows have to do with him. `None`: no row could be made up.
pub fn script(
    schema: &Schema,
    needs: &Needs<'_>,
    person: Option<usize>,
    stock: &mut Stock<'_>,
    may_change: Guard<'_>,
) -> Option<String> {
    let mut writer = Writer { needs, class: classes(needs), values: HashMap::new(), stock };
    for (row, wanted) in needs.rows.iter().enumerate() {
        for (column, value) in &wanted.sets {
            let class = writer.of((row, *column));
            // Two values at once cannot be.
            if writer.values.insert(class, value.clone()).is_some_and(|before| before != *value) {
                return None;
            }
        }
    }
    let order = order(schema, needs);
    let mut there: BTreeMap<usize, Vec<Option<String>>> = BTreeMap::new();
    // What is there says what new rows point to.
    for row in 0..needs.rows.len() {
        let likely = if row == 0 { 40 } else { 60 };
        if writer.stock.chance.percent(likely)
            && let Some(values) = writer.existing(row)
        {
            there.insert(row, values);
        }
    }
    let mut statements = Vec::new();
    for row in order {
        let statement = match there.get(&row) {
            Some(values) => writer.change(row, values, may_change)?,
            None => Some(writer.add(row, person)?),
        };
        statements.extend(statement);
    }
    (!statements.is_empty()).then(|| statements.join(";\n"))
}

/// For each cell the first of those that are the same.
fn classes(needs: &Needs<'_>) -> HashMap<Cell, Cell> {
    let mut class: HashMap<Cell, Cell> = HashMap::new();
    for (left, right) in &needs.same {
        let (left, right) = (*class.get(left).unwrap_or(left), *class.get(right).unwrap_or(right));
        class.entry(left).or_insert(left);
        class.values_mut().for_each(|of| {
            if *of == right {
                *of = left;
            }
        });
        class.insert(right, left);
    }
    class
}

/// Places of the rows, those that others point to first.
fn order(schema: &Schema, needs: &Needs<'_>) -> Vec<usize> {
    let known: Vec<u32> = super::fixtures::in_order(schema).map(|relation| relation.oid).collect();
    let place = |row: &usize| known.iter().position(|oid| *oid == needs.rows[*row].relation.oid);
    let mut order: Vec<usize> = (0..needs.rows.len()).collect();
    order.sort_by_key(place);
    order
}

struct Writer<'w, 's> {
    needs: &'w Needs<'w>,
    class: HashMap<Cell, Cell>,
    /// By class.
    values: HashMap<Cell, Option<String>>,
    stock: &'w mut Stock<'s>,
}

impl Writer<'_, '_> {
    fn of(&self, cell: Cell) -> Cell {
        self.class.get(&cell).copied().unwrap_or(cell)
    }

    fn known(&self, cell: Cell) -> Option<&Option<String>> {
        self.values.get(&self.of(cell))
    }

    /// A row that is there and may be meant: keys that are known are its own.
    fn existing(&mut self, row: usize) -> Option<Vec<Option<String>>> {
        let relation = self.needs.rows[row].relation;
        let keys: Vec<usize> = relation.primary_key().iter().filter_map(|name| place(relation, name)).collect();
        if keys.is_empty() {
            return None;
        }
        let fits = |values: &&Vec<Option<String>>| {
            keys.iter().all(|at| self.known((row, *at)).is_none_or(|known| values.get(*at) == Some(known)))
        };
        let rows: Vec<Vec<Option<String>>> =
            self.stock.rows(relation.oid).iter().map(|stored| &stored.values).filter(fits).cloned().collect();
        let chosen = self.stock.chance.pick(&rows)?.clone();
        let wanted = &self.needs.rows[row].sets;
        for (at, value) in chosen.iter().enumerate() {
            let cell = (row, at);
            let linked = self.class.contains_key(&cell) && !wanted.contains_key(&at);
            if linked && self.known(cell).is_none() {
                self.values.insert(self.of(cell), value.clone());
            }
        }
        Some(chosen)
    }

    /// `update …`, where something has to change; `None` where it may not.
    fn change(&mut self, row: usize, values: &[Option<String>], may_change: Guard<'_>) -> Option<Option<String>> {
        let wanted = &self.needs.rows[row];
        let relation = wanted.relation;
        let mut sets = Vec::new();
        for (at, column) in relation.columns.iter().enumerate() {
            let Some(value) = self.known((row, at)) else { continue };
            if values.get(at) == Some(value) {
                continue;
            }
            if !writable(column) || !may_change(relation, values, at) {
                return None;
            }
            sets.push(format!("{} = {}", ident(&column.name), typed(value.as_deref(), &column.type_sql)));
        }
        if sets.is_empty() {
            return Some(None);
        }
        let at = |name: &String| {
            let at = place(relation, name)?;
            let type_sql = &relation.columns[at].type_sql;
            Some(format!("{} = {}", ident(name), typed(values.get(at)?.as_deref(), type_sql)))
        };
        let key: Vec<String> = relation.primary_key().iter().map(at).collect::<Option<_>>()?;
        Some(Some(format!("update {} set {} where {}", relation.sql(), sets.join(", "), key.join(" and "))))
    }

    /// `insert …`
    fn add(&mut self, row: usize, person: Option<usize>) -> Option<String> {
        let wanted = &self.needs.rows[row];
        let relation = wanted.relation;
        let fixed: HashMap<usize, Option<String>> =
            (0..relation.columns.len()).filter_map(|at| Some((at, self.known((row, at))?.clone()))).collect();
        let mut draft: Draft = self.stock.draft_with(relation, person, 80, fixed).ok()?;
        let filled: BTreeSet<usize> = wanted.filled.iter().copied().collect();
        for (at, column) in relation.columns.iter().enumerate() {
            let cell = (row, at);
            let given = draft.iter().position(|(known, _)| *known == at);
            let empty = given.is_none_or(|given| draft[given].1.is_none());
            // What others are to be equal to has to be known.
            let needed = self.class.contains_key(&cell) && self.known(cell).is_none();
            if (needed || filled.contains(&at)) && empty && writable(column) {
                let value = match column.base_type.as_str() {
                    "uuid" if needed => Some(self.stock.chance.uuid()),
                    "int2" | "int4" | "int8" if needed => {
                        Some((100_000 + self.stock.chance.below(1_000_000)).to_string())
                    }
                    _ => self.stock.another(relation, column, None, person),
                };
                if let Some(given) = given {
                    draft.remove(given);
                }
                draft.push((at, Some(value?)));
            }
            if self.class.contains_key(&cell)
                && let Some((_, value)) = draft.iter().find(|(known, _)| *known == at)
            {
                let (class, value) = (self.of(cell), value.clone());
                self.values.insert(class, value);
            }
        }
        draft.sort_by_key(|(at, _)| *at);
        Some(self.stock.keep_sql(relation, draft))
    }
}

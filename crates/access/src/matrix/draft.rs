//! Rows that could be: foreign keys point to rows that are there, the rest is made up.

use std::collections::{BTreeSet, HashMap};

use pg::ident;
use pg::tokio_postgres::Client;

use super::chance::Chance;
use super::hints::Hints;
use super::plan::writable;
use crate::identities::{GHOST, Person};
use crate::rows::Generator;
use crate::schema::{Column, ForeignKey, Relation};
use crate::sql::typed;
use crate::{Error, Schema};

/// Columns, by place in the relation, and their values as text.
pub type Draft = Vec<(usize, Option<String>)>;

/// A row that is there, and the people that it has to do with.
#[derive(Debug, Clone)]
pub struct Stored {
    /// By place of the column.
    pub values: Vec<Option<String>>,
    people: BTreeSet<usize>,
}

impl Stored {
    /// Has it to do with this person?
    pub fn concerns(&self, person: usize) -> bool {
        self.people.contains(&person)
    }
}

/// What drafts are made from.
pub struct Stock<'a> {
    schema: &'a Schema,
    people: &'a [Person],
    rows: HashMap<u32, Vec<Stored>>,
    /// Rows that were taken away, so that they can come again, by table.
    spare: HashMap<u32, Vec<Draft>>,
    generator: Generator<'a>,
    hints: Hints,
    /// Its dice.
    pub chance: Chance,
    /// Dice for keys alone, so that they change nothing else.
    keys: Chance,
}

impl<'a> Stock<'a> {
    /// Empty shelves.
    pub fn new(schema: &'a Schema, people: &'a [Person], hints: Hints, seed: u64) -> Self {
        let chance = Chance::new(seed);
        let generator = Generator::new(schema, seed);
        let keys = Chance::new(!seed);
        Self { schema, people, rows: HashMap::new(), spare: HashMap::new(), generator, hints, chance, keys }
    }

    /// The rows of a table, as far as they were read.
    pub fn rows(&self, oid: u32) -> &[Stored] {
        self.rows.get(&oid).map_or(&[], Vec::as_slice)
    }

    /// The statement that keeps a row. Keys that PostgreSQL would draw are drawn here: what is tried follows their order, and the same
    /// schema shall come to the same answer each time.
    pub fn keep_sql(&mut self, relation: &Relation, mut draft: Draft) -> String {
        for (at, column) in relation.columns.iter().enumerate() {
            let drawn = column.default.as_deref().is_some_and(|default| {
                default.ends_with("gen_random_uuid()") || default.ends_with("uuid_generate_v4()")
            });
            if drawn && column.type_sql == "uuid" && draft.iter().all(|(known, _)| *known != at) {
                draft.push((at, Some(self.keys.uuid())));
            }
        }
        insert_sql(relation, &draft)
    }

    /// Reads a table's rows anew.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn load(&mut self, client: &Client, relation: &Relation) -> Result<usize, Error> {
        if relation.columns.is_empty() {
            return Ok(0);
        }
        let columns: Vec<_> = relation.columns.iter().map(|column| format!("{}::text", ident(&column.name))).collect();
        let sql = format!("select array[{}] from {} limit 500", columns.join(", "), relation.sql());
        let read = client.query(&sql, &[]).await?;
        let mut rows = Vec::with_capacity(read.len());
        for row in read {
            let values: Vec<Option<String>> = row.try_get(0)?;
            let people = self.people_of(relation, &values);
            rows.push(Stored { values, people });
        }
        let count = rows.len();
        self.rows.insert(relation.oid, rows);
        Ok(count)
    }

    /// Everybody that a row leads to, directly or by its foreign keys.
    fn people_of(&self, relation: &Relation, values: &[Option<String>]) -> BTreeSet<usize> {
        let mut people = BTreeSet::new();
        for (column, value) in relation.columns.iter().zip(values) {
            if let Some(value) =
                value.as_deref().filter(|_| matches!(column.base_type.as_str(), "uuid" | "text" | "varchar"))
            {
                people.extend(self.people.iter().position(|person| person.uid.as_deref() == Some(value)));
            }
        }
        for key in &relation.foreign_keys {
            let Some(target) = self.schema.relations.iter().find(|target| target.oid == key.target) else { continue };
            let wanted = |stored: &&Stored| {
                key.columns.iter().zip(&key.target_columns).all(|(from, to)| {
                    let from = place(relation, from).and_then(|place| values.get(place));
                    let to = place(target, to).and_then(|place| stored.values.get(place));
                    from.is_some() && from == to && from != Some(&None)
                })
            };
            people.extend(self.rows(key.target).iter().find(wanted).iter().flat_map(|stored| &stored.people));
        }
        people
    }

    /// A row that has to do with a person; `zeal` of a hundred keys lead to him, the rest to anybody.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn draft(&mut self, relation: &Relation, person: Option<usize>, zeal: usize) -> Result<Draft, String> {
        self.draft_with(relation, person, zeal, HashMap::new())
    }

    /// Likewise, where some columns are fixed.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn draft_with(
        &mut self,
        relation: &Relation,
        person: Option<usize>,
        zeal: usize,
        mut fixed: HashMap<usize, Option<String>>,
    ) -> Result<Draft, String> {
        let mut keys: Vec<&ForeignKey> = relation.foreign_keys.iter().collect();
        keys.sort_by_key(|key| std::cmp::Reverse(key.columns.len()));
        for key in keys {
            self.follow(relation, key, person, zeal, &mut fixed)?;
        }
        self.borrow(relation, &mut fixed);
        let mut draft = Draft::new();
        for (at, column) in relation.columns.iter().enumerate() {
            if column.generated.is_some() || column.identity.as_deref() == Some("a") {
                continue;
            }
            if let Some(value) = fixed.remove(&at) {
                draft.push((at, value));
                continue;
            }
            let in_key = relation.indexes.iter().any(|index| index.unique && index.columns.contains(&column.name));
            let has_default = column.default.is_some() || column.identity.is_some();
            // Times that the database sets are left to it more often: others are seldom what a check or trigger wants.
            let left = if column.category == "D" { 80 } else { 50 };
            if has_default && (in_key || self.chance.percent(left)) {
                continue;
            }
            if !column.not_null && self.chance.percent(25) {
                draft.push((at, None));
                continue;
            }
            match self.value(relation, column, person, zeal) {
                Some(value) => draft.push((at, Some(value))),
                None if !column.not_null || has_default => {}
                None => return Err(format!("no value is known for {} of type {}", column.name, column.type_sql)),
            }
        }
        Ok(draft)
    }

    /// Columns that a check holds against each other come together, from a row that satisfies it.
    fn borrow(&mut self, relation: &Relation, fixed: &mut HashMap<usize, Option<String>>) {
        let bound: BTreeSet<usize> = relation
            .checks
            .iter()
            .filter(|check| check.columns.len() > 1)
            .flat_map(|check| check.columns.iter().filter_map(|name| place(relation, name)))
            .collect();
        if bound.is_empty() || !self.chance.percent(80) {
            return;
        }
        let Some(donor) = self.rows.get(&relation.oid).and_then(|rows| self.chance.pick(rows)) else { return };
        let open = |at: &&usize| relation.columns[**at].generated.is_none();
        for at in bound.iter().filter(open) {
            fixed.entry(*at).or_insert_with(|| donor.values[*at].clone());
        }
    }

    fn value(&mut self, relation: &Relation, column: &Column, person: Option<usize>, zeal: usize) -> Option<String> {
        if self.hints.holds_person(relation, column) {
            let chosen = self.somebody(person, zeal);
            // As where a foreign key says so: of a table about people, who has no row yet comes next.
            let at = place(relation, &column.name);
            let is_there = |uid: &Option<String>| {
                let rows = self.rows.get(&relation.oid);
                rows.is_some_and(|rows| rows.iter().any(|row| at.is_some_and(|at| row.values[at] == *uid)))
            };
            let in_key = relation.primary_key() == [column.name.as_str()];
            let ghost = self.people.iter().find(|person| person.nth == GHOST && in_key && !is_there(&person.uid));
            let uid = chosen.and_then(|person| self.people[person].uid.clone());
            return ghost.filter(|_| is_there(&uid)).map_or(uid, |ghost| ghost.uid.clone());
        }
        if self.chance.percent(40)
            && let Some(value) = self.chance.pick(self.hints.values(column))
        {
            return Some(value.clone());
        }
        self.generator.value(relation, column).map(|literal| literal.text)
    }

    /// A value that conditions compare the column with.
    pub fn hinted(&mut self, column: &Column) -> Option<String> {
        self.chance.pick(self.hints.values(column)).cloned()
    }

    /// Remembers a row that was taken away.
    pub fn put_aside(&mut self, relation: &Relation, draft: Draft) {
        self.spare.entry(relation.oid).or_default().push(draft);
    }

    /// Rows that can come again.
    pub fn spare(&self, relation: &Relation) -> Vec<Draft> {
        self.spare.get(&relation.oid).cloned().unwrap_or_default()
    }

    /// A row once more: its keys are new ones, where that can be without losing what they point to.
    pub fn copy(&mut self, relation: &Relation, values: &[Option<String>], person: usize, with_keys: bool) -> Draft {
        let mut draft = Draft::new();
        for (at, column) in relation.columns.iter().enumerate().filter(|(_, column)| writable(column)) {
            let once = relation.indexes.iter().any(|index| index.unique && index.columns.contains(&column.name));
            let value = match once {
                true if column.default.is_some() || column.identity.is_some() => continue,
                true if !with_keys => self.another(relation, column, values[at].as_deref(), Some(person)),
                _ => values[at].clone(),
            };
            draft.push((at, value));
        }
        draft
    }

    /// Another valid value for a column of a row: for a key, one that leads elsewhere.
    pub fn another(
        &mut self,
        relation: &Relation,
        column: &Column,
        current: Option<&str>,
        person: Option<usize>,
    ) -> Option<String> {
        let key = relation.foreign_keys.iter().find(|key| key.columns.contains(&column.name));
        if let Some(key) = key {
            let mut fixed = HashMap::new();
            for _ in 0..8 {
                fixed.clear();
                self.follow(relation, key, person, 50, &mut fixed).ok()?;
                let value = place(relation, &column.name).and_then(|place| fixed.remove(&place)).flatten();
                if value.is_some() && value.as_deref() != current {
                    return value;
                }
            }
            return None;
        }
        if self.hints.holds_person(relation, column) {
            return (0..8)
                .filter_map(|_| self.somebody(person, 30).and_then(|person| self.people[person].uid.clone()))
                .find(|uid| Some(uid.as_str()) != current);
        }
        if self.chance.percent(40) {
            let values: Vec<_> =
                self.hints.values(column).iter().filter(|value| Some(value.as_str()) != current).cloned().collect();
            if let Some(value) = self.chance.pick(&values) {
                return Some(value.clone());
            }
        }
        self.generator.another_value(relation, column, current).map(|literal| literal.text)
    }

    /// Chooses where a foreign key points, in agreement with the columns that others have fixed.
    fn follow(
        &mut self,
        relation: &Relation,
        key: &ForeignKey,
        person: Option<usize>,
        zeal: usize,
        fixed: &mut HashMap<usize, Option<String>>,
    ) -> Result<(), String> {
        let columns: Vec<usize> = key.columns.iter().filter_map(|name| place(relation, name)).collect();
        let nullable = columns.iter().any(|at| !relation.columns[*at].not_null && !fixed.contains_key(at));
        if columns.iter().all(|at| fixed.contains_key(at)) || columns.iter().any(|at| fixed.get(at) == Some(&None)) {
            return Ok(());
        }
        let set_null = |fixed: &mut HashMap<usize, Option<String>>| {
            for at in columns.iter().filter(|at| !relation.columns[**at].not_null) {
                fixed.entry(*at).or_insert(None);
            }
        };
        if nullable && self.chance.percent(20) {
            set_null(fixed);
            return Ok(());
        }
        if (key.target_schema.as_str(), key.target_table.as_str()) == ("auth", "users") && columns.len() == 1 {
            // A table about people has one row for each: who has none yet comes next.
            let in_key = relation.primary_key() == key.columns;
            let is_there = |at: usize| {
                let uid = &self.people[at].uid;
                self.rows.get(&relation.oid).is_some_and(|rows| rows.iter().any(|row| row.values[columns[0]] == *uid))
            };
            let ghost = self.people.iter().position(|person| person.nth == GHOST).filter(|at| in_key && !is_there(*at));
            let uid = match ghost.filter(|_| person.is_none_or(is_there)) {
                Some(ghost) => self.people[ghost].uid.clone(),
                None => {
                    let somebody = self.somebody(person, if in_key { 100 } else { zeal });
                    somebody.and_then(|person| self.people[person].uid.clone())
                }
            };
            fixed.insert(columns[0], uid);
            return Ok(());
        }
        let Some(target) = self.schema.relations.iter().find(|target| target.oid == key.target) else {
            return Err(format!("{} points to an unknown table", key.name));
        };
        let places: Vec<usize> = key.target_columns.iter().filter_map(|name| place(target, name)).collect();
        let agrees = |stored: &&Stored| {
            columns
                .iter()
                .zip(&places)
                .all(|(at, there)| fixed.get(at).is_none_or(|value| stored.values.get(*there) == Some(value)))
        };
        let mut rows: Vec<&Stored> = self.rows.get(&key.target).into_iter().flatten().filter(agrees).collect();
        // Where a row can be pointed to once, those that nobody points to come first.
        if relation.indexes.iter().any(|index| index.unique && index.columns == key.columns) {
            let taken = |stored: &Stored| {
                let same = |row: &Stored| {
                    columns.iter().zip(&places).all(|(at, there)| row.values[*at] == stored.values[*there])
                };
                self.rows.get(&relation.oid).is_some_and(|rows| rows.iter().any(same))
            };
            let free: Vec<&Stored> = rows.iter().copied().filter(|stored| !taken(stored)).collect();
            if !free.is_empty() {
                rows = free;
            }
        }
        let his: Vec<&Stored> = rows
            .iter()
            .copied()
            .filter(|stored| person.is_some_and(|person| stored.people.contains(&person)))
            .collect();
        let chosen =
            if !his.is_empty() && self.chance.percent(zeal) { self.chance.pick(&his) } else { self.chance.pick(&rows) };
        match chosen {
            Some(stored) => {
                for (at, there) in columns.iter().zip(&places) {
                    fixed.entry(*at).or_insert_with(|| stored.values[*there].clone());
                }
                Ok(())
            }
            None if nullable => {
                set_null(fixed);
                Ok(())
            }
            None => {
                Err(format!("{}.{} has no row that {} could point to", key.target_schema, key.target_table, key.name))
            }
        }
    }

    /// A row of a table, by column; rather one that has to do with a person.
    pub fn row_of(
        &mut self,
        schema: &str,
        table: &str,
        person: Option<usize>,
    ) -> Option<Vec<(String, Option<String>)>> {
        let relation = self.schema.relation(schema, table)?;
        let rows = self.rows.get(&relation.oid)?;
        let his: Vec<&Stored> =
            rows.iter().filter(|row| person.is_some_and(|person| row.people.contains(&person))).collect();
        let chosen = if !his.is_empty() && self.chance.percent(75) {
            *self.chance.pick(&his)?
        } else {
            self.chance.pick(rows)?
        };
        let names = relation.columns.iter().map(|column| column.name.clone());
        Some(names.zip(chosen.values.iter().cloned()).collect())
    }

    fn somebody(&mut self, person: Option<usize>, zeal: usize) -> Option<usize> {
        let known: Vec<usize> = (0..self.people.len()).filter(|at| self.people[*at].is_active()).collect();
        match person.filter(|person| known.contains(person)) {
            Some(person) if self.chance.percent(zeal) => Some(person),
            _ => self.chance.pick(&known).copied(),
        }
    }
}

/// `insert into …`, of a draft's columns.
pub fn insert_sql(relation: &Relation, draft: &[(usize, Option<String>)]) -> String {
    if draft.is_empty() {
        return format!("insert into {} default values", relation.sql());
    }
    let column = |at: &usize| &relation.columns[*at];
    let names: Vec<_> = draft.iter().map(|(at, _)| ident(&column(at).name)).collect();
    let values: Vec<_> = draft.iter().map(|(at, value)| typed(value.as_deref(), &column(at).type_sql)).collect();
    format!("insert into {} ({}) values ({})", relation.sql(), names.join(", "), values.join(", "))
}

/// Where a column is in its relation.
pub fn place(relation: &Relation, column: &str) -> Option<usize> {
    relation.columns.iter().position(|known| known.name == column)
}

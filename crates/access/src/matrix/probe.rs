//! One identity tries everything on one table or bucket, in one transaction that is rolled back.

use std::collections::BTreeSet;

use pg::ident;

use super::caller::{Caller, Failure, Outcome};
use super::draft::{Draft, insert_sql};
use super::plan::{Attempt, Key, Row, Update, update_sql, writable};
use super::subject::Subject;
use crate::Error;
use crate::identities::Person;
use crate::spec::{Expr, Kind, Right};
use crate::sql::{literal, typed};

/// Classes of SQLSTATE that a value of a row brings about: data exceptions, and what functions raise.
const ROWS_OWN_FAULT: [&str; 3] = ["22", "21", "P0"];
/// Most rows that are read one by one.
const MOST_SINGLE: usize = 100;
/// Columns that are changed in all rows at once.
const MOST_BLIND: usize = 3;

/// What came of it.
#[derive(Debug, Default)]
pub struct Seen {
    /// Columns that may be read, by place.
    pub readable: BTreeSet<usize>,
    /// Columns that may be given to a new row.
    pub givable: BTreeSet<usize>,
    /// Columns that may be changed.
    pub changeable: BTreeSet<usize>,
    /// Keys of the rows that are seen, or why none is.
    pub keys: Option<Result<Vec<Key>, Failure>>,
    /// Keys of rows that are seen one by one, where all at once fail: one row that cannot be asked about hides the others from a
    /// statement, and not from him.
    pub single: Vec<Key>,
    /// How many rows are seen, where their keys may not be read.
    pub count: usize,
    /// Changes: which, how, and what came of it.
    pub updates: Vec<(usize, Tried)>,
    /// New rows: which, the column that was added to it, and what came of it.
    pub inserts: Vec<(usize, Option<usize>, Tried)>,
    /// Deleted rows.
    pub deletes: Vec<(usize, Tried)>,
    /// `DELETE` without `WHERE`, which needs no right to read: policies for SELECT do not limit it.
    pub blind: Option<Tried>,
    /// Likewise `UPDATE`: which column, what it becomes, and what came of it.
    pub blind_updates: Vec<(usize, Option<String>, Tried)>,
    /// How many statements it were.
    pub probes: usize,
}

/// A statement and what came of it.
#[derive(Debug, Clone)]
pub struct Tried {
    /// As a person would write it.
    pub statement: String,
    /// What PostgreSQL did.
    pub outcome: Outcome,
}

/// Tries.
///
/// # Errors
/// The connection is lost.
pub async fn probe(caller: &Caller, subject: &Subject, person: &Person, attempt: &Attempt) -> Result<Seen, Error> {
    caller.begin(person).await?;
    let seen = Prober { caller, subject, person, attempt }.all().await;
    caller.rollback().await?;
    seen
}

struct Prober<'p> {
    caller: &'p Caller,
    subject: &'p Subject,
    person: &'p Person,
    attempt: &'p Attempt,
}

impl Prober<'_> {
    async fn all(&self) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        self.columns(&mut seen).await?;
        self.read(&mut seen).await?;
        self.write(&mut seen).await?;
        Ok(seen)
    }

    /// Each column alone, on no row: nothing but the privilege decides.
    async fn columns(&self, seen: &mut Seen) -> Result<(), Error> {
        let table = self.subject.table();
        let mut statements = Vec::new();
        for column in &self.subject.relation.columns {
            let name = ident(&column.name);
            statements.push(format!("select {name} from {table} where false"));
            let nothing = format!("null::{}", column.type_sql);
            statements.push(format!("insert into {table} ({name}) select {nothing} where false"));
            statements.push(format!("update {table} set {name} = {nothing} where false"));
        }
        let outcomes = self.caller.try_all(&statements).await?;
        seen.probes += outcomes.len();
        let outcomes = self.by_privilege(outcomes).await?;
        for (at, triple) in outcomes.chunks(3).enumerate() {
            let sets = [&mut seen.readable, &mut seen.givable, &mut seen.changeable];
            let may_write = writable(&self.subject.relation.columns[at]);
            for (n, (set, outcome)) in sets.into_iter().zip(triple).enumerate() {
                if !outcome.is_denied() && (n == 0 || may_write) {
                    set.insert(at);
                }
            }
        }
        Ok(())
    }

    /// Policies that ask each other fail before any privilege is looked at: there PostgreSQL is asked for the privilege.
    async fn by_privilege(&self, mut outcomes: Vec<Outcome>) -> Result<Vec<Outcome>, Error> {
        let recurses = |outcome: &Outcome| matches!(outcome, Outcome::Failed(failure) if failure.code == "42P17");
        let places: Vec<usize> = (0..outcomes.len()).filter(|at| recurses(&outcomes[*at])).collect();
        let asked = |at: &usize| {
            let column = literal(&self.subject.relation.columns[at / 3].name);
            let privilege = ["select", "insert", "update"][at % 3];
            let oid = self.subject.relation.oid;
            format!("select 1 where pg_catalog.has_column_privilege({oid}::oid, {column}, '{privilege}')")
        };
        let statements: Vec<String> = places.iter().map(asked).collect();
        for (at, outcome) in places.into_iter().zip(self.caller.try_all(&statements).await?) {
            if outcome == Outcome::Touched(0) {
                let (code, message) = ("42501".to_owned(), "permission denied for the column".to_owned());
                outcomes[at] = Outcome::Failed(Failure { code, message, function: None });
            }
        }
        Ok(outcomes)
    }

    async fn read(&self, seen: &mut Seen) -> Result<(), Error> {
        let place = |name: &String| super::draft::place(&self.subject.relation, name);
        let key: Option<BTreeSet<usize>> = self.subject.key.iter().map(place).collect();
        let readable = match key {
            Some(key) if !key.is_empty() => key.is_subset(&seen.readable),
            _ => seen.readable.len() == self.subject.relation.columns.len(),
        };
        let (table, filter) = (self.subject.table(), self.subject.filter());
        seen.probes += 1;
        if !readable && let Some(first) = seen.readable.first() {
            let column = ident(&self.subject.relation.columns[*first].name);
            if let Ok(rows) = self.caller.read(&format!("select {column}::text from {table}{filter}")).await? {
                seen.count = rows.len();
                return Ok(());
            }
        }
        let answer = self.caller.read(&format!("select {} from {table}{filter}", self.subject.key_sql())).await?;
        let keys = answer.map(|rows| rows.iter().map(|row| row.get(0)).collect::<Vec<Key>>());
        seen.count = keys.as_ref().map_or(0, Vec::len);
        if keys.as_ref().is_err_and(|failure| ROWS_OWN_FAULT.iter().any(|class| failure.code.starts_with(class))) {
            let rows = &self.attempt.rows[..self.attempt.rows.len().min(MOST_SINGLE)];
            let one = |row: &Row| format!("select 1 from {table} where {}", self.subject.at(&row.key));
            let statements: Vec<String> = rows.iter().map(one).collect();
            let outcomes = self.caller.try_all(&statements).await?;
            seen.probes += outcomes.len();
            let sees = |outcome: &Outcome| matches!(outcome, Outcome::Touched(count) if *count > 0);
            let seen_rows = rows.iter().zip(&outcomes).filter(|(_, outcome)| sees(outcome));
            seen.single = seen_rows.map(|(row, _)| row.key.clone()).collect();
        }
        seen.keys = Some(keys);
        Ok(())
    }

    /// `UPDATE` without `WHERE`, of columns that can be the same in many rows first; and of those by which rows become what they may not.
    fn blind_updates(&self, seen: &Seen) -> Vec<(usize, Option<String>, String)> {
        if self.subject.kind != Kind::Table {
            return Vec::new();
        }
        let relation = &self.subject.relation;
        let closed = Right::default();
        let right = self.subject.spec.rights_of(&self.person.kind).map_or(&closed, |rights| &rights.update);
        let tells = |update: &&Update| {
            let truths = &self.attempt.rows[update.row].truths;
            self.subject.holds(&right.rows, truths)
                && self.subject.holds(right.becoming(), truths)
                && update.truths.as_ref().is_some_and(|truths| !self.subject.holds(right.becoming(), truths))
        };
        let rank = |at: &usize| {
            let name = &relation.columns[*at].name;
            let unique = relation.indexes.iter().any(|index| index.unique && index.columns.contains(name));
            let key = relation.foreign_keys.iter().any(|key| key.columns.contains(name));
            (unique, key)
        };
        let mut columns: Vec<usize> = seen.changeable.iter().copied().collect();
        columns.sort_by_key(rank);
        let (mut chosen, mut telling) = (Vec::new(), 0);
        for at in columns {
            let of_it = || self.attempt.updates.iter().filter(|update| update.column == at);
            let Some(update) = of_it().find(tells).or_else(|| of_it().next()) else { continue };
            let more = tells(&update) && telling < MOST_BLIND;
            if chosen.len() - telling >= MOST_BLIND && !more {
                continue;
            }
            telling += usize::from(more);
            let column = &relation.columns[at];
            let value = typed(update.value.as_deref(), &column.type_sql);
            let statement = format!("update {} set {} = {value}", self.subject.table(), ident(&column.name));
            chosen.push((at, update.value.clone(), statement));
        }
        chosen
    }

    async fn write(&self, seen: &mut Seen) -> Result<(), Error> {
        let inserts = self.inserts(seen);
        let mut statements: Vec<String> = inserts.iter().map(|(_, _, statement)| statement.clone()).collect();
        let mut updates = Vec::new();
        for (at, update) in self.attempt.updates.iter().enumerate() {
            let row = &self.attempt.rows[update.row];
            let plain = update_sql(self.subject, &row.key, update.column, update.value.as_deref());
            // A trigger may take a change back without a word: only what is changed afterwards counts.
            let column = &self.subject.relation.columns[update.column];
            let tried = match (&row.values[update.column], seen.readable.contains(&update.column)) {
                (Some(old), true) => format!(
                    "with changed as ({plain} returning {}::text is distinct from {} as took) \
                     select 1 from changed union all select 1 from changed where took",
                    ident(&column.name),
                    literal(old)
                ),
                _ => plain.clone(),
            };
            if seen.changeable.contains(&update.column) {
                let twice = tried != plain;
                statements.push(tried);
                updates.push((at, plain, twice));
            }
        }
        let deletes: Vec<(usize, String)> = self
            .attempt
            .cover
            .iter()
            .map(|row| {
                (
                    *row,
                    format!(
                        "delete from {} where {}",
                        self.subject.table(),
                        self.subject.at(&self.attempt.rows[*row].key)
                    ),
                )
            })
            .collect();
        statements.extend(deletes.iter().map(|(_, statement)| statement.clone()));
        let blind = (self.subject.kind == Kind::Table).then(|| format!("delete from {}", self.subject.table()));
        statements.extend(blind.clone());
        let blind_updates = self.blind_updates(seen);
        statements.extend(blind_updates.iter().map(|(_, _, statement)| statement.clone()));
        let mut outcomes = self.caller.try_all(&statements).await?.into_iter();
        seen.probes += statements.len();
        for ((insert, extra, statement), outcome) in inserts.into_iter().zip(outcomes.by_ref()) {
            seen.inserts.push((insert, extra, Tried { statement, outcome }));
        }
        for ((at, statement, twice), outcome) in updates.into_iter().zip(outcomes.by_ref()) {
            let outcome = match outcome {
                Outcome::Touched(1) if twice => Outcome::TakenBack,
                other => other,
            };
            seen.updates.push((at, Tried { statement, outcome }));
        }
        for ((row, statement), outcome) in deletes.into_iter().zip(outcomes.by_ref()) {
            seen.deletes.push((row, Tried { statement, outcome }));
        }
        if let Some(statement) = blind {
            seen.blind = outcomes.next().map(|outcome| Tried { statement, outcome });
        }
        for ((column, value, statement), outcome) in blind_updates.into_iter().zip(outcomes.by_ref()) {
            seen.blind_updates.push((column, value, Tried { statement, outcome }));
        }
        Ok(())
    }

    /// Each new row by the columns that the file names; and once more with each column that is open and not named.
    fn inserts(&self, seen: &Seen) -> Vec<(usize, Option<usize>, String)> {
        let relation = &self.subject.relation;
        let rights = self.subject.spec.rights_of(&self.person.kind);
        let closed = Right::default();
        let right = rights.map_or(&closed, |rights| &rights.insert);
        let mut list = Vec::new();
        for (at, insert) in self.attempt.inserts.iter().enumerate() {
            let mut draft = insert.draft.clone();
            if right.rows == Expr::None {
                draft.retain(|(column, _)| seen.givable.contains(column));
                if draft.is_empty() {
                    continue;
                }
            }
            list.push((at, None, insert_sql(relation, &draft)));
        }
        if right.rows == Expr::None {
            return list;
        }
        let named = |column: &usize| right.names(&relation.columns[*column].name);
        for extra in seen.givable.iter().filter(|column| !named(column)) {
            let holds = |at: &usize| self.subject.holds(&right.rows, &self.attempt.inserts[*at].truths);
            let good: Vec<usize> = (0..self.attempt.inserts.len()).filter(holds).collect();
            let value = |at: usize| self.attempt.inserts[at].spare.iter().find(|(column, _)| column == extra).cloned();
            let with_value = good.iter().find_map(|at| value(*at).map(|value| (*at, value)));
            let borrowed = || {
                let value = self.attempt.rows.iter().find_map(|row| row.values[*extra].clone());
                good.first().map(|at| (*at, (*extra, value)))
            };
            if let Some((at, value)) = with_value.or_else(borrowed) {
                let mut draft: Draft = self.attempt.inserts[at].draft.clone();
                draft.push(value);
                list.push((at, Some(*extra), insert_sql(relation, &draft)));
            }
        }
        list
    }
}

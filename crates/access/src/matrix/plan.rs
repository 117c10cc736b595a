//! What to try as whom, and what `access.toml` makes of it: computed by the superuser, before anybody tries.

use std::collections::{BTreeMap, BTreeSet};

use pg::ident;
use pg::tokio_postgres::Client;

use super::caller::TOO_LONG;
use super::conditions::{calm_rows, note, told};
use super::draft::{Draft, Stock, insert_sql};
use super::report::Untried;
use super::subject::Subject;
use super::{paths, sides};
use crate::identities::Person;
use crate::schema::Column;
use crate::spec::{Expr, Kind, Operation, Right, Rights};
use crate::sql::typed;
use crate::{Error, Schema};

/// A row's key, by column.
pub type Key = Vec<Option<String>>;

/// Rows with the same truths prove the same; so many of them are written to.
const PER_CLASS: usize = 2;
/// Most rows that one identity writes to.
const MOST_ROWS: usize = 12;
/// Most rows of a table that are looked at.
pub const MOST_READ: usize = 2000;
/// Drafts of new rows for one identity.
const DRAFTS: usize = 18;
/// How often so many are made up, until there are some that he may add and some that he may not.
const MORE_DRAFTS: usize = 4;

/// One identity against one object.
#[derive(Debug, Clone, Default)]
pub struct Attempt {
    /// Place among the people.
    pub person: usize,
    /// All rows, with what holds of them for him.
    pub rows: Vec<Row>,
    /// Rows to write to, by place in `rows`.
    pub cover: Vec<usize>,
    /// One column changed of one row.
    pub updates: Vec<Update>,
    /// New rows.
    pub inserts: Vec<Insert>,
}

/// A row that is there.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its key.
    pub key: Key,
    /// By column.
    pub values: Vec<Option<String>>,
    /// By condition.
    pub truths: Vec<bool>,
}

/// A change of one column.
#[derive(Debug, Clone)]
pub struct Update {
    /// Which row.
    pub row: usize,
    /// Which column.
    pub column: usize,
    /// What it becomes.
    pub value: Option<String>,
    /// What holds afterwards; `None` where the column is closed anyway.
    pub truths: Option<Vec<bool>>,
}

/// A row that could come.
#[derive(Debug, Clone)]
pub struct Insert {
    /// Its columns.
    pub draft: Draft,
    /// Columns that were made up and are not open to him.
    pub spare: Draft,
    /// What holds of it.
    pub truths: Vec<bool>,
}

/// May this column be written at all?
pub fn writable(column: &Column) -> bool {
    column.generated.is_none() && column.identity.as_deref() != Some("a")
}

/// Plans one identity's attempts at one table or bucket.
///
/// # Errors
/// The connection is lost.
pub async fn attempt(
    client: &Client,
    schema: &Schema,
    subject: &mut Subject,
    people: &[Person],
    at: usize,
    stock: &mut Stock<'_>,
    untried: &mut Vec<Untried>,
) -> Result<Attempt, Error> {
    let person = &people[at];
    let rights = subject.spec.rights_of(&person.kind).cloned();
    let rows = calm_rows(client, subject, person, untried).await?;
    let mut attempt = Attempt { person: at, rows, ..Attempt::default() };
    if attempt.rows.is_empty() && !untried.iter().any(|known| known.object == subject.name && known.what == "rows") {
        untried.push(Untried::new(&subject.name, "rows", "there is none".to_owned()));
    }
    let subject: &Subject = subject;
    attempt.cover = cover(&attempt.rows, &telling(schema, subject, person, rights.as_ref(), &attempt.rows));
    let mut planner = Planner { client, schema, subject, people, at, rights, stock, untried };
    planner.updates(&mut attempt).await?;
    attempt.inserts = planner.inserts(&attempt.rows).await?;
    Ok(attempt)
}

/// All rows and what holds of them for one person.
///
/// # Errors
/// A condition cannot be asked.
pub async fn rows(client: &Client, subject: &Subject, person: &Person) -> Result<Vec<Row>, Error> {
    let values: Vec<_> =
        subject.relation.columns.iter().map(|column| format!("{}::text", ident(&column.name))).collect();
    let sql = format!(
        "select {}, array[{}]::text[], {} from {}{} limit {MOST_READ}",
        subject.key_sql(),
        values.join(", "),
        subject.atoms_sql(),
        subject.table(),
        subject.filter()
    );
    be(client, person).await?;
    let found = client.query(&sql, &[]).await?;
    found.iter().map(|row| Ok(Row { key: row.try_get(0)?, values: row.try_get(1)?, truths: row.try_get(2)? })).collect()
}

/// The superuser asks in somebody's name: the claims are his, the rights are not.
///
/// # Errors
/// The connection is lost.
pub async fn be(client: &Client, person: &Person) -> Result<(), Error> {
    let sql = "select set_config('basalt.uid', $1, false), set_config('request.jwt.claims', $2, false)";
    client.query_one(sql, &[&person.uid.as_deref().unwrap_or(""), &person.claims]).await?;
    Ok(())
}

/// Some rows of each class of truths; those first that tell a leak.
fn cover(rows: &[Row], telling: &[usize]) -> Vec<usize> {
    let mut classes: BTreeMap<&[bool], Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        classes.entry(&row.truths).or_default().push(at);
    }
    let mut cover = telling.to_vec();
    for round in 0..PER_CLASS {
        let more = classes.values().filter_map(|class| class.get(round)).filter(|row| !telling.contains(row));
        cover.extend(more);
    }
    cover.truncate(MOST_ROWS);
    cover
}

/// A row for each way through a policy for changes or deletions that opens it although the file does not; and one that the file lets
/// be changed, for each way that what it becomes can be let through by.
fn telling(schema: &Schema, subject: &Subject, person: &Person, rights: Option<&Rights>, rows: &[Row]) -> Vec<usize> {
    const MOST: usize = MOST_ROWS / 2;
    let mut found: Vec<usize> = Vec::new();
    for operation in [Operation::Update, Operation::Delete] {
        let right = rights.map_or(Expr::None, |rights| rights.on(operation).rows.clone());
        for (check, wanted) in [(false, false), (true, true)] {
            if check && operation == Operation::Delete {
                continue;
            }
            for way in sides::ways(schema, subject, person, operation, check) {
                let tells = |row: &Row| row.truths[way] && subject.holds(&right, &row.truths) == wanted;
                found.extend(rows.iter().position(tells).filter(|at| !found.contains(at)));
            }
        }
    }
    found.truncate(MOST);
    found
}

struct Planner<'p, 's> {
    client: &'p Client,
    schema: &'p Schema,
    subject: &'p Subject,
    people: &'p [Person],
    at: usize,
    rights: Option<Rights>,
    stock: &'p mut Stock<'s>,
    untried: &'p mut Vec<Untried>,
}

impl Planner<'_, '_> {
    async fn updates(&mut self, attempt: &mut Attempt) -> Result<(), Error> {
        let relation = &self.subject.relation;
        let right = self.rights.as_ref().map(|rights| rights.update.clone()).unwrap_or_default();
        let open = right.rows != Expr::None;
        let bucket = self.subject.kind == Kind::Bucket;
        let mut later: Vec<(usize, usize)> = Vec::new();
        let mut closed: BTreeSet<usize> = BTreeSet::new();
        let granted = self.granted("UPDATE").await?;
        for (c, column) in relation.columns.iter().enumerate().filter(|(_, column)| writable(column)) {
            // Storage writes these; the others are its own business.
            if bucket && !matches!(column.name.as_str(), "name" | "user_metadata" | "metadata") {
                continue;
            }
            let counts =
                if self.subject.spec.line == 0 { granted.contains(&c) } else { open && right.names(&column.name) };
            // A closed column needs few rows: the privilege is missing, or one row shows that it is not. His own show it best.
            let likely = |row: &usize| {
                let truths = &attempt.rows[*row].truths;
                (!self.subject.holds(&right.rows, truths), !self.subject.holds(&Expr::Own, truths))
            };
            let mut rows = attempt.cover.clone();
            if !counts {
                closed.insert(c);
                rows.sort_by_key(likely);
                rows.truncate(3);
            }
            later.extend(rows.into_iter().map(|row| (row, c)));
        }
        let mut done: BTreeSet<usize> = BTreeSet::new();
        let mut trouble: BTreeMap<usize, String> = BTreeMap::new();
        let mut stopped: BTreeMap<(usize, usize), Update> = BTreeMap::new();
        for _ in 0..2 {
            let mut updates = Vec::new();
            for (row, c) in &later {
                let current = attempt.rows[*row].values[*c].clone();
                let column = &relation.columns[*c];
                let value = if bucket {
                    self.path_or_json(column, current.as_deref())
                } else {
                    self.stock.another(relation, column, current.as_deref(), Some(self.at))
                };
                match value {
                    Some(value) => updates.push(Update { row: *row, column: *c, value: Some(value), truths: None }),
                    None => drop(
                        trouble.entry(*c).or_insert_with(|| format!("no other value of {} is known", column.type_sql)),
                    ),
                }
            }
            let statements: Vec<String> = updates
                .iter()
                .map(|update| {
                    let set =
                        update_sql(self.subject, &attempt.rows[update.row].key, update.column, update.value.as_deref());
                    format!("{set} returning {}", self.subject.atoms_sql())
                })
                .collect();
            later.clear();
            for (mut update, outcome) in updates.into_iter().zip(self.weigh(&statements).await?) {
                match outcome {
                    Ok(truths) => {
                        done.insert(update.column);
                        stopped.remove(&(update.row, update.column));
                        update.truths = Some(truths);
                        attempt.updates.push(update);
                    }
                    Err(why) => {
                        later.push((update.row, update.column));
                        trouble.insert(update.column, why);
                        // As with a key that others point to: whether he is let through as far as that shows a right, too.
                        stopped.insert((update.row, update.column), update);
                    }
                }
            }
        }
        stopped.retain(|(_, column), _| closed.contains(column) || !done.contains(column));
        done.extend(stopped.keys().map(|(_, column)| *column).filter(|column| closed.contains(column)));
        attempt.updates.extend(stopped.into_values());
        for (c, why) in trouble.into_iter().filter(|(c, _)| !done.contains(c)) {
            let what = format!("update of {}", relation.columns[c].name);
            let operation = Some(Operation::Update);
            note(self.untried, Untried { operation, ..Untried::new(&self.subject.name, &what, why) });
        }
        Ok(())
    }

    /// Columns, by place, that his role has a privilege on.
    async fn granted(&self, privilege: &str) -> Result<BTreeSet<usize>, Error> {
        let columns: Vec<&str> = self.subject.relation.columns.iter().map(|column| column.name.as_str()).collect();
        let sql = "select has_column_privilege($1::text, $2::oid, c, $3) from unnest($4::text[]) with ordinality u(c, n) order by n";
        let (role, oid) = (&self.people[self.at].role, self.subject.relation.oid);
        let rows = self.client.query(sql, &[role, &oid, &privilege, &columns]).await?;
        Ok(rows.iter().enumerate().filter(|(_, row)| row.get(0)).map(|(at, _)| at).collect())
    }

    fn path_or_json(&mut self, column: &Column, current: Option<&str>) -> Option<String> {
        if column.name != "name" {
            return Some(format!("{{\"n\": {}}}", self.stock.chance.below(1000)));
        }
        let drafts = paths::drafts(self.subject, self.people, self.at, self.stock);
        let names: Vec<String> =
            drafts.into_iter().filter_map(|draft| draft.into_iter().nth(1).and_then(|(_, name)| name)).collect();
        let others: Vec<&String> = names.iter().filter(|name| Some(name.as_str()) != current).collect();
        self.stock.chance.pick(&others).map(|name| (*name).clone())
    }

    /// New rows, some of each class: those that he may add and those that he may not. Where one of the two is missing, more are made up.
    async fn inserts(&mut self, rows: &[Row]) -> Result<Vec<Insert>, Error> {
        let right = self.rights.as_ref().map(|rights| rights.insert.clone()).unwrap_or_default();
        let granted = self.granted("INSERT").await?;
        let mut why = String::new();
        let mut classes: BTreeMap<Vec<bool>, usize> = BTreeMap::new();
        let mut inserts = Vec::new();
        for _ in 0..MORE_DRAFTS {
            self.draft(&right, &granted, &mut classes, &mut inserts, &mut why).await?;
            if self.lacks(&right, &inserts).is_none() || why.contains(TOO_LONG) {
                break;
            }
        }
        let copies = self.copies(&right, rows, &inserts);
        self.try_drafts(copies, &right, &granted, &mut classes, &mut inserts, &mut why).await?;
        if let Some(trouble) = self.lacks(&right, &inserts) {
            let kind = &self.people[self.at].kind;
            let why = if why.is_empty() { trouble.to_owned() } else { format!("{trouble}: {why}") };
            note(self.untried, Untried::cell(&self.subject.name, Operation::Insert, kind, why));
        }
        Ok(inserts)
    }

    /// Where a way through a policy was not taken by any new row, or by none that the file does not allow: rows that are there and
    /// would be such, once more, and rows that made room.
    fn copies(&mut self, right: &Right, rows: &[Row], inserts: &[Insert]) -> Vec<Draft> {
        const EACH: usize = 3;
        let (subject, relation) = (self.subject, &self.subject.relation);
        if subject.kind != Kind::Table {
            return Vec::new();
        }
        let mut drafts = self.stock.spare(relation);
        for way in sides::ways(self.schema, subject, &self.people[self.at], Operation::Insert, true) {
            for beyond in [true, false] {
                let tells = |truths: &[bool]| truths[way] && !(beyond && subject.holds(&right.rows, truths));
                if inserts.iter().any(|insert| tells(&insert.truths)) {
                    continue;
                }
                let telling = rows.iter().filter(|row| tells(&row.truths)).take(EACH);
                drafts.extend(telling.map(|row| self.stock.copy(relation, &row.values, self.at, false)));
            }
        }
        drafts
    }

    /// What these rows do not show.
    fn lacks(&self, right: &Right, inserts: &[Insert]) -> Option<&'static str> {
        let allowed = |insert: &Insert| self.subject.holds(&right.rows, &insert.truths);
        match &right.rows {
            _ if inserts.is_empty() => Some("no valid row could be made"),
            Expr::None => None,
            _ if !inserts.iter().any(allowed) => Some("no row that access.toml allows could be made"),
            Expr::All => None,
            _ if inserts.iter().all(allowed) => Some("no row that access.toml does not allow could be made"),
            _ => None,
        }
    }

    async fn draft(
        &mut self,
        right: &Right,
        granted: &BTreeSet<usize>,
        classes: &mut BTreeMap<Vec<bool>, usize>,
        inserts: &mut Vec<Insert>,
        why: &mut String,
    ) -> Result<(), Error> {
        let relation = &self.subject.relation;
        let mut drafts: Vec<Draft> = Vec::new();
        if self.subject.kind == Kind::Bucket {
            for person in [self.at, (self.at + 1) % self.people.len(), self.at] {
                drafts.extend(paths::drafts(self.subject, self.people, person, self.stock));
            }
        } else {
            let someone = self.people[self.at].uid.is_some().then_some(self.at);
            for n in 0..DRAFTS {
                let zeal = if n % 3 == 0 { 30 } else { 90 };
                match self.stock.draft(relation, someone, zeal) {
                    Ok(draft) => drafts.push(draft),
                    Err(reason) => *why = reason,
                }
            }
        }
        self.try_drafts(drafts, right, granted, classes, inserts, why).await
    }

    async fn try_drafts(
        &mut self,
        drafts: Vec<Draft>,
        right: &Right,
        granted: &BTreeSet<usize>,
        classes: &mut BTreeMap<Vec<bool>, usize>,
        inserts: &mut Vec<Insert>,
        why: &mut String,
    ) -> Result<(), Error> {
        let relation = &self.subject.relation;
        let open = |c: &usize| match (self.subject.spec.line, &right.rows) {
            (0, _) => granted.contains(c),
            (_, Expr::None) => true,
            _ => right.names(&relation.columns[*c].name),
        };
        let drafts: Vec<(Draft, Draft)> =
            drafts.into_iter().map(|draft| draft.into_iter().partition(|(c, _)| open(c))).collect();
        let statements: Vec<String> = drafts
            .iter()
            .map(|(draft, _)| format!("{} returning {}", insert_sql(relation, draft), self.subject.atoms_sql()))
            .collect();
        for ((draft, spare), outcome) in drafts.into_iter().zip(self.weigh(&statements).await?) {
            match outcome {
                Ok(truths) => {
                    let seen = classes.entry(truths.clone()).or_default();
                    *seen += 1;
                    if *seen <= PER_CLASS {
                        inserts.push(Insert { draft, spare, truths });
                    }
                }
                Err(reason) => *why = reason,
            }
        }
        Ok(())
    }

    /// What holds for him of the row that each statement returns, or why it fails.
    async fn weigh(&self, statements: &[String]) -> Result<Vec<Result<Vec<bool>, String>>, Error> {
        weigh(self.client, statements, &self.people[self.at]).await
    }
}

/// What holds for a person of the row that each statement makes and answers this of, or why the statement fails.
///
/// # Errors
/// The connection is lost.
pub async fn weigh(
    client: &Client,
    statements: &[String],
    person: &Person,
) -> Result<Vec<Result<Vec<bool>, String>>, Error> {
    if statements.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "select truths, message, code from _basalt_matrix.weigh($1, $2, $3)";
    let uid = person.uid.as_deref().unwrap_or("");
    let read = |row: &pg::tokio_postgres::Row| match row.get::<_, Option<Vec<bool>>>(0) {
        Some(truths) => Ok(truths),
        None => Err(row.get::<_, Option<String>>(1).unwrap_or_else(|| "the row was not found afterwards".to_owned())),
    };
    let mut weighed = Vec::with_capacity(statements.len());
    while weighed.len() < statements.len() {
        let rows = client.query(sql, &[&&statements[weighed.len()..], &uid, &person.claims]).await?;
        let late = |row: &pg::tokio_postgres::Row| row.get::<_, Option<&str>>(2) == Some(TOO_LONG);
        match rows.iter().position(late) {
            // Had all the time there is: so will be the others.
            Some(0) => {
                let why = told(TOO_LONG, "");
                weighed.resize_with(statements.len(), || Err(why.clone()));
            }
            Some(at) => weighed.extend(rows[..at].iter().map(read)),
            None if rows.is_empty() => break,
            None => weighed.extend(rows.iter().map(read)),
        }
    }
    Ok(weighed)
}

/// `update … set … where …`
pub fn update_sql(subject: &Subject, key: &[Option<String>], column: usize, value: Option<&str>) -> String {
    let column = &subject.relation.columns[column];
    format!(
        "update {} set {} = {} where {}",
        subject.table(),
        ident(&column.name),
        typed(value, &column.type_sql),
        subject.at(key)
    )
}

//! Rows in which every condition is true for somebody and false for somebody: made for everybody, then steered to what is missing.

use std::collections::BTreeSet;

use pg::ident;
use pg::tokio_postgres::Client;

use super::draft::{Stock, insert_sql};
use super::paths;
use super::report::Untried;
use super::subject::Subject;
use crate::identities::{GHOST, NEWCOMER, Person, become_kinds};
use crate::schema::Relation;
use crate::spec::{Kind, Spec};
use crate::sql::literal;
use crate::{Error, Schema};

/// Rows of each table that are wanted at least, and for each person.
const ROWS: usize = 24;
const EACH: usize = 4;
/// How often a refused row is made up anew.
const ROUNDS: usize = 4;
/// Drafts that are tried to make one condition true.
const REACH: usize = 24;

/// Fills the tables and answers what could not be filled.
///
/// # Errors
/// The connection is lost.
pub async fn fill(
    client: &Client,
    schema: &Schema,
    spec: Option<&Spec>,
    people: &[Person],
    stock: &mut Stock<'_>,
) -> Result<Vec<Untried>, Error> {
    let mut untried = Vec::new();
    let outside: BTreeSet<u32> =
        schema.user_relations().flat_map(|table| table.foreign_keys.iter().map(|key| key.target)).collect();
    for relation in schema.relations.iter().filter(|relation| outside.contains(&relation.oid) && is_platform(relation))
    {
        stock.load(client, relation).await?;
    }
    for relation in in_order(schema) {
        let trouble = fill_table(client, relation, people, stock).await?;
        if stock.load(client, relation).await? == 0 {
            let why = trouble.unwrap_or_else(|| "no row could be made".to_owned());
            untried.push(Untried { object: name(relation), what: "rows".into(), why });
        }
        let makes_kinds = |spec: &Spec| {
            let profiles = spec.identities.iter().flat_map(|identity| &identity.profile);
            profiles.into_iter().any(|profile| profile.schema == relation.schema && profile.table == relation.name)
        };
        if spec.is_some_and(makes_kinds) {
            for why in become_kinds(client, schema, spec, people).await? {
                untried.push(Untried { object: name(relation), what: "identities".into(), why });
            }
            stock.load(client, relation).await?;
        }
    }
    forget(client, schema, people).await?;
    // Triggers have written elsewhere meanwhile.
    for relation in in_order(schema) {
        stock.load(client, relation).await?;
    }
    Ok(untried)
}

/// Takes away again what a sign-up has made: all of the ghost's, and the newcomer's but for what hangs on `auth.users` itself.
async fn forget(client: &Client, schema: &Schema, people: &[Person]) -> Result<(), Error> {
    let uid = |nth: usize| people.iter().find(|person| person.nth == nth).and_then(|person| person.uid.as_deref());
    let (Some(ghost), Some(newcomer)) = (uid(GHOST), uid(NEWCOMER)) else { return Ok(()) };
    let mut statements = Vec::new();
    for relation in in_order(schema) {
        if let [key] = relation.primary_key() {
            let delete =
                |uid: &str| format!("delete from {} where {}::text = {}", relation.sql(), ident(key), literal(uid));
            statements.push(delete(ghost));
            let direct =
                relation.foreign_keys.iter().any(|of| of.target_schema == "auth" && of.columns == [key.as_str()]);
            if !direct {
                statements.push(delete(newcomer));
            }
        }
    }
    statements.reverse();
    keep(client, &statements, false).await?;
    Ok(())
}

async fn fill_table(
    client: &Client,
    relation: &Relation,
    people: &[Person],
    stock: &mut Stock<'_>,
) -> Result<Option<String>, Error> {
    stock.load(client, relation).await?;
    let mut trouble = None;
    let mut wanted: Vec<Option<usize>> = vec![None, None];
    let active: Vec<usize> = (0..people.len()).filter(|at| people[*at].is_active()).collect();
    let each = ROWS.checked_div(active.len()).unwrap_or(0).max(EACH);
    wanted.extend(active.into_iter().flat_map(|at| std::iter::repeat_n(Some(at), each)));
    for round in 0..ROUNDS {
        let mut statements = Vec::new();
        let mut whose = Vec::new();
        for person in &wanted {
            match stock.draft(relation, *person, 70) {
                Ok(draft) => {
                    statements.push(insert_sql(relation, &draft));
                    whose.push(*person);
                }
                Err(why) => trouble = Some(why),
            }
        }
        let kept = keep(client, &statements, round + 1 == ROUNDS && stock.rows(relation.oid).is_empty()).await?;
        wanted.clear();
        for (person, outcome) in whose.into_iter().zip(kept) {
            if let Some(why) = outcome {
                trouble = Some(why);
                wanted.push(person);
            }
        }
        if round == 0 && wanted.len() < statements.len() {
            // A table that points to itself can do so from here on.
            stock.load(client, relation).await?;
        }
        if wanted.is_empty() {
            break;
        }
    }
    Ok(trouble)
}

/// Objects of each bucket, at paths that its conditions speak of.
///
/// # Errors
/// The connection is lost.
pub async fn fill_bucket(
    client: &Client,
    subject: &Subject,
    people: &[Person],
    stock: &mut Stock<'_>,
) -> Result<(), Error> {
    let mut statements = Vec::new();
    for at in (0..people.len()).filter(|at| people[*at].is_active()) {
        for draft in paths::drafts(subject, people, at, stock) {
            statements.push(insert_sql(&subject.relation, &draft));
        }
    }
    keep(client, &statements, false).await?;
    stock.load(client, &subject.relation).await?;
    Ok(())
}

/// Looks for rows that make true what was never true: here, or in a table that the condition reads.
///
/// # Errors
/// The connection is lost.
pub async fn reach(
    client: &Client,
    schema: &Schema,
    subject: &Subject,
    people: &[Person],
    missing: &[(usize, String)],
    stock: &mut Stock<'_>,
) -> Result<bool, Error> {
    let mut changed = false;
    for (person, sql) in missing {
        let question = format!("select exists (select 1 from {} where {sql})", subject.table());
        let mut tables = if subject.kind == Kind::Table { vec![&subject.relation] } else { Vec::new() };
        let reads = |table: &Relation| {
            let named = [' ', ')'].iter().any(|end| sql.contains(&format!(".{}{end}", table.name)));
            table.oid != subject.relation.oid && named
        };
        tables.extend(in_order(schema).filter(|table| reads(table)));
        for table in tables.into_iter().take(4) {
            let drafts: Vec<_> = (0..REACH).filter_map(|_| stock.draft(table, Some(*person), 90).ok()).collect();
            let statements: Vec<String> = drafts.iter().map(|draft| insert_sql(table, draft)).collect();
            let who = &people[*person];
            let sql = "select _basalt_matrix.reach($1, $2, $3, $4)";
            let row = client
                .query_one(sql, &[&statements, &question, &who.uid.as_deref().unwrap_or(""), &who.claims])
                .await?;
            if row.get::<_, Option<i32>>(0).is_some() {
                stock.load(client, table).await?;
                changed = true;
                break;
            }
        }
    }
    Ok(changed)
}

/// Runs each statement and keeps what succeeds; why each of the others failed.
async fn keep(client: &Client, statements: &[String], without_triggers: bool) -> Result<Vec<Option<String>>, Error> {
    if statements.is_empty() {
        return Ok(Vec::new());
    }
    if without_triggers {
        client.batch_execute("set session_replication_role = replica").await?;
    }
    let rows = client.query("select message from _basalt_matrix.keep($1)", &[&statements]).await;
    if without_triggers {
        client.batch_execute("reset session_replication_role").await?;
    }
    Ok(rows?.iter().map(|row| row.get(0)).collect())
}

/// The project's tables, those that others point to first; of a circle, by name.
pub fn in_order(schema: &Schema) -> impl Iterator<Item = &Relation> {
    let tables: Vec<&Relation> =
        schema.user_relations().filter(|table| table.is_table() && table.partition_of.is_none()).collect();
    let mut done: Vec<&Relation> = Vec::new();
    while done.len() < tables.len() {
        let left: Vec<&Relation> =
            tables.iter().copied().filter(|table| !done.iter().any(|known| known.oid == table.oid)).collect();
        let waits = |table: &Relation| {
            let ahead = |oid: u32| oid != table.oid && left.iter().any(|other| other.oid == oid);
            table.foreign_keys.iter().any(|key| ahead(key.target))
        };
        let ready: Vec<&Relation> = left.iter().copied().filter(|table| !waits(table)).collect();
        done.extend(if ready.is_empty() { left.into_iter().take(1).collect() } else { ready });
    }
    done.into_iter()
}

fn is_platform(relation: &Relation) -> bool {
    crate::schema::is_platform(&relation.schema)
}

fn name(relation: &Relation) -> String {
    format!("{}.{}", relation.schema, relation.name)
}

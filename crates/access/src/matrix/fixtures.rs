//! Rows in which every condition is true for somebody and false for somebody: made for everybody, then steered to what is missing.

use std::collections::BTreeSet;

use pg::ident;
use pg::tokio_postgres::Client;

use super::caller::TOO_LONG;
use super::draft::{Stock, place};
use super::hints::names;
use super::needs::{Wanted, needs};
use super::report::Untried;
use super::scripts::script;
use super::sides::Missing;
use super::subject::Subject;
use super::{conditions, paths, plan, sides};
use crate::identities::{GHOST, NEWCOMER, Person, become_kinds};
use crate::schema::{Column, Relation, RelationKind};
use crate::spec::{Kind, Operation, Spec};
use crate::sql::{literal, typed};
use crate::{Error, Schema};

/// Rows of each table that are wanted at least, and for each person.
const ROWS: usize = 24;
const EACH: usize = 4;
/// How often a refused row is made up anew.
const ROUNDS: usize = 4;
/// Drafts that are tried to make one condition true.
const REACH: usize = 24;
/// Of them, how many the condition itself leads to; and where there may well be none.
const LED: usize = 12;
const LED_FEW: usize = 6;

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
            untried.push(Untried::new(&name(relation), "rows", why));
        }
        let makes_kinds = |spec: &Spec| {
            let profiles = spec.identities.iter().flat_map(|identity| &identity.profile);
            profiles.into_iter().any(|profile| profile.schema == relation.schema && profile.table == relation.name)
        };
        if spec.is_some_and(makes_kinds) {
            for why in become_kinds(client, schema, spec, people).await? {
                untried.push(Untried::new(&name(relation), "identities", why));
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
    let mut slow = false;
    for round in 0..ROUNDS {
        // Where each row takes too long, only without triggers.
        let last = slow || round + 1 == ROUNDS;
        let mut statements = Vec::new();
        let mut whose = Vec::new();
        for person in &wanted {
            match stock.draft(relation, *person, 70) {
                Ok(draft) => {
                    statements.push(stock.keep_sql(relation, draft));
                    whose.push(*person);
                }
                Err(why) => trouble = Some(why),
            }
        }
        let kept = keep(client, &statements, last && stock.rows(relation.oid).is_empty()).await?;
        if kept.iter().flatten().any(|why| why.contains(TOO_LONG)) && !last {
            slow = true;
        }
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
        if wanted.is_empty() || last {
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
            statements.push(stock.keep_sql(&subject.relation, draft));
        }
    }
    keep(client, &statements, false).await?;
    stock.load(client, &subject.relation).await?;
    Ok(())
}

/// Looks for rows that make true what was never true: here, or in a table that the condition reads. New rows first; then, since of
/// some tables each person has one row and no more, changes of rows that are there.
///
/// # Errors
/// The connection is lost.
pub async fn reach(
    client: &Client,
    schema: &Schema,
    spec: Option<&Spec>,
    subject: &Subject,
    people: &[Person],
    missing: &[Missing],
    stock: &mut Stock<'_>,
) -> Result<bool, Error> {
    let mut changed = false;
    let mut reached: BTreeSet<(usize, &str)> = BTreeSet::new();
    for one in missing {
        let Missing { person, sql, of_others, few, .. } = one;
        if !reached.insert((*person, sql)) {
            continue;
        }
        let filter = match subject.filter() {
            filter if filter.is_empty() => " where".to_owned(),
            filter => format!("{filter} and"),
        };
        let question = format!("select exists (select 1 from {}{filter} {sql})", subject.table());
        let who = &people[*person];
        let (scripts, touched) = led(schema, spec, subject, people, one, stock);
        if ask(client, &scripts, &question, who).await? {
            for table in touched {
                stock.load(client, table).await?;
            }
            changed = true;
            continue;
        }
        if *few {
            continue;
        }
        let mut tables = if subject.kind == Kind::Table { vec![&subject.relation] } else { Vec::new() };
        let reads = |table: &Relation| {
            let named = [' ', ')'].iter().any(|end| sql.contains(&format!(".{}{end}", table.name)));
            table.oid != subject.relation.oid && named
        };
        tables.extend(in_order(schema).filter(|table| reads(table)));
        for table in tables.into_iter().take(4) {
            let mut statements: Vec<String> = (0..REACH)
                .filter_map(|_| {
                    let draft = stock.draft(table, (!of_others).then_some(*person), 90).ok()?;
                    Some(stock.keep_sql(table, draft))
                })
                .collect();
            if table.oid == subject.relation.oid {
                statements.extend(changes(spec, subject, people, one, stock));
            }
            if ask(client, &statements, &question, who).await? {
                stock.load(client, table).await?;
                changed = true;
                break;
            }
        }
    }
    Ok(changed)
}

/// Keeps the first statement after which the question is answered with yes. Was there one?
async fn ask(client: &Client, statements: &[String], question: &str, who: &Person) -> Result<bool, Error> {
    if statements.is_empty() {
        return Ok(false);
    }
    let ask = "select _basalt_matrix.reach($1, $2, $3, $4)";
    let row = client.query_one(ask, &[&statements, &question, &who.uid.as_deref().unwrap_or(""), &who.claims]).await?;
    Ok(row.get::<_, Option<i32>>(0).is_some())
}

/// Where a row can be there once only, as one for each pair of keys, steering leaves no place for a new one: of each way through a policy
/// for new rows one row that takes it goes, if another stays, and is remembered.
///
/// # Errors
/// The connection is lost.
pub async fn make_room(
    client: &Client,
    schema: &Schema,
    subject: &mut Subject,
    people: &[Person],
    triers: &[usize],
    stock: &mut Stock<'_>,
    untried: &mut Vec<Untried>,
) -> Result<(), Error> {
    let relation = subject.relation.clone();
    let given = |name: &String| {
        relation.column(name).is_some_and(|column| column.default.is_none() && column.identity.is_none())
    };
    let is_full = relation.indexes.iter().any(|index| index.unique && index.columns.iter().all(given));
    if subject.kind != Kind::Table || !is_full || subject.key.is_empty() {
        return Ok(());
    }
    let mut gone: Vec<plan::Key> = Vec::new();
    for at in triers {
        let ways = sides::ways(schema, subject, &people[*at], Operation::Insert, true);
        if ways.is_empty() {
            continue;
        }
        let rows = conditions::calm_rows(client, subject, &people[*at], untried).await?;
        for way in ways {
            let such: Vec<&plan::Row> = rows.iter().filter(|row| row.truths[way] && !gone.contains(&row.key)).collect();
            let [.., _, last] = such.as_slice() else { continue };
            let delete = format!("delete from {} where {}", relation.sql(), subject.at(&last.key));
            if keep(client, &[delete], false).await?.iter().all(Option::is_none) {
                gone.push(last.key.clone());
                let draft = stock.copy(&relation, &last.values, *at, true);
                stock.put_aside(&relation, draft);
            }
        }
    }
    if !gone.is_empty() {
        stock.load(client, &relation).await?;
    }
    Ok(())
}

/// Statements that the condition itself leads to, and the tables that they touch.
fn led<'s>(
    schema: &'s Schema,
    spec: Option<&Spec>,
    subject: &'s Subject,
    people: &[Person],
    Missing { person, opened, of_others, few, .. }: &Missing,
    stock: &mut Stock<'_>,
) -> (Vec<String>, Vec<&'s Relation>) {
    if opened.is_empty() || subject.kind != Kind::Table {
        return (Vec::new(), Vec::new());
    }
    let guard = |relation: &Relation, values: &[Option<String>], column: usize| {
        let trier = |who: &Person| who.nth == 0 && who.uid.is_some() && values.contains(&who.uid);
        !(makes_kinds(spec, relation, &relation.columns[column]) && people.iter().any(trier))
    };
    let (mut scripts, mut touched): (Vec<String>, Vec<&Relation>) = (Vec::new(), Vec::new());
    for attempt in 0..if *few { LED_FEW } else { LED } {
        let needs = needs(schema, &subject.relation, &people[*person], opened, attempt);
        if !needs.say_something() && !few {
            break;
        }
        // Who has done nothing is to have no rows of his own.
        let about = |row: &Wanted<'_>| row.sets.values().any(|value| *value == people[*person].uid);
        if people[*person].nth == NEWCOMER && needs.rows.iter().any(about) {
            break;
        }
        let whose = (!of_others).then_some(*person);
        if let Some(script) = script(schema, &needs, whose, stock, &guard) {
            scripts.push(script);
            for row in &needs.rows {
                if !touched.iter().any(|known| known.oid == row.relation.oid) {
                    touched.push(row.relation);
                }
            }
        }
    }
    (scripts, touched)
}

/// Does the column make people the kind that they are?
fn makes_kinds(spec: Option<&Spec>, relation: &Relation, column: &Column) -> bool {
    let profiles = spec.iter().flat_map(|spec| &spec.identities).flat_map(|identity| &identity.profile);
    profiles.into_iter().any(|profile| {
        (profile.schema == relation.schema && profile.table == relation.name) && profile.column == column.name
    })
}

/// Changes of rows that are there, in the columns that the condition reads. What makes somebody who tries the kind that he is stays
/// as it is.
fn changes(
    spec: Option<&Spec>,
    subject: &Subject,
    people: &[Person],
    Missing { person, sql, of_others, .. }: &Missing,
    stock: &mut Stock<'_>,
) -> Vec<String> {
    let (person, relation) = (*person, &subject.relation);
    let named = names(sql);
    let in_key = |column: &Column| {
        relation.foreign_keys.iter().any(|key| key.columns.contains(&column.name))
            || relation.indexes.iter().any(|index| index.unique && index.columns.contains(&column.name))
    };
    let open: Vec<usize> = (0..relation.columns.len())
        .filter(|at| {
            let column = &relation.columns[*at];
            named.contains(&column.name) && plan::writable(column) && !in_key(column)
        })
        .collect();
    if open.is_empty() {
        return Vec::new();
    }
    let key: Vec<usize> = relation.primary_key().iter().filter_map(|name| place(relation, name)).collect();
    let about_him = sql.contains("basalt.uid") || sql.contains("auth.uid");
    let rows: Vec<Vec<Option<String>>> = stock
        .rows(relation.oid)
        .iter()
        .filter(|row| if *of_others { !row.concerns(person) } else { !about_him || row.concerns(person) })
        .map(|row| row.values.clone())
        .collect();
    let mut statements = Vec::new();
    for _ in 0..REACH {
        let Some(row) = stock.chance.pick(&rows).cloned() else { break };
        let his = |who: &Person| who.nth == 0 && key.iter().any(|at| who.uid.is_some() && row[*at] == who.uid);
        let is_a_trier = people.iter().any(his);
        let mut sets = Vec::new();
        for at in open.iter().filter(|at| !(is_a_trier && makes_kinds(spec, relation, &relation.columns[**at]))) {
            let column = &relation.columns[*at];
            let value = match column.category.as_str() {
                // Long ago and far ahead: a time that is compared with now is on one side.
                "D" if stock.chance.percent(50) => {
                    stock.chance.pick(&["1901-01-01", "2199-01-01"]).map(|day| (*day).to_owned())
                }
                _ => match stock.chance.percent(70).then(|| stock.hinted(column)).flatten() {
                    Some(value) => Some(value),
                    None => stock.another(relation, column, row[*at].as_deref(), Some(person)),
                },
            };
            // A condition may also ask for what is not there.
            let value = if !column.not_null && stock.chance.percent(20) { Some(None) } else { value.map(Some) };
            sets.extend(
                value.map(|value| format!("{} = {}", ident(&column.name), typed(value.as_deref(), &column.type_sql))),
            );
        }
        let key: Option<Vec<Option<String>>> =
            subject.key.iter().map(|name| place(relation, name).map(|at| row[at].clone())).collect();
        if let Some(key) = key.filter(|key| !key.is_empty() && !sets.is_empty()) {
            statements.push(format!("update {} set {} where {}", relation.sql(), sets.join(", "), subject.at(&key)));
        }
    }
    statements
}

/// Materialized views hold what was there when they were made: nothing. Now there are rows.
///
/// # Errors
/// The connection is lost.
pub async fn refresh(client: &Client, schema: &Schema) -> Result<Vec<Untried>, Error> {
    let mut views: Vec<&Relation> = schema
        .relations
        .iter()
        .filter(|view| view.kind == RelationKind::MaterializedView && view.extension.is_none() && !is_platform(view))
        .collect();
    // Each reads older ones only.
    views.sort_by_key(|view| view.oid);
    let mut untried = Vec::new();
    for view in views {
        match client.batch_execute(&format!("refresh materialized view {}", view.sql())).await.map_err(pg::Error::from)
        {
            Ok(()) => {}
            Err(pg::Error::Server(error)) => {
                untried.push(Untried::new(&name(view), "refresh", conditions::told(&error.code, &error.message)));
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(untried)
}

/// Runs each statement and keeps what succeeds; why each of the others failed. After one that takes too long the rest is left.
async fn keep(client: &Client, statements: &[String], without_triggers: bool) -> Result<Vec<Option<String>>, Error> {
    if statements.is_empty() {
        return Ok(Vec::new());
    }
    if without_triggers {
        client.batch_execute("set session_replication_role = replica").await?;
    }
    let mut outcomes: Vec<Option<String>> = Vec::with_capacity(statements.len());
    while outcomes.len() < statements.len() {
        let rows = client
            .query("select code, message from _basalt_matrix.keep($1)", &[&&statements[outcomes.len()..]])
            .await?;
        let late = rows.iter().position(|row| row.get::<_, Option<&str>>(0) == Some(TOO_LONG));
        let done = late.unwrap_or(rows.len());
        outcomes.extend(rows[..done].iter().map(|row| row.get(1)));
        // Whoever comes first had all the time there is.
        if late == Some(0) || rows.is_empty() {
            outcomes.resize(statements.len(), Some(conditions::told(TOO_LONG, "")));
        }
    }
    if without_triggers {
        client.batch_execute("reset session_replication_role").await?;
    }
    Ok(outcomes)
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

//! Any schema: whatever is generated here is filled without an error, and what is missing has a reason.

use access::rows::{Plan, Rows, Users};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{fill, one};

/// A column: its type with its check, where `?` stands for its name.
const COLUMNS: &[&str] = &[
    "text not null",
    "text check (length(?) between 3 and 12)",
    "varchar(5)",
    "text not null check (? ~ '^[A-Z]{2}-[0-9]{3}$')",
    "text check (? in ('red', 'green', 'blue'))",
    "text unique",
    "int not null check (? > 0 and ? <= 40)",
    "int unique check (? >= 0)",
    "bigint check (? % 5 = 0)",
    "numeric(6,2) not null check (? >= 0.5)",
    "boolean not null default false",
    "uuid not null default gen_random_uuid()",
    "date check (? < '2020-01-01')",
    "timestamptz not null default now()",
    "jsonb not null default '{}' check (jsonb_typeof(?) = 'object')",
    "text[] check (cardinality(?) <= 3)",
    "mood",
    "mood[] not null",
    "short",
    "short not null unique",
    "int generated always as (7) stored",
    "int4range",
    "inet",
    "bytea",
    "interval not null",
    "tsvector",
];
const NAMES: &[&str] = &[
    "name",
    "\"Straße\"",
    "\"a \"\"b\"\"\"",
    "email",
    "\"select\"",
    "price_cents",
    "notes",
    "\"名前\"",
    "starts_at",
    "x",
];

#[derive(Debug, Clone)]
struct TableOf {
    columns: Vec<(usize, usize)>,
    /// 0 identity, 1 uuid, 2 text, 3 two columns.
    key: u8,
    unique_pair: bool,
    ordered: bool,
}

#[derive(Debug, Clone)]
struct KeyOf {
    from: prop::sample::Index,
    to: prop::sample::Index,
    required: bool,
    deferred: bool,
    unique: bool,
}

fn tables() -> impl Strategy<Value = (Vec<TableOf>, Vec<KeyOf>)> {
    let column = (0..NAMES.len(), 0..COLUMNS.len());
    let table = (prop::collection::vec(column, 0..6), 0..4_u8, any::<bool>(), any::<bool>())
        .prop_map(|(columns, key, unique_pair, ordered)| TableOf { columns, key, unique_pair, ordered });
    let key = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        prop::bool::weighted(0.4),
        any::<bool>(),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(from, to, required, deferred, unique)| KeyOf { from, to, required, deferred, unique });
    (prop::collection::vec(table, 1..6), prop::collection::vec(key, 0..8))
}

/// The schema's SQL. Keys come last, so that they may close cycles.
fn sql(schema: &str, tables: &[TableOf], keys: &[KeyOf]) -> String {
    let mut sql = format!(
        "create schema {schema}; set local search_path = {schema}; create type mood as enum ('so, so', 'fine');
         create domain short as varchar(8) check (value <> 'x' and length(value) > 1);"
    );
    for (n, table) in tables.iter().enumerate() {
        let mut parts = match table.key {
            0 => vec!["id int generated always as identity primary key".to_owned()],
            1 => vec!["id uuid primary key".to_owned()],
            2 => vec!["id text primary key check (id ~ '^[a-z]+$')".to_owned()],
            _ => vec!["a int not null check (a between 1 and 9), b varchar(6) not null, primary key (a, b)".to_owned()],
        };
        let mut seen = Vec::new();
        for (name, kind) in &table.columns {
            if !seen.contains(name) {
                seen.push(*name);
                parts.push(format!("{} {}", NAMES[*name], COLUMNS[*kind].replace('?', NAMES[*name])));
            }
        }
        if table.unique_pair && seen.len() > 1 {
            parts.push(format!("unique ({}, {})", NAMES[seen[0]], NAMES[seen[1]]));
        }
        if table.ordered {
            parts.push(
                "low int, high int not null, check (low < high), check (low is null or high - low < 5000)".to_owned(),
            );
        }
        sql.push_str(&format!("create table t{n} ({});", parts.join(", ")));
    }
    for (n, key) in keys.iter().enumerate() {
        let (from, to) = (key.from.index(tables.len()), key.to.index(tables.len()));
        let required = if key.required { "not null" } else { "" };
        let deferred = if key.deferred { "deferrable initially deferred" } else { "" };
        let columns = match tables[to].key {
            0 => vec![("int", "id")],
            1 => vec![("uuid", "id")],
            2 => vec![("text", "id")],
            _ => vec![("int", "a"), ("varchar(6)", "b")],
        };
        let add = columns
            .iter()
            .map(|(kind, name)| format!("add k{n}{name} {kind} {required}"))
            .collect::<Vec<_>>()
            .join(", ");
        let ours = columns.iter().map(|(_, name)| format!("k{n}{name}")).collect::<Vec<_>>().join(", ");
        let unique = if key.unique { format!(", add unique ({ours})") } else { String::new() };
        sql.push_str(&format!("alter table t{from} {add}; alter table t{from} add foreign key ({ours}) references t{to} {deferred}{unique};"));
    }
    sql
}

#[test]
fn any_schema_is_filled_or_says_why_not() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let database = runtime.block_on(testkit::database());
    let mut runner =
        TestRunner::new(Config { cases: 24, failure_persistence: None, max_shrink_iters: 40, ..Config::default() });
    let number = std::cell::Cell::new(0);
    let result = runner.run(&(tables(), any::<u64>()), |((tables, keys), seed)| {
        number.set(number.get() + 1);
        let schema = format!("s{}", number.get());
        runtime.block_on(async {
            database.run(&format!("set role postgres; begin; {}; commit", sql(&schema, &tables, &keys))).await;
            let names = (0..tables.len()).map(|n| (schema.clone(), format!("t{n}"))).collect();
            let plan = Plan { tables: Some(names), users: Users::Existing(Vec::new()), ..Plan::new(Rows::Each(15)) };
            let filled = fill(&database, seed, &plan).await;
            for table in &filled.tables {
                let count = one(&database, &format!("select count(*) from {schema}.{}", table.name)).await;
                prop_assert_eq!(count, table.rows.to_string(), "what is told is what is there");
                let explained = !table.reasons.is_empty() || !table.notes.is_empty() || table.full.is_some();
                prop_assert!(table.rows == 15 || explained, "{} of 15 rows, without a reason", table);
            }
            prop_assert_eq!(filled.tables.len(), tables.len());
            database.run(&format!("drop schema {schema} cascade")).await;
            Ok(())
        })
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

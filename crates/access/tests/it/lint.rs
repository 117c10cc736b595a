//! The linter on schemas with every fault, without any, and on hostile ones.
#![expect(clippy::unwrap_used, reason = "tests")]

mod blueprints;
mod hostile;
mod upstream;

use std::collections::BTreeSet;

use access::Schema;
use access::lint::report::{Place, Style, json, rules_page, sarif, text};
use access::lint::{Allow, Context, Finding, Object, Observed, lint, observe, rules};
use testkit::Database;

const FAULTS: &str = include_str!("lint/faults.sql");

/// Reads, observes, lints.
async fn findings(database: &Database) -> Vec<Finding> {
    let client = database.connect(&database.admin).await;
    let schema = Schema::read(&client).await.unwrap();
    let observed = observe(&client, &schema).await.unwrap();
    lint(&schema, &Context { observed, ..Context::default() })
}

/// `rule: object`, where a policy of storage counts for its bucket's table.
fn line(finding: &Finding) -> String {
    let object = &finding.object;
    let path = if object.kind == "extension" { object.name.clone() } else { object.path() };
    format!("{}: {path}", finding.rule.name)
}

fn lines(findings: &[Finding]) -> BTreeSet<String> {
    // A fresh database has used no index.
    let used = findings.iter().filter(|f| f.rule.name != "unused_index" || f.object.name == "unused");
    used.map(line).collect()
}

/// What the comments of faults.sql say.
fn expected() -> BTreeSet<String> {
    let rules: Vec<_> = rules::ALL.iter().map(|rule| rule.name).collect();
    let comments = FAULTS.lines().filter_map(|line| line.strip_prefix("-- "));
    comments.filter(|c| c.split_once(": ").is_some_and(|(rule, _)| rules.contains(&rule))).map(str::to_owned).collect()
}

#[tokio::test]
async fn every_fault_is_found_and_nothing_else() {
    let database = testkit::database().await;
    database.run(FAULTS).await;
    let found = lines(&findings(&database).await);
    let expected = expected();
    let missed: Vec<_> = expected.difference(&found).collect();
    let surplus: Vec<_> = found.difference(&expected).collect();
    assert!(missed.is_empty() && surplus.is_empty(), "missed: {missed:#?}\nnot expected: {surplus:#?}");
}

#[tokio::test]
async fn the_clean_twin_is_clean() {
    let database = testkit::database().await;
    database.run(include_str!("lint/clean.sql")).await;
    let found = findings(&database).await;
    let found: Vec<_> = found.iter().filter(|f| f.rule.name != "unused_index").collect();
    let shown: Vec<_> = found.iter().map(|f| format!("{}: {}", line(f), f.detail)).collect();
    assert!(shown.is_empty(), "{shown:#?}");
}

/// Those rules that faults.sql cannot break: they are about the server, the cluster, or a service.
#[tokio::test]
async fn rules_about_what_is_around_the_schema() {
    let database = testkit::database().await;
    database
        .run(
            "create table public.notes (id uuid primary key); alter table public.notes enable row level security;
             create policy own on public.notes for select to authenticated using (id = (select auth.uid()));",
        )
        .await;
    let client = database.connect(&database.admin).await;
    let mut schema = Schema::read(&client).await.unwrap();
    let notes = schema.relation("public", "notes").unwrap().clone();
    let mut free = schema.role("authenticated").unwrap().clone();
    (free.name, free.bypass_rls) = ("backend".to_owned(), true);
    schema.roles.push(free);
    let mut graphql = schema.extensions[0].clone();
    (graphql.name, graphql.default_version) = ("pg_graphql".to_owned(), Some("999".to_owned()));
    schema.extensions.push(graphql);
    let mut queue = notes.clone();
    (queue.schema, queue.name, queue.rls, queue.oid) = ("pgmq".to_owned(), "q_mail".to_owned(), false, 1);
    schema.relations.push(queue);
    let context = Context {
        exposed: vec!["public".to_owned(), "pgmq_public".to_owned()],
        anonymous_sign_ins: true,
        observed: Observed { bloated: vec![(notes.oid, 100 << 20)], uncompilable: Vec::new() },
        ..Context::default()
    };
    let found = lines(&lint(&schema, &context));
    let around = [
        "role_bypasses_rls: backend",
        "extension_versions_outdated: pg_graphql",
        "pg_graphql_anon_table_exposed: public.notes",
        "pg_graphql_authenticated_table_exposed: public.notes",
        "insecure_queue_exposed_in_api: pgmq.q_mail",
        "auth_allow_anonymous_sign_ins: public.notes",
        "table_bloat: public.notes",
    ];
    for fault in around {
        assert!(found.contains(fault), "{fault} is not in {found:#?}");
    }
    // Together with faults.sql, each rule has a case.
    let cases: BTreeSet<String> = expected().into_iter().chain(around.map(str::to_owned)).collect();
    for rule in rules::ALL {
        assert!(cases.iter().any(|case| case.starts_with(&format!("{}: ", rule.name))), "{} has no case", rule.name);
    }
}

#[tokio::test]
async fn the_sql_of_each_finding_mends_it() {
    let database = testkit::database().await;
    database.run(FAULTS).await;
    let client = database.connect(&database.admin).await;
    let mut tried = 0;
    for _ in 0..200 {
        let all = findings(&database).await;
        // An index that was just made is unused.
        let has_sql = |f: &&Finding| f.remedy_sql.is_some() && f.rule.name != "unused_index";
        let Some(finding) = all.iter().find(has_sql) else { break };
        let sql = finding.remedy_sql.as_deref().unwrap();
        client.batch_execute(sql).await.unwrap_or_else(|e| panic!("{}: {}\n{sql}", line(finding), pg::Error::from(e)));
        let after = findings(&database).await;
        assert!(
            !after.iter().any(|other| other.cache_key == finding.cache_key && other.rule.name == finding.rule.name),
            "{} is still found after\n{sql}",
            line(finding)
        );
        tried += 1;
    }
    assert!(tried > 35, "only {tried} were tried");
    assert!(tried < 200, "the SQL of one finding makes another");
}

#[tokio::test]
async fn recursion_is_what_postgres_says_and_the_helper_ends_it() {
    let database = testkit::database().await;
    database.run(FAULTS).await;
    let client = database.connect(&database.admin).await;
    let read = async |table: &str| {
        let sql = format!(
            "begin; set local role authenticated; select * from {table}; select count(*) from public.teams; rollback"
        );
        let result = client.batch_execute(&sql).await.map_err(|e| e.code().map(|code| code.code().to_owned()));
        client.batch_execute("rollback").await.unwrap();
        result
    };
    database.run("insert into public.by_function values (gen_random_uuid(), gen_random_uuid())").await;
    assert_eq!(read("public.people").await, Err(Some("42P17".to_owned())));
    assert_eq!(read("public.team_members").await, Err(Some("42P17".to_owned())));
    let recursive = findings(&database).await.into_iter().filter(|f| f.rule.name == "policy_recursion");
    for sql in recursive.filter_map(|finding| finding.remedy_sql) {
        client.batch_execute(&sql).await.unwrap();
    }
    assert_eq!(read("public.people").await, Ok(()));
    assert_eq!(read("public.team_members").await, Ok(()));
}

#[tokio::test]
async fn what_the_project_allows_is_marked() {
    let database = testkit::database().await;
    database.run(FAULTS).await;
    database.run("comment on column public.accounts.credits is 'Free. @access ok: play money'").await;
    let client = database.connect(&database.admin).await;
    let schema = Schema::read(&client).await.unwrap();
    let allow = Allow::parse(
        "[lint]\nallow = [{ rule = \"no_primary_key\", object = \"public.keyless\", reason = \"an append-only log\" }]",
    );
    let found = lint(&schema, &Context { allow: allow.unwrap(), ..Context::default() });
    let reason = |rule: &str| found.iter().find(|f| f.rule.name == rule).and_then(|f| f.allowed.as_deref());
    assert_eq!(reason("privileged_column_writable"), Some("play money"));
    assert_eq!(reason("no_primary_key"), Some("an append-only log"));
    assert_eq!(reason("policy_recursion"), None);
}

#[tokio::test]
async fn reports_say_the_same() {
    let database = testkit::database().await;
    database.run(FAULTS).await;
    let found = findings(&database).await;
    let plain = text(&found, Style { colour: false, sql: true });
    assert!(plain.contains("error[policy_recursion]") && !plain.contains('\x1b'));
    assert!(text(&found, Style { colour: true, sql: false }).contains('\x1b'));
    let list = json(&found);
    assert_eq!(list.as_array().unwrap().len(), found.len());
    for key in [
        "name",
        "title",
        "level",
        "facing",
        "categories",
        "description",
        "detail",
        "remediation",
        "metadata",
        "cache_key",
    ] {
        assert!(list[0].get(key).is_some(), "{key}");
    }
    let keys: BTreeSet<_> =
        list.as_array().unwrap().iter().map(|f| (f["name"].to_string(), f["cache_key"].to_string())).collect();
    assert_eq!(keys.len(), found.len(), "cache keys are unique");
    let place = |object: &Object| match object.kind {
        "table" => Place { uri: "supabase/migrations/1_a.sql".to_owned(), line: Some(3) },
        _ => Place { uri: "supabase/migrations".to_owned(), line: None },
    };
    let log = sarif(&found, "1.2.3", &place);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let at = &result["locations"][0];
        let line = (at["logicalLocations"][0]["kind"] == "table").then_some(3);
        assert_eq!(at["physicalLocation"]["region"]["startLine"].as_u64(), line, "{result}");
    }
}

#[test]
fn the_reference_is_the_table_of_rules() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/lint-rules.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, rules_page()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(page == rules_page(), "docs/reference/lint-rules.md is not of this table: run the test with UPDATE=1");
    let codes: BTreeSet<_> = rules::ALL.iter().map(|rule| rule.code).collect();
    assert_eq!(codes.len(), rules::ALL.len(), "codes are unique");
}

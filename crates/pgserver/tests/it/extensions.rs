use std::borrow::Cow;

use crate::support::*;
use pgserver::{ExtensionFile, Options, Server};

fn ours(answer: u32) -> Vec<ExtensionFile> {
    let file =
        |name: &str, text: String| ExtensionFile { name: name.to_owned(), contents: Cow::Owned(text.into_bytes()) };
    vec![
        file("basalt_probe.control", "default_version = '1'\n".to_owned()),
        file(
            "basalt_probe--1.sql",
            format!("create function basalt_probe() returns int language sql as 'select {answer}';"),
        ),
    ]
}

#[tokio::test]
async fn a_plain_role_creates_our_extensions_and_the_installed_ones() {
    let home = folder();
    let with = |answer| Options { extension_files: ours(answer), ..options(home.path()) };
    let server = Server::start(with(1), |_| {}).await.unwrap();
    assert_eq!(server.notes(), &[] as &[String]);
    let client = admin(&server).await;
    client
        .batch_execute(
            "create role plain; grant create on database postgres to plain; grant create on schema public to plain",
        )
        .await
        .unwrap();
    client.batch_execute("set role plain; do $$ begin create extension basalt_probe; end $$").await.unwrap();
    assert_eq!(number(&client, "select basalt_probe()::int8").await, 1);

    // In C, and not trusted as installed: dblink, pg_stat_statements, postgis.
    for name in ["pgcrypto", "uuid-ossp", "dblink", "pg_stat_statements", "postgis", "pgtap"] {
        if server.installation().share.join(format!("extension/{name}.control")).is_file() {
            client
                .batch_execute(&format!("create extension \"{name}\""))
                .await
                .unwrap_or_else(|error| panic!("{name}: {error:?}"));
        }
    }
    assert!(number(&client, "select count(*) from pg_stat_statements").await > 0, "it is preloaded, too");
    server.stop().await.unwrap();

    // A new version of ours is seen by the next start.
    let server = Server::start(with(2), |_| {}).await.unwrap();
    let client = admin(&server).await;
    client.batch_execute("drop extension basalt_probe; create extension basalt_probe").await.unwrap();
    assert_eq!(number(&client, "select basalt_probe()::int8").await, 2);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_installation_itself_is_not_touched() {
    let home = folder();
    let server = Server::start(Options { extension_files: ours(1), ..options(home.path()) }, |_| {}).await.unwrap();
    let installed = server.installation().share.join("extension");
    assert!(!installed.join("basalt_probe.control").exists());
    let dblink = std::fs::read_to_string(installed.join("dblink.control")).unwrap_or_default();
    assert!(!dblink.contains("trusted = true"));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn tools_are_found_beside_the_server_or_elsewhere() {
    let home = folder();
    let server = start(home.path()).await;
    assert!(server.bin("initdb").await.is_some());
    assert_eq!(server.bin("pg_no_such_tool").await, None);
    server.stop().await.unwrap();
}

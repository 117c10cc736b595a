//! Cron and outgoing HTTP against a real database.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::time::Duration;

use base::Clock;
use jobs::{Cron, Net};
use service::Tasks;
use time::macros::datetime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Asks until the answer is `wanted`, for at most two minutes.
async fn wait_for(client: &pg::tokio_postgres::Client, sql: &str, wanted: &str) {
    let mut seen = String::new();
    for _ in 0..2400 {
        seen = client.query_one(sql, &[]).await.unwrap().get::<_, Option<String>>(0).unwrap_or_default();
        if seen == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{sql}: {seen:?}, wanted {wanted:?}");
}

#[tokio::test]
async fn a_job_runs_at_its_time_as_the_role_that_scheduled_it() {
    let database = testkit::database().await;
    database.run("create table public.runs (who text); grant all on public.runs to postgres").await;
    let postgres = database.connect(&database.postgres).await;
    postgres.batch_execute("create extension if not exists pg_cron").await.unwrap();
    let schedule = "select cron.schedule('nightly', '0 3 * * *', 'insert into public.runs select session_user')";
    postgres.batch_execute(schedule).await.unwrap();
    let broken = "select cron.schedule('broken', '0 3 * * *', 'select 1/0')";
    postgres.batch_execute(broken).await.unwrap();

    let clock = Clock::frozen(datetime!(2026-03-01 12:00 UTC));
    let cron = Cron::new(database.db(), true, clock.clone(), Tasks::default());
    let pause = cron.run_due().await.unwrap();
    assert!(pause <= Duration::from_secs(600), "looks again within ten minutes");
    clock.advance(Duration::from_secs(14 * 3600));
    cron.run_due().await.unwrap();
    let admin = database.connect(&database.admin).await;
    assert_eq!(
        admin.query_one("select count(*) from public.runs", &[]).await.unwrap().get::<_, i64>(0),
        0,
        "not yet 3:00"
    );
    clock.advance(Duration::from_secs(3600));
    cron.run_due().await.unwrap();
    wait_for(&admin, "select string_agg(who, ',') from public.runs", "postgres").await;
    let log = "select string_agg(jobname || ' ' || status, ', ' order by jobname)
               from cron.job_run_details join cron.job using (jobid)";
    wait_for(&admin, log, "broken failed, nightly succeeded").await;
    cron.run_due().await.unwrap();
    wait_for(&admin, "select count(*)::text from cron.job_run_details", "2").await;
}

#[tokio::test]
async fn the_queue_is_looked_at_again_after_trouble_of_the_database() {
    let database = testkit::database().await;
    let postgres = database.connect(&database.postgres).await;
    postgres.batch_execute("create extension if not exists pg_net").await.unwrap();
    let admin = database.connect(&database.admin).await;
    admin.batch_execute("alter table net._http_response add constraint trouble check (false) not valid").await.unwrap();
    postgres.batch_execute("select net.http_get('http://127.0.0.1:1/')").await.unwrap();
    let net = Net::new(database.db(), jobs::net::client().unwrap(), None, Tasks::default());
    net.start();
    tokio::time::sleep(Duration::from_millis(500)).await;
    admin.batch_execute("alter table net._http_response drop constraint trouble").await.unwrap();
    // Nobody wakes it.
    wait_for(&admin, "select count(*)::text from net._http_response", "1").await;
}

#[tokio::test]
async fn a_queued_request_is_sent_once_and_answered_in_the_database() {
    let database = testkit::database().await;
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let received = tokio::spawn(async move {
        let (mut stream, _) = server.accept().await.unwrap();
        let mut seen = vec![0; 4096];
        let mut length = 0;
        while !String::from_utf8_lossy(&seen[..length]).contains("\"hello\"") {
            length += stream.read(&mut seen[length..]).await.unwrap();
        }
        stream
            .write_all(b"HTTP/1.1 201 Created\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nthere")
            .await
            .unwrap();
        String::from_utf8_lossy(&seen[..length]).into_owned()
    });
    let postgres = database.connect(&database.postgres).await;
    postgres.batch_execute("create extension if not exists pg_net").await.unwrap();
    let post = format!(
        r#"select net.http_post(url := 'http://127.0.0.1:{port}/hook', body := '{{"say": "hello"}}'::jsonb,
                                headers := '{{"x-from": "trigger"}}'::jsonb)"#
    );
    postgres.batch_execute(&post).await.unwrap();
    postgres.batch_execute("begin; select net.http_get('http://127.0.0.1:1/never'); rollback").await.unwrap();

    let tasks = Tasks::default();
    let gateway = url::Url::parse("http://127.0.0.1:1").ok();
    let net = Net::new(database.db(), jobs::net::client().unwrap(), gateway, tasks.clone());
    net.start();
    let request = received.await.unwrap();
    assert!(request.starts_with("POST /hook") && request.contains("x-from: trigger"), "{request}");
    let admin = database.connect(&database.admin).await;
    wait_for(&admin, "select (select status_code || ' ' || content from net._http_response)", "201 there").await;
    wait_for(&admin, "select count(*)::text from net.http_request_queue", "0").await;
    tasks.stop().await;
}

#[tokio::test]
async fn an_unreachable_host_is_an_answer_too() {
    let database = testkit::database().await;
    let postgres = database.connect(&database.postgres).await;
    postgres
        .batch_execute("create extension if not exists pg_net; select net.http_get('http://127.0.0.1:1/')")
        .await
        .unwrap();
    let tasks = Tasks::default();
    let net = Net::new(database.db(), jobs::net::client().unwrap(), None, tasks.clone());
    net.start();
    let admin = database.connect(&database.admin).await;
    wait_for(&admin, "select (select (error_msg is not null)::text from net._http_response)", "true").await;
    tasks.stop().await;
}

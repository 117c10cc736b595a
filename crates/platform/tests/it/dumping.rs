use std::process::Stdio;

use crate::cluster::{Cluster, value, works};

/// A dump of all, loaded into an empty database of the same server, is the same project again.
#[tokio::test]
async fn a_dump_restores_into_an_empty_database() {
    let cluster = Cluster::get();
    if !cluster.can_dump() {
        eprintln!("skipped: no pg_dump of the server's major version");
        return;
    }
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(
        &client,
        "create extension pg_cron; create extension pgmq; create extension http with schema extensions;
         select cron.schedule('nightly', '0 3 * * *', 'select 1'), cron.schedule('@daily', 'select 2');
         select pgmq.create('jobs'); select pgmq.send('jobs', '{\"n\": 1}');
         select vault.create_secret('kept', 'name');
         insert into auth.users (id, email, encrypted_password) values (gen_random_uuid(), 'a@example.com', crypt('x', gen_salt('bf', 4)));
         create table public.t (id int primary key, owner uuid references auth.users (id));
         insert into public.t select 1, id from auth.users;
         create policy p on storage.objects using (bucket_id = 'b');
         insert into storage.buckets (id, name) values ('b', 'b');
         alter publication supabase_realtime add table public.t",
    )
    .await;
    let dump = cluster.vault_key_file().with_file_name("all.dump");
    let output = cluster
        .program("pg_dump", &database.name)
        .args(["-Fc", "-f", &dump.to_string_lossy()])
        .output()
        .expect("pg_dump runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let copy = cluster.empty_database().await;
    let output = cluster
        .program("pg_restore", &copy)
        .arg("--exit-on-error")
        .arg(&dump)
        .stdout(Stdio::null())
        .output()
        .expect("pg_restore runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let restored = cluster.connect(&copy, "postgres").await;
    for (question, answer) in [
        (
            "select string_agg(coalesce(jobname, '-') || username, ',' order by jobid) from cron.job",
            "nightlypostgres,-postgres",
        ),
        ("select message ->> 'n' from pgmq.read('jobs', 1, 1)", "1"),
        ("select decrypted_secret from vault.decrypted_secrets", "kept"),
        ("select u.email from public.t join auth.users u on u.id = t.owner", "a@example.com"),
        ("select policyname from pg_policies where tablename = 'objects'", "p"),
        ("select tablename from pg_publication_tables where pubname = 'supabase_realtime'", "t"),
        (
            "select string_agg(evtname, ',' order by evtname) from pg_event_trigger where evtname like 'pgrst%'",
            "pgrst_ddl_watch,pgrst_drop_watch",
        ),
    ] {
        assert_eq!(value::<String>(&restored, question).await.trim(), answer, "{question}");
    }
    works(
        &restored,
        "select cron.schedule('more', '0 4 * * *', 'select 1'); select vault.create_secret('new', 'other')",
    )
    .await;
    let mut admin = cluster.connect(&copy, "supabase_admin").await;
    let report =
        cluster.install(&mut admin, platform::Rights::Superuser).await.expect("install on a restored database");
    assert_eq!(report.applied, Vec::<&str>::new(), "the bookkeeping came with the dump");
}

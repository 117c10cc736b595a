use crate::cluster::{Cluster, refusal, value, works};

/// `create extension` as folders write it, with whatever schema they name.
#[tokio::test]
async fn extensions_are_created_however_folders_write_it() {
    let cluster = Cluster::get();
    for (name, schema, proof) in [
        ("pg_cron", "", "select cron.schedule('0 3 * * *', 'select 1')"),
        ("pg_cron", "with schema pg_catalog", "select cron.schedule('0 3 * * *', 'select 1')"),
        ("pg_cron", "with schema extensions", "select cron.unschedule(cron.schedule('0 3 * * *', 'select 1'))"),
        ("pg_cron", "with schema cron", "select * from cron.job_run_details"),
        ("pg_net", "with schema extensions", "select net.http_get('https://example.com')"),
        ("pg_net", "with schema net", "select net.http_post('https://example.com', '{}'::jsonb)"),
        ("pgmq", "", "select pgmq.create('q')"),
        ("pgmq", "with schema pgmq", "select pgmq.create('q')"),
        ("pgjwt", "with schema extensions", "select extensions.sign('{}', 'secret')"),
        ("pgjwt", "", "select sign('{}', 'secret')"),
        ("http", "with schema extensions", "select extensions.urlencode('a b')"),
        ("pgsodium", "", "select 'valid'::pgsodium.key_status"),
        ("pgsodium", "with schema pgsodium", "select 'valid'::pgsodium.key_status"),
        ("pg_tle", "", "select pgtle.uninstall_extension_if_exists('x')"),
        ("pg_graphql", "with schema graphql", "select graphql_public.graphql(query := '{ a }')"),
    ] {
        let database = cluster.database().await;
        let client = cluster.connect(&database.name, "postgres").await;
        works(&client, &format!("drop extension if exists {name}")).await;
        works(&client, &format!("do $$ begin create extension if not exists \"{name}\" {schema}; end $$")).await;
        works(&client, proof).await;
        works(&client, &format!("drop extension {name} cascade; create extension {name} {schema}")).await;
        works(&client, proof).await;
    }
}

#[tokio::test]
async fn schedules_are_checked() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, "create extension pg_cron").await;
    for good in [
        "* * * * *",
        "*/5 * * * *",
        "0 0 1 1 *",
        "0 9-17/2 * * mon-fri",
        "5,10,15 0 $ * *",
        "0 0 * * 7",
        "1 second",
        "59 seconds",
        "30 seconds",
        "@daily",
        "@hourly",
        " 0 3 * jan,Feb Sun ",
        "0 0 * * SUNDAY",
    ] {
        works(&client, &format!("select cron.schedule('{good}', 'select 1')")).await;
    }
    for bad in [
        "",
        "* * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "0 seconds",
        "60 seconds",
        "1 minute",
        "@never",
        "a * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "1, * * * *",
        "* * * * * *",
    ] {
        assert_eq!(refusal(&client, &format!("select cron.schedule('{bad}', 'select 1')")).await, "22023", "{bad}");
    }
    let listening = cluster.connect(&database.name, "postgres").await;
    works(&listening, &format!("listen {}", platform::CRON_CHANNEL)).await;
    // The name of a job is a key: scheduling again changes it.
    works(
        &client,
        "select cron.schedule('n', '0 1 * * *', 'select 1'); select cron.schedule('n', '0 2 * * *', 'select 2')",
    )
    .await;
    let job = "select schedule || ' ' || command || ' ' || active from cron.job where jobname = 'n'";
    assert_eq!(value::<String>(&client, job).await, "0 2 * * * select 2 true");
    works(&client, "select cron.alter_job(jobid, active := false) from cron.job where jobname = 'n'").await;
    assert_eq!(value::<String>(&client, job).await, "0 2 * * * select 2 false");
    works(&client, "select cron.unschedule('n')").await;
    assert_eq!(refusal(&client, "select cron.unschedule('n')").await, "P0001");
}

#[tokio::test]
async fn requests_are_queued_by_the_names_of_the_original() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, "set role authenticated").await;
    works(
        &client,
        "select net.http_get(url := 'https://example.com/a?b=1#c', params := '{\"q\":\"ü &\"}', headers := '{\"X-A\":\"1\"}',
                             timeout_milliseconds := 7000);
         select net.http_post(url := 'https://example.com', body := jsonb_build_object('k', 'v'), headers := '{\"X-B\":\"2\"}');
         select net.http_delete('https://example.com')",
    )
    .await;
    assert_eq!(refusal(&client, "select net.http_post('example.com')").await, "22023");
    assert_eq!(
        refusal(&client, "select net.http_post('https://x', headers := '{\"content-type\":\"text/plain\"}')").await,
        "P0001"
    );
    works(&client, "reset role").await;
    let queue: Vec<String> = client
        .query(
            "select method || ' ' || url || ' ' || headers || ' ' || coalesce(convert_from(body, 'UTF8'), '-') || ' '
                       || timeout_milliseconds from net.http_request_queue order by id",
            &[],
        )
        .await
        .expect("the queue")
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(
        queue,
        [
            r#"GET https://example.com/a?b=1&q=%C3%BC%20%26 {"X-A": "1"} - 7000"#,
            r#"POST https://example.com {"X-B": "2", "Content-Type": "application/json"} {"k": "v"} 5000"#,
            "DELETE https://example.com {} - 5000",
        ]
    );
    let admin = cluster.connect(&database.name, "supabase_admin").await;
    works(&admin, "insert into net._http_response (id, status_code, content, headers) values (1, 200, 'yes', '{}')")
        .await;
    let collected =
        "select status || ' ' || (response).status_code || ' ' || (response).body from net.http_collect_response(1)";
    assert_eq!(value::<String>(&client, collected).await, "SUCCESS 200 yes");
    assert_eq!(value::<String>(&client, "select status::text from net.http_collect_response(2)").await, "PENDING");
}

#[tokio::test]
async fn a_webhook_trigger_queues_the_change() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(
        &client,
        "create table public.orders (id int primary key);
         create trigger hook after insert or delete on public.orders for each row execute function supabase_functions.http_request(
             'http://127.0.0.1:54321/functions/v1/on-order', 'POST', '{\"Content-type\":\"application/json\"}', '{}', '1000');
         set role authenticated; insert into public.orders values (1); delete from public.orders; reset role",
    )
    .await;
    let body =
        "select string_agg(convert_from(body, 'UTF8')::jsonb ->> 'type', ',' order by id) from net.http_request_queue";
    assert_eq!(value::<String>(&client, body).await, "INSERT,DELETE");
    assert_eq!(
        value::<i64>(&client, "select count(*) from supabase_functions.hooks where hook_name = 'hook'").await,
        2
    );
}

#[tokio::test]
async fn queues_deliver_once_and_archive() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, "create extension pgmq; select pgmq.create('jobs'); select pgmq.create('jobs')").await;
    works(
        &client,
        "select pgmq.send(queue_name := 'jobs', msg := '{\"n\":1}', delay := 0);
         select pgmq.send('jobs', '{\"n\":2}', '{\"trace\":\"x\"}'::jsonb);
         select pgmq.send('jobs', '{\"n\":3}', 60);
         select pgmq.send_batch('jobs', array['{\"n\":4}', '{\"n\":5}']::jsonb[])",
    )
    .await;
    let read = "select string_agg(message ->> 'n' || coalesce(headers ->> 'trace', ''), ',' order by msg_id)
                from pgmq.read(queue_name := 'jobs', vt := 30, qty := 3)";
    assert_eq!(value::<String>(&client, read).await, "1,2x,4");
    assert_eq!(value::<String>(&client, read).await, "5", "what is read is hidden, what is delayed waits");
    assert_eq!(value::<Option<String>>(&client, read).await, None);
    assert!(value::<bool>(&client, "select pgmq.archive('jobs', 1)").await);
    assert!(!value::<bool>(&client, "select pgmq.archive('jobs', 1)").await);
    assert!(value::<bool>(&client, "select pgmq.delete('jobs', 2)").await);
    works(&client, "select pgmq.set_vt('jobs', 4, 0)").await;
    assert_eq!(value::<String>(&client, "select message ->> 'n' from pgmq.pop('jobs')").await, "4");
    let metrics =
        "select queue_length || ' ' || total_messages || ' ' || queue_visible_length from pgmq.metrics('jobs')";
    assert_eq!(value::<String>(&client, metrics).await, "2 5 0");
    assert_eq!(value::<i64>(&client, "select count(*) from pgmq.a_jobs").await, 1);
    assert_eq!(value::<i64>(&client, "select pgmq.purge_queue('jobs')").await, 2);
    assert!(value::<bool>(&client, "select pgmq.drop_queue('jobs')").await);
    assert_eq!(value::<i64>(&client, "select count(*) from pgmq.list_queues()").await, 0);
    for bad in ["a;b", "a'b", &"x".repeat(48), ""] {
        assert_eq!(
            refusal(&client, &format!("select pgmq.create('{}')", bad.replace('\'', "''"))).await,
            "P0001",
            "{bad}"
        );
    }
    assert_eq!(refusal(&client, "select pgmq.create_partitioned('p')").await, "0A000");
}

#[tokio::test]
async fn tokens_are_signed_and_verified() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    // The example of jwt.io, so that the bytes are those that every other library makes.
    let token = "select extensions.sign('{\"sub\":\"1234567890\",\"name\":\"John Doe\",\"iat\":1516239022}', 'your-256-bit-secret')";
    assert_eq!(
        value::<String>(&client, token).await,
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.\
         SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    );
    for (payload, secret, valid) in [
        ("{}", "s", true),
        ("{}", "other", false),
        (r#"{"exp":1}"#, "s", false),
        (r#"{"exp":4102444800}"#, "s", true),
        (r#"{"nbf":4102444800}"#, "s", false),
        (r#"{"exp":"soon"}"#, "s", true),
    ] {
        for algorithm in ["HS256", "HS384", "HS512"] {
            let question = format!(
                "select valid from extensions.verify(extensions.sign('{payload}', 's', '{algorithm}'), '{secret}', '{algorithm}')"
            );
            assert_eq!(value::<bool>(&client, &question).await, valid, "{payload} {secret} {algorithm}");
        }
    }
}

#[tokio::test]
async fn what_is_not_carried_out_says_what_to_use_instead() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, "create extension http with schema extensions; create extension pgsodium; create extension pg_tle")
        .await;
    for (call, hint) in [
        ("select extensions.http_get('https://example.com')", "net.http_get()"),
        ("select status from extensions.http_post('https://x', '{}', 'application/json')", "net.http_get()"),
        ("select id from pgsodium.create_key()", "vault.create_secret()"),
        ("select pgtle.install_extension('x', '1', 'd', 'select 1')", "a migration"),
    ] {
        let error = client.batch_execute(call).await.expect_err(call);
        let error = error.as_db_error().expect("from the database");
        assert_eq!(error.code().code(), "0A000", "{call}");
        assert!(error.hint().is_some_and(|text| text.contains(hint)), "{call}: {error:?}");
    }
}

#[tokio::test]
async fn helpers_of_tests_are_installed_as_from_database_dev() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(
        &client,
        "create extension if not exists http with schema extensions; create extension if not exists pg_tle;
         drop extension if exists \"supabase-dbdev\"; select pgtle.uninstall_extension_if_exists('supabase-dbdev');
         select pgtle.install_extension('supabase-dbdev', resp.contents ->> 'version', 'a manager', resp.contents ->> 'sql')
         from extensions.http(('GET', 'https://api.database.dev/rest/v1/package_versions?select=sql,version&package_name=eq.supabase-dbdev',
                               array[('apiKey', 'k')::extensions.http_header], null, null)) x,
              lateral (select ((row_to_json(x) -> 'content') #>> '{}')::json -> 0) resp(contents);
         create extension \"supabase-dbdev\"; select dbdev.install('basejump-supabase_test_helpers')",
    )
    .await;
    assert_eq!(refusal(&client, "select dbdev.install('someone-something')").await, "0A000");
    works(
        &client,
        "create table public.notes (t text, owner uuid default auth.uid()); alter table public.notes enable row level security;
         create policy own on public.notes to authenticated using (owner = auth.uid());
         begin; create extension \"basejump-supabase_test_helpers\" version '0.0.6';
         select tests.create_supabase_user('ada', 'ada@example.com', null, '{\"plan\": \"pro\"}'), tests.create_supabase_user('bob');
         select tests.authenticate_as('ada'); insert into public.notes values ('hers')",
    )
    .await;
    assert!(
        value::<bool>(
            &client,
            "select auth.uid() = tests.get_supabase_uid('ada') and auth.email() = 'ada@example.com'"
        )
        .await
    );
    assert_eq!(value::<i64>(&client, "select count(*) from public.notes").await, 1);
    works(&client, "select tests.authenticate_as('bob')").await;
    assert_eq!(value::<i64>(&client, "select count(*) from public.notes").await, 0);
    works(&client, "select tests.authenticate_as_service_role()").await;
    assert_eq!(value::<i64>(&client, "select count(*) from public.notes").await, 1);
    works(&client, "select tests.clear_authentication(); select tests.freeze_time('2020-01-02')").await;
    assert!(value::<bool>(&client, "select current_user = 'anon' and now() = '2020-01-02'").await);
    works(&client, "select tests.unfreeze_time()").await;
    assert!(value::<bool>(&client, "select now() <> '2020-01-02'").await);
    assert_eq!(refusal(&client, "select tests.authenticate_as('nobody')").await, "P0001");
}

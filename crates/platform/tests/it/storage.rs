use crate::cluster::{Cluster, refusal, value, works};

const OBJECTS: &str = "insert into storage.buckets (id, name) values ('b', 'b'), ('other', 'other');
    insert into storage.objects (bucket_id, name, metadata) select 'b', n, '{\"size\": 10}'
    from unnest(array['a.txt', 'docs/1.txt', 'docs/2.txt', 'docs/deep/3.txt', 'B.png', 'zoo/x', 'docs2/y']) n;
    insert into storage.objects (bucket_id, name) values ('other', 'docs/hidden')";

#[tokio::test]
async fn helpers_for_policies_take_paths_apart() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "authenticator").await;
    works(&client, "set role anon").await;
    assert_eq!(
        value::<Vec<String>>(&client, "select storage.foldername('u/avatars/me.tar.gz')").await,
        ["u", "avatars"]
    );
    assert_eq!(value::<String>(&client, "select storage.filename('u/avatars/me.tar.gz')").await, "me.tar.gz");
    assert_eq!(value::<String>(&client, "select storage.extension('u/avatars/me.tar.gz')").await, "gz");
    assert_eq!(value::<Vec<String>>(&client, "select storage.foldername('me.png')").await, Vec::<String>::new());
    works(&client, "set storage.operation = 'storage.object.upload'").await;
    for (question, answer) in [
        ("storage.operation() = 'storage.object.upload'", true),
        ("storage.allow_only_operation('object.upload')", true),
        ("storage.allow_only_operation('storage.object.upload')", true),
        ("storage.allow_any_operation(array['object.list', 'object.upload'])", true),
        ("storage.allow_any_operation(array['object.list'])", false),
        ("storage.allow_only_operation('')", false),
    ] {
        assert_eq!(value::<bool>(&client, &format!("select {question}")).await, answer, "{question}");
    }
}

#[tokio::test]
async fn a_bucket_is_listed_a_level_at_a_time() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, OBJECTS).await;
    let names =
        |question: &str| format!("select string_agg(name, ' ' order by ordinality) from {question} with ordinality");
    for (question, answer) in [
        ("storage.search('', 'b')", "a.txt B.png docs docs2 zoo"),
        ("storage.search('', 'b', sortorder := 'desc')", "zoo docs2 docs B.png a.txt"),
        ("storage.search('docs/', 'b', 100, 2)", "1.txt 2.txt deep"),
        ("storage.search('', 'b', 2, 1, 1)", "B.png docs"),
        ("storage.search('', 'b', 100, 1, 0, 'do')", "docs docs2"),
        ("storage.list_objects_with_delimiter('b', '', '/')", "B.png a.txt docs/ docs2/ zoo/"),
        ("storage.list_objects_with_delimiter('b', 'docs/', '/')", "docs/1.txt docs/2.txt docs/deep/"),
        ("storage.list_objects_with_delimiter('b', '', '/', 2, 'a.txt')", "docs/ docs2/"),
        ("storage.list_objects_with_delimiter('b', '', '/', 100, '', 'docs/')", "docs2/ zoo/"),
        ("storage.list_objects_with_delimiter('b', '', '/', 100, '', '', 'desc')", "zoo/ docs2/ docs/ a.txt B.png"),
        ("storage.list_objects_with_delimiter('b', 'docs', '')", "docs/1.txt docs/2.txt docs/deep/3.txt docs2/y"),
        ("storage.search_v2('docs/', 'b', 2, 2)", "docs/1.txt docs/2.txt"),
        ("storage.search_v2('docs/', 'b', 2, 2, 'docs/2.txt')", "docs/deep/"),
    ] {
        assert_eq!(value::<String>(&client, &names(question)).await, answer, "{question}");
    }
    assert_eq!(value::<i64>(&client, "select size from storage.get_size_by_bucket() where bucket_id = 'b'").await, 70);
}

#[tokio::test]
async fn listing_by_time_pages_through_everything_once() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, OBJECTS).await;
    for order in ["asc", "desc"] {
        let (mut seen, mut after, mut at) = (Vec::new(), String::new(), String::new());
        loop {
            let page = client
                .query(
                    "select l.name, coalesce(o.at, '') from storage.search_v2('', 'b', 2, 1, $1, $2, 'created_at', $3) l
                     cross join lateral (select to_char(date_trunc('milliseconds', min(created_at)), 'YYYY-MM-DD HH24:MI:SS.MSOF') at
                                         from storage.objects where bucket_id = 'b' and starts_with(objects.name, l.name)) o",
                    &[&after, &order, &at],
                )
                .await
                .expect("a page");
            let Some(last) = page.last() else { break };
            (after, at) = (last.get(0), last.get(1));
            seen.extend(page.iter().map(|row| row.get::<_, String>(0)));
        }
        let expected = ["B.png", "a.txt", "docs/", "docs2/", "zoo/"];
        let mut sorted = seen.clone();
        sorted.sort();
        assert_eq!(sorted, expected, "{order}: {seen:?}");
    }
}

#[tokio::test]
async fn rows_of_files_are_not_deleted_by_sql() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, OBJECTS).await;
    for table in ["objects", "buckets"] {
        let error = client.execute(&format!("delete from storage.{table}"), &[]).await.expect_err("protected");
        let error = error.as_db_error().expect("from the database");
        assert_eq!(error.code().code(), "42501");
        assert_eq!(error.message(), "Direct deletion from storage tables is not allowed. Use the Storage API instead.");
    }
    works(&client, "begin; set local storage.allow_delete_query = 'true'; delete from storage.objects; commit").await;
    let long = "x".repeat(101);
    assert_eq!(
        refusal(&client, &format!("insert into storage.buckets (id, name) values ('l', '{long}')")).await,
        "P0001"
    );
    assert_eq!(refusal(&client, "select storage.can_insert_object('b', 'n', null, '{}')").await, "PT200");
}

#[tokio::test]
async fn policies_decide_who_sees_objects() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(&client, OBJECTS).await;
    works(&client, "set role authenticated").await;
    assert_eq!(value::<i64>(&client, "select count(*) from storage.objects").await, 0);
    assert_eq!(refusal(&client, "insert into storage.objects (bucket_id, name) values ('b', 'mine')").await, "42501");
    works(
        &client,
        "reset role; create policy own on storage.objects for select using ((storage.foldername(name))[1] = 'docs')",
    )
    .await;
    works(&client, "set role authenticated").await;
    assert_eq!(value::<i64>(&client, "select count(*) from storage.objects where bucket_id = 'b'").await, 3);
    let listed = "select string_agg(name, ' ') from storage.list_objects_with_delimiter('b', '', '/')";
    assert_eq!(value::<String>(&client, listed).await, "docs/", "listing runs as the caller");
}

#[tokio::test]
async fn what_was_pulled_in_the_months_of_prefixes_runs() {
    let cluster = Cluster::get();
    let database = cluster.database().await;
    let client = cluster.connect(&database.name, "postgres").await;
    works(
        &client,
        "grant delete on table storage.prefixes to postgres;
         create trigger objects_delete_delete_prefix after delete on storage.objects
             for each row execute function storage.delete_prefix_hierarchy_trigger();
         create trigger objects_insert_create_prefix before insert on storage.objects
             for each row execute function storage.objects_insert_prefix_trigger();
         create trigger objects_update_create_prefix before update on storage.objects
             for each row when (new.name <> old.name or new.bucket_id <> old.bucket_id)
             execute function storage.objects_update_prefix_trigger();
         create trigger prefixes_create_hierarchy before insert on storage.prefixes
             for each row when (pg_trigger_depth() < 1) execute function storage.prefixes_insert_trigger()",
    )
    .await;
    works(&client, OBJECTS).await;
    works(&client, "update storage.objects set name = 'moved/a.txt' where name = 'a.txt'").await;
    works(&client, "insert into storage.prefixes (bucket_id, name, created_at, updated_at) values ('b', 'docs/deep', now(), now())").await;
    assert_eq!(value::<i32>(&client, "select level from storage.prefixes").await, 2);
    assert_eq!(value::<i64>(&client, "select count(*) from storage.objects where name = 'moved/a.txt'").await, 1);
    let anon = cluster.connect(&database.name, "authenticator").await;
    works(&anon, "set role anon").await;
    assert_eq!(value::<i64>(&anon, "select count(*) from storage.prefixes").await, 0);
    refusal(&anon, "truncate storage.prefixes").await;
    works(&client, "alter table storage.prefixes drop constraint prefixes_pkey; drop table storage.prefixes").await;
}

//! No file of a project gains more than what `postgres` has, however it asks.

use std::path::Path;

use migrate::{Options, RunAs, down, migrations, seed, up};
use pg::tokio_postgres::Client;
use testkit::Database;

/// What each attack would do, were it the superuser.
const PRIZE: &str = "alter role postgres superuser";

/// Ways back to a superuser, and what would let one in later. Some fail, some do nothing; none may work.
const ATTACKS: &[&str] = &[
    "reset session authorization; PRIZE",
    "set session authorization default; PRIZE",
    "set session authorization supabase_admin; PRIZE",
    "set local session authorization supabase_admin; PRIZE",
    "reset role; PRIZE",
    "set role supabase_admin; PRIZE",
    "set role none; PRIZE",
    "do $$ begin execute 'reset session authorization'; PRIZE; end $$",
    "do $$ begin execute 'reset session authorization'; exception when others then null; end $$; PRIZE",
    "do $$ begin perform set_config('role', 'supabase_admin', false); PRIZE; end $$",
    "do $$ begin perform set_config('role', 'none', false); PRIZE; end $$",
    "do $$ begin perform set_config('session_authorization', 'supabase_admin', false); PRIZE; end $$",
    "select set_config('session_authorization', 'default', false), set_config('role', 'supabase_admin', true); PRIZE",
    "create function f() returns void language plpgsql as $$ begin set role supabase_admin; PRIZE; end $$; select f()",
    "create function f() returns int language plpgsql set role supabase_admin as $$ begin PRIZE; return 1; end $$; select f()",
    "create function f() returns int language plpgsql security definer as $$ begin PRIZE; return 1; end $$; \
     alter function f() owner to supabase_admin; select f()",
    "commit; reset session authorization; begin; PRIZE",
    "rollback; reset session authorization; PRIZE",
    "reset all; discard temp; PRIZE",
    // What may run with more rights, with something that rides along.
    "create role r bypassrls superuser",
    "create role r bypassrls \"superuser\"",
    "create role r bypassrls in role supabase_admin",
    "alter role current_user bypassrls superuser",
    "alter role supabase_admin password 'mine' replication",
    "comment on extension pgcrypto is 'x'; PRIZE",
    "select _basalt.elevated('PRIZE', 'public')",
    "insert into _basalt.elevations select pg_backend_pid(), 'PRIZE'; select _basalt.elevated('PRIZE', 'public')",
    "comment on extension pgcrypto is 'x'; select _basalt.elevated('PRIZE', 'public')",
    // Functions of the project that run when the superuser works.
    "create function f() returns event_trigger language plpgsql as $$ begin PRIZE; end $$; \
     create event trigger e on ddl_command_end execute function f(); comment on extension pgcrypto is 'x'",
    "create function f() returns event_trigger language plpgsql as $$ begin PRIZE; end $$; \
     create event trigger e on ddl_command_start execute function f(); create extension citext",
    "create function f() returns event_trigger language plpgsql as $$ begin null; end $$; \
     create event trigger e on ddl_command_start execute function f(); \
     create or replace function f() returns event_trigger language plpgsql as $$ begin PRIZE; end $$; create extension citext",
    "create function f() returns event_trigger language plpgsql as $$ begin null; end $$; \
     create event trigger e on ddl_command_start execute function f(); set session_replication_role = replica; \
     alter function f() security invoker; \
     create or replace function f() returns event_trigger language plpgsql as $$ begin PRIZE; end $$; \
     set session_replication_role = origin; create extension citext",
    "drop event trigger basalt_event_functions",
    "alter event trigger basalt_event_functions disable",
    "create function v(text[], oid) returns void language plpgsql as $$ begin PRIZE; end $$; \
     create foreign data wrapper w validator v options (a 'b')",
    "create function public.eq(text, text) returns bool language plpgsql as $$ begin PRIZE; return true; end $$; \
     create operator public.= (leftarg = text, rightarg = text, function = public.eq); \
     set search_path = public, pg_catalog; comment on extension pgcrypto is 'x'",
    "alter default privileges for role supabase_admin grant all on tables to postgres",
    "do $$ begin create role r bypassrls; PRIZE; end $$",
    "do $$ begin create role r bypassrls superuser; end $$",
    "do $$ begin execute 'create role r bypassrls; PRIZE'; end $$",
    "do $$ begin perform _basalt.elevated('PRIZE', 'public'); create role r bypassrls; end $$",
    "do $do$ begin execute $$create role r bypassrls$$ || '; PRIZE'; end $do$",
    "create extension if not exists postgres_fdw with schema extensions; \
     do $$ begin execute format('create server own foreign data wrapper postgres_fdw options (host %L, port %L, dbname %L)', \
       split_part(current_setting('unix_socket_directories'), ',', 1), current_setting('port'), current_database()); end $$; \
     create user mapping for postgres server own options (user 'supabase_admin', password 'x'); \
     create foreign table auth_ids (rolname name, rolpassword text) server own options (schema_name 'pg_catalog', table_name 'pg_authid'); \
     update auth_ids set rolpassword = 'mine' where rolname = 'supabase_admin'",
    "create extension pg_cron; insert into cron.job (schedule, command, username) values ('* * * * *', 'PRIZE', 'supabase_admin')",
];

async fn powers(admin: &Client) -> String {
    let sql = "select coalesce(string_agg(rolname || ':' || coalesce(m.member::regrole::text, ''), ',' order by 1), '') || \
               (select evtenabled::text from pg_event_trigger where evtname = 'basalt_event_functions') \
               from pg_roles r left join pg_auth_members m on m.roleid = r.oid where rolsuper";
    admin.query_one(sql, &[]).await.expect("the superuser may look").get(0)
}

async fn password(admin: &Client) -> Option<String> {
    let sql = "select rolpassword from pg_authid where rolname = 'supabase_admin'";
    admin.query_one(sql, &[]).await.expect("the superuser may look").get(0)
}

/// Runs `sql` as a migration, as a seed, and as a rollback script; gives what was said.
async fn as_each_kind_of_file(database: &Database, admin: &Client, folder: &Path, sql: &str) -> Vec<String> {
    let run_as = RunAs::postgres(&database.admin);
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders can be made");
        std::fs::write(path, text).expect("files can be written");
    };
    let mut said = Vec::new();
    let mut note = |result: Result<String, migrate::Error>| {
        said.push(result.unwrap_or_else(|error| error.to_string()));
    };
    write("migrations/1_attack.sql", sql);
    let files = migrations(&folder.join("migrations")).expect("a migration").files;
    let options = Options::development(run_as.clone());
    note(up(admin, &files, &options, &|_| {}).await.map(|report| format!("{:?}", report.done)));
    write("seed.sql", sql);
    let pattern = folder.join("seed.sql").to_string_lossy().into_owned();
    note(seed(admin, folder, &[pattern], &run_as, &|_| {}).await.map(|report| format!("{:?}", report.loaded)));
    write("migrations/1_attack.sql", "select 1");
    write("rollback/1_attack.sql", sql);
    let _ = up(admin, &files, &options, &|_| {}).await;
    note(
        down(admin, &files, &folder.join("rollback"), 1, &run_as, &|_| {})
            .await
            .map(|report| format!("{:?}", report.done)),
    );
    said
}

#[tokio::test]
async fn no_file_becomes_the_superuser() {
    for attack in ATTACKS {
        let database = testkit::database().await;
        let admin = database.connect(&database.admin).await;
        let before = (powers(&admin).await, password(&admin).await);
        let folder = tempfile::tempdir().expect("a folder");
        let said = as_each_kind_of_file(&database, &admin, folder.path(), &attack.replace("PRIZE", PRIZE)).await;
        let after = (powers(&admin).await, password(&admin).await);
        assert_eq!(before, after, "{attack}\n{}", said.join("\n"));
        // What was left behind does not work either when the superuser changes something.
        admin.batch_execute("create table public.by_superuser (id int)").await.unwrap_or_default();
        assert_eq!(before.0, powers(&admin).await, "later: {attack}\n{}", said.join("\n"));
        admin.batch_execute("drop role if exists r").await.expect("the cluster is the same for all");
    }
}

#[tokio::test]
async fn a_statement_with_more_rights_is_part_of_its_files_transaction() {
    let database = testkit::database().await;
    let admin = database.connect(&database.admin).await;
    let folder = tempfile::tempdir().expect("a folder");
    let text = "set transaction isolation level repeatable read;\n\
                create table public.log (tag text);\n\
                create function public.log() returns event_trigger language plpgsql as\n\
                  $$ begin insert into public.log values (tg_tag || ' ' || current_user); end $$;\n\
                create event trigger log on ddl_command_end when tag in ('CREATE TABLE') execute function public.log();\n\
                create table public.seen (id int);\n";
    std::fs::create_dir_all(folder.path().join("migrations")).expect("a folder");
    let path = folder.path().join("migrations/1_log.sql");
    std::fs::write(&path, format!("{text}alter extension no_such_thing update;\n")).expect("a file");
    let options = Options::development(RunAs::postgres(&database.admin));
    let files = migrations(&folder.path().join("migrations")).expect("a migration").files;
    let error = up(&admin, &files, &options, &|_| {}).await.expect_err("there is no such extension").to_string();
    assert!(error.contains("1_log.sql:7") && error.contains("no_such_thing"), "{error}");
    assert!(!error.contains("_basalt"), "{error}");
    let count = "select count(*) from pg_event_trigger where evtname = 'log'";
    assert_eq!(admin.query_one(count, &[]).await.expect("a count").get::<_, i64>(0), 0, "undone with its file");
    std::fs::write(&path, text).expect("a file");
    up(&admin, &files, &options, &|_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    let seen = admin.query_one("select string_agg(tag, ',') from public.log", &[]).await.expect("rows");
    assert_eq!(seen.get::<_, String>(0), "CREATE TABLE postgres");
    let left = "select count(*) from _basalt.elevations";
    assert_eq!(admin.query_one(left, &[]).await.expect("a count").get::<_, i64>(0), 0, "nothing stays allowed");
}

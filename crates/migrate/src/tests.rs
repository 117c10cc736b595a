//! Migrations and seeds against a real PostgreSQL with the platform installed.

use std::path::Path;

use tempfile::TempDir;
use testkit::Database;
use tokio_postgres::Client;

use crate::*;

struct World {
    dir: TempDir,
    database: Database,
    client: Client,
}

impl World {
    async fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["migrations", "rollback"] {
            std::fs::create_dir_all(dir.path().join("supabase").join(folder)).unwrap();
        }
        let database = testkit::database().await;
        let client = database.connect(&database.admin).await;
        let world = Self { dir, database, client };
        for (path, text) in files {
            world.write(path, text);
        }
        world
    }

    fn run_as(&self) -> RunAs {
        RunAs::postgres(&self.database.admin)
    }

    fn supabase(&self) -> std::path::PathBuf {
        self.dir.path().join("supabase")
    }

    fn write(&self, path: &str, text: &str) {
        std::fs::write(self.supabase().join(path), text).unwrap();
    }

    fn files(&self) -> Vec<Migration> {
        migrations(&self.supabase().join("migrations")).unwrap().files
    }

    async fn up(&self) -> Result<Report, Error> {
        self.up_with(Options::development(self.run_as())).await
    }

    async fn up_with(&self, options: Options) -> Result<Report, Error> {
        up(&self.client, &self.files(), &options, &|_| {}).await
    }

    async fn down(&self, count: usize) -> Result<Report, Error> {
        down(&self.client, &self.files(), &self.supabase().join("rollback"), count, &self.run_as(), &|_| {}).await
    }

    async fn seed(&self) -> Result<SeedReport, Error> {
        let pattern = self.supabase().join("seed*.sql").to_string_lossy().into_owned();
        seed(&self.client, self.dir.path(), &[pattern], &self.run_as(), &|_| {}).await
    }

    async fn one<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, sql: &str) -> T {
        self.client.query_one(sql, &[]).await.unwrap().get(0)
    }

    fn message(&self, error: &Error) -> String {
        error.to_string().replace(&*self.supabase().to_string_lossy(), "supabase")
    }
}

#[tokio::test]
async fn pending_migrations_are_applied_once_and_recorded_as_the_cli_does() {
    let world = World::new(&[
        (
            "migrations/1_first.sql",
            "-- people\ncreate table people (id int primary key);\ninsert into people values (1);\n",
        ),
        ("migrations/2_second.sql", "alter table people add name text;"),
    ])
    .await;
    assert_eq!(world.up().await.unwrap().done, ["1_first.sql", "2_second.sql"]);
    assert_eq!(world.up().await.unwrap(), Report::default());
    let rows = world
        .client
        .query("select version, name, statements from supabase_migrations.schema_migrations order by 1", &[])
        .await
        .unwrap();
    assert_eq!((rows[0].get::<_, &str>(0), rows[0].get::<_, &str>(1)), ("1", "first"));
    assert_eq!(
        rows[0].get::<_, Vec<String>>(2),
        ["-- people\ncreate table people (id int primary key)", "insert into people values (1)"]
    );
    assert_eq!(
        world.one::<String>("select tableowner::text from pg_tables where tablename = 'people'").await,
        "postgres"
    );
    assert_eq!(world.one::<String>("select tableowner::text from pg_tables where tablename = 'schema_migrations' and schemaname = 'supabase_migrations'").await, "postgres");
    assert_eq!(
        world.one::<String>("select session_user::text").await,
        "supabase_admin",
        "the connection is given back as it was"
    );
}

#[tokio::test]
async fn a_syntax_error_names_its_place_and_undoes_its_file() {
    let world = World::new(&[
        ("migrations/1_good.sql", "create table a (id int);"),
        ("migrations/2_bad.sql", "create table b (id int);\ncreate table c (id int);\n\n-- the third\ncreate table d (\n  id int,\n  nmae tetx not nul\n);\ncreate table e (id int);"),
    ])
    .await;
    let error = world.up().await.unwrap_err();
    let text = world.message(&error);
    assert_eq!(
        text,
        "supabase/migrations/2_bad.sql:7: syntax error at or near \"nul\" (SQLSTATE 42601)\n  7 |   nmae tetx not nul\n    |                 ^\n  in the statement at line 5: create table d (\nThe database is as it was before this file."
    );
    assert!(world.one::<bool>("select to_regclass('a') is not null and to_regclass('b') is null").await);
    assert_eq!(world.one::<i64>("select count(*) from supabase_migrations.schema_migrations").await, 1);
    world.write("migrations/2_bad.sql", "create table b (id int);");
    assert_eq!(world.up().await.unwrap().done, ["2_bad.sql"]);
}

#[tokio::test]
async fn statements_outside_a_transaction_stay_and_are_named() {
    let world = World::new(&[(
        "migrations/1_index.sql",
        "create table t (a int);\ncreate index concurrently i on t (a);\ncreate table u (a int);\ninsert into nowhere values (1);",
    )])
    .await;
    let text = world.message(&world.up().await.unwrap_err());
    assert!(text.starts_with("supabase/migrations/1_index.sql:4: relation \"nowhere\" does not exist"), "{text}");
    assert!(text.ends_with("line 1: create table t (a int)\n  line 2: create index concurrently i on t (a)"), "{text}");
    assert!(world.one::<bool>("select to_regclass('i') is not null and to_regclass('u') is null").await);
    assert_eq!(world.one::<i64>("select count(*) from supabase_migrations.schema_migrations").await, 0);
}

#[tokio::test]
async fn a_file_may_bring_its_own_transaction() {
    let world = World::new(&[
        ("migrations/1_wrapped.sql", "begin;\ncreate table a (id int);\ncommit;\n"),
        (
            "migrations/2_parts.sql",
            "create table b (id int);\nbegin;\ncreate table c (id int);\ncommit;\nvacuum b;\ncreate table d (id int);",
        ),
        ("migrations/3_broken.sql", "begin;\ncreate table x (id int);\nselect 1/0;\ncommit;\n"),
    ])
    .await;
    let text = world.message(&world.up().await.unwrap_err());
    assert!(text.contains("3_broken.sql:3: division by zero") && text.contains("as it was before"), "{text}");
    assert!(world.one::<bool>("select to_regclass('d') is not null and to_regclass('x') is null").await);
    assert_eq!(world.one::<i64>("select count(*) from supabase_migrations.schema_migrations").await, 2);
}

#[tokio::test]
async fn an_edited_migration_is_a_warning_or_a_refusal() {
    let world = World::new(&[
        ("migrations/1_a.sql", "create table a (id int);"),
        ("migrations/2_b.sql", "create table b (id int);"),
    ])
    .await;
    world.up().await.unwrap();
    world.write("migrations/1_a.sql", "-- only a comment\ncreate table  a (\n id int );");
    assert_eq!(world.up().await.unwrap(), Report::default(), "blanks and comments do not matter");
    world.write("migrations/1_a.sql", "create table a (id bigint);");
    let report = world.up().await.unwrap();
    assert!(report.warnings[0].starts_with("edited after they were applied: 1_a.sql"), "{report:?}");
    let error = world.up_with(Options::strict(world.run_as())).await.unwrap_err();
    assert!(matches!(error, Error::Edited { ref files } if *files == ["1_a.sql"]), "{error}");
    world.database.run("update supabase_migrations.schema_migrations set statements = null").await;
    world.up_with(Options::strict(world.run_as())).await.unwrap();
}

#[tokio::test]
async fn order_is_that_of_the_cli() {
    let world = World::new(&[("migrations/1_a.sql", "select 1;"), ("migrations/3_c.sql", "select 1;")]).await;
    world.up().await.unwrap();
    world.write("migrations/2_b.sql", "select 1;");
    let error = world.up_with(Options::strict(world.run_as())).await.unwrap_err();
    assert!(error.to_string().contains("2_b.sql") && error.to_string().contains("--include-all"), "{error}");
    assert_eq!(world.up().await.unwrap().done, ["2_b.sql"]);
    std::fs::remove_file(world.supabase().join("migrations/2_b.sql")).unwrap();
    let error = world.up_with(Options::strict(world.run_as())).await.unwrap_err();
    assert!(error.to_string().contains("not in supabase/migrations: 2"), "{error}");
    let entries = list(&world.client, &world.files()).await.unwrap();
    assert_eq!(
        entries.iter().map(|e| (e.version.as_str(), e.local, e.applied)).collect::<Vec<_>>(),
        [("1", true, true), ("2", false, true), ("3", true, true)]
    );
    repair(&world.client, &world.files(), &["2".to_owned()], false, &world.run_as()).await.unwrap();
    world.up_with(Options::strict(world.run_as())).await.unwrap();
}

#[tokio::test]
async fn what_hosted_projects_may_do_is_lifted_and_no_more() {
    let world = World::new(&[(
        "migrations/1_rights.sql",
        "create function f() returns event_trigger language plpgsql as $$ begin end $$;
         create event trigger e on ddl_command_end execute function f();
         create publication p for all tables;
         create role worker_1 with bypassrls;
         grant worker_1 to postgres;
         create table t (id int);
         create policy p on storage.objects for select using (bucket_id = 'x');
         create function public.on_user() returns trigger language plpgsql as $$ begin return new; end $$;
         create trigger on_user after insert on auth.users for each row execute function public.on_user();
         alter role authenticator set statement_timeout = '8s';
         set session_replication_role = replica;
         create extension if not exists dblink with schema extensions;
         do $$ begin
             create role worker_2 bypassrls;
             create event trigger e2 on ddl_command_end execute function f();
             execute 'create event trigger e3 on ddl_command_end execute function f()';
             begin
                 create event trigger e3 on ddl_command_end execute function f();
             exception when duplicate_object then null;
             end;
         end $$;
         alter event trigger e2 owner to postgres;
         grant worker_2 to authenticator;",
    )])
    .await;
    world.up().await.unwrap();
    assert_eq!(world.one::<i64>("select count(*) from pg_event_trigger where evtname in ('e', 'e2', 'e3')").await, 3);
    assert_eq!(world.one::<String>("select tableowner::text from pg_tables where tablename = 't'").await, "postgres");
    world.write("migrations/2_more.sql", "alter role postgres superuser;");
    let text = world.message(&world.up().await.unwrap_err());
    assert!(text.contains("42501"), "{text}");
    assert!(!world.one::<bool>("select rolsuper from pg_roles where rolname = 'postgres'").await);
}

#[tokio::test]
async fn another_version_of_an_extension_is_named() {
    let world = World::new(&[(
        "migrations/1_net.sql",
        "drop extension if exists \"pg_net\"; create extension if not exists \"pg_net\" with schema \"extensions\" version '0.7.1';",
    )])
    .await;
    let warnings = world.up().await.unwrap().warnings;
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.starts_with("1_net.sql: extension pg_net 0.7.1 is not installed here: "), "{warning}");
}

#[tokio::test]
async fn one_file_leaves_nothing_in_the_session_of_the_next() {
    let world = World::new(&[
        ("migrations/1_state.sql", "set search_path = ''; create temp table x (id int); set role anon;"),
        ("migrations/2_plain.sql", "create table y (id int); do $$ begin if current_user <> 'postgres' then raise 'not postgres'; end if; end $$;"),
    ])
    .await;
    assert_eq!(world.up().await.unwrap().done.len(), 2);
    assert!(world.one::<bool>("select to_regclass('public.y') is not null").await);
}

#[tokio::test]
async fn rollback_scripts_take_migrations_back() {
    let world = World::new(&[
        ("migrations/1_a.sql", "create table a (id int);"),
        ("migrations/2_b.sql", "create table b (id int);"),
        ("rollback/2_b.sql", "drop table b;"),
    ])
    .await;
    world.up().await.unwrap();
    let error = world.down(2).await.unwrap_err();
    assert!(matches!(error, Error::NoRollback { ref file, .. } if file == "1_a.sql"), "{error}");
    assert!(world.one::<bool>("select to_regclass('b') is not null").await, "nothing runs while a script is missing");
    assert_eq!(world.down(1).await.unwrap().done, ["2_b.sql"]);
    assert!(world.one::<bool>("select to_regclass('b') is null").await);
    world.write("rollback/1_a.sql", "drop table a; drop table a;");
    world.down(1).await.unwrap_err();
    assert_eq!(
        world.one::<i64>("select count(*) from supabase_migrations.schema_migrations").await,
        1,
        "history and schema agree"
    );
}

#[tokio::test]
async fn a_dump_is_a_seed() {
    let world = World::new(&[
        ("migrations/1_t.sql", "create table t (id int, note text);"),
        ("seed.sql", "\\restrict abc\nset session_replication_role = replica;\nCOPY public.t (id, note) FROM stdin;\n1\tit's; $$\n2\t\\N\n\\.\n\nselect pg_catalog.setval('auth.refresh_tokens_id_seq', 1, false);\n\\unrestrict abc\n"),
    ])
    .await;
    world.up().await.unwrap();
    assert_eq!(world.seed().await.unwrap().loaded, ["supabase/seed.sql"]);
    assert_eq!(
        world.one::<String>("select string_agg(id || coalesce(note, '-'), ',' order by id) from t").await,
        "1it's; $$,2-"
    );
    assert_eq!(world.seed().await.unwrap().unchanged, ["supabase/seed.sql"]);
    let (path, hash): (String, String) = {
        let row = world.client.query_one("select path, hash from supabase_migrations.seed_files", &[]).await.unwrap();
        (row.get(0), row.get(1))
    };
    assert_eq!((path.as_str(), hash.len()), ("supabase/seed.sql", 64));
    world.write("seed_2.sql", "copy t (id) from stdin;\nx\n\\.\n");
    let text = world.message(&world.seed().await.unwrap_err());
    assert!(
        text.starts_with("supabase/seed_2.sql:1: invalid input syntax for type integer")
            && text.contains("COPY t, line 1"),
        "{text}"
    );
    world.write("seed_2.sql", "\\i other.sql\n");
    assert!(world.message(&world.seed().await.unwrap_err()).contains("seed_2.sql:1: \\i is a command of psql"));
}

#[tokio::test]
async fn a_missing_extension_says_how_to_get_it() {
    let world =
        World::new(&[("migrations/1_e.sql", "create extension no_such_thing;"), ("migrations/2_v.sql", "select 1;")])
            .await;
    let text = world.message(&world.up().await.unwrap_err());
    assert!(text.contains("hint: PostgreSQL") && text.contains("no extension no_such_thing"), "{text}");
}

#[tokio::test]
async fn secrets_of_the_configuration_are_made_and_kept_up() {
    let world = World::new(&[]).await;
    world.database.run("create schema if not exists t; create table t.calls (what text);").await;
    let secrets = |value: &str| std::collections::BTreeMap::from([("key".to_owned(), base::Secret::from(value))]);
    // Without a key file the vault refuses: the error is PostgreSQL's, not a panic, and never holds the value.
    if let Err(error) = vault_secrets(&world.client, &secrets("hush")).await {
        assert!(!error.to_string().contains("hush"), "{error}");
    }
}

#[tokio::test]
async fn the_blueprint_goes_up_is_seeded_and_comes_down() {
    let blueprint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../blueprints/course-market/supabase");
    let world = World::new(&[]).await;
    let files = migrations(&blueprint.join("migrations")).unwrap().files;
    let report = up(&world.client, &files, &Options::strict(world.run_as()), &|_| {}).await.unwrap();
    assert_eq!(report.done.len(), files.len());
    let pattern = blueprint.join("seed.sql").to_string_lossy().into_owned();
    let seeded = seed(&world.client, blueprint.parent().unwrap(), &[pattern], &world.run_as(), &|_| {}).await.unwrap();
    assert_eq!(seeded.loaded, ["supabase/seed.sql"]);
    let down =
        down(&world.client, &files, &blueprint.join("rollback"), files.len(), &world.run_as(), &|_| {}).await.unwrap();
    assert_eq!(down.done.len(), files.len());
    assert_eq!(world.one::<i64>("select count(*) from pg_tables where schemaname = 'public'").await, 0);
    up(&world.client, &files, &Options::strict(world.run_as()), &|_| {}).await.unwrap();
}

/// As long as somebody holds `b` it waits until he waits for `a`, so that it is the one who finds the deadlock.
const LOCKS: &str = "lock table a;
    do $$ begin
        while exists (select from pg_locks where relation = 'b'::regclass and granted)
            and not exists (select from pg_locks where relation = 'a'::regclass and not granted)
        loop perform pg_sleep(0.01); end loop;
    end $$;
    lock table b; create table done (id int);";

#[tokio::test]
async fn a_deadlock_with_somebody_else_costs_a_migration_nothing() {
    let world = World::new(&[
        ("migrations/1_tables.sql", "create table a (id int); create table b (id int);"),
        ("migrations/2_locks.sql", LOCKS),
    ])
    .await;
    let (first, other) = (world.files().remove(0), world.database.connect(&world.database.admin).await);
    up(&world.client, &[first], &Options::development(world.run_as()), &|_| {}).await.unwrap();
    other.batch_execute("set deadlock_timeout = '1min'; begin; lock table b").await.unwrap();
    let somebody = async {
        // Once the migration has the one it wants the other; and the other way round.
        let held = "select 1 from pg_locks where relation = 'a'::regclass and granted";
        while other.query(held, &[]).await.unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        other.batch_execute("lock table a; commit").await
    };
    let (report, somebody) = tokio::join!(world.up(), somebody);
    somebody.unwrap();
    assert_eq!(report.unwrap().done.len(), 1);
    assert_eq!(world.one::<i64>("select count(*) from pg_tables where tablename = 'done'").await, 1);
}

#[tokio::test]
async fn a_reset_gives_a_new_database_or_the_old_one() {
    let database = testkit::empty_database().await;
    database
        .run("create table old (id int); create role made_by_project; grant select on old to made_by_project")
        .await;
    let keep = [
        "worker_1",
        "worker_2",
        "postgres",
        "anon",
        "authenticated",
        "service_role",
        "authenticator",
        "dashboard_user",
        "pgbouncer",
    ];
    let keep: Vec<&str> = keep.into_iter().chain(SUPABASE_ROLES.iter().copied()).collect();
    let failed: Result<(), Error> = reset(&database.admin, &keep, async |target| {
        let client = target.connect().await?;
        client
            .batch_execute(
                "create table new (id int); create role made_by_project; grant select on new to made_by_project",
            )
            .await?;
        Err(Error::Nothing("a migration fails".to_owned()))
    })
    .await;
    assert_eq!(failed.unwrap_err().to_string(), "a migration fails");
    database.run("insert into old values (1); set role made_by_project; select from old").await;

    let holder = database.connect(&database.admin).await;
    reset(&database.admin, &keep, async |target| -> Result<(), Error> {
        let client = target.connect().await?;
        Ok(client.batch_execute("create role made_by_project; create table new (id int)").await?)
    })
    .await
    .unwrap();
    assert!(holder.batch_execute("select 1").await.is_err(), "sessions of the old database are ended");
    let client = database.connect(&database.postgres).await;
    let there: bool = client
        .query_one("select to_regclass('new') is not null and to_regclass('old') is null", &[])
        .await
        .unwrap()
        .get(0);
    assert!(there);
    let left: i64 =
        client.query_one("select count(*) from pg_roles where rolname like '\\_basalt%'", &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

/// The platform's other roles: a cluster of tests has them for all its databases.
const SUPABASE_ROLES: &[&str] = &[
    "supabase_admin",
    "supabase_auth_admin",
    "supabase_storage_admin",
    "supabase_realtime_admin",
    "supabase_functions_admin",
    "supabase_replication_admin",
    "supabase_read_only_user",
    "supabase_etl_admin",
    "pgsodium_keyholder",
    "pgsodium_keyiduser",
    "pgsodium_keymaker",
    "pgtle_admin",
];

#[tokio::test]
async fn types_are_those_of_the_database() {
    let database = testkit::empty_database().await;
    database
        .run(
            "create type mood as enum ('sad', 'ok', 'it''s \"great\"');
             create type addr as (street text, m mood);
             create domain email as text;
             create table people (id uuid primary key default gen_random_uuid(), name text not null, m mood default 'ok', ms mood[], a addr,
               e email not null, doc jsonb, big bigint generated always as identity, up text generated always as (upper(name)) stored, \"odd col\" numeric);
             create table pets (id serial primary key, owner uuid not null references people (id), vet uuid unique references people (id));
             create view adults as select id, name from people;
             create function add(a int, b int default 2) returns int language sql as 'select a + b';
             create function people_of(n text) returns setof people language sql as $$ select * from people $$;
             create function tab(q text) returns table (x int, y text) language sql as $$ select 1, q $$;
             create function initials(people) returns text language sql stable as $$ select 'x' $$;
             create function trg() returns trigger language plpgsql as $$ begin return new; end $$;
             create function unnamed(int) returns int language sql as 'select 1';",
        )
        .await;
    let client = database.connect(&database.admin).await;
    let text = typescript(&client, &["public".to_owned()]).await.unwrap();
    for expected in [
        "export type Database = {\n  public: {\n    Tables: {\n      people: {\n        Row: {\n          a: Database[\"public\"][\"CompositeTypes\"][\"addr\"] | null\n          big: number\n",
        "          ms: Database[\"public\"][\"Enums\"][\"mood\"][] | null\n          name: string\n          \"odd col\": number | null\n",
        "          initials: string | null\n        }\n        ComputedFields: \"initials\"\n        Insert: {\n          a?:",
        "          big?: never\n          doc?: Json | null\n          e: string\n          id?: string\n",
        "            foreignKeyName: \"pets_vet_fkey\"\n            columns: [\"vet\"]\n            isOneToOne: true\n            referencedRelation: \"people\"\n            referencedColumns: [\"id\"]\n",
        "referencedRelation: \"adults\"",
        "      adults: {\n        Row: {\n          id: string | null\n",
        "      add: { Args: { a: number; b?: number }; Returns: number }\n",
        "Returns: {\n          x: number\n          y: string\n        }[] }\n",
        "SetofOptions: { from: \"*\"; to: \"people\"; isOneToOne: false; isSetofReturn: true } }\n",
        "      mood: \"sad\" | \"ok\" | \"it's \\\"great\\\"\"\n",
        "export type TablesInsert<",
        "      mood: [\"sad\", \"ok\", \"it's \\\"great\\\"\"],\n",
    ] {
        assert!(text.contains(expected), "missing:\n{expected}\nin:\n{text}");
    }
    assert!(!text.contains("trg") && !text.contains("unnamed"), "{text}");
    let error = typescript(&client, &["nowhere".to_owned()]).await.unwrap_err();
    assert_eq!(error.to_string(), "the database has no schema nowhere");
}

#[tokio::test]
async fn a_diff_turns_one_schema_into_the_other() {
    let (old, new) = (testkit::database().await, testkit::database().await);
    old.run(
        "create type mood as enum ('sad', 'ok');
         create domain posint as int default 1 check (value > 0);
         create type place as (street text, zip int);
         create type unused as (a int, b text);
         create table base (a int);
         create table child (b int) inherits (base);
         create table lives (p posint, at place);
         create table stays (id int primary key, a text, b int not null default 1, gone text);
         create table goes (id int);
         create view v as select id from stays;
         create function f() returns int language sql as 'select 1';
         create policy p on stays using (true);
         revoke all on stays from anon;",
    )
    .await;
    new.run(
        "create type mood as enum ('sad', 'fine', 'ok');
         create domain posint as int not null constraint posint_check check (value > 1) constraint odd check (value % 2 = 1);
         create type place as (street text, zip int, town mood);
         create type unused as (a bigint);
         create table base (a int, c mood not null default 'ok');
         create table child (b int) inherits (base);
         create table younger (d int) inherits (base);
         create table lives (p posint, at place);
         create table stays (id int primary key, a varchar(20) not null, b int not null default 2, m mood);
         create table comes (id bigint generated always as identity primary key, stay int references stays (id) on delete cascade, n serial);
         create index on comes (stay);
         create view v as select id, a from stays;
         create function f() returns text language sql as $$ select 'x' $$;
         create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
         create trigger t before update on comes for each row execute function touch();
         create trigger on_user after insert on auth.users for each row execute function touch();
         alter table stays enable row level security;
         create policy p on stays for select to authenticated using (id > 0);
         create policy files on storage.objects for select using (bucket_id = 'x');
         revoke all on comes from anon; grant select on comes to anon;
         alter publication supabase_realtime add table comes;
         comment on table comes is 'it''s new';",
    )
    .await;
    let (from, to) = (old.connect(&old.admin).await, new.connect(&new.admin).await);
    let diff = schema_diff(&from, &to, &[]).await.unwrap();
    assert!(diff.notes.iter().any(|note| note == "table public.goes is dropped, with its data"), "{:?}", diff.notes);
    old.run(&diff.to_sql()).await;
    let rest = schema_diff(&from, &to, &[]).await.unwrap();
    assert_eq!(rest, SchemaDiff::default(), "after:\n{}", diff.to_sql());
    assert_eq!(schema_diff(&to, &to, &[]).await.unwrap().to_sql(), "");
}

#[tokio::test]
async fn a_diff_from_nothing_rebuilds_a_blueprint() {
    let blueprint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../blueprints/course-market/supabase");
    let (empty, full) = (testkit::database().await, testkit::database().await);
    let (from, to) = (empty.connect(&empty.admin).await, full.connect(&full.admin).await);
    let files = migrations(&blueprint.join("migrations")).unwrap().files;
    up(&to, &files, &Options::strict(RunAs::postgres(&full.admin)), &|_| {}).await.unwrap();
    let diff = schema_diff(&from, &to, &[]).await.unwrap();
    empty.run(&format!("set session authorization postgres; {}", diff.to_sql())).await;
    let mut rest = schema_diff(&from, &to, &[]).await.unwrap().statements;
    // PostgreSQL prints a comparison of rows as nested ORs, and reads them back as one list: the same condition in other words.
    rest.retain(|sql| !sql.to_lowercase().contains("trigger"));
    assert_eq!(rest, Vec::<String>::new());
}

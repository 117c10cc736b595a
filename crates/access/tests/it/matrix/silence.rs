//! What once passed without a word: it is found, or it is named as not proven.

use access::matrix::{self, Difference, Report, Verdict};
use access::spec::Operation;
use access::{Schema, Spec};

use super::options;

/// A project that is what its file says.
const SQL: &str = "
    create table public.profiles (id uuid primary key references auth.users(id) on delete cascade, name text, role text not null default 'user', ssn text);
    create table public.notes (id bigint generated always as identity primary key,
        owner uuid not null default auth.uid() references auth.users(id) on delete cascade, body text not null, secret text, score int not null default 0);
    alter table public.profiles enable row level security;
    alter table public.notes enable row level security;
    revoke all on public.profiles, public.notes from anon, authenticated;
    grant select, update (name) on public.profiles to authenticated;
    grant select, insert, delete, update (body) on public.notes to authenticated;
    create policy \"own profile\" on public.profiles for select to authenticated using (id = (select auth.uid()));
    create policy \"own profile changes\" on public.profiles for update to authenticated using (id = (select auth.uid()));
    create policy \"own notes\" on public.notes to authenticated using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
    insert into storage.buckets (id, name, public) values ('docs', 'docs', false);
    create policy \"own docs\" on storage.objects for select to authenticated
        using (bucket_id = 'docs' and (storage.foldername(name))[1] = (select auth.uid())::text);";

const ACCESS: &str = r#"
version = 1

[tables."public.notes"]
owner = "owner"
user = { select = "own", insert = "own", update = "own: body", delete = "own" }
service = { select = "all", insert = "all", update = "all", delete = "all" }

[tables."public.profiles"]
owner = "id"
user = { select = "own", update = "own: name" }
service = { select = "all", insert = "all", update = "all", delete = "all" }

[buckets.docs]
words = { mine = "(storage.foldername(name))[1] = $uid::text" }
user = { select = "mine" }
service = { select = "all", insert = "all", update = "all", delete = "all" }
"#;

async fn report(more: &str) -> Report {
    let database = testkit::database().await;
    database.run(SQL).await;
    database.run(more).await;
    let schema = Schema::read(&database.connect(&database.admin).await).await.unwrap();
    let spec = Spec::parse(ACCESS).unwrap();
    matrix::run(&database.admin, &schema, Some(&spec), &options(&database)).await.unwrap()
}

fn leak<'r>(report: &'r Report, object: &str, operation: Operation, who: &str) -> Option<&'r Difference> {
    report.differences.iter().find(|found| {
        found.verdict == Verdict::Leak
            && (found.object.as_str(), found.operation, found.identity.as_str()) == (object, operation, who)
    })
}

/// Asserts a leak, and that nothing else differs.
async fn leaks(more: &str, object: &str, operation: Operation, who: &str) -> Report {
    let report = report(more).await;
    assert!(
        leak(&report, object, operation, who).is_some(),
        "{more}\n{}\n{:#?}\n{:#?}",
        super::told(&report),
        report.conditions,
        report.untried
    );
    let others = report.differences.iter().any(|found| found.object != object);
    assert!(!others, "{more}\n{}", super::told(&report));
    report
}

fn one_sided(report: &Report, object: &str, who: &str, part: &str) -> bool {
    report.conditions.iter().any(|one| one.object == object && one.identity == who && one.condition.contains(part))
}

fn untried(report: &Report, object: &str, part: &str) -> bool {
    report.untried.iter().any(|one| one.object == object && format!("{}: {}", one.what, one.why).contains(part))
}

use Operation::{Delete, Insert, Select, Update};

#[tokio::test]
async fn the_project_itself_is_what_it_says_and_all_of_it_is_proven() {
    let report = report("").await;
    assert!(report.agrees(), "{}", super::told(&report));
    assert!(report.conditions.is_empty(), "{:#?}", report.conditions);
    assert!(!untried(&report, "docs", "insert"), "{:#?}", report.untried);
}

#[tokio::test]
async fn a_policy_whose_condition_no_row_satisfies_is_steered_to() {
    // One row for each person, so that no new one can come: it is changed.
    let by_role = "create policy x on public.profiles for select to authenticated using (role = 'user');";
    leaks(by_role, "public.profiles", Select, "user").await;
    let by_two =
        "create policy x on public.notes for select to authenticated using (score > 100000 and body like 'zz%');";
    leaks(by_two, "public.notes", Select, "user").await;
    // One of two ways is never taken, though the condition as a whole is.
    let by_part =
        "alter policy \"own notes\" on public.notes using (owner = (select auth.uid()) or body = 'open sesame');";
    leaks(by_part, "public.notes", Select, "user").await;
    let by_time = "alter table public.notes add column at timestamptz not null default now();
        create policy x on public.notes for select to authenticated using (at < now() - interval '40 years');";
    leaks(by_time, "public.notes", Select, "user").await;
}

#[tokio::test]
async fn a_policy_that_no_row_can_satisfy_is_named() {
    let never = report(
        "create policy hour on public.notes for select to authenticated using (extract(year from now()) = 1999);
         create policy claim on public.notes for select to authenticated using ((auth.jwt() -> 'app_metadata' ->> 'role') = 'admin');
         create policy odd on public.notes for select to authenticated using (md5(body) = '5d41402abc4b2a76b9719d911017c592');",
    )
    .await;
    for policy in ["hour", "claim", "odd"] {
        assert!(one_sided(&never, "public.notes", "user", &format!("policy {policy:?}")), "{:#?}", never.conditions);
    }
    let text = matrix::render(&never, false);
    assert!(text.contains("not proven: public.notes: policy \"odd\", using was never true for anybody"), "{text}");
    assert!(!text.contains("policy \"odd\", using was always false"), "said once\n{text}");
    let names: Vec<&str> = never.unproven.iter().map(|one| one.policy.as_str()).collect();
    assert_eq!(names, ["claim", "hour", "odd"], "{:#?}", never.unproven);
    assert!(never.unproven.iter().all(|one| one.never_true && !one.acknowledged), "{:#?}", never.unproven);
}

#[tokio::test]
async fn a_way_that_nobody_takes_and_a_function_that_nobody_can_look_into_are_named() {
    let more = "create schema private; grant usage on schema private to authenticated;
        create function private.odd(b text, o uuid) returns boolean language plpgsql stable as $$
        begin perform set_config('a.b', b, true); return o = auth.uid(); end $$;
        create policy closed on public.notes for select to authenticated using (private.odd(body, owner));
        create policy half on public.notes for select to authenticated
            using (owner = (select auth.uid()) or md5(body) = '5d41402abc4b2a76b9719d911017c592');";
    let found = report(more).await;
    let lines: Vec<String> = found.unproven.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "not proven: public.notes: policy \"half\", using: (md5(body) = '5d41402abc4b2a76b9719d911017c592'::text) \
             was never true for anybody",
            "not proven: public.notes: policy \"closed\" asks what cannot be looked into: private.odd: it performs something",
        ],
    );
    let database = testkit::database().await;
    database.run(SQL).await;
    database.run(more).await;
    let schema = Schema::read(&database.connect(&database.admin).await).await.unwrap();
    let access = ACCESS.replace("[tables.\"public.notes\"]\n", "[tables.\"public.notes\"]\nnot_proven = [\"half\"]\n");
    let spec = Spec::parse(&access).unwrap();
    assert_eq!(spec.check(&schema), Ok(()));
    let known = matrix::run(&database.admin, &schema, Some(&spec), &options(&database)).await.unwrap();
    assert!(known.unproven[0].acknowledged && !known.unproven[1].acknowledged, "{:#?}", known.unproven);
    let other = Spec::parse(&access.replace("half", "hail")).unwrap().check(&schema).unwrap_err();
    assert!(other[0].message.contains("public.notes has no policy \"hail\""), "{other:#?}");
    // What is written from what was seen says so, and not twice.
    let written = found.to_spec(Some(&Spec::parse(ACCESS).unwrap()), &schema).to_toml();
    assert!(written.contains("not_proven = [\"half\"]"), "{written}");
    assert_eq!(Spec::parse(&written).unwrap().check(&schema), Ok(()));
    assert_eq!(known.to_spec(Some(&spec), &schema).to_toml(), access);
    // The gate: policies of these migrations, and those that call a function of theirs.
    let theirs = |sql: &str, report: &Report| {
        access::gate::never_true(report, &schema, sql).iter().map(|one| one.policy.clone()).collect::<Vec<_>>()
    };
    assert_eq!(theirs(more, &found), ["half"]);
    assert_eq!(
        theirs("do $$ begin execute format('create policy %I on public.notes', 'half'); end $$", &found),
        ["half"]
    );
    assert_eq!(theirs("create table half_of (a int); -- \"half\"", &found), [""; 0]);
    assert_eq!(theirs(more, &known), [""; 0]);
}

#[tokio::test]
async fn what_only_another_kind_can_satisfy_is_no_news() {
    let report = report("create policy service on public.notes for select to authenticated using (auth.role() = 'authenticated' and owner = auth.uid());").await;
    assert!(report.agrees() && report.conditions.is_empty(), "{:#?}", report.conditions);
}

#[tokio::test]
async fn new_files_come_under_new_names() {
    let own = "create policy i on storage.objects for insert to authenticated
        with check (bucket_id = 'docs' and (storage.foldername(name))[1] = (select auth.uid())::text);";
    leaks(own, "docs", Insert, "user").await;
}

#[tokio::test]
async fn names_that_a_condition_writes_out_are_tried() {
    for condition in [
        "(storage.foldername(name))[1] = 'public'",
        "(storage.foldername(name))[2] = any (array['x', 'y'])",
        "name like 'avatars/%'",
        "storage.filename(name) = 'logo.bin'",
        "storage.extension(name) = 'gif'",
        "right(name, 4) = '.txt'",
        "name = 'exactly/this.one'",
    ] {
        let policy = format!(
            "create policy x on storage.objects for select to anon using (bucket_id = 'docs' and {condition});"
        );
        leaks(&policy, "docs", Select, "anon").await;
        let policy = format!(
            "create policy x on storage.objects for insert to anon with check (bucket_id = 'docs' and {condition});"
        );
        let report = report(&policy).await;
        let found =
            leak(&report, "docs", Insert, "anon").is_some() || one_sided(&report, "docs", "anon", "policy \"x\"");
        assert!(found, "{policy}\n{}", super::told(&report));
    }
}

#[tokio::test]
async fn materialized_views_are_read_when_they_hold_rows() {
    let report = leaks(
        "create materialized view public.copied as select id, body, secret from public.notes; revoke all on public.copied from anon;",
        "public.copied",
        Select,
        "user",
    )
    .await;
    assert!(leak(&report, "public.copied", Select, "user").unwrap().seen.contains("sees the row"), "{report:#?}");
}

const VAULT: &str = "
    create table public.vault (id int primary key, v text not null check (md5(v) = 'no such digest'), pin text);
    revoke all on public.vault from anon, authenticated, service_role;";

#[tokio::test]
async fn a_table_that_cannot_be_filled_is_named_and_what_is_open_whatever_its_rows_are_leaks() {
    let closed = report(&format!(
        "{VAULT} alter table public.vault enable row level security; grant select on public.vault to anon;"
    ))
    .await;
    assert!(closed.agrees(), "{}", super::told(&closed));
    assert!(untried(&closed, "public.vault", "rows: "), "{:#?}", closed.untried);
    let cell = closed.cells.iter().find(|cell| cell.object == "public.vault" && cell.identity == "anon").unwrap();
    assert!(cell.probes == 0 && closed.untried.iter().any(|untried| untried.concerns(cell)), "{cell:#?}");

    let off = format!("{VAULT} grant select, insert, update, delete on public.vault to anon;");
    let open = report(&off).await;
    for operation in [Select, Insert, Update, Delete] {
        let found = leak(&open, "public.vault", operation, "anon").unwrap_or_else(|| panic!("{}", super::told(&open)));
        assert!(found.seen.contains("row-level security is off"), "{found:#?}");
    }
    let always = report(&format!(
        "{VAULT} alter table public.vault enable row level security; grant select (pin) on public.vault to anon;
         create policy p on public.vault for select to anon using (true);"
    ))
    .await;
    let found = leak(&always, "public.vault", Select, "anon").unwrap_or_else(|| panic!("{}", super::told(&always)));
    assert!(found.seen.contains("policy \"p\" is always true"), "{found:#?}");
    assert!(found.counterexample.as_ref().unwrap().sql.contains("select \"pin\" from"), "{found:#?}");
    let held = report(&format!(
        "{VAULT} alter table public.vault enable row level security; grant select on public.vault to anon;
         create policy p on public.vault for select to anon using (true);
         create policy r on public.vault as restrictive for select to anon using (id < 0);"
    ))
    .await;
    assert!(held.agrees(), "{}", super::told(&held));
}

#[tokio::test]
async fn an_update_without_where_is_not_held_back_by_what_is_seen() {
    let report = leaks(
        "drop policy \"own notes\" on public.notes;
         create policy s on public.notes for select to authenticated using (owner = (select auth.uid()));
         create policy i on public.notes for insert to authenticated with check (owner = (select auth.uid()));
         create policy d on public.notes for delete to authenticated using (owner = (select auth.uid()));
         create policy u on public.notes for update to authenticated using (true);",
        "public.notes",
        Update,
        "user",
    )
    .await;
    let [one] = report.differences.as_slice() else { panic!("{}", super::told(&report)) };
    assert!(one.seen.contains("without a WHERE") && one.because.iter().any(|why| why.contains("\"u\"")), "{one:#?}");
    let example = one.counterexample.as_ref().unwrap();
    assert!(
        example.sql.contains("update \"public\".\"notes\" set \"body\" = ") && !example.sql.contains("where"),
        "{}",
        example.sql
    );
    assert!(example.curl.contains("-X PATCH") && example.js.contains(".update({\"body\":"), "{example:#?}");
}

#[tokio::test]
async fn roles_that_a_token_may_name_and_nobody_tries_as_are_named() {
    // Roles belong to the cluster that all tests share.
    let name = "matrix_reporting";
    let database = testkit::database().await;
    database.run(SQL).await;
    database
        .run(&format!(
            "create role {name} nologin; grant {name} to authenticator;
             grant usage on schema public to {name}; grant select on public.notes to {name};"
        ))
        .await;
    let schema = Schema::read(&database.connect(&database.admin).await).await.unwrap();
    let run = async |spec: Option<&Spec>| matrix::run(&database.admin, &schema, spec, &options(&database)).await;
    let report = run(Some(&Spec::parse(ACCESS).unwrap())).await.unwrap();
    let object = format!("role {name}");
    assert!(untried(&report, &object, "select on public.notes"), "{:#?}", report.untried);
    assert!(untried(&report, &object, &format!("{name} = {{ role = \"{name}\" }}")), "{:#?}", report.untried);
    // Without a file each role is a kind, and what is written says so.
    let again = testkit::database().await;
    again.run(SQL).await;
    again.run(&format!("grant usage on schema public to {name}; grant select on public.notes to {name};")).await;
    let schema = Schema::read(&again.connect(&again.admin).await).await.unwrap();
    let seen = matrix::run(&again.admin, &schema, None, &options(&again)).await.unwrap();
    let text = seen.to_spec(None, &schema).to_toml();
    let drop = format!("drop owned by {name}");
    again.run(&drop).await;
    database.run(&format!("{drop}; drop role {name}")).await;
    let spec = Spec::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(spec.identities[0].role, name, "{text}");
    assert_eq!(spec.to_toml(), text);
}

#[tokio::test]
async fn an_error_of_one_row_ends_nothing() {
    let report = report(
        "create policy e on public.notes for select to authenticated using (100 / score > 1);
         alter table public.notes alter column score drop default;
         create view public.ratio with (security_invoker = on) as select id, 100 / score as r from public.notes;
         revoke all on public.ratio from anon, authenticated, service_role; grant select on public.ratio to authenticated;
         alter table public.notes add constraint few check (score in (0, 1, 60));
         create policy open on public.profiles for select to authenticated using (true);",
    )
    .await;
    assert!(leak(&report, "public.profiles", Select, "user").is_some(), "{}", super::told(&report));
    // Row by row he sees those of which the condition can be asked.
    assert!(leak(&report, "public.notes", Select, "user").is_some(), "{}", super::told(&report));
    let broken = report.differences.iter().find(|found| found.verdict == Verdict::Broken);
    assert!(broken.is_some_and(|found| found.seen.contains("division by zero")), "{}", super::told(&report));
    assert!(
        untried(&report, "public.notes", "policy \"e\": fails for some row: division by zero"),
        "{:#?}",
        report.untried
    );
    assert!(untried(&report, "public.ratio", "division by zero"), "{:#?}", report.untried);
}

#[tokio::test]
async fn what_never_ends_is_named_and_the_rest_is_tried() {
    let report = report(
        "create function public.wait() returns trigger language plpgsql as $$ begin perform pg_sleep(600); return new; end $$;
         revoke execute on function public.wait() from public, anon, authenticated, service_role;
         create table public.slow (id int primary key, t text);
         revoke all on public.slow from anon, authenticated, service_role; alter table public.slow enable row level security;
         create trigger wait before insert on public.slow for each row execute function public.wait();
         create policy open on public.profiles for select to authenticated using (true);",
    )
    .await;
    assert!(untried(&report, "public.slow", "took longer than 5s"), "{:#?}", report.untried);
    assert!(leak(&report, "public.profiles", Select, "user").is_some(), "{}", super::told(&report));
}

#[tokio::test]
async fn a_bucket_that_is_not_named_is_not_public() {
    let open = report("insert into storage.buckets (id, name, public) values ('free', 'free', true);").await;
    assert!(
        leak(&open, "free", Select, "anon").is_some_and(|found| found.seen.contains("public")),
        "{}",
        super::told(&open)
    );
}

#[tokio::test]
async fn an_identity_that_no_request_can_have_is_an_error_with_its_line() {
    let database = testkit::database().await;
    let schema = Schema::read(&database.connect(&database.admin).await).await.unwrap();
    let spec = Spec::parse("version = 1\n\n[identities]\nadmin = { role = \"postgres\" }\n").unwrap();
    let errors = spec.check(&schema).unwrap_err();
    let [error] = errors.as_slice() else { panic!("{errors:?}") };
    assert!(error.line == 4 && error.message.contains("requests cannot be made as \"postgres\""), "{error}");
}

#[tokio::test]
async fn what_a_function_makes_of_columns_that_it_is_given() {
    for body in [
        "language sql stable security definer set search_path = '' as $$ select o = (select auth.uid()) or b = 'zebra' $$",
        "language plpgsql stable as $$ begin if b = 'zebra' then return true; end if; return o = auth.uid(); end $$",
    ] {
        let more = format!(
            "create function public.can_read(o uuid, b text) returns boolean {body};
             revoke execute on function public.can_read from public, anon;
             create policy fn on public.notes for select to authenticated using (public.can_read(owner, body));"
        );
        let report = report(&more).await;
        assert!(leak(&report, "public.notes", Select, "user").is_some(), "{more}\n{}", super::told(&report));
    }
    // A row that a policy lists its people of, without a key to them.
    leaks(
        "alter table public.notes add column reviewer uuid; grant insert (reviewer) on public.notes to authenticated;
         create policy two on public.notes for select to authenticated using (auth.uid() = any (array[owner, reviewer]));",
        "public.notes",
        Select,
        "user",
    )
    .await;
}

#[tokio::test]
async fn a_recursion_does_not_hide_what_is_granted_beside_it() {
    let recursion = "create policy r on public.notes to authenticated
        using (exists (select from public.notes n where n.owner = (select auth.uid()) and n.score > 5));";
    let alone = report(recursion).await;
    assert!(alone.leaks().next().is_none(), "{}", super::told(&alone));
    assert!(alone.differences.iter().any(|one| one.verdict == Verdict::Broken), "{}", super::told(&alone));
    let both = report(&format!("{recursion} grant update (score) on public.notes to authenticated;")).await;
    let broken = both.differences.iter().any(|one| one.verdict == Verdict::Broken && one.object == "public.notes");
    let leaks: Vec<&Difference> = both.leaks().collect();
    let [leak] = leaks.as_slice() else { panic!("{}", super::told(&both)) };
    assert!(broken && leak.column.as_deref() == Some("score") && leak.operation == Update, "{}", super::told(&both));
    assert!(leak.because.iter().any(|why| why.contains("grant update (\"score\")")), "{leak:#?}");
    let open =
        report(&format!("{recursion} create policy o on public.notes for delete to authenticated using (true);")).await;
    let leak = self::leak(&open, "public.notes", Delete, "user").unwrap_or_else(|| panic!("{}", super::told(&open)));
    assert!(leak.seen.contains("policy \"o\" is always true"), "{leak:#?}");
}

#[tokio::test]
async fn the_leak_of_a_table_comes_first_and_those_of_views_on_it_beneath() {
    let found = report(
        "create view public.a_list with (security_invoker = on) as select id, body, secret from public.notes;
         create view public.b_list with (security_invoker = on) as select id, body from public.a_list;
         create view public.owners as select id, ssn from public.profiles;
         revoke all on public.a_list, public.b_list, public.owners from anon, authenticated, service_role;
         grant select on public.a_list, public.b_list, public.owners to authenticated;
         alter policy \"own notes\" on public.notes using (owner = (select auth.uid()) or score > 5);
         grant update (score, secret) on public.notes to authenticated;",
    )
    .await;
    let text = matrix::render(&found, false);
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("LEAK ")).collect();
    assert_eq!(
        heads,
        [
            "LEAK public.notes: select as user",
            "LEAK public.notes: update of secret, score as user",
            "LEAK public.notes: delete as user",
            "LEAK public.owners: select as user",
        ],
        "{text}"
    );
    let beneath = "  and so       through 2 views that show it with the rights of whoever asks:\n               \
                   public.a_list: select as user\n               public.b_list: select as user\n";
    assert!(text.contains(beneath), "{text}");
    let gate = access::gate::render(&access::gate::reasons(&found));
    assert!(gate.contains("  leak: user: update of column secret on table public.notes: "), "{gate}");
    assert!(gate.contains("    and so on view public.b_list: select as user\n"), "{gate}");
}

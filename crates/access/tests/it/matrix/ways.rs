//! Each way through a policy is taken, also where it leads through functions, CASE, other tables, arrays or JSON.

use access::matrix::{self, Report, Verdict};
use access::spec::Operation;
use access::{Schema, Spec};

use super::{options, told};

/// Documents of somebody, of an organization, shared by a table without keys.
const SQL: &str = "
    create table public.orgs (id uuid primary key default gen_random_uuid(), name text not null, is_public boolean not null default false);
    create table public.docs (id uuid primary key default gen_random_uuid(),
        owner_id uuid not null references auth.users(id) on delete cascade, org_id uuid references public.orgs(id),
        title text not null, kind text not null default 'note', is_public boolean not null default false, acting_for uuid,
        reader_id uuid, member_ids uuid[] not null default '{}', tags text[] not null default '{}', settings jsonb not null default '{}',
        invited_email text, starts_at timestamptz, ends_at timestamptz, valid tstzrange, address inet);
    create table public.membership (org uuid not null, person uuid not null, role text not null default 'reader', primary key (org, person));
    create table public.bans (id bigint generated always as identity primary key, user_id uuid not null references auth.users(id) on delete cascade);
    create table public.flags (name text primary key, enabled boolean not null default false);
    create schema private; grant usage on schema private to authenticated;
    alter table public.orgs enable row level security;
    alter table public.docs enable row level security;
    alter table public.membership enable row level security;
    alter table public.bans enable row level security;
    alter table public.flags enable row level security;
    revoke all on public.orgs, public.docs, public.membership, public.bans, public.flags from anon, authenticated, service_role;
    grant select on public.docs to authenticated;";

const ACCESS: &str = r#"
version = 1

[tables."public.docs"]
owner = "owner_id"
user = { select = "own" }
"#;

async fn report(more: &str, access: &str) -> Report {
    let database = testkit::database().await;
    database.run(SQL).await;
    database.run(more).await;
    let schema = Schema::read(&database.connect(&database.admin).await).await.unwrap();
    let spec = Spec::parse(access).unwrap();
    matrix::run(&database.admin, &schema, Some(&spec), &options(&database)).await.unwrap()
}

/// The policy lets strangers read: that is a leak with an example; and so is its twin none.
async fn reading(before: &str, leaky: &str, clean: &str) {
    let with = |condition: &str| {
        format!("{before}; create policy p on public.docs for select to authenticated using ({condition});")
    };
    let found = report(&with(leaky), ACCESS).await;
    let leak = found.differences.iter().find(|one| one.verdict == Verdict::Leak && one.operation == Operation::Select);
    let leak =
        leak.unwrap_or_else(|| panic!("{leaky}\n{}\n{:#?}\n{:#?}", told(&found), found.conditions, found.untried));
    assert!(leak.object == "public.docs" && leak.identity == "user", "{leak:#?}");
    assert!(leak.because.iter().any(|why| why.contains("policy \"p\"")), "{leak:#?}");
    let example = leak.counterexample.as_ref().unwrap();
    assert!(example.sql.contains("from \"public\".\"docs\" where \"id\" = "), "{}", example.sql);
    let twin = report(&with(clean), ACCESS).await;
    assert!(twin.agrees(), "{clean}\n{}", told(&twin));
}

const OWN: &str = "owner_id = (select auth.uid())";

fn function(name: &str, arguments: &str, body: &str) -> String {
    format!(
        "create function {name}({arguments}) returns boolean {body}; grant execute on function {name} to authenticated"
    )
}

#[tokio::test]
async fn a_function_that_looks_into_the_table_itself() {
    let can_see = |condition: &str| {
        function(
            "private.can_see",
            "uuid",
            &format!(
                "language sql stable security definer set search_path = '' as $$ select {condition} from public.docs where id = $1 $$"
            ),
        )
    };
    let clean = "owner_id = (select auth.uid()) and private.can_see(id)";
    reading(&can_see("is_public or owner_id = auth.uid()"), "private.can_see(id)", clean).await;
    reading(&can_see("title = 'zebra' or owner_id = (select auth.uid())"), "(select private.can_see(id))", clean).await;
}

#[tokio::test]
async fn a_function_that_looks_into_another_table() {
    let in_org = function(
        "private.in_org",
        "o uuid",
        "language plpgsql stable security definer set search_path = '' as $$
         begin
           if exists (select 1 from public.membership m where m.org = o and m.person = auth.uid()) then return true; end if;
           return exists (select 1 from public.orgs where orgs.id = o and is_public);
         end $$",
    );
    reading(&in_org, "owner_id = (select auth.uid()) or private.in_org(org_id)", OWN).await;
    let role_of = "create function private.role_in(o uuid) returns text language plpgsql stable security definer set search_path = '' as $$
         declare r text;
         begin
           select role into r from public.membership where org = o and person = (select auth.uid());
           return r;
         end $$; grant execute on function private.role_in to authenticated";
    reading(role_of, "owner_id = (select auth.uid()) or private.role_in(org_id) = 'auditor'", OWN).await;
}

#[tokio::test]
async fn whoever_has_no_membership() {
    for leaky in [
        "not exists (select 1 from public.membership m where m.person = auth.uid())",
        "owner_id = auth.uid() or not exists (select 1 from public.bans where user_id = (select auth.uid()))",
        "owner_id = auth.uid() or (select count(*) from public.bans where user_id = auth.uid()) = 0",
    ] {
        let grants = "grant select on public.membership, public.bans to authenticated;
            create policy own on public.membership for select to authenticated using (person = (select auth.uid()));
            create policy own on public.bans for select to authenticated using (user_id = (select auth.uid()))";
        let with = format!("{grants}; create policy p on public.docs for select to authenticated using ({leaky});");
        let access = format!(
            "{ACCESS}\n[tables.\"public.membership\"]\nowner = \"person\"\nuser = {{ select = \"own\" }}\n\
             [tables.\"public.bans\"]\nowner = \"user_id\"\nuser = {{ select = \"own\" }}\n"
        );
        let found = report(&with, &access).await;
        let leak = found.differences.iter().find(|one| one.verdict == Verdict::Leak && one.object == "public.docs");
        assert!(leak.is_some(), "{leaky}\n{}\n{:#?}", told(&found), found.conditions);
        let only = format!(
            "{grants}; create policy p on public.docs for select to authenticated using (owner_id = auth.uid());
             create policy r on public.docs as restrictive for select to authenticated using (owner_id = auth.uid() or {leaky});"
        );
        let twin = report(&only, &access).await;
        assert!(twin.agrees(), "{}", told(&twin));
    }
}

#[tokio::test]
async fn each_way_of_a_case() {
    for leaky in [
        "case when kind = 'zebra' then true else owner_id = auth.uid() end",
        "case kind when 'zebra' then true when 'yak' then false else owner_id = auth.uid() end",
        "case when owner_id = auth.uid() then true when kind = 'zebra' and title = 'yak' then true else false end",
    ] {
        reading("", leaky, OWN).await;
        reading("alter table public.docs alter column owner_id drop not null", leaky, OWN).await;
    }
}

#[tokio::test]
async fn whoever_is_named_by_the_first_of_several() {
    reading("", "auth.uid() = coalesce(acting_for, owner_id)", OWN).await;
    reading("", "coalesce(acting_for, owner_id) = (select auth.uid())", OWN).await;
    reading("", "owner_id = auth.uid() or coalesce(settings ->> 'shared', 'no') = 'yes'", OWN).await;
}

#[tokio::test]
async fn arrays() {
    reading("", "owner_id = auth.uid() or auth.uid() = any (member_ids)", OWN).await;
    reading("", "owner_id = auth.uid() or tags @> '{public}'", OWN).await;
    reading("", "owner_id = auth.uid() or 'public' = any (tags)", OWN).await;
    reading("", "owner_id = auth.uid() or tags && array['public', 'open']", OWN).await;
    reading("", "owner_id = auth.uid() or member_ids @> array[auth.uid()]", OWN).await;
}

#[tokio::test]
async fn json() {
    reading("", "owner_id = auth.uid() or settings ->> 'visibility' = 'public'", OWN).await;
    reading("", "owner_id = auth.uid() or (settings -> 'share' ->> 'open')::boolean", OWN).await;
    reading("", "owner_id = auth.uid() or settings @> '{\"open\": true}'", OWN).await;
    reading("", "owner_id = auth.uid() or settings #>> '{share,with}' = auth.uid()::text", OWN).await;
    reading("", "owner_id = auth.uid() or settings ? 'open'", OWN).await;
}

#[tokio::test]
async fn addresses() {
    reading("", "owner_id = auth.uid() or auth.email() = invited_email", OWN).await;
    reading("", "owner_id = auth.uid() or lower(invited_email) = lower(auth.jwt() ->> 'email')", OWN).await;
    reading("", "owner_id = auth.uid() or address << inet '10.0.0.0/8'", OWN).await;
}

#[tokio::test]
async fn claims_that_a_user_writes_himself() {
    reading("", "owner_id = auth.uid() or (auth.jwt() -> 'user_metadata' ->> 'role') = 'admin'", OWN).await;
    reading("", "owner_id = auth.uid() or (auth.jwt() #>> '{user_metadata,plan,name}') = 'pro'", OWN).await;
    reading("", "owner_id = auth.uid() or (auth.jwt() -> 'user_metadata' ->> 'staff')::boolean", OWN).await;
}

#[tokio::test]
async fn times() {
    reading("", "owner_id = auth.uid() or now() between starts_at and ends_at", OWN).await;
    reading("", "owner_id = auth.uid() or valid @> now()", OWN).await;
}

#[tokio::test]
async fn flags_in_other_tables() {
    // What a policy reads elsewhere passes the policies there.
    let open = "grant select on public.orgs, public.membership, public.flags to authenticated;
        create policy all_ on public.orgs for select to authenticated using (true);
        create policy all_ on public.flags for select to authenticated using (true);
        create policy all_ on public.membership for select to authenticated using (true)";
    let access = format!(
        "{ACCESS}\n[tables.\"public.membership\"]\nuser = {{ select = \"all\" }}\n[tables.\"public.orgs\"]\nuser = {{ select = \"all\" }}\n\
         [tables.\"public.flags\"]\nuser = {{ select = \"all\" }}\n"
    );
    for leaky in [
        "exists (select 1 from public.orgs where orgs.id = docs.org_id and is_public)",
        "org_id in (select id from public.orgs where name = 'Commons')",
        "exists (select 1 from public.membership m where m.org = docs.org_id and m.person = auth.uid())",
        "exists (select 1 from public.flags where name = 'open_docs' and enabled)",
        "org_id in (select org from public.membership where person = auth.uid() and role = 'auditor')",
    ] {
        let with = |condition: &str| {
            format!("{open}; create policy p on public.docs for select to authenticated using ({condition});")
        };
        let found = report(&with(&format!("owner_id = auth.uid() or {leaky}")), &access).await;
        let leak = found.differences.iter().find(|one| one.verdict == Verdict::Leak && one.object == "public.docs");
        assert!(leak.is_some(), "{leaky}\n{}\n{:#?}", told(&found), found.conditions);
        let twin = report(
            &with(&format!("owner_id = auth.uid() and {leaky}")),
            &access.replace("\"own\"", "\"own and there\"").replace(
                "owner = \"owner_id\"",
                &format!(
                    "owner = \"owner_id\"\nwords = {{ there = \"\"\"{}\"\"\" }}",
                    leaky.replace("auth.uid()", "$uid")
                ),
            ),
        )
        .await;
        assert!(twin.agrees(), "{leaky}\n{}", told(&twin));
    }
}

/// Likewise for an operation on rows, by a policy for it.
async fn writing(operation: Operation, before: &str, leaky: &str, clean: &str) {
    let word = operation.word();
    // What a statement with a WHERE touches has to be seen as well.
    let grants = format!(
        "{before}; grant {word} on public.docs to authenticated;
         create policy all_ on public.docs for select to authenticated using (true)"
    );
    let with = |condition: &str| {
        let condition = match operation {
            Operation::Insert => format!("with check ({condition})"),
            Operation::Update => format!("using ({OWN}) with check ({condition})"),
            _ => format!("using ({condition})"),
        };
        format!("{grants}; create policy p on public.docs for {word} to authenticated {condition};")
    };
    let access = ACCESS.replace("select = \"own\"", &format!("select = \"all\", {word} = \"own\""));
    let found = report(&with(leaky), &access).await;
    let leak = found.differences.iter().find(|one| one.verdict == Verdict::Leak && one.operation == operation);
    let leak = leak
        .unwrap_or_else(|| panic!("{word} {leaky}\n{}\n{:#?}\n{:#?}", told(&found), found.conditions, found.untried));
    assert!(leak.object == "public.docs" && leak.identity == "user" && leak.counterexample.is_some(), "{leak:#?}");
    let twin = report(&with(clean), &access).await;
    assert!(twin.agrees(), "{clean}\n{}", told(&twin));
}

#[tokio::test]
async fn rows_are_written_by_each_way() {
    for leaky in [
        "case when kind = 'zebra' then true else owner_id = auth.uid() end",
        "owner_id = auth.uid() or tags @> '{public}'",
        "owner_id = auth.uid() or private.open(org_id)",
        "owner_id = auth.uid() or settings ->> 'visibility' = 'public' and kind = 'yak'",
        "auth.uid() = coalesce(acting_for, owner_id)",
    ] {
        for operation in [Operation::Insert, Operation::Delete] {
            let before = "create function private.open(o uuid) returns boolean language sql stable security definer set search_path = ''
                as $$ select is_public from public.orgs where id = o $$; grant execute on function private.open to authenticated";
            writing(operation, before, leaky, OWN).await;
        }
    }
}

#[tokio::test]
async fn a_row_becomes_what_it_may_not_by_each_way() {
    for leaky in ["owner_id = auth.uid() or kind = 'zebra'", "owner_id = auth.uid() or acting_for = auth.uid()"] {
        writing(Operation::Update, "", leaky, OWN).await;
    }
}

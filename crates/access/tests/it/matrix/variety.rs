//! Conditions as applications have them, each of which lets strangers in: that is a leak, or it is named.

use access::matrix::{self, Report, Verdict};
use access::{Schema, Spec};

use super::{options, told};

const SQL: &str = "
    create type public.status as enum ('draft', 'published', 'archived');
    create table public.projects (id uuid primary key default gen_random_uuid(), name text not null, visibility text not null default 'private');
    create table public.orgs (id uuid primary key default gen_random_uuid(), name text not null, is_public boolean not null default false);
    create table public.docs (id uuid primary key default gen_random_uuid(),
        owner_id uuid references auth.users(id) on delete cascade, org_id uuid references public.orgs(id), project_id uuid references public.projects(id),
        title text not null, kind text not null default 'note', is_public boolean default false, acting_for uuid, status public.status not null default 'draft',
        reader_id uuid, readers text, level int not null default 5, member_ids uuid[] not null default '{}', tags text[] not null default '{}', settings jsonb not null default '{}',
        invited_email text, starts_at timestamptz, ends_at timestamptz, created_at timestamptz not null default now(), valid tstzrange, address inet);
    create table public.shares (doc_id uuid not null, user_id uuid not null, primary key (doc_id, user_id));
    create table public.pm (project_id uuid not null references public.projects(id), user_id uuid not null references auth.users(id), primary key (project_id, user_id));
    create table public.membership (org uuid not null, person uuid not null, role text not null default 'reader', primary key (org, person));
    create table public.perms (id int primary key, doc uuid not null, subject uuid, right_ text not null default 'read');
    create schema private; grant usage on schema private to authenticated, anon;
    revoke all on all tables in schema public from anon, authenticated, service_role;
    alter table public.docs enable row level security;
    grant select on public.docs to authenticated, anon;
    grant select on public.shares, public.pm, public.projects, public.orgs, public.membership, public.perms to authenticated, anon;
    ";

/// After `owner_id = auth.uid() or`.
const PLAIN: &[&str] = &[
    "id in (select doc_id from public.shares where user_id = auth.uid())",
    "exists (select 1 from public.pm join public.projects p on p.id = pm.project_id where p.id = docs.project_id and (pm.user_id = auth.uid() or p.visibility = 'public'))",
    "split_part(invited_email, '@', 2) = split_part(auth.email(), '@', 2)",
    "coalesce((select role from public.membership where org = org_id and person = auth.uid()), 'reader') = 'reader'",
    "id = any(array(select doc_id from public.shares where user_id = auth.uid()))",
    "org_id = (select org from public.membership where person = auth.uid() and role = 'chief' limit 1)",
    "(auth.jwt() ->> 'is_anonymous')::boolean is not true",
    "auth.uid()::text = any(string_to_array(readers, ','))",
    "title ilike '%public%'",
    "settings -> 'readers' ? auth.uid()::text",
    "settings @> jsonb_build_object('reader', auth.uid())",
    "created_at < now() - interval '30 days'",
    "date_trunc('day', starts_at) <= now()",
    "coalesce(is_public, true)",
    "owner_id is null",
    "greatest(level, 3) = 3",
    "level between 1 and 3",
    "level % 7 = 6",
    "status in ('published', 'archived')",
    "status <> 'draft'",
    "tstzrange(starts_at, ends_at) @> now()",
    "(starts_at, ends_at) overlaps (now(), now())",
    "length(title) < 3",
    "title ~ '^pub'",
    "(settings ->> 'age')::int > 90",
    "lower(kind) = 'zebra'",
    "array_length(member_ids, 1) is null",
    "cardinality(tags) = 0 and kind = 'zebra'",
    "not ('secret' = any(tags))",
];

/// Functions, the whole condition, and for whom the policy is.
const WHOLE: &[(&str, &str, &str)] = &[
    ("", "owner_id is not distinct from auth.uid()", "public"),
    ("", "nullif(auth.uid(), owner_id) is null", "public"),
    ("", "case when auth.uid() is null then is_public else owner_id = auth.uid() end", "public"),
    ("", "auth.uid() in (owner_id, reader_id)", "authenticated"),
    ("", "array[owner_id, reader_id] && array[auth.uid()]", "authenticated"),
    (
        "create function private.can_see(doc uuid, strict boolean default false) returns boolean language sql stable security definer set search_path = '' as $$ select is_public or owner_id = auth.uid() from public.docs where id = doc $$;",
        "private.can_see(id)",
        "authenticated",
    ),
    (
        "create function private.can_see(doc uuid) returns boolean language sql stable security definer set search_path = '' as $$ select kind = 'zebra' or owner_id = auth.uid() from public.docs where id = doc $$;",
        "private.can_see(doc => id)",
        "authenticated",
    ),
    (
        "create function private.can_see(d public.docs) returns boolean language sql stable security definer set search_path = '' as $$ select d.kind = 'zebra' or d.owner_id = auth.uid() $$;",
        "private.can_see(docs)",
        "authenticated",
    ),
    (
        "create function private.can_see(d public.docs) returns boolean language plpgsql stable security definer set search_path = '' as $$ begin return d.kind = 'zebra' or d.owner_id = auth.uid(); end $$;",
        "private.can_see(docs.*)",
        "authenticated",
    ),
    (
        "create function private.visible() returns setof uuid language sql stable security definer set search_path = '' as $$ select id from public.docs where owner_id = auth.uid() union select id from public.docs where kind = 'zebra' $$;",
        "id in (select private.visible())",
        "authenticated",
    ),
    (
        "create function private.visible() returns setof uuid language sql stable security definer set search_path = '' as $$ select id from public.docs where owner_id = auth.uid() or kind = 'zebra' $$;",
        "id in (select * from private.visible())",
        "authenticated",
    ),
    (
        "create function private.visible() returns table (id uuid) language sql stable security definer set search_path = '' as $$ select id from public.docs where owner_id = auth.uid() or kind = 'zebra' $$;",
        "exists (select 1 from private.visible() v where v.id = docs.id)",
        "authenticated",
    ),
    (
        "create function private.in_org(o uuid) returns boolean language sql stable security definer set search_path = '' as $$ select exists (select 1 from public.membership where org = o and person = auth.uid() and role = 'chief') $$; create function private.can_see(doc uuid) returns boolean language sql stable security definer set search_path = '' as $$ select private.in_org(org_id) or owner_id = auth.uid() from public.docs where id = doc $$;",
        "private.can_see(id)",
        "authenticated",
    ),
    (
        "create function private.has(d uuid, r text) returns boolean language sql stable security definer set search_path = '' as $$ select exists (select 1 from public.perms where doc = d and (subject = auth.uid() or subject is null) and right_ = r) $$;",
        "owner_id = auth.uid() or private.has(id, 'admin')",
        "authenticated",
    ),
    (
        "create function private.fresh() returns boolean language plpgsql stable security definer set search_path = '' as $$ begin return not exists (select 1 from public.membership where person = auth.uid()); end $$;",
        "owner_id = auth.uid() or private.fresh()",
        "authenticated",
    ),
    (
        "create function private.fresh(o uuid) returns boolean language plpgsql stable security definer set search_path = '' as $$ declare n int; begin select count(*) into n from public.membership where person = auth.uid(); return n = 0; end $$;",
        "owner_id = auth.uid() or private.fresh(org_id)",
        "authenticated",
    ),
    (
        "create function private.may(d uuid) returns boolean language plpgsql stable security definer set search_path = '' as $$ declare r record; begin select * into r from public.docs where id = d; return r.kind = 'zebra' or r.owner_id = auth.uid(); end $$;",
        "private.may(id)",
        "authenticated",
    ),
    (
        "create function private.may(d uuid) returns boolean language plpgsql stable security definer set search_path = '' as $$ declare r public.docs; begin select * into r from public.docs where id = d; if not found then return false; end if; return r.kind = 'zebra' or r.owner_id = auth.uid(); end $$;",
        "private.may(id)",
        "authenticated",
    ),
    (
        "create function private.may(d uuid) returns boolean language plpgsql stable security definer set search_path = '' as $$ begin perform 1 from public.docs where id = d and (kind = 'zebra' or owner_id = auth.uid()); return found; end $$;",
        "private.may(id)",
        "authenticated",
    ),
    (
        "create function private.may(d uuid) returns boolean language plpgsql stable security definer set search_path = '' as $$ begin if auth.uid() is null then raise exception 'no'; end if; return exists (select 1 from public.docs where id = d and (kind = 'zebra' or owner_id = auth.uid())); end $$;",
        "private.may(id)",
        "authenticated",
    ),
    (
        "create function private.may(d uuid) returns boolean language sql stable security definer set search_path = '' as $$ select count(*) > 0 from public.docs where id = d and (kind = 'zebra' or owner_id = auth.uid()) $$;",
        "private.may(id)",
        "authenticated",
    ),
    (
        "create function private.may(d uuid) returns boolean language sql stable security definer set search_path = '' as $$ select coalesce(bool_or(kind = 'zebra' or owner_id = auth.uid()), false) from public.docs where id = d $$;",
        "private.may(id)",
        "authenticated",
    ),
    (
        "create function private.role_of(d uuid) returns text language sql stable security definer set search_path = '' as $$ select case when owner_id = auth.uid() then 'owner' when kind = 'zebra' then 'guest' end from public.docs where id = d $$;",
        "private.role_of(id) is not null",
        "authenticated",
    ),
    (
        "create function private.role_of(d uuid) returns text language sql stable security definer set search_path = '' as $$ select case when owner_id = auth.uid() then 'owner' when kind = 'zebra' then 'guest' end from public.docs where id = d $$;",
        "private.role_of(id) in ('owner', 'guest')",
        "authenticated",
    ),
    (
        "create function private.level_of(d uuid) returns int language sql stable security definer set search_path = '' as $$ select case when owner_id = auth.uid() then 3 when kind = 'zebra' then 1 else 0 end from public.docs where id = d $$;",
        "private.level_of(id) >= 1",
        "authenticated",
    ),
];

/// What no made-up row satisfies, or cannot be looked into.
const NAMED: &[(&str, &str)] = &[
    ("", "owner_id = auth.uid() or current_setting('app.mode', true) = 'open'"),
    ("", "owner_id = auth.uid() or auth.jwt()->>'aal' = 'aal2'"),
    ("", "owner_id = auth.uid() or jsonb_array_length(settings -> 'x') = 0"),
    ("", "owner_id = auth.uid() or kind || title = 'zebrayak'"),
    (
        "create function private.is_staff() returns boolean language sql stable security definer set search_path = '' as $$ select exists (select 1 from auth.users where id = auth.uid() and email like '%@corp.example') $$;",
        "owner_id = auth.uid() or private.is_staff()",
    ),
    (
        "create function private.may(d uuid) returns boolean language sql stable security definer set search_path = '' as $$ with mine as (select id from public.docs where kind = 'zebra' or owner_id = auth.uid()) select exists (select 1 from mine where id = d) $$;",
        "private.may(id)",
    ),
    (
        "create function private.may(d uuid) returns boolean language plpgsql stable security definer set search_path = '' as $$ declare r record; begin for r in select * from public.docs loop if r.id = d and r.kind = 'zebra' then return true; end if; end loop; return false; end $$;",
        "owner_id = auth.uid() or private.may(id)",
    ),
];

async fn report(before: &str, condition: &str, role: &str) -> Report {
    let database = testkit::database().await;
    database.run(SQL).await;
    let grants = "grant execute on all functions in schema private to anon, authenticated";
    let policy = format!("create policy p on public.docs for select to {role} using ({condition})");
    database.run(&format!("{before} {grants}; {policy};")).await;
    let schema = Schema::read(&database.connect(&database.admin).await).await.unwrap();
    let mut access =
        String::from("version = 1\n[tables.\"public.docs\"]\nowner = \"owner_id\"\nuser = { select = \"own\" }\n");
    for table in ["shares", "pm", "projects", "orgs", "membership", "perms"] {
        let all = "{ select = \"all\" }";
        access += &format!("[tables.\"public.{table}\"]\nuser = {all}\nanon = {all}\n");
    }
    let spec = Spec::parse(&access).unwrap();
    matrix::run(&database.admin, &schema, Some(&spec), &options(&database)).await.unwrap()
}

async fn leaks(before: &str, condition: &str, role: &str) {
    let report = report(before, condition, role).await;
    let is_leak = |one: &matrix::Difference| one.verdict == Verdict::Leak && one.object == "public.docs";
    let told = || format!("{condition}\n{}\n{:#?}\n{:#?}", told(&report), report.unproven, report.conditions);
    assert!(report.differences.iter().any(is_leak), "{}", told());
}

#[tokio::test]
async fn conditions_on_columns_and_other_tables() {
    for condition in PLAIN {
        leaks("", &format!("owner_id = auth.uid() or {condition}"), "authenticated").await;
    }
}

#[tokio::test]
async fn functions_and_whole_conditions() {
    for (before, condition, role) in WHOLE {
        leaks(before, condition, role).await;
    }
}

#[tokio::test]
async fn what_no_row_shows_is_named() {
    for (before, condition) in NAMED {
        let report = report(before, condition, "authenticated").await;
        assert!(!report.unproven.is_empty(), "{condition}\n{}", told(&report));
    }
}

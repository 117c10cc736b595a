//! `basalt db test`: equal, a leak, and the way to agree with it.

use crate::world::{Folder, root, run, stderr};

#[test]
fn a_leak_fails_and_names_its_cause_and_update_shows_it_as_a_diff() {
    let folder = Folder::copy_of(&root().join("blueprints/portfolio"));
    let dir = folder.0.to_str().unwrap();
    // pgTAP may not be there; the matrix needs none.
    std::fs::remove_dir_all(folder.0.join("supabase/tests")).unwrap();
    let sound = run(&["db", "test", dir], &folder.0);
    let text = String::from_utf8_lossy(&sound.stdout).into_owned();
    assert!(sound.status.success(), "{text}{}", stderr(&sound));
    assert!(text.contains("all as access.toml says"), "{text}");

    let fault = std::fs::read_to_string(root().join("tests/blueprints/faults/portfolio/drafts_in_public.sql")).unwrap();
    folder.write("supabase/migrations/20990101000000_fault.sql", &fault);
    let leaky = run(&["db", "test", dir], &folder.0);
    let text = String::from_utf8_lossy(&leaky.stdout).into_owned();
    assert_eq!(leaky.status.code(), Some(1), "{text}{}", stderr(&leaky));
    for part in ["LEAK public.projects: select as anon", "Visitors read published projects", "set local role \"anon\""]
    {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let junit = run(&["db", "test", dir, "-o", "junit"], &folder.0);
    assert!(String::from_utf8_lossy(&junit.stdout).contains("<failure message="));

    let before = std::fs::read_to_string(folder.0.join("access.toml")).unwrap();
    let updated = run(&["db", "test", dir, "--update"], &folder.0);
    assert!(updated.status.success(), "{}", stderr(&updated));
    let after = std::fs::read_to_string(folder.0.join("access.toml")).unwrap();
    let changed: Vec<_> = after.lines().filter(|line| !before.lines().any(|old| old == *line)).collect();
    assert!(
        !changed.is_empty() && changed.iter().all(|line| line.starts_with("anon") || line.starts_with("user")),
        "{changed:#?}"
    );
    let agreed = run(&["db", "test", dir], &folder.0);
    assert!(agreed.status.success(), "{}{}", String::from_utf8_lossy(&agreed.stdout), stderr(&agreed));

    folder.write("access.toml", "version = 1\n\n[tables.\"public.projects\"]\nanon = { select = \"publishd\" }\n");
    let wrong = run(&["db", "test", dir], &folder.0);
    assert!(!wrong.status.success() && stderr(&wrong).contains("access.toml:4"), "{}", stderr(&wrong));
}

#[test]
fn what_is_not_proven_is_skipped_in_junit_and_an_update_says_where_no_words_fit() {
    let folder = Folder::with_migrations(&[(
        "1_vault.sql",
        "create table public.vault (id int primary key, v text not null check (md5(v) = 'no such digest'));
         create table public.notes (id int primary key, owner_id uuid not null default auth.uid(), shared boolean not null, body text);
         alter table public.vault enable row level security;
         alter table public.notes enable row level security;
         revoke all on public.vault, public.notes from anon, authenticated, service_role;
         grant select on public.vault to anon;
         grant select on public.notes to authenticated;
         create policy own on public.notes for select to authenticated using (owner_id = (select auth.uid()) or shared);
         create policy digest on public.notes for select to authenticated using (md5(body) = 'no such digest');
         create view public.ids with (security_invoker = on) as select id from public.notes;
         revoke all on public.ids from anon, authenticated, service_role;
         grant select on public.ids to authenticated;",
    )]);
    let updated = run(&["db", "test", "--update"], &folder.0);
    let text = String::from_utf8_lossy(&updated.stdout).into_owned();
    assert_eq!(updated.status.code(), Some(1), "{text}{}", stderr(&updated));
    assert!(text.contains("No words fit what was seen") && text.contains("  public.ids: select as user\n"), "{text}");

    for unseen in ["public.vault, rows: new row for relation", "not proven: public.notes: policy \"digest\""] {
        assert!(text.contains(unseen), "{unseen} is missing in {text}");
    }

    let junit = run(&["db", "test", "-o", "junit"], &folder.0);
    let text = String::from_utf8_lossy(&junit.stdout).into_owned();
    let case = |object: &str, name: &str| {
        let head = format!("<testcase classname=\"access.{object}\" name=\"{name}\">");
        let line = text.lines().find(|line| line.contains(&head)).unwrap_or_else(|| panic!("no {name}: {text}"));
        line.to_owned()
    };
    let vault = case("public.vault", "anon select");
    assert!(vault.contains("<skipped message=\"rows: new row for relation"), "{vault}");
    let policy = case("public.notes", "policy &quot;digest&quot;, using");
    assert!(policy.contains("<skipped message=\"not proven: public.notes: policy &quot;digest&quot;"), "{policy}");
    assert!(!case("public.notes", "user select").contains("skipped"), "{text}");
}

#[test]
fn an_update_holds_what_it_writes_against_the_database_before_it_says_that_they_are_equal() {
    let folder = Folder::with_migrations(&[(
        "1_chat.sql",
        "create table public.rooms (id uuid primary key default gen_random_uuid(), name text);
         create table public.participants (room_id uuid references public.rooms, user_id uuid references auth.users, primary key (room_id, user_id));
         create table public.messages (id int primary key, room_id uuid not null references public.rooms,
             sender uuid not null references auth.users, body text not null, deleted_at timestamptz);
         create function public.is_in(room uuid) returns boolean language sql stable security definer set search_path = '' as
             $$ select exists (select 1 from public.participants where room_id = room and user_id = auth.uid()) $$;
         alter table public.rooms enable row level security;
         alter table public.participants enable row level security;
         alter table public.messages enable row level security;
         create policy leave on public.participants for delete to authenticated using (user_id = auth.uid());
         create policy see on public.participants for select to authenticated using (public.is_in(room_id));
         create policy see on public.messages for select to authenticated using (public.is_in(room_id) and deleted_at is null);
         create policy change on public.messages for update to authenticated using (sender = auth.uid()) with check (sender = auth.uid());",
    )]);
    let updated = run(&["db", "test", "--update"], &folder.0);
    let text = String::from_utf8_lossy(&updated.stdout).into_owned();
    assert!(updated.status.success(), "{text}{}", stderr(&updated));
    assert!(text.contains("what the database allows is now what the file allows"), "{text}");
    let held = run(&["db", "test"], &folder.0);
    let told = String::from_utf8_lossy(&held.stdout).into_owned();
    assert!(held.status.success(), "{told}{}", stderr(&held));
    let again = run(&["db", "test", "--update"], &folder.0);
    let text = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(again.status.success() && text.contains("nothing is changed"), "{text}{}", stderr(&again));

    // What no file can say is told, and no success.
    folder.write(
        "supabase/migrations/2_circle.sql",
        "create table public.drafts (id int primary key);
         alter table public.drafts enable row level security;
         create policy see on public.drafts for select to authenticated using (exists (select 1 from public.drafts d where d.id = drafts.id));
         create policy remove on public.drafts for delete to authenticated using (true);",
    );
    let circle = run(&["db", "test", "--update"], &folder.0);
    let text = String::from_utf8_lossy(&circle.stdout).into_owned();
    assert_eq!(circle.status.code(), Some(1), "{text}{}", stderr(&circle));
    assert!(text.contains("`basalt db test` finds this all the same:\n  public.drafts: "), "{text}");
    assert!(!text.contains("is now what the file allows"), "{text}");
}

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

//! What a project's functions may do when the server's own work runs them.

use std::time::{Duration, Instant};

use crate::world::{Folder, PATIENCE, World, http};

/// A trigger on `auth.users` and a cron job that try to become the superuser, and write down who they are in the end.
const FILE: (&str, &str) = (
    "20260101000000_climb.sql",
    "create table public.seen (place text, who text, super bool);
     create function public.climb(place text) returns void language plpgsql as $$
     begin
         begin execute 'reset session authorization'; exception when others then null; end;
         begin execute 'reset role'; exception when others then null; end;
         begin execute 'set role supabase_admin'; exception when others then null; end;
         insert into public.seen
             select place, current_user, bool_or(rolsuper) from pg_roles where rolname in (current_user, session_user);
     end $$;
     grant insert on public.seen to public;
     create function public.on_user() returns trigger language plpgsql as $$
     begin perform public.climb('trigger on auth.users'); return new; end $$;
     create trigger climb before insert on auth.users for each row execute function public.on_user();
     create extension if not exists pg_cron;
     select cron.schedule('climb', '1 seconds', $$select public.climb('cron')$$);",
);

#[test]
fn a_projects_functions_are_not_led_to_the_superuser() {
    let world = World::start_in(Folder::with_migrations(&[FILE]), &[]);
    let body = r#"{"email":"someone@example.org","password":"correct horse battery"}"#;
    let anon = world.status()["ANON_KEY"].clone();
    let headers = [("content-type", "application/json"), ("apikey", anon.as_str())];
    let (status, answer) = http(world.port, "POST", "/auth/v1/signup", &headers, body).unwrap();
    assert_eq!(status, 200, "{answer}");
    let deadline = Instant::now() + PATIENCE;
    let seen = loop {
        let rows = world.sql("select place, who, super from public.seen group by 1, 2, 3 order by 1").unwrap();
        if rows.len() >= 2 || Instant::now() > deadline {
            break rows;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    let row = |place: &str, who: &str| [place, who, "f"].map(|text| Some(text.to_owned())).to_vec();
    assert_eq!(seen, [row("cron", "postgres"), row("trigger on auth.users", "supabase_auth_admin")], "{}", world.log());
}

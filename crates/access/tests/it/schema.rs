//! What is read of a database.

use access::Schema;
use access::schema::{Command, FunctionKind, RelationKind};

const SQL: &str = "
    create domain public.rating as int check (value between 1 and 5);
    create type public.level as enum ('easy', 'hard');
    create table public.people (id uuid primary key references auth.users on delete cascade, name text not null default 'x');
    create table public.\"Größe\" (a int, b public.level, c public.rating, who uuid references public.people,
        double int generated always as (a * 2) stored, primary key (a, b), check (a > 0));
    alter table public.people enable row level security;
    create function public.is_me(id uuid) returns boolean language sql stable security definer set search_path = ''
        as $$ select id = auth.uid() $$;
    create policy own on public.people for update to authenticated using (public.is_me(id)) with check (true);
    create policy friends on public.people using (exists (select from public.\"Größe\" g where g.who = people.id));
    create view public.names with (security_invoker) as select name from public.people;
    grant update (name) on public.people to authenticated;
    create function public.touch() returns trigger language plpgsql as $$ begin return new; end $$;
    create trigger touch before update on public.people for each row execute function public.touch();
";

#[tokio::test]
async fn relations_policies_grants_and_functions_are_read() {
    let database = testkit::database().await;
    database.run(SQL).await;
    let schema = Schema::read(&database.connect(&database.admin).await).await.unwrap();

    let people = schema.relation("public", "people").unwrap();
    assert_eq!(people.kind, RelationKind::Table);
    assert!(people.rls && !people.force_rls);
    assert_eq!(people.primary_key(), ["id"]);
    assert_eq!(people.foreign_keys[0].target_table, "users");
    assert_eq!(people.foreign_keys[0].on_delete, "CASCADE");
    let own = people.policies.iter().find(|policy| policy.name == "own").unwrap();
    assert_eq!((own.command, own.roles.as_slice()), (Command::Update, ["authenticated".to_owned()].as_slice()));
    let is_me = schema.functions.iter().find(|function| function.name == "is_me").unwrap();
    assert_eq!(own.calls, [is_me.oid]);
    assert!(is_me.security_definer && is_me.settings == ["search_path=\"\""]);
    let friends = people.policies.iter().find(|policy| policy.name == "friends").unwrap();
    let sizes = schema.relation("public", "Größe").unwrap();
    assert_eq!(friends.reads, [sizes.oid]);
    assert_eq!(friends.roles, ["public"]);
    assert!(people.column("name").unwrap().grants.iter().any(|grant| grant.grantee == "authenticated"));
    assert_eq!(people.triggers.len(), 1);

    let names: Vec<_> = sizes.columns.iter().map(|column| (column.name.as_str(), column.base_type.as_str())).collect();
    assert_eq!(names, [("a", "int4"), ("b", "level"), ("c", "int4"), ("who", "uuid"), ("double", "int4")]);
    assert!(sizes.column("double").unwrap().generated.is_some());
    assert_eq!(sizes.primary_key(), ["a", "b"]);
    assert_eq!(sizes.checks[0].columns, ["a"]);

    let view = schema.relation("public", "names").unwrap();
    assert!(view.security_invoker);
    assert_eq!(view.reads, [people.oid]);
    let touch = schema.functions.iter().find(|function| function.name == "touch").unwrap();
    assert_eq!(touch.kind, FunctionKind::Trigger);
    assert!(schema.namespaces.iter().any(|namespace| namespace.name == "public"));
    assert!(schema.extensions.iter().any(|extension| extension.name == "pgcrypto"));
    assert!(schema.user_relations().all(|relation| relation.schema == "public"));
}

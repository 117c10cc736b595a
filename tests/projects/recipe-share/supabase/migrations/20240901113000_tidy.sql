-- hand-written again
alter table recipes add column if not exists servings smallint check (servings between 1 and 50);

create or replace function delete_user() returns void language sql security definer as $$
  -- called from the app: "delete my account"
  delete from auth.users where id = auth.uid();
$$;

do $do$
begin
  if exists (select from pg_available_extensions where name = 'pg_trgm') then
    create extension if not exists pg_trgm with schema extensions;
    execute 'create index recipes_title_trgm on public.recipes using gin (title extensions.gin_trgm_ops)';
  end if;
end
$do$;

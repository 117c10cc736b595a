-- Schema `storage` had a table of folders for some months of 2025, and `db pull` wrote its triggers and grants into migrations.
-- Nothing reads it any more: it is here so that those migrations, and dumps of those months, run.

--: as superuser
set local role supabase_storage_admin;

--: tables
create table storage.prefixes (
    bucket_id text not null,
    name text collate "C" not null,
    level integer generated always as (array_length(string_to_array(name, '/'), 1)) stored,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    constraint prefixes_pkey primary key (bucket_id, level, name),
    constraint "prefixes_bucketId_fkey" foreign key (bucket_id) references storage.buckets (id)
);
comment on table storage.prefixes is 'Not used: kept for migrations that name it.';
alter table storage.prefixes enable row level security;

--: functions
-- What these triggers did needs no doing: folders are found in the names of objects.
create function storage.prefixes_insert_trigger() returns trigger language plpgsql as $$ begin return new; end $$;
create function storage.objects_insert_prefix_trigger() returns trigger language plpgsql as $$ begin return new; end $$;
create function storage.objects_update_prefix_trigger() returns trigger language plpgsql as $$ begin return new; end $$;
create function storage.objects_update_level_trigger() returns trigger language plpgsql as $$ begin return new; end $$;
create function storage.objects_update_cleanup() returns trigger language plpgsql as $$ begin return null; end $$;
create function storage.objects_delete_cleanup() returns trigger language plpgsql as $$ begin return null; end $$;
create function storage.prefixes_delete_cleanup() returns trigger language plpgsql as $$ begin return null; end $$;
create function storage.delete_prefix_hierarchy_trigger() returns trigger language plpgsql as $$ begin return old; end $$;

--: grants as superuser
grant all on storage.prefixes to postgres with grant option;
-- TRUNCATE passes by row security.
revoke all on storage.prefixes from anon, authenticated;

--: grants
grant select, insert, update, delete on storage.prefixes to anon, authenticated;
grant all on storage.prefixes to service_role;

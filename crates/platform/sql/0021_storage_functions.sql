-- Functions that policies call (foldername, filename, extension, operation …) and that list buckets,
-- and the triggers that keep rows and files together.

--: as superuser
set local role supabase_storage_admin;

--: functions for policies
create function storage.foldername(name text) returns text[] language sql immutable as $$
    select (string_to_array(name, '/'))[1 : array_length(string_to_array(name, '/'), 1) - 1]
$$;
create function storage.filename(name text) returns text language sql immutable as $$
    select (string_to_array(name, '/'))[array_length(string_to_array(name, '/'), 1)]
$$;
create function storage.extension(name text) returns text language sql immutable as $$
    select reverse(split_part(reverse(storage.filename(name)), '.', 1))
$$;
create function storage.operation() returns text language sql stable as $$
    select current_setting('storage.operation', true)
$$;
-- The name of an operation may be written with or without its `storage.`.
create function storage.allow_any_operation(expected_operations text[]) returns boolean language sql stable as $$
    select coalesce(bool_or(
               regexp_replace(expected, '^storage\.', '')
                   = regexp_replace(current_setting('storage.operation', true), '^storage\.', '')), false)
    from unnest(expected_operations) as expected
    where expected <> ''
$$;
create function storage.allow_only_operation(expected_operation text) returns boolean language sql stable as $$
    select storage.allow_any_operation(array[expected_operation])
$$;

--: functions of the service
create function storage.get_size_by_bucket() returns table (size bigint, bucket_id text) language sql stable as $$
    select coalesce(sum((o.metadata ->> 'size')::bigint), 0)::bigint, o.bucket_id from storage.objects o group by o.bucket_id
$$;
-- Tries an insert as the caller and takes it back: the raised state tells the service that policies allow it.
create function storage.can_insert_object(bucketid text, name text, owner uuid, metadata jsonb) returns void
language plpgsql as $$
begin
    insert into storage.objects (bucket_id, name, owner, metadata) values (bucketid, name, owner, metadata);
    raise sqlstate 'PT200' using message = 'ROLLBACK', detail = 'rollback successful insert';
end
$$;
-- The folder right below the prefix that a key lies in; NULL for a key that lies in none.
create function storage.get_common_prefix(p_key text, p_prefix text, p_delimiter text) returns text language sql immutable as $$
    select case
        when coalesce(p_delimiter, '') = '' then null
        when position(p_delimiter in substr(p_key, length(p_prefix) + 1)) = 0 then null
        else left(p_key, length(p_prefix) + length(p_delimiter)
                  + position(p_delimiter in substr(p_key, length(p_prefix) + 1)) - 1)
    end
$$;

-- One level of a bucket in the order of names. A folder costs one look-up in the index, however much is in it:
-- the scan jumps behind it instead of reading through it.
create function storage.list_objects_with_delimiter(
    _bucket_id text, prefix_param text, delimiter_param text, max_keys integer default 100,
    start_after text default '', next_token text default '', sort_order text default 'asc')
returns table (name text, id uuid, metadata jsonb, updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz)
language plpgsql stable as $$
#variable_conflict use_column
declare
    -- Greater than every continuation of a name, in the C order of UTF-8.
    top constant text := chr(1114111);
    low constant text := coalesce(prefix_param, '');
    descending constant boolean := lower(coalesce(sort_order, 'asc')) = 'desc';
    since text := coalesce(nullif(next_token, ''), start_after, '');
    emitted integer := 0;
    hit storage.objects%rowtype;
    folder text;
begin
    if descending then
        since := case when since = '' then low || top else since end;
    elsif since <> '' and delimiter_param <> '' and right(since, length(delimiter_param)) = delimiter_param then
        since := since || top;
    end if;
    while emitted < coalesce(max_keys, 100) loop
        if descending then
            select o.* into hit from storage.objects o
            where o.bucket_id = _bucket_id and o.name collate "C" >= low and o.name collate "C" < low || top
              and o.name collate "C" < since
            order by o.name collate "C" desc limit 1;
        else
            select o.* into hit from storage.objects o
            where o.bucket_id = _bucket_id and o.name collate "C" >= low and o.name collate "C" < low || top
              and o.name collate "C" > since
            order by o.name collate "C" limit 1;
        end if;
        exit when not found;
        folder := storage.get_common_prefix(hit.name, low, delimiter_param);
        if folder is null then
            since := hit.name;
            name := hit.name; id := hit.id; metadata := hit.metadata; updated_at := hit.updated_at;
            created_at := hit.created_at; last_accessed_at := hit.last_accessed_at;
        else
            since := case when descending then folder else folder || top end;
            name := folder; id := null; metadata := null; updated_at := null; created_at := null; last_accessed_at := null;
        end if;
        emitted := emitted + 1;
        return next;
    end loop;
end
$$;

create function storage.list_multipart_uploads_with_delimiter(
    bucket_id text, prefix_param text, delimiter_param text, max_keys integer default 100,
    next_key_token text default '', next_upload_token text default '')
returns table (key text, id text, created_at timestamptz) language sql stable as $$
    select distinct on (listed.key) listed.key, listed.id, listed.created_at
    from (
        select coalesce(storage.get_common_prefix(u.key, $2, $3), u.key) collate "C" as key, u.id, u.created_at
        from storage.s3_multipart_uploads u
        where u.bucket_id = $1 and starts_with(u.key, coalesce($2, ''))
          and ($5 = '' or (u.key collate "C", u.id) > ($5, $6))
    ) listed
    order by listed.key, listed.created_at
    limit $4
$$;

create function storage.search(
    prefix text, bucketname text, limits integer default 100, levels integer default 1, offsets integer default 0,
    search text default '', sortcolumn text default 'name', sortorder text default 'asc')
returns table (name text, id uuid, updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz, metadata jsonb)
language sql stable as $$
    with under as (
        select o.*, o.path_tokens[levels] as part, array_length(o.path_tokens, 1) > levels as is_folder
        from storage.objects o
        where o.bucket_id = bucketname
          and starts_with(lower(o.name), lower(coalesce(prefix, '') || coalesce(search, '')))
    ), entries as (
        select part, null::uuid as id, null::timestamptz as updated_at, null::timestamptz as created_at,
               null::timestamptz as last_accessed_at, null::jsonb as metadata
        from under where is_folder group by part
        union all
        select part, id, updated_at, created_at, last_accessed_at, metadata
        from under where not is_folder and array_length(path_tokens, 1) = levels
    )
    select part, id, updated_at, created_at, last_accessed_at, metadata
    from entries
    order by
        case when coalesce(sortcolumn, 'name') <> 'name' and id is not null then 1 else 0 end,
        case when lower(sortorder) = 'desc' then null else
            case sortcolumn when 'updated_at' then updated_at when 'created_at' then created_at
                            when 'last_accessed_at' then last_accessed_at end end asc,
        case when lower(sortorder) = 'desc' then
            case sortcolumn when 'updated_at' then updated_at when 'created_at' then created_at
                            when 'last_accessed_at' then last_accessed_at end end desc,
        case when lower(sortorder) = 'desc' and coalesce(sortcolumn, 'name') = 'name' then null else lower(part) end collate "C" asc,
        lower(part) collate "C" desc
    limit least(coalesce(limits, 100), 1500) offset coalesce(offsets, 0)
$$;

create function storage.search_by_timestamp(
    p_prefix text, p_bucket_id text, p_limit integer, p_level integer, p_start_after text,
    p_sort_order text, p_sort_column text, p_sort_column_after text)
returns table (key text, name text, id uuid, updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz, metadata jsonb)
language sql stable as $$
    with under as (
        select o.*, storage.get_common_prefix(o.name, coalesce(p_prefix, ''), '/') as folder
        from storage.objects o
        where o.bucket_id = p_bucket_id and starts_with(o.name, coalesce(p_prefix, ''))
    ), entries as (
        -- A folder is as old as its oldest and as fresh as its freshest object, so that paging stays stable.
        select folder as name, null::uuid as id, max(updated_at) as updated_at, min(created_at) as created_at,
               null::timestamptz as last_accessed_at, null::jsonb as metadata
        from under where folder is not null group by folder
        union all
        select name, id, updated_at, created_at, last_accessed_at, metadata from under where folder is null
    ), ordered as (
        select *, date_trunc('milliseconds', case p_sort_column when 'created_at' then created_at else updated_at end) as at
        from entries
    )
    select split_part(name, '/', p_level), name, id, case when id is null then null else updated_at end,
           case when id is null then null else created_at end, last_accessed_at, metadata
    from ordered
    where coalesce(p_sort_column_after, '') = ''
       or case when lower(p_sort_order) = 'desc'
               then (at, name collate "C") < (p_sort_column_after::timestamptz, p_start_after)
               else (at, name collate "C") > (p_sort_column_after::timestamptz, p_start_after) end
    order by case when lower(p_sort_order) = 'desc' then null else at end asc,
             case when lower(p_sort_order) = 'desc' then at end desc,
             case when lower(p_sort_order) = 'desc' then null else name end collate "C" asc,
             name collate "C" desc
    limit p_limit
$$;

create function storage.search_v2(
    prefix text, bucket_name text, limits integer default 100, levels integer default 1, start_after text default '',
    sort_order text default 'asc', sort_column text default 'name', sort_column_after text default '')
returns table (key text, name text, id uuid, updated_at timestamptz, created_at timestamptz, last_accessed_at timestamptz, metadata jsonb)
language plpgsql stable as $$
declare
    wanted constant integer := least(coalesce(limits, 100), 1500);
begin
    if lower(coalesce(sort_column, 'name')) in ('created_at', 'updated_at') then
        return query select * from storage.search_by_timestamp(
            prefix, bucket_name, wanted, levels, start_after, sort_order, lower(sort_column), sort_column_after);
    else
        return query
        select split_part(l.name, '/', levels), l.name, l.id, l.updated_at, l.created_at, l.last_accessed_at, l.metadata
        from storage.list_objects_with_delimiter(
            bucket_name, coalesce(prefix, ''), '/', wanted, coalesce(start_after, ''), '', sort_order) l;
    end if;
end
$$;

--: triggers
create function storage.update_updated_at_column() returns trigger language plpgsql as $$
begin
    new.updated_at = now();
    return new;
end
$$;
create trigger update_objects_updated_at before update on storage.objects
    for each row execute function storage.update_updated_at_column();

create function storage.enforce_bucket_name_length() returns trigger language plpgsql as $$
begin
    if length(new.name) > 100 then
        raise exception 'bucket name "%" is too long (% characters): at most 100 are allowed', new.name, length(new.name);
    end if;
    return new;
end
$$;
create trigger enforce_bucket_name_length_trigger before insert or update of name on storage.buckets
    for each row execute function storage.enforce_bucket_name_length();

-- A row deleted by SQL would leave its file behind: only the storage service, which sets this, may delete.
create function storage.protect_delete() returns trigger language plpgsql as $$
begin
    if coalesce(current_setting('storage.allow_delete_query', true), 'false') <> 'true' then
        raise exception 'Direct deletion from storage tables is not allowed. Use the Storage API instead.'
            using errcode = '42501', hint = 'This prevents accidental data loss from orphaned objects.';
    end if;
    return null;
end
$$;
create trigger protect_buckets_delete before delete on storage.buckets
    for each statement execute function storage.protect_delete();
create trigger protect_objects_delete before delete on storage.objects
    for each statement execute function storage.protect_delete();

--: grants
grant execute on all functions in schema storage to anon, authenticated, service_role;

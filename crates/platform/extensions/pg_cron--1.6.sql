-- pg_cron: jobs as rows, kept here and run by the server. Objects live in schema `cron`, whatever schema
-- `create extension … with schema` names: projects name pg_catalog, extensions and cron.
-- The script runs as superuser: nothing that a project put into a schema may stand in for a function named here.
set local search_path to pg_catalog, pg_temp;
do $$
begin
    if to_regnamespace('cron') is null then
        create schema cron;
    end if;
end
$$;

create sequence cron.jobid_seq;
create table cron.job (
    jobid bigint default nextval('cron.jobid_seq') not null,
    schedule text not null,
    command text not null,
    nodename text default 'localhost' not null,
    nodeport integer default coalesce(inet_server_port(), current_setting('port')::integer) not null,
    database text default current_database() not null,
    username text default current_user not null,
    active boolean default true not null,
    jobname text,
    constraint job_pkey primary key (jobid),
    constraint jobname_username_uniq unique (jobname, username)
);
create sequence cron.runid_seq;
create table cron.job_run_details (
    jobid bigint,
    runid bigint default nextval('cron.runid_seq') not null,
    job_pid integer,
    database text,
    username text,
    command text,
    status text,
    return_message text,
    start_time timestamptz,
    end_time timestamptz,
    constraint job_run_details_pkey primary key (runid)
);
alter sequence cron.jobid_seq owned by cron.job.jobid;
alter sequence cron.runid_seq owned by cron.job_run_details.runid;

-- A role sees its own jobs and their runs.
alter table cron.job enable row level security;
create policy cron_job_policy on cron.job using (username = current_user) with check (username = current_user);
alter table cron.job_run_details enable row level security;
create policy cron_job_run_details_policy on cron.job_run_details using (username = current_user);

-- One field of a cron line: *, n, a-b, lists, steps, names where they are allowed.
create function cron._field_is_valid(field text, low integer, high integer, names text[]) returns boolean
language plpgsql immutable set search_path to '' as $$
declare
    part text;
    bounds text[];
    first integer;
    last integer;
    position integer;
begin
    foreach part in array string_to_array(lower(field), ',') loop
        if part ~ '/' then
            if part !~ '^[^/]+/[0-9]{1,4}$' or split_part(part, '/', 2)::integer = 0 then
                return false;
            end if;
            part := split_part(part, '/', 1);
        end if;
        if part = '*' then
            continue;
        end if;
        if part !~ '^[0-9a-z]+(-[0-9a-z]+)?$' then
            return false;
        end if;
        bounds := string_to_array(part, '-');
        for position in 1 .. array_length(bounds, 1) loop
            if array_position(names, left(bounds[position], 3)) is not null and bounds[position] ~ '^[a-z]+$' then
                bounds[position] := (array_position(names, left(bounds[position], 3)) - 1 + low)::text;
            end if;
            if bounds[position] !~ '^[0-9]{1,4}$' then
                return false;
            end if;
        end loop;
        first := bounds[1]::integer;
        last := coalesce(bounds[2], bounds[1])::integer;
        if first < low or last > high or first > last then
            return false;
        end if;
    end loop;
    return field <> '' and field !~ '(^,|,,|,$)';
end
$$;

-- What cron.schedule accepts: five fields, @daily and its kin, or "1 second" to "59 seconds".
create function cron._schedule_is_valid(schedule text) returns boolean
language plpgsql immutable set search_path to '' as $$
declare
    line constant text := lower(btrim(schedule));
    fields text[];
begin
    if line is null then
        return false;
    end if;
    if line ~ '^[1-5]?[0-9] +seconds?$' then
        return split_part(line, ' ', 1)::integer between 1 and 59;
    end if;
    if line in ('@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly', '@reboot', '@restart') then
        return true;
    end if;
    fields := regexp_split_to_array(line, '\s+');
    if array_length(fields, 1) <> 5 then
        return false;
    end if;
    -- `$` is pg_cron's last day of the month.
    return cron._field_is_valid(fields[1], 0, 59, null)
       and cron._field_is_valid(fields[2], 0, 23, null)
       and (fields[3] = '$' or cron._field_is_valid(fields[3], 1, 31, null))
       and cron._field_is_valid(fields[4], 1, 12,
               array['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'])
       and cron._field_is_valid(fields[5], 0, 7, array['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']);
end
$$;

create function cron._check_schedule(schedule text) returns void
language plpgsql immutable set search_path to '' as $$
begin
    if not cron._schedule_is_valid(schedule) then
        raise exception 'invalid schedule: %', schedule
            using errcode = '22023', hint = 'Use cron format (e.g. 5 4 * * *), or interval format ''[1-59] seconds''';
    end if;
end
$$;

-- A job runs as the role that its row names, so nobody but a superuser may write a row of another's name. Row security is
-- not enough (BYPASSRLS roles skip it), and the trigger is ALWAYS on (session_replication_role would skip it otherwise).
create function cron._guard() returns trigger language plpgsql set search_path to '' as $$
declare
    is_super constant boolean := (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = current_user);
begin
    if tg_op <> 'INSERT' and not is_super and old.username <> current_user then
        raise exception 'Job % does not exist or you don''t own it', old.jobid using errcode = '42501';
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    if not is_super and new.username <> current_user then
        raise exception 'must be superuser to create a job for another role' using errcode = '42501';
    end if;
    if not exists (select from pg_catalog.pg_roles r where r.rolname = new.username) then
        raise exception 'role "%" does not exist', new.username using errcode = '42704';
    end if;
    if not exists (select from pg_catalog.pg_database d where d.datname = new.database) then
        raise exception 'database "%" does not exist', new.database using errcode = '3D000';
    end if;
    if not has_database_privilege(new.username, new.database, 'connect') then
        raise exception 'User % does not have CONNECT privilege on %', new.username, new.database using errcode = '42501';
    end if;
    if not cron._schedule_is_valid(new.schedule) then
        raise exception 'invalid schedule: %', new.schedule
            using errcode = '22023', hint = 'Use cron format (e.g. 5 4 * * *), or interval format ''[1-59] seconds''';
    end if;
    return new;
end
$$;
create trigger cron_job_guard before insert or update or delete on cron.job for each row execute function cron._guard();
alter table cron.job enable always trigger cron_job_guard;

create function cron.schedule(schedule text, command text) returns bigint
language sql set search_path to '' as $$
    insert into cron.job (schedule, command) values ($1, $2) returning jobid
$$;
comment on function cron.schedule(text, text) is 'schedule a pg_cron job';

create function cron.schedule_in_database(
    job_name text, schedule text, command text, database text, username text default null, active boolean default true)
returns bigint language plpgsql set search_path to '' as $$
declare
    id bigint;
begin
    if job_name is null then
        raise exception 'job_name can not be NULL' using errcode = '22004';
    end if;
    insert into cron.job as j (jobname, schedule, command, database, username, active)
    values ($1, $2, $3, coalesce($4, current_database()), coalesce($5, current_user), coalesce($6, true))
    on conflict on constraint jobname_username_uniq do update
        set schedule = excluded.schedule, command = excluded.command, database = excluded.database, active = excluded.active
    returning j.jobid into id;
    return id;
end
$$;
comment on function cron.schedule_in_database(text, text, text, text, text, boolean) is 'schedule a pg_cron job';

create function cron.schedule(job_name text, schedule text, command text) returns bigint
language sql set search_path to '' as $$ select cron.schedule_in_database($1, $2, $3, null) $$;
comment on function cron.schedule(text, text, text) is 'schedule a pg_cron job';

create function cron.unschedule(job_id bigint) returns boolean
language plpgsql set search_path to '' as $$
begin
    delete from cron.job j where j.jobid = job_id;
    if not found then
        raise exception 'could not find valid entry for job ''%''', job_id;
    end if;
    return true;
end
$$;
comment on function cron.unschedule(bigint) is 'unschedule a pg_cron job';

create function cron.unschedule(job_name text) returns boolean
language plpgsql set search_path to '' as $$
begin
    delete from cron.job j where j.jobname = job_name and j.username = current_user;
    if not found then
        raise exception 'could not find valid entry for job ''%''', job_name;
    end if;
    return true;
end
$$;
comment on function cron.unschedule(text) is 'unschedule a pg_cron job';

create function cron.alter_job(
    job_id bigint, schedule text default null, command text default null, database text default null,
    username text default null, active boolean default null)
returns void language plpgsql set search_path to '' as $$
begin
    update cron.job j
    set schedule = coalesce($2, j.schedule), command = coalesce($3, j.command), database = coalesce($4, j.database),
        username = coalesce($5, j.username), active = coalesce($6, j.active)
    where j.jobid = job_id;
    if not found then
        raise exception 'Job % does not exist or you don''t own it', job_id;
    end if;
end
$$;
comment on function cron.alter_job(bigint, text, text, text, text, boolean) is
    'Alter the job identified by job_id. Any option left as NULL will not be modified.';

-- Wakes the scheduler of the server; the name is that of the original.
create function cron.job_cache_invalidate() returns trigger language plpgsql set search_path to '' as $$
begin
    notify _basalt_cron;
    return null;
end
$$;
create trigger cron_job_cache_invalidate after insert or update or delete or truncate on cron.job
    for each statement execute function cron.job_cache_invalidate();

-- The gate is USAGE on the schema, which only `postgres` has and may pass on; the functions run as their caller.
grant select, insert, update, delete on cron.job to public;
grant select, delete on cron.job_run_details to public;
grant usage on sequence cron.jobid_seq to public;

do $$
begin
    if to_regrole('postgres') is not null then
        grant usage on schema cron to postgres with grant option;
        grant execute on all functions in schema cron to postgres with grant option;
        grant select, insert, update, delete on cron.job to postgres with grant option;
        grant select, delete on cron.job_run_details to postgres with grant option;
        grant usage on sequence cron.jobid_seq, cron.runid_seq to postgres with grant option;
    end if;
    begin
        perform pg_catalog.pg_extension_config_dump('cron.job', '');
        perform pg_catalog.pg_extension_config_dump('cron.jobid_seq', '');
        perform pg_catalog.pg_extension_config_dump('cron.runid_seq', '');
    exception when feature_not_supported then
        -- Not run by CREATE EXTENSION but as a script, where the provider allows no extensions of ours: nothing to mark.
        null;
    end;
end
$$;

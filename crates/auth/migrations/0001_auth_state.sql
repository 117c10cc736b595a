-- What Basalt knows beyond GoTrue's tables; reached by the auth service only.
create schema if not exists _basalt;

-- Sessions that ended before their access tokens did. Read at start, so that a restart keeps them dead.
create table if not exists _basalt.revoked_sessions (
    session_id uuid primary key,
    until timestamptz not null
);
create index if not exists revoked_sessions_until_idx on _basalt.revoked_sessions (until);

-- Wrong guesses at the live one-time token of a kind: six digits need more than a limit per address.
create table if not exists _basalt.otp_attempts (
    user_id uuid not null references auth.users (id) on delete cascade,
    kind text not null,
    attempts integer not null,
    primary key (user_id, kind)
);

-- The last time step of a TOTP factor that was accepted: a code works once.
create table if not exists _basalt.totp_steps (
    factor_id uuid primary key references auth.mfa_factors (id) on delete cascade,
    step bigint not null
);

grant usage on schema _basalt to supabase_auth_admin;
grant select, insert, update, delete on _basalt.revoked_sessions, _basalt.otp_attempts, _basalt.totp_steps to supabase_auth_admin;

-- Seeds and tests of projects run `truncate auth.users cascade` as postgres, which reaches these two.
do $$
begin
    if exists (select from pg_roles where rolname = 'postgres') then
        grant truncate on _basalt.otp_attempts, _basalt.totp_steps to postgres;
    end if;
end
$$;

-- Sign-in by SAML, beyond GoTrue's tables.

-- Assertions that were used: each is good once, also where no request of ours was before it.
create table if not exists _basalt.saml_assertions (
    sso_provider_id uuid not null references auth.sso_providers (id) on delete cascade,
    assertion_id text not null,
    until timestamptz not null,
    primary key (sso_provider_id, assertion_id)
);
create index if not exists saml_assertions_until_idx on _basalt.saml_assertions (until);

-- When the session ends that a code will be exchanged for: auth.flow_state has no column for it.
create table if not exists _basalt.flow_session_ends (
    flow_state_id uuid primary key references auth.flow_state (id) on delete cascade,
    session_not_after timestamptz not null
);

grant select, insert, update, delete on _basalt.saml_assertions, _basalt.flow_session_ends to supabase_auth_admin;

do $$
begin
    if exists (select from pg_roles where rolname = 'postgres') then
        grant truncate on _basalt.saml_assertions, _basalt.flow_session_ends to postgres;
    end if;
end
$$;

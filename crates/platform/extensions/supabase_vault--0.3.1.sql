-- supabase_vault: secrets that lie encrypted in the table, in backups and in dumps. The key is a file outside the data
-- directory, read by a function of the superuser; it is in no setting and in no table.
--
-- AES-256-CBC, then HMAC-SHA-256 over row id, initialisation vector and ciphertext, with two keys derived from the file:
-- a ciphertext that was altered, or moved to another row, is refused.
-- The script runs as superuser: nothing that a project put into a schema may stand in for a function named here.
set local search_path to pg_catalog, pg_temp;

-- pgcrypto's C functions under names of our own: nothing that a project may create, replace or drop can come between.
create function @extschema@._aes_encrypt(data bytea, key bytea, iv bytea, kind text) returns bytea
    language c immutable strict as '$libdir/pgcrypto', 'pg_encrypt_iv';
create function @extschema@._aes_decrypt(data bytea, key bytea, iv bytea, kind text) returns bytea
    language c immutable strict as '$libdir/pgcrypto', 'pg_decrypt_iv';
create function @extschema@._hmac(data bytea, key bytea, kind text) returns bytea
    language c immutable strict as '$libdir/pgcrypto', 'pg_hmac';
create function @extschema@._random_bytes(count integer) returns bytea
    language c volatile strict as '$libdir/pgcrypto', 'pg_random_bytes';

create function @extschema@._key(purpose text) returns bytea
language plpgsql stable security definer set search_path to '' as $$
declare
    path text;
    master bytea;
begin
    select s.value into path from _basalt.settings s where s.name = 'vault_key_file';
    if path is null then
        raise exception 'the vault has no key: this database was set up without a key file'
            using hint = 'Start the server with the vault''s key file in place.';
    end if;
    master := pg_catalog.pg_read_binary_file(path);
    if pg_catalog.octet_length(master) < 32 then
        raise exception 'the vault''s key file holds % bytes: at least 32 are needed', pg_catalog.octet_length(master);
    end if;
    return vault._hmac(pg_catalog.convert_to('basalt vault ' || purpose, 'UTF8'), master, 'sha256');
end
$$;

create function @extschema@._encrypt(secret text, id uuid, nonce bytea) returns text
language plpgsql stable security definer set search_path to '' as $$
declare
    cipher constant bytea := vault._aes_encrypt(pg_catalog.convert_to(secret, 'UTF8'), vault._key('encryption'), nonce,
                                                'aes-cbc/pad:pkcs');
begin
    return pg_catalog.translate(pg_catalog.encode(
        cipher || vault._hmac(pg_catalog.uuid_send(id) || nonce || cipher, vault._key('authentication'), 'sha256'), 'base64'), E'\n', '');
end
$$;

create function @extschema@._decrypt(secret text, id uuid, nonce bytea) returns text
language plpgsql stable security definer set search_path to '' as $$
declare
    sealed constant bytea := pg_catalog.decode(secret, 'base64');
    cipher constant bytea := pg_catalog.substr(sealed, 1, pg_catalog.octet_length(sealed) - 32);
begin
    if secret is null or nonce is null then
        return null;
    end if;
    if pg_catalog.substr(sealed, pg_catalog.octet_length(sealed) - 31)
           is distinct from vault._hmac(pg_catalog.uuid_send(id) || nonce || cipher, vault._key('authentication'), 'sha256') then
        raise exception 'secret % cannot be decrypted: it was encrypted with another key, or altered', id
            using errcode = '22000', hint = 'Restore the vault key file that belongs to this database.';
    end if;
    return pg_catalog.convert_from(vault._aes_decrypt(cipher, vault._key('encryption'), nonce, 'aes-cbc/pad:pkcs'), 'UTF8');
end
$$;

create table @extschema@.secrets (
    id uuid default gen_random_uuid() not null,
    name text,
    description text default '' not null,
    secret text not null,
    key_id uuid,
    nonce bytea,
    created_at timestamptz default current_timestamp not null,
    updated_at timestamptz default current_timestamp not null,
    constraint secrets_pkey primary key (id)
);
comment on table @extschema@.secrets is 'Table with encrypted `secret` column for storing sensitive information on disk.';
create unique index secrets_name_idx on @extschema@.secrets (name) where name is not null;

-- A plain INSERT into the table is encrypted, too. A row that brings its nonce is a restored one and already is.
create function @extschema@._seal() returns trigger
language plpgsql security definer set search_path to '' as $$
begin
    if tg_op = 'UPDATE' then
        if new.secret = old.secret and new.nonce is not distinct from old.nonce and new.id = old.id then
            return new;
        end if;
        if new.id <> old.id then
            raise exception 'the id of a secret cannot be changed';
        end if;
        new.nonce := null;
    end if;
    if new.nonce is null then
        new.nonce := vault._random_bytes(16);
        new.secret := vault._encrypt(new.secret, new.id, new.nonce);
    end if;
    return new;
end
$$;
create trigger secrets_seal before insert or update of secret, nonce, id on @extschema@.secrets
    for each row execute function @extschema@._seal();
-- Also in a seed that sets session_replication_role: a secret must not lie in the clear for that.
alter table @extschema@.secrets enable always trigger secrets_seal;

create view @extschema@.decrypted_secrets as
    select s.id, s.name, s.description, s.secret, @extschema@._decrypt(s.secret, s.id, s.nonce) as decrypted_secret,
           s.key_id, s.nonce, s.created_at, s.updated_at
    from @extschema@.secrets s;

create function @extschema@.create_secret(
    new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null)
returns uuid language sql security definer set search_path to '' as $$
    insert into vault.secrets (secret, name, description, key_id)
    values (new_secret, new_name, coalesce(new_description, ''), new_key_id)
    returning id
$$;
create function @extschema@.update_secret(
    secret_id uuid, new_secret text default null, new_name text default null, new_description text default null,
    new_key_id uuid default null)
returns void language sql security definer set search_path to '' as $$
    update vault.secrets s
    set secret = coalesce(new_secret, s.secret), name = coalesce(new_name, s.name),
        description = coalesce(new_description, s.description), key_id = coalesce(new_key_id, s.key_id),
        updated_at = current_timestamp
    where s.id = secret_id
$$;

revoke all on all functions in schema @extschema@ from public;
revoke all on all tables in schema @extschema@ from public;
do $$
begin
    if to_regrole('postgres') is not null then
        grant usage on schema @extschema@ to postgres with grant option;
        grant select, insert, update, delete, references on @extschema@.secrets, @extschema@.decrypted_secrets
            to postgres with grant option;
        grant execute on function @extschema@.create_secret(text, text, text, uuid),
            @extschema@.update_secret(uuid, text, text, text, uuid), @extschema@._decrypt(text, uuid, bytea)
            to postgres with grant option;
    end if;
    if to_regrole('service_role') is not null then
        grant usage on schema @extschema@ to service_role;
        grant select, delete on @extschema@.secrets, @extschema@.decrypted_secrets to service_role;
        grant execute on function @extschema@.create_secret(text, text, text, uuid),
            @extschema@.update_secret(uuid, text, text, text, uuid), @extschema@._decrypt(text, uuid, bytea) to service_role;
    end if;
end
$$;
select pg_catalog.pg_extension_config_dump('@extschema@.secrets', '');

-- pgsodium: accepted, so that a folder which names it starts; its functions say that they are not there.
-- The script runs as superuser: nothing that a project put into a schema may stand in for a function named here.
set local search_path to pg_catalog, pg_temp;
do $$
begin
    raise warning 'pgsodium is accepted but does nothing here'
        using hint = 'For secrets use supabase_vault (vault.create_secret), for hashes and ciphers pgcrypto.';
end
$$;
create type @extschema@.key_status as enum ('default', 'valid', 'invalid', 'expired');
create type @extschema@.key_type as enum ('aead-ietf', 'aead-det', 'hmacsha512', 'hmacsha256', 'auth', 'shorthash',
    'generichash', 'kdf', 'secretbox', 'secretstream', 'stream_xchacha20');

create function @extschema@._refuse(name text) returns void language plpgsql as $$
begin
    raise exception 'pgsodium.%() is not available here', name
        using errcode = '0A000', hint = 'For secrets use vault.create_secret() and vault.decrypted_secrets, else pgcrypto.';
end
$$;
create type @extschema@.valid_key as (
    id uuid, name text, status @extschema@.key_status, key_type @extschema@.key_type, key_id bigint, key_context bytea,
    created timestamptz, expires timestamptz, associated_data text);
create function @extschema@.create_key(
    key_type @extschema@.key_type default 'aead-det', name text default null, raw_key bytea default null,
    raw_key_nonce bytea default null, parent_key uuid default null, key_context bytea default '\x7067736f6469756d',
    expires timestamptz default null, associated_data text default '')
returns @extschema@.valid_key language plpgsql as $$
begin
    perform pgsodium._refuse('create_key');
    return null;
end
$$;
create function @extschema@.crypto_aead_det_encrypt(message bytea, additional bytea, key_uuid uuid, nonce bytea default null)
returns bytea language plpgsql as $$
begin
    perform pgsodium._refuse('crypto_aead_det_encrypt');
    return null;
end
$$;
create function @extschema@.crypto_aead_det_decrypt(message bytea, additional bytea, key_uuid uuid, nonce bytea default null)
returns bytea language plpgsql as $$
begin
    perform pgsodium._refuse('crypto_aead_det_decrypt');
    return null;
end
$$;
create function @extschema@.randombytes_buf(size integer) returns bytea language plpgsql as $$
begin
    perform pgsodium._refuse('randombytes_buf');
    return null;
end
$$;
do $$
begin
    if to_regrole('postgres') is not null then
        grant usage on schema @extschema@ to postgres with grant option;
        grant execute on all functions in schema @extschema@ to postgres with grant option;
    end if;
end
$$;

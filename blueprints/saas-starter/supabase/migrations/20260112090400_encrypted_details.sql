-- Sensitive fields are ciphertext in the table and in every dump; their owner alone reads them in the clear.

do $$
begin
  create extension if not exists supabase_vault with schema vault cascade;
exception when others then
  raise notice 'no vault here: the key is kept in private.keys (%)', sqlerrm;
end $$;

-- The fallback where there is no vault. Then the key travels with a dump: use a vault where dumps leave the house.
create table private.keys (
  name   text primary key,
  secret text not null
);
alter table private.keys enable row level security;
revoke all on private.keys from public, anon, authenticated, service_role;
-- Without a grant nobody gets here; the policy says who might.
create policy "Server only" on private.keys to service_role using (true) with check (true);

do $$
declare
  key text := encode(extensions.gen_random_bytes(32), 'hex');
begin
  if to_regprocedure('vault.create_secret(text, text, text, uuid)') is not null
     or to_regprocedure('vault.create_secret(text, text, text)') is not null then
    if not exists (select 1 from vault.secrets where name = 'saas_starter_details') then
      perform vault.create_secret(key, 'saas_starter_details', 'Encrypts private.details');
    end if;
  else
    insert into private.keys (name, secret) values ('saas_starter_details', key) on conflict do nothing;
  end if;
end $$;

-- Called by the definer functions below, granted to nobody.
create function private.details_key() returns text
language plpgsql stable security definer set search_path = '' as $$
declare
  key text;
begin
  if to_regclass('vault.decrypted_secrets') is not null then
    select decrypted_secret into key from vault.decrypted_secrets where name = 'saas_starter_details';
  end if;
  if key is null then
    select secret into key from private.keys where name = 'saas_starter_details';
  end if;
  if key is null then
    raise exception 'the key saas_starter_details is gone' using errcode = '55000';
  end if;
  return key;
end $$;

create table private.details (
  user_id         uuid primary key references public.users (id) on delete cascade,
  phone           bytea,
  tax_id          bytea,
  billing_address bytea,
  updated_at      timestamptz not null default now()
);
alter table private.details enable row level security;
revoke all on private.details from public, anon, authenticated, service_role;
-- Without a grant nobody gets here; the policy says who might.
create policy "Server only" on private.details to service_role using (true) with check (true);

create function private.read_details(p_user_id uuid) returns table (phone text, tax_id text, billing_address text)
language sql stable security definer set search_path = '' as $$
  select extensions.pgp_sym_decrypt(d.phone, k.key), extensions.pgp_sym_decrypt(d.tax_id, k.key),
         extensions.pgp_sym_decrypt(d.billing_address, k.key)
  from private.details d cross join (select private.details_key() as key) k
  where d.user_id = p_user_id
$$;
create function private.my_details() returns table (phone text, tax_id text, billing_address text)
language sql stable security definer set search_path = '' as $$
  select d.phone, d.tax_id, d.billing_address from private.read_details((select auth.uid())) d
$$;
create function private.set_my_details(p_phone text, p_tax_id text, p_billing_address text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  key text := private.details_key();
begin
  if (select auth.uid()) is null then
    raise exception 'sign in first' using errcode = '42501';
  end if;
  if char_length(p_phone) > 40 or char_length(p_tax_id) > 60 or char_length(p_billing_address) > 1000 then
    raise exception 'too long: 40 characters for a phone, 60 for a tax id, 1000 for an address' using errcode = '22001';
  end if;
  insert into private.details (user_id, phone, tax_id, billing_address)
  values ((select auth.uid()),
          extensions.pgp_sym_encrypt(p_phone, key, 'cipher-algo=aes256'),
          extensions.pgp_sym_encrypt(p_tax_id, key, 'cipher-algo=aes256'),
          extensions.pgp_sym_encrypt(p_billing_address, key, 'cipher-algo=aes256'))
  on conflict (user_id) do update
    set phone = excluded.phone, tax_id = excluded.tax_id, billing_address = excluded.billing_address, updated_at = now();
end $$;
create function public.my_details() returns table (phone text, tax_id text, billing_address text)
language sql stable set search_path = '' as $$ select * from private.my_details() $$;
create function public.set_my_details(phone text, tax_id text, billing_address text) returns void
language sql set search_path = '' as $$ select private.set_my_details($1, $2, $3) $$;
revoke all on function private.details_key(), private.read_details(uuid), private.my_details(), private.set_my_details(text, text, text),
  public.my_details(), public.set_my_details(text, text, text) from public, anon, authenticated, service_role;
grant execute on function private.my_details(), private.set_my_details(text, text, text),
  public.my_details(), public.set_my_details(text, text, text) to authenticated;

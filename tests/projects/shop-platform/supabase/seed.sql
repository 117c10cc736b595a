truncate auth.users cascade;
with created as (
  insert into auth.users (id, instance_id, aud, role, email, encrypted_password, raw_app_meta_data, raw_user_meta_data, email_confirmed_at, created_at, updated_at, confirmation_token, recovery_token, email_change_token_new, email_change)
  select gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated', 'buyer' || n || '@shop.example.com',
         extensions.crypt('Passw0rd!', extensions.gen_salt('bf')), jsonb_build_object('provider', 'email', 'providers', array['email']),
         '{}', now(), now(), now(), '', '', '', ''
  from generate_series(1, 5) n
  returning id, email
), tenant as (
  insert into public.tenants (slug, settings) values ('Lädchen', '{"currency": "EUR"}') returning id
), members as (
  insert into public.tenant_members (tenant_id, user_id, scopes) select tenant.id, created.id, '{read,write}' from tenant, created where email like 'buyer1@%'
)
insert into public.customers (id, tenant_id, email) select created.id, tenant.id, created.email from created, tenant;

insert into auth.identities (user_id, provider_id, provider, identity_data, last_sign_in_at, created_at, updated_at)
select id, id, 'email', jsonb_build_object('sub', id, 'email', email, 'email_verified', true, 'phone_verified', false), now(), now(), now() from auth.users;

insert into public.products (tenant_id, sku, title, price)
select id, 'TEA-' || n, 'Grüner Tee No. ' || n, 490 + n from public.tenants, generate_series(1, 20) n;

do $$
declare
  placed uuid;
begin
  insert into public.orders (tenant_id, customer_id, state)
  select tenant_id, id, 'paid' from public.customers order by email limit 1 returning id into placed;
  insert into public.order_lines select placed, id, 2, price from public.products order by id limit 3;
end $$;
set constraints all immediate;

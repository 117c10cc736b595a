-- Which tenants a caller belongs to: the claim when there is one, the table else.
create function public.my_tenants() returns setof uuid
language sql stable security definer set search_path = '' as $$
  select m.tenant_id from public.tenant_members m where m.user_id = auth.uid()
  union
  select (auth.jwt() -> 'app_metadata' ->> 'tenant_id')::uuid where auth.jwt() -> 'app_metadata' ? 'tenant_id'
$$;
revoke all on function public.my_tenants() from public, anon;
grant execute on function public.my_tenants() to authenticated, shop_staff, service_role;

do $$
declare
  t text;
begin
  foreach t in array array['tenants', 'tenant_members', 'products', 'customers', 'orders', 'order_lines'] loop
    execute format('alter table public.%I enable row level security', t);
    execute format('grant select, insert, update, delete on public.%I to authenticated, service_role', t);
  end loop;
  foreach t in array array['products', 'customers', 'orders'] loop
    execute format(
      'create policy tenant_isolation on public.%I to authenticated, shop_staff using (tenant_id in (select public.my_tenants())) with check (tenant_id in (select public.my_tenants()))', t);
  end loop;
end $$;
create policy own_tenants on public.tenants for select to authenticated using (id in (select public.my_tenants()));
create policy own_membership on public.tenant_members for select to authenticated using (user_id = (select auth.uid()));
create policy lines_follow_orders on public.order_lines using (exists (select 1 from public.orders o where o.id = order_id));

create view storefront.products with (security_barrier) as
  select p.id, t.slug as shop, p.title, p.price from public.products p join public.tenants t on t.id = p.tenant_id;
grant select on storefront.products to anon;

-- a signed link to one order, without an account
create function storefront.order_link(order_id uuid) returns text
language sql stable security definer set search_path = '' as $$
  select extensions.sign(
    json_build_object('order', order_id, 'exp', extract(epoch from now() + interval '1 day')::int),
    coalesce(nullif(current_setting('app.settings.jwt_secret', true), ''), 'fallback-secret-for-tests'))
$$;
create function storefront.order_by_link(token text) returns public.orders
language sql stable security definer set search_path = '' as $$
  select o.* from public.orders o, extensions.verify(token,
    coalesce(nullif(current_setting('app.settings.jwt_secret', true), ''), 'fallback-secret-for-tests')) v
  where v.valid and o.id = (v.payload ->> 'order')::uuid
$$;

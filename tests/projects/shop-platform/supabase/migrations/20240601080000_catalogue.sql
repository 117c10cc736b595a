create domain public.money_cents as bigint check (value >= 0);
create domain public.email_address as extensions.citext check (value ~ '^[^@\s]+@[^@\s]+$');

create or replace function public.f_unaccent(text) returns text language sql immutable strict parallel safe as
$$ select extensions.unaccent('extensions.unaccent', $1) $$;
grant execute on function public.f_unaccent to public;

create table public.tenants (
  id uuid primary key default gen_random_uuid(),
  slug extensions.citext not null unique,
  settings jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create table public.tenant_members (
  tenant_id uuid references public.tenants on delete cascade,
  user_id uuid references auth.users (id) on delete cascade,
  scopes text[] not null default array['read']::text[],
  primary key (tenant_id, user_id)
);
create table public.products (
  id bigint primary key generated always as identity (start with 1000),
  tenant_id uuid not null references public.tenants on delete cascade,
  sku text not null,
  title text not null,
  price public.money_cents not null,
  search text generated always as (lower(public.f_unaccent(title))) stored,
  modified timestamptz not null default now(),
  unique (tenant_id, sku)
);
create index products_search on public.products using gin (search extensions.gin_trgm_ops);
create trigger products_modified before update on public.products
  for each row execute procedure extensions.moddatetime (modified);

create table public.customers (
  id uuid primary key references auth.users (id),
  tenant_id uuid not null references public.tenants,
  email public.email_address not null,
  card_token bytea,
  unique (tenant_id, email)
);
create table public.orders (
  id uuid primary key default extensions.uuid_generate_v4(),
  tenant_id uuid not null references public.tenants,
  customer_id uuid references public.customers,
  placed_at timestamptz not null default now(),
  total_cents public.money_cents not null default 0,
  state text not null default 'cart' check (state = any (array['cart', 'paid', 'sent', 'refunded']))
);
create table public.order_lines (
  order_id uuid references public.orders on delete cascade,
  product_id bigint references public.products,
  quantity int not null check (quantity > 0),
  unit_price public.money_cents not null,
  primary key (order_id, product_id)
);

comment on schema public is e'@graphql({"inflect_names": true})';
comment on table public.products is e'@graphql({"totalCount": {"enabled": true}})';

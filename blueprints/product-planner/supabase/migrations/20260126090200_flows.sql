-- Pages of a product and the ways between them.

create table public.flow_pages (
  id uuid primary key default gen_random_uuid(),
  product_id uuid references public.products (id),
  name text not null,
  description text,
  position_x double precision default 0,
  position_y double precision default 0,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone default now(),
  layout_description text,
  features jsonb default '[]',
  implementation_status text default 'not_started'
);
create index flow_pages_product_id_idx on public.flow_pages (product_id);

create table public.flow_connections (
  id uuid primary key default gen_random_uuid(),
  source_id uuid references public.flow_pages (id),
  target_id uuid references public.flow_pages (id),
  created_at timestamp with time zone default now(),
  product_id uuid references public.products (id)
);
create index flow_connections_source_id_idx on public.flow_connections (source_id);
create index flow_connections_target_id_idx on public.flow_connections (target_id);
create index flow_connections_product_id_idx on public.flow_connections (product_id);

-- Both ends of a connection lie in the connection's product, and a page that is connected does not move to another.
alter table public.flow_pages add constraint flow_pages_id_product_id_key unique (id, product_id);
alter table public.flow_connections
  add constraint flow_connections_source_in_product foreign key (source_id, product_id) references public.flow_pages (id, product_id),
  add constraint flow_connections_target_in_product foreign key (target_id, product_id) references public.flow_pages (id, product_id);
create index flow_connections_source_product_idx on public.flow_connections (source_id, product_id);
create index flow_connections_target_product_idx on public.flow_connections (target_id, product_id);

alter table public.flow_pages enable row level security;
alter table public.flow_connections enable row level security;
revoke all on public.flow_pages, public.flow_connections
  from anon, authenticated;

create trigger flow_pages_touch before update on public.flow_pages for each row execute function private.touch_updated_at();

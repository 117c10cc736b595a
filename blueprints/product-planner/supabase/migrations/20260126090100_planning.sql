-- What is planned for a product.

create table public.customer_profiles (
  id uuid primary key,
  product_id uuid references public.products (id) on delete cascade,
  name text,
  overview jsonb,
  background jsonb,
  problems jsonb,
  scoring jsonb,
  is_selected boolean default false,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone
);
create index customer_profiles_product_id_idx on public.customer_profiles (product_id);

create table public.bugs (
  id uuid primary key,
  name text not null,
  description text,
  bug_url text,
  screenshot_url text,
  status text default 'not_started',
  priority text default 'not-prioritized',
  position integer,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone,
  product_id uuid references public.products (id) on delete cascade
);
create index bugs_product_id_idx on public.bugs (product_id);

create table public.features (
  id uuid primary key,
  product_id uuid references public.products (id) on delete cascade,
  name text,
  description text,
  priority text,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone,
  implementation_status text default 'not_started',
  position integer
);
create index features_product_id_idx on public.features (product_id);

create table public.tasks (
  id uuid primary key,
  name text not null,
  description text,
  status text default 'not_started',
  priority text default 'not-prioritized',
  position integer default 0,
  product_id uuid references public.products (id),
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone
);
create index tasks_product_id_idx on public.tasks (product_id);

create table public.prds (
  id uuid primary key default gen_random_uuid(),
  product_id uuid references public.products (id),
  problem text default '',
  solution text default '',
  target_audience text default '',
  tech_stack text default '',
  success_metrics text default '',
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone default now(),
  custom_sections jsonb default '{}'
);
create index prds_product_id_idx on public.prds (product_id);

create table public.product_prompts (
  id uuid primary key,
  product_id uuid references public.products (id),
  name text,
  description text,
  template text,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone,
  category text
);
create index product_prompts_product_id_idx on public.product_prompts (product_id);
create index product_prompts_category_idx on public.product_prompts (category);

create table public.notes (
  id uuid primary key,
  user_id uuid references public.users (id),
  product_id uuid references public.products (id),
  content text,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone,
  title text
);
create index notes_user_id_idx on public.notes (user_id);
create index notes_product_id_idx on public.notes (product_id);

create table public.prompt_templates (
  id uuid primary key,
  user_id uuid references public.users (id),
  name text,
  description text,
  template text,
  category text,
  created_at timestamp with time zone default now(),
  updated_at timestamp with time zone,
  is_public boolean default false
);
create index prompt_templates_user_id_idx on public.prompt_templates (user_id);
create index prompt_templates_public_idx on public.prompt_templates (category) where is_public;

alter table public.customer_profiles enable row level security;
alter table public.bugs enable row level security;
alter table public.features enable row level security;
alter table public.tasks enable row level security;
alter table public.prds enable row level security;
alter table public.product_prompts enable row level security;
alter table public.notes enable row level security;
alter table public.prompt_templates enable row level security;
revoke all on public.customer_profiles, public.bugs, public.features, public.tasks, public.prds, public.product_prompts, public.notes, public.prompt_templates
  from anon, authenticated;

create trigger customer_profiles_touch before update on public.customer_profiles for each row execute function private.touch_updated_at();
create trigger bugs_touch before update on public.bugs for each row execute function private.touch_updated_at();
create trigger features_touch before update on public.features for each row execute function private.touch_updated_at();
create trigger tasks_touch before update on public.tasks for each row execute function private.touch_updated_at();
create trigger prds_touch before update on public.prds for each row execute function private.touch_updated_at();
create trigger product_prompts_touch before update on public.product_prompts for each row execute function private.touch_updated_at();
create trigger notes_touch before update on public.notes for each row execute function private.touch_updated_at();
create trigger prompt_templates_touch before update on public.prompt_templates for each row execute function private.touch_updated_at();

-- Images, what is done to them, and collections of them.

create table public.images (
    id uuid default gen_random_uuid() primary key,
    user_id uuid references public.profiles(id) on delete cascade,
    original_filename text not null,
    original_file_size integer,
    original_file_type text,
    original_url text,
    processed_url text,
    thumbnail_url text,
    final_url text,
    processing_status text default 'pending' check (processing_status in ('pending', 'processing', 'completed', 'failed')),
    processing_error text,
    is_favorite boolean default false,
    download_count integer default 0,
    metadata jsonb,
    expires_at timestamp with time zone,
    created_at timestamp with time zone default now(),
    updated_at timestamp with time zone default now()
);

create table public.image_operations (
    id uuid default gen_random_uuid() primary key,
    image_id uuid references public.images(id) on delete cascade,
    operation_type text not null check (operation_type in ('upscale', 'background_removal', 'vectorize', 'generate')),
    api_provider text not null,
    status text default 'pending' check (status in ('pending', 'processing', 'completed', 'failed')),
    input_data jsonb,
    output_data jsonb,
    error_message text,
    processing_time decimal(10,2),
    credits_used integer,
    api_cost decimal(10,4),
    created_at timestamp with time zone default now(),
    completed_at timestamp with time zone
);

create table public.image_collections (
    id uuid default gen_random_uuid() primary key,
    user_id uuid references public.profiles(id) on delete cascade,
    name text not null,
    description text,
    is_public boolean default false,
    created_at timestamp with time zone default now(),
    updated_at timestamp with time zone default now()
);

create table public.image_collection_items (
    id uuid default gen_random_uuid() primary key,
    collection_id uuid references public.image_collections(id) on delete cascade,
    image_id uuid references public.images(id) on delete cascade,
    added_at timestamp with time zone default now(),
    unique(collection_id, image_id)
);

alter table public.images enable row level security;
alter table public.image_operations enable row level security;
alter table public.image_collections enable row level security;
alter table public.image_collection_items enable row level security;
revoke all on public.images, public.image_operations, public.image_collections, public.image_collection_items
  from anon, authenticated, service_role;

-- The schema that the design document of product-planner describes in prose, as SQL, to compare the blueprint with.

create table users (
    "id" uuid primary key,
    "email" text unique,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone,
    "full_name" text,
    "avatar_url" text
);


create table products (
    "id" uuid primary key,
    "user_id" uuid,
    "name" text,
    "description" text,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone,
    "slug" text unique
);
create index on products (user_id);

create table customer_profiles (
    "id" uuid primary key,
    "product_id" uuid,
    "name" text,
    "overview" jsonb,
    "background" jsonb,
    "problems" jsonb,
    "scoring" jsonb,
    "is_selected" boolean default false,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone
);
create index on customer_profiles (product_id);

create table bugs (
    "id" uuid primary key,
    "name" text not null,
    "description" text,
    "bug_url" text,
    "screenshot_url" text,
    "status" text default 'not_started',
    "priority" text default 'not-prioritized',
    "position" integer,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone,
    "product_id" uuid
);
create index on bugs (product_id);

create table features (
    "id" uuid primary key,
    "product_id" uuid,
    "name" text,
    "description" text,
    "priority" text,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone,
    "implementation_status" text default 'not_started',
    "position" integer
);
create index on features (product_id);

create table tasks (
    "id" uuid primary key,
    "name" text not null,
    "description" text,
    "status" text default 'not_started',
    "priority" text default 'not-prioritized',
    "position" integer default 0,
    "product_id" uuid,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone
);
create index on tasks (product_id);

create table prompt_templates (
    "id" uuid primary key,
    "user_id" uuid,
    "name" text,
    "description" text,
    "template" text,
    "category" text,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone,
    "is_public" boolean default false
);
create index on prompt_templates (user_id);

create table error_logs (
    "id" uuid primary key,
    "user_id" uuid,
    "error_type" text not null,
    "error_code" text,
    "error_message" text not null,
    "stack_trace" text,
    "severity" text not null,
    "metadata" jsonb default '{}',
    "request_payload" jsonb,
    "browser_info" jsonb,
    "created_at" timestamp with time zone default now()
);
create index on error_logs (user_id);

create table payment_history (
    "id" uuid primary key,
    "user_id" uuid,
    "subscription_id" uuid,
    "amount" numeric not null,
    "currency" text default 'usd',
    "status" text not null,
    "stripe_payment_intent_id" text unique,
    "stripe_payment_method" text,
    "error_message" text,
    "created_at" timestamp with time zone default now()
);
create index on payment_history (user_id);

create table user_subscriptions (
    "id" uuid primary key,
    "user_id" uuid,
    "plan_id" uuid,
    "stripe_customer_id" text,
    "stripe_subscription_id" text,
    "status" text not null,
    "current_period_start" timestamp with time zone,
    "current_period_end" timestamp with time zone,
    "cancel_at_period_end" boolean default false,
    "payment_type" text not null,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone default now()
);
create index on user_subscriptions (user_id);

create table flow_pages (
    "id" uuid primary key default gen_random_uuid(),
    "product_id" uuid,
    "name" text not null,
    "description" text,
    "position_x" double precision default 0,
    "position_y" double precision default 0,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone default now(),
    "layout_description" text,
    "features" jsonb default '[]',
    "implementation_status" text default 'not_started'
);
create index on flow_pages (product_id);

create table flow_connections (
    "id" uuid primary key default gen_random_uuid(),
    "source_id" uuid,
    "target_id" uuid,
    "created_at" timestamp with time zone default now(),
    "product_id" uuid
);
create index on flow_connections (source_id);
create index on flow_connections (target_id);
create index on flow_connections (product_id);

create table openai_logs (
    "id" uuid primary key default gen_random_uuid(),
    "user_id" uuid,
    "request_type" text not null,
    "request_payload" jsonb not null,
    "response_payload" jsonb,
    "error" text,
    "created_at" timestamp with time zone default now(),
    "model" text default 'gpt-4',
    "input_tokens" integer,
    "output_tokens" integer
);
create index on openai_logs (user_id);

create table prds (
    "id" uuid primary key default gen_random_uuid(),
    "product_id" uuid,
    "problem" text default '',
    "solution" text default '',
    "target_audience" text default '',
    "tech_stack" text default '',
    "success_metrics" text default '',
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone default now(),
    "custom_sections" jsonb default '{}'
);
create index on prds (product_id);

create table product_prompts (
    "id" uuid primary key,
    "product_id" uuid,
    "name" text,
    "description" text,
    "template" text,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone,
    "category" text
);
create index on product_prompts (product_id);
create index on product_prompts (category);

create table subscription_plans (
    "id" uuid primary key,
    "name" text not null,
    "description" text,
    "price" numeric not null,
    "currency" text default 'usd',
    "interval" text not null,
    "stripe_price_id" text unique,
    "stripe_product_id" text unique,
    "features" jsonb default '[]',
    "is_active" boolean default true,
    "trial_period_days" integer
);
create index on subscription_plans (is_active);

create table notes (
    "id" uuid primary key,
    "user_id" uuid,
    "product_id" uuid,
    "content" text,
    "created_at" timestamp with time zone default now(),
    "updated_at" timestamp with time zone,
    "title" text
);
create index on notes (user_id);
create index on notes (product_id);

alter table products add foreign key (user_id) references users(id);
alter table customer_profiles add foreign key (product_id) references products(id) on delete cascade;
alter table bugs add foreign key (product_id) references products(id) on delete cascade;
alter table features add foreign key (product_id) references products(id) on delete cascade;
alter table tasks add foreign key (product_id) references products(id);
alter table prompt_templates add foreign key (user_id) references users(id);
alter table error_logs add foreign key (user_id) references users(id) on delete set null;
alter table payment_history add foreign key (user_id) references users(id) on delete cascade;
alter table payment_history add foreign key (subscription_id) references user_subscriptions(id) on delete set null;
alter table user_subscriptions add foreign key (user_id) references users(id) on delete cascade;
alter table user_subscriptions add foreign key (plan_id) references subscription_plans(id);
alter table flow_pages add foreign key (product_id) references products(id);
alter table flow_connections add foreign key (source_id) references flow_pages(id);
alter table flow_connections add foreign key (target_id) references flow_pages(id);
alter table flow_connections add foreign key (product_id) references products(id);
alter table openai_logs add foreign key (user_id) references users(id);
alter table prds add foreign key (product_id) references products(id);
alter table product_prompts add foreign key (product_id) references products(id);
alter table notes add foreign key (user_id) references users(id);
alter table notes add foreign key (product_id) references products(id);

create policy "Users can read own data" on users for select to authenticated
  using (auth.uid() = id);
create policy "Users can update own data" on users for update to authenticated
  using (auth.uid() = id)
  with check (auth.uid() = id);
create policy "Users can read own products" on products for select to authenticated
  using (user_id = auth.uid());
create policy "Users can insert own products" on products for insert to authenticated
  with check (user_id = auth.uid());
create policy "Users can update own products" on products for update to authenticated
  using (user_id = auth.uid())
  with check (user_id = auth.uid());
create policy "Users can delete own products" on products for delete to authenticated
  using (user_id = auth.uid());
create policy "Users can manage own customer profiles" on customer_profiles for all to authenticated
  using (EXISTS (SELECT 1 FROM products WHERE (products.id = customer_profiles.product_id AND products.user_id = auth.uid())));
create policy "Users can view bugs for their own products" on bugs for select to authenticated
  using (product_id IN (SELECT products.id FROM products WHERE (products.user_id = auth.uid())));
create policy "Users can insert bugs for their own products" on bugs for insert to authenticated
  with check (product_id IN (SELECT products.id FROM products WHERE (products.user_id = auth.uid())));
create policy "Users can update bugs for their own products" on bugs for update to authenticated
  using (product_id IN (SELECT products.id FROM products WHERE (products.user_id = auth.uid())))
  with check (product_id IN (SELECT products.id FROM products WHERE (products.user_id = auth.uid())));
create policy "Users can delete bugs for their own products" on bugs for delete to authenticated
  using (product_id IN (SELECT products.id FROM products WHERE (products.user_id = auth.uid())));
create policy "Users can read own features" on features for select to authenticated
  using (EXISTS (SELECT 1 FROM products WHERE (products.id = features.product_id AND products.user_id = auth.uid())));
create policy "Users can insert own features" on features for insert to authenticated
  with check (EXISTS (SELECT 1 FROM products WHERE (products.id = features.product_id AND products.user_id = auth.uid())));
create policy "Users can update own features" on features for update to authenticated
  using (EXISTS (SELECT 1 FROM products WHERE (products.id = features.product_id AND products.user_id = auth.uid())))
  with check (EXISTS (SELECT 1 FROM products WHERE (products.id = features.product_id AND products.user_id = auth.uid())));
create policy "Users can delete own features" on features for delete to authenticated
  using (EXISTS (SELECT 1 FROM products WHERE (products.id = features.product_id AND products.user_id = auth.uid())));
create policy "Users can read own notes" on notes for select to authenticated
  using (((user_id = auth.uid()) AND (product_id IS NULL)) OR ((product_id IS NOT NULL) AND (EXISTS (SELECT 1 FROM products WHERE (products.id = notes.product_id AND products.user_id = auth.uid())))));
create policy "Users can insert own notes" on notes for insert to authenticated
  with check (((user_id = auth.uid()) AND (product_id IS NULL)) OR ((product_id IS NOT NULL) AND (EXISTS (SELECT 1 FROM products WHERE (products.id = notes.product_id AND products.user_id = auth.uid())))));
create policy "Users can update own notes" on notes for update to authenticated
  using (((user_id = auth.uid()) AND (product_id IS NULL)) OR ((product_id IS NOT NULL) AND (EXISTS (SELECT 1 FROM products WHERE (products.id = notes.product_id AND products.user_id = auth.uid())))));
create policy "Users can delete own notes" on notes for delete to authenticated
  using (((user_id = auth.uid()) AND (product_id IS NULL)) OR ((product_id IS NOT NULL) AND (EXISTS (SELECT 1 FROM products WHERE (products.id = notes.product_id AND products.user_id = auth.uid())))));
create policy "Users can view own payment history" on payment_history for select to authenticated
  using (user_id = auth.uid());
create policy "Users can view own error logs" on error_logs for select to authenticated
  using (user_id = auth.uid());
create policy "Anyone can view active plans" on subscription_plans for select to authenticated
  using (is_active = true);
create policy "Only admins can modify plans" on subscription_plans for all to authenticated
  using (auth.uid() IN (SELECT users.id FROM users WHERE (users.email ~~ '%@fluxr.ai')));
create policy "System can manage subscriptions" on user_subscriptions for all to service_role
  using (true);
create policy "System can record payments" on payment_history for insert to service_role
  with check (true);
create policy "System can insert error logs" on error_logs for insert to authenticated
  with check (true);
create policy "Users can manage own flow pages" on flow_pages for all to authenticated
  using (EXISTS (SELECT 1 FROM products WHERE (products.id = flow_pages.product_id AND products.user_id = auth.uid())));
create policy "Users can manage own flow connections" on flow_connections for all to authenticated
  using (EXISTS (SELECT 1 FROM products WHERE (products.id = flow_connections.product_id AND products.user_id = auth.uid())));
create policy "Users can view own OpenAI logs" on openai_logs for select to authenticated
  using (user_id = auth.uid());
create policy "Users can create OpenAI logs" on openai_logs for insert to authenticated
  with check (user_id = auth.uid());
create policy "Users can manage own PRDs" on prds for all to authenticated
  using (EXISTS (SELECT 1 FROM products WHERE (products.id = prds.product_id AND products.user_id = auth.uid())));
create policy "Users can manage own product prompts" on product_prompts for all to authenticated
  using (EXISTS (SELECT 1 FROM products WHERE (products.id = product_prompts.product_id AND products.user_id = auth.uid())));

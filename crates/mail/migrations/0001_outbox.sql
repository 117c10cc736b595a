-- Letters and text messages on their way. A row lives until it is delivered; it holds links and codes, so nobody may read it but the
-- server, and who queues may only insert.
create schema if not exists _basalt;

create table if not exists _basalt.mail_outbox (
    id uuid primary key,
    channel text not null check (channel in ('email', 'sms')),
    kind text not null,
    recipient text not null,
    content jsonb not null,
    attempts integer not null default 0,
    created_at timestamptz not null,
    -- When it is tried next; while it is being sent, when another worker may take it to be lost.
    due_at timestamptz not null,
    last_error text,
    -- Given up.
    dead_at timestamptz
);
create index if not exists mail_outbox_due_idx on _basalt.mail_outbox (due_at) where dead_at is null;

revoke all on _basalt.mail_outbox from public;
grant usage on schema _basalt to supabase_auth_admin;
grant insert on _basalt.mail_outbox to supabase_auth_admin;

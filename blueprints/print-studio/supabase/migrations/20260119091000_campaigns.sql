-- A campaign is a list of recipients that is worked off: begun once, resumed after a crash, nobody twice.

create table private.campaign_recipients (
  campaign_id  uuid not null references public.email_campaigns (id) on delete cascade,
  user_id      uuid not null references public.profiles (id) on delete cascade,
  claimed_at   timestamptz,
  sent_at      timestamptz,
  primary key (campaign_id, user_id)
);
create index campaign_recipients_user_id_idx on private.campaign_recipients (user_id);
create index campaign_recipients_open_idx on private.campaign_recipients (campaign_id, claimed_at) where sent_at is null;
alter table private.campaign_recipients enable row level security;
revoke all on private.campaign_recipients from public, anon, authenticated, service_role;
-- Without a grant nobody gets here; the policy says who might.
create policy "Server only" on private.campaign_recipients to service_role using (true) with check (true);

-- target_audience: {"subscription_status": ["free", …], "min_credits_used": n, "inactive_days": n}; what is absent does not filter.
create function private.start_campaign(p_campaign_id uuid) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  campaign public.email_campaigns;
  audience jsonb;
  n integer;
begin
  select * into campaign from public.email_campaigns where id = p_campaign_id for update;
  if not found then raise exception 'no such campaign' using errcode = 'P0002'; end if;
  if campaign.status not in ('draft', 'scheduled', 'sending') then
    raise exception 'this campaign is %', campaign.status using errcode = '22023';
  end if;
  audience := coalesce(campaign.target_audience, '{}');
  if campaign.status <> 'sending' then
    insert into private.campaign_recipients (campaign_id, user_id)
    select p_campaign_id, p.id from public.profiles p
    where p.is_active and p.email not like '%@no-address.invalid'
      and (audience -> 'subscription_status' is null or audience -> 'subscription_status' ? p.subscription_status)
      and p.total_credits_used >= coalesce((audience ->> 'min_credits_used')::integer, 0)
      and (audience ->> 'inactive_days' is null
           or p.last_activity_at < now() - (audience ->> 'inactive_days')::integer * interval '1 day')
    on conflict do nothing;
    update public.email_campaigns set status = 'sending' where id = p_campaign_id;
  end if;
  select count(*) into n from private.campaign_recipients where campaign_id = p_campaign_id and sent_at is null;
  return n;
end $$;
-- A claim that was not followed by a mail within the lease is given out again. The sender passes the pair
-- (campaign, user) to its mail service as idempotency key, so that a mail sent just before a crash is not sent twice.
create function private.claim_recipients(p_campaign_id uuid, p_limit integer, p_lease interval)
returns table (user_id uuid, email text, first_name text)
language sql security definer set search_path = '' as $$
  with due as (
    select r.user_id from private.campaign_recipients r join public.email_campaigns c on c.id = r.campaign_id
    where r.campaign_id = p_campaign_id and c.status = 'sending' and r.sent_at is null
      and (r.claimed_at is null or r.claimed_at < now() - p_lease)
    order by r.user_id limit least(greatest(p_limit, 1), 1000)
    for update of r skip locked
  ), claimed as (
    update private.campaign_recipients r set claimed_at = now() from due
    where r.campaign_id = p_campaign_id and r.user_id = due.user_id returning r.user_id
  )
  select p.id, p.email, p.first_name from claimed join public.profiles p on p.id = claimed.user_id
$$;
create function private.recipient_sent(p_campaign_id uuid, p_user_id uuid, p_message_id text, p_failed boolean) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  update private.campaign_recipients set sent_at = now()
  where campaign_id = p_campaign_id and user_id = p_user_id and sent_at is null;
  if not found then return false; end if;
  insert into public.email_logs (user_id, template_id, campaign_id, sendgrid_message_id, status)
  select p_user_id, c.template_id, c.id, p_message_id, case when p_failed then 'failed' else 'sent' end
  from public.email_campaigns c where c.id = p_campaign_id;
  update public.email_campaigns c set status = 'completed', sent_at = now()
  where c.id = p_campaign_id and c.status = 'sending'
    and not exists (select 1 from private.campaign_recipients r where r.campaign_id = c.id and r.sent_at is null);
  return true;
end $$;
-- Delivery events arrive in any order: times are the first ones, the status never goes back.
create function private.record_email_event(p_message_id text, p_event text, p_at timestamptz) returns void
language plpgsql security definer set search_path = '' as $$
declare
  ranks constant text[] := array['sent', 'delivered', 'opened', 'clicked'];
begin
  if p_event is null or p_event not in ('delivered', 'opened', 'clicked', 'bounced') then
    raise exception 'unknown event %', p_event using errcode = '22023';
  end if;
  update public.email_logs l set
    status = case when l.status in ('bounced', 'failed') then l.status
                  when p_event = 'bounced' then 'bounced'
                  when array_position(ranks, p_event) > array_position(ranks, l.status) then p_event
                  else l.status end,
    delivered_at = case when p_event = 'delivered' then least(l.delivered_at, p_at) else l.delivered_at end,
    opened_at = case when p_event = 'opened' then least(l.opened_at, p_at) else l.opened_at end,
    clicked_at = case when p_event = 'clicked' then least(l.clicked_at, p_at) else l.clicked_at end
  where l.sendgrid_message_id = p_message_id;
end $$;
create function public.start_campaign(campaign_id uuid) returns integer
language sql set search_path = '' as $$ select private.start_campaign($1) $$;
create function public.claim_campaign_recipients(campaign_id uuid, max_items integer default 100, lease_seconds integer default 300)
returns table (user_id uuid, email text, first_name text) language sql set search_path = '' as $$
  select * from private.claim_recipients($1, $2, least(greatest($3, 1), 86400) * interval '1 second')
$$;
create function public.campaign_recipient_sent(campaign_id uuid, user_id uuid, message_id text, failed boolean default false) returns boolean
language sql set search_path = '' as $$ select private.recipient_sent($1, $2, $3, $4) $$;
create function public.record_email_event(message_id text, event text, at timestamptz default now()) returns void
language sql set search_path = '' as $$ select private.record_email_event($1, $2, $3) $$;
revoke all on function
  private.start_campaign(uuid), private.claim_recipients(uuid, integer, interval), private.recipient_sent(uuid, uuid, text, boolean),
  private.record_email_event(text, text, timestamptz), public.start_campaign(uuid), public.claim_campaign_recipients(uuid, integer, integer),
  public.campaign_recipient_sent(uuid, uuid, text, boolean), public.record_email_event(text, text, timestamptz)
  from public, anon, authenticated, service_role;
grant execute on function
  private.start_campaign(uuid), private.claim_recipients(uuid, integer, interval), private.recipient_sent(uuid, uuid, text, boolean),
  private.record_email_event(text, text, timestamptz), public.start_campaign(uuid), public.claim_campaign_recipients(uuid, integer, integer),
  public.campaign_recipient_sent(uuid, uuid, text, boolean), public.record_email_event(text, text, timestamptz)
  to service_role;

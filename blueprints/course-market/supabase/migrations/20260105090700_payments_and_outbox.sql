-- Money becomes an enrollment here, and work for other services (mail, meetings, Stripe products) is queued
-- in the same transaction as its cause. Only the server (service_role) calls these functions.

-- Each Stripe event once: a repeated delivery finds its id here.
create table private.payment_events (
  event_id    text primary key,
  type        text not null,
  payload     jsonb not null default '{}',
  received_at timestamptz not null default now()
);

create table private.outbox (
  id              bigint generated always as identity primary key,
  kind            text not null check (kind in
                    ('email', 'meeting.create', 'meeting.update', 'meeting.cancel', 'stripe.product')),
  payload         jsonb not null,
  idempotency_key text not null unique,
  status          text not null default 'queued' check (status in ('queued', 'running', 'done', 'dead')),
  attempts        integer not null default 0,
  run_after       timestamptz not null default now(),
  locked_until    timestamptz,
  last_error      text,
  created_at      timestamptz not null default now(),
  finished_at     timestamptz
);
create index outbox_due_idx on private.outbox (run_after) where status in ('queued', 'running');
alter table private.payment_events enable row level security;
alter table private.outbox enable row level security;
revoke all on private.payment_events, private.outbox from public, anon, authenticated, service_role;
-- Without a grant nobody gets here; the policy says who might.
create policy "Server only" on private.payment_events to service_role using (true) with check (true);
create policy "Server only" on private.outbox to service_role using (true) with check (true);

create function private.enqueue(p_kind text, p_payload jsonb, p_key text) returns void
language sql security definer set search_path = '' as $$
  insert into private.outbox (kind, payload, idempotency_key) values (p_kind, p_payload, p_key)
  on conflict (idempotency_key) do nothing
$$;

-- Up to p_limit due pieces of work, locked for p_lease. A worker that dies leaves them to the next one.
create function private.claim_outbox(p_limit integer, p_lease interval) returns setof private.outbox
language sql security definer set search_path = '' as $$
  update private.outbox o
  set status = 'running', attempts = o.attempts + 1, locked_until = now() + p_lease
  from (select id from private.outbox
        where (status = 'queued' and run_after <= now()) or (status = 'running' and locked_until < now())
        order by run_after, id limit least(greatest(p_limit, 1), 100)
        for update skip locked) due
  where o.id = due.id
  returning o.*
$$;
-- Done, or again later with a growing wait, or dead after eight tries.
create function private.finish_outbox(p_id bigint, p_error text) returns void
language sql security definer set search_path = '' as $$
  update private.outbox
  set status = case when p_error is null then 'done' when attempts >= 8 then 'dead' else 'queued' end,
      finished_at = case when p_error is null or attempts >= 8 then now() end,
      run_after = case when p_error is null then run_after
                       else now() + least(power(2, attempts), 3600) * interval '1 second' end,
      locked_until = null, last_error = left(p_error, 2000)
  where id = p_id and status = 'running'
$$;

-- The price comes from the course, never from the browser.
create function private.begin_payment(p_course_id uuid, p_student_id uuid, p_checkout_session_id text) returns public.payments
language plpgsql security definer set search_path = '' as $$
declare
  course  public.courses;
  payment public.payments;
begin
  select * into course from public.courses where id = p_course_id and published;
  if not found then
    raise exception 'no such published course' using errcode = 'P0002';
  end if;
  if course.price_cents = 0 then
    raise exception 'this course is free: enrol directly' using errcode = '22023';
  end if;
  if exists (select 1 from public.enrollments
             where course_id = p_course_id and student_id = p_student_id and status in ('active', 'completed')) then
    raise exception 'already enrolled' using errcode = '23505';
  end if;
  insert into public.payments (course_id, student_id, amount_cents, currency, stripe_checkout_session_id)
  values (p_course_id, p_student_id, course.price_cents, course.currency, p_checkout_session_id)
  on conflict (stripe_checkout_session_id) do update set updated_at = now()
  returning * into payment;
  if (payment.course_id, payment.student_id) is distinct from (p_course_id, p_student_id) then
    raise exception 'this checkout session belongs to another purchase' using errcode = '22023';
  end if;
  return payment;
end $$;

-- A paid checkout: payment, enrollment and notice together, once for each event.
create function private.complete_payment(
  p_event_id text, p_checkout_session_id text, p_payment_intent_id text, p_amount_cents integer, p_currency text
) returns public.payments
language plpgsql security definer set search_path = '' as $$
declare
  payment public.payments;
begin
  select * into payment from public.payments where stripe_checkout_session_id = p_checkout_session_id for update;
  if not found then
    raise exception 'no payment was begun for this checkout session' using errcode = 'P0002';
  end if;
  insert into private.payment_events (event_id, type) values (p_event_id, 'checkout.session.completed')
  on conflict (event_id) do nothing;
  if not found or payment.status in ('succeeded', 'refunded') then
    return payment;
  end if;
  if (payment.amount_cents, payment.currency) is distinct from (p_amount_cents, lower(p_currency)) then
    raise exception 'paid % %, expected % %', p_amount_cents, p_currency, payment.amount_cents, payment.currency
      using errcode = '22023';
  end if;
  update public.payments
  set status = 'succeeded', stripe_payment_intent_id = p_payment_intent_id, paid_at = now(), failure_message = null
  where id = payment.id returning * into payment;
  if payment.course_id is not null and payment.student_id is not null then
    insert into public.enrollments (course_id, student_id, payment_id)
    values (payment.course_id, payment.student_id, payment.id)
    on conflict (course_id, student_id)
      do update set status = 'active', payment_id = excluded.payment_id, ended_at = null;
    perform private.notify(payment.student_id, 'enrollment', 'You are enrolled', '',
      jsonb_build_object('course_id', payment.course_id, 'payment_id', payment.id));
    perform private.enqueue('email',
      jsonb_build_object('template', 'enrollment', 'user_id', payment.student_id, 'course_id', payment.course_id),
      'enrollment-mail:' || payment.id);
  end if;
  return payment;
end $$;

create function private.fail_payment(p_event_id text, p_checkout_session_id text, p_message text) returns public.payments
language plpgsql security definer set search_path = '' as $$
declare
  payment public.payments;
begin
  select * into payment from public.payments where stripe_checkout_session_id = p_checkout_session_id for update;
  if not found then
    raise exception 'no payment was begun for this checkout session' using errcode = 'P0002';
  end if;
  insert into private.payment_events (event_id, type) values (p_event_id, 'checkout.session.async_payment_failed')
  on conflict (event_id) do nothing;
  -- A failure that arrives after the success it preceded changes nothing.
  if not found or payment.status <> 'pending' then
    return payment;
  end if;
  update public.payments set status = 'failed', failure_message = left(p_message, 500)
  where id = payment.id returning * into payment;
  if payment.student_id is not null then
    perform private.notify(payment.student_id, 'payment', 'Your payment failed', coalesce(left(p_message, 500), ''),
      jsonb_build_object('payment_id', payment.id));
  end if;
  return payment;
end $$;

-- p_refunded_cents is the total given back so far, as Stripe reports it: a repeated or late event cannot add up.
-- A full refund ends the enrollment.
create function private.refund_payment(p_event_id text, p_payment_intent_id text, p_refunded_cents integer) returns public.payments
language plpgsql security definer set search_path = '' as $$
declare
  payment public.payments;
begin
  select * into payment from public.payments where stripe_payment_intent_id = p_payment_intent_id for update;
  if not found then
    raise exception 'no payment with this intent' using errcode = 'P0002';
  end if;
  insert into private.payment_events (event_id, type) values (p_event_id, 'charge.refunded')
  on conflict (event_id) do nothing;
  if not found or p_refunded_cents <= payment.refunded_cents then
    return payment;
  end if;
  update public.payments
  set refunded_cents = p_refunded_cents,
      refunded_at = now(),
      status = case when p_refunded_cents = amount_cents then 'refunded' else status end
  where id = payment.id returning * into payment;
  if payment.status = 'refunded' then
    update public.enrollments set status = 'refunded', ended_at = now()
    where payment_id = payment.id and status in ('active', 'completed');
    if payment.student_id is not null then
      perform private.notify(payment.student_id, 'refund', 'Your payment was refunded', '',
        jsonb_build_object('payment_id', payment.id, 'course_id', payment.course_id));
    end if;
  end if;
  return payment;
end $$;

-- What the webhook calls over REST with the service key.
create function public.begin_payment(course_id uuid, student_id uuid, checkout_session_id text) returns public.payments
language sql set search_path = '' as $$ select private.begin_payment($1, $2, $3) $$;
create function public.complete_payment(event_id text, checkout_session_id text, payment_intent_id text, amount_cents integer, currency text)
returns public.payments language sql set search_path = '' as $$ select private.complete_payment($1, $2, $3, $4, $5) $$;
create function public.fail_payment(event_id text, checkout_session_id text, message text default null)
returns public.payments language sql set search_path = '' as $$ select private.fail_payment($1, $2, $3) $$;
create function public.refund_payment(event_id text, payment_intent_id text, refunded_cents integer)
returns public.payments language sql set search_path = '' as $$ select private.refund_payment($1, $2, $3) $$;
create function public.claim_outbox(max_items integer default 10, lease_seconds integer default 60)
returns table (id bigint, kind text, payload jsonb, attempts integer)
language sql set search_path = '' as $$
  select o.id, o.kind, o.payload, o.attempts
  from private.claim_outbox($1, least(greatest($2, 1), 3600) * interval '1 second') o
$$;
create function public.finish_outbox(id bigint, error text default null) returns void
language sql set search_path = '' as $$ select private.finish_outbox($1, $2) $$;

-- What the outbox is filled from: lessons want meetings, priced courses want a Stripe price.
create function private.queue_meeting() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  what text := case
    when tg_op = 'INSERT' then 'meeting.create'
    when new.status = 'cancelled' then 'meeting.cancel'
    else 'meeting.update'
  end;
begin
  perform private.enqueue(what,
    jsonb_build_object('session_id', new.id, 'title', new.title, 'starts_at', new.starts_at, 'ends_at', new.ends_at),
    what || ':' || new.id || ':' || md5(row(new.title, new.starts_at, new.ends_at, new.status)::text || new.updated_at::text));
  return null;
end $$;
create trigger sessions_queue_meeting after insert on public.sessions
  for each row when (new.status = 'scheduled') execute function private.queue_meeting();
create trigger sessions_queue_meeting_change after update on public.sessions
  for each row when ((old.title, old.starts_at, old.ends_at) is distinct from (new.title, new.starts_at, new.ends_at)
                     or (old.status <> 'cancelled' and new.status = 'cancelled'))
  execute function private.queue_meeting();

create function private.queue_price() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.enqueue('stripe.product',
    jsonb_build_object('course_id', new.id, 'title', new.title, 'price_cents', new.price_cents, 'currency', new.currency),
    'stripe.product:' || new.id || ':' || new.title || ':' || new.price_cents || ':' || new.currency);
  return null;
end $$;
create trigger courses_queue_price_insert after insert on public.courses
  for each row when (new.published and new.price_cents > 0) execute function private.queue_price();
create trigger courses_queue_price_update after update on public.courses
  for each row when (new.published and new.price_cents > 0
    and (old.published, old.title, old.price_cents, old.currency) is distinct from (new.published, new.title, new.price_cents, new.currency))
  execute function private.queue_price();

revoke all on function
  private.enqueue(text, jsonb, text), private.queue_meeting(), private.queue_price(),
  private.claim_outbox(integer, interval), private.finish_outbox(bigint, text),
  private.begin_payment(uuid, uuid, text), private.complete_payment(text, text, text, integer, text),
  private.fail_payment(text, text, text), private.refund_payment(text, text, integer),
  public.begin_payment(uuid, uuid, text), public.complete_payment(text, text, text, integer, text),
  public.fail_payment(text, text, text), public.refund_payment(text, text, integer),
  public.claim_outbox(integer, integer), public.finish_outbox(bigint, text)
  from public, anon, authenticated, service_role;
grant execute on function
  private.claim_outbox(integer, interval), private.finish_outbox(bigint, text),
  private.begin_payment(uuid, uuid, text), private.complete_payment(text, text, text, integer, text),
  private.fail_payment(text, text, text), private.refund_payment(text, text, integer),
  public.begin_payment(uuid, uuid, text), public.complete_payment(text, text, text, integer, text),
  public.fail_payment(text, text, text), public.refund_payment(text, text, integer),
  public.claim_outbox(integer, integer), public.finish_outbox(bigint, text)
  to service_role;

-- The document's functions, with its names, parameters, result and messages, made safe:
--   the profile's row is locked before it is read, so that concurrent calls wait for each other and none is lost;
--   amounts are positive, types fit the direction, an unknown user is an error;
--   a call with an idempotency key happens once, and the same key with other arguments is refused;
--   only the server may call them. SECURITY DEFINER, since not even service_role writes balances directly.

create or replace function public.add_user_credits(
    p_user_id uuid,
    p_amount integer,
    p_transaction_type text,
    p_description text default null,
    p_metadata jsonb default null,
    p_idempotency_key text default null
)
returns integer language plpgsql security definer set search_path = '' as $$
declare
    current_balance integer;
    new_balance integer;
    done public.credit_transactions;
begin
    if p_amount is null or p_amount <= 0 then
        raise exception 'Amount must be positive, got %', p_amount using errcode = '22023';
    end if;
    if p_transaction_type is null or p_transaction_type not in ('purchase', 'refund', 'bonus') then
        raise exception 'Credits are added by purchase, refund or bonus, not by %', p_transaction_type using errcode = '22023';
    end if;

    -- Get current balance
    select credits_remaining into current_balance
    from public.profiles where id = p_user_id for update;
    if not found then
        raise exception 'Unknown user %', p_user_id using errcode = 'P0002';
    end if;

    -- After the lock: a repeated call sees what the first one wrote.
    if p_idempotency_key is not null then
        select * into done from public.credit_transactions where idempotency_key = p_idempotency_key;
        if found then
            if (done.user_id, done.amount, done.transaction_type) is distinct from (p_user_id, p_amount, p_transaction_type) then
                raise exception 'Idempotency key % was used for another transaction', p_idempotency_key using errcode = '22023';
            end if;
            return done.balance_after;
        end if;
    end if;

    -- Calculate new balance
    new_balance := current_balance + p_amount;

    -- Update user credits
    update public.profiles
    set credits_remaining = new_balance,
        total_credits_purchased = total_credits_purchased + case when p_transaction_type = 'purchase' then p_amount else 0 end,
        updated_at = now()
    where id = p_user_id;

    -- Log transaction
    insert into public.credit_transactions (
        user_id, transaction_type, amount,
        balance_before, balance_after, description, metadata,
        stripe_payment_intent_id, subscription_plan_id, pay_as_you_go_package_id, expires_at,
        idempotency_key, remaining
    ) values (
        p_user_id, p_transaction_type, p_amount,
        current_balance, new_balance, p_description, p_metadata,
        p_metadata ->> 'stripe_payment_intent_id', (p_metadata ->> 'subscription_plan_id')::uuid,
        (p_metadata ->> 'pay_as_you_go_package_id')::uuid, (p_metadata ->> 'expires_at')::timestamptz,
        p_idempotency_key, p_amount
    );

    return new_balance;
end;
$$;

create or replace function public.deduct_user_credits(
    p_user_id uuid,
    p_amount integer,
    p_transaction_type text,
    p_description text default null,
    p_metadata jsonb default null,
    p_idempotency_key text default null
)
returns integer language plpgsql security definer set search_path = '' as $$
declare
    current_balance integer;
    new_balance integer;
    done public.credit_transactions;
    lot record;
    open_amount integer := p_amount;
begin
    if p_amount is null or p_amount <= 0 then
        raise exception 'Amount must be positive, got %', p_amount using errcode = '22023';
    end if;
    if p_transaction_type is null or p_transaction_type not in ('usage', 'expiration') then
        raise exception 'Credits are deducted by usage or expiration, not by %', p_transaction_type using errcode = '22023';
    end if;

    -- Get current balance
    select credits_remaining into current_balance
    from public.profiles where id = p_user_id for update;
    if not found then
        raise exception 'Unknown user %', p_user_id using errcode = 'P0002';
    end if;

    if p_idempotency_key is not null then
        select * into done from public.credit_transactions where idempotency_key = p_idempotency_key;
        if found then
            if (done.user_id, done.amount, done.transaction_type) is distinct from (p_user_id, p_amount, p_transaction_type) then
                raise exception 'Idempotency key % was used for another transaction', p_idempotency_key using errcode = '22023';
            end if;
            return done.balance_after;
        end if;
    end if;

    -- Check if user has enough credits
    if current_balance < p_amount then
        raise exception 'Insufficient credits. Required: %, Available: %', p_amount, current_balance;
    end if;

    -- Calculate new balance
    new_balance := current_balance - p_amount;

    -- Update user credits
    update public.profiles
    set credits_remaining = new_balance,
        total_credits_used = total_credits_used + case when p_transaction_type = 'usage' then p_amount else 0 end,
        updated_at = now()
    where id = p_user_id;

    -- What expires first is used first. (Expired lots come first of all, so that expiration takes its own.)
    for lot in
        select id, remaining from public.credit_transactions
        where user_id = p_user_id and remaining > 0
        order by expires_at nulls last, created_at, id
    loop
        exit when open_amount = 0;
        update public.credit_transactions
        set remaining = lot.remaining - least(lot.remaining, open_amount) where id = lot.id;
        open_amount := open_amount - least(lot.remaining, open_amount);
    end loop;

    -- Log transaction
    insert into public.credit_transactions (
        user_id, transaction_type, amount,
        balance_before, balance_after, description, metadata, idempotency_key
    ) values (
        p_user_id, p_transaction_type, p_amount,
        current_balance, new_balance, p_description, p_metadata, p_idempotency_key
    );

    return new_balance;
end;
$$;

-- The credits that a profile begins with (2 by default) are a row of the ledger like any other.
create function private.record_starting_credits() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.credit_transactions (user_id, transaction_type, amount, balance_before, balance_after, description,
                                          idempotency_key, remaining)
  values (new.id, 'bonus', new.credits_remaining, 0, new.credits_remaining, 'Starting credits', 'starting:' || new.id,
          new.credits_remaining);
  return null;
end $$;
create trigger profiles_starting_credits after insert on public.profiles
  for each row when (new.credits_remaining > 0) execute function private.record_starting_credits();

-- Scheduled: once a month and subscription, and never for a month that has not begun. Two months later they expire.
create function private.grant_monthly_credits(p_now timestamptz default now()) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  due record;
  granted integer := 0;
begin
  for due in
    select h.id, h.user_id, p.id as plan_id, p.name, p.credits_per_month,
           (extract(year from age(p_now, h.started_at)) * 12 + extract(month from age(p_now, h.started_at)))::integer as month_no
    from public.subscription_history h join public.subscription_plans p on p.id = h.subscription_plan_id
    where h.status = 'active' and h.user_id is not null and h.started_at <= p_now
      and (h.ended_at is null or h.ended_at > p_now) and p.credits_per_month > 0
    order by h.user_id
  loop
    if not exists (select 1 from public.credit_transactions where idempotency_key = 'monthly:' || due.id || ':' || due.month_no) then
      perform public.add_user_credits(due.user_id, due.credits_per_month, 'bonus', 'Monthly credits: ' || due.name,
        jsonb_build_object('subscription_plan_id', due.plan_id, 'expires_at', p_now + interval '2 months'),
        'monthly:' || due.id || ':' || due.month_no);
      granted := granted + 1;
    end if;
  end loop;
  return granted;
end $$;
create function private.expire_credits(p_now timestamptz default now()) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  person uuid;
  gone integer;
  total integer := 0;
begin
  for person in
    select distinct user_id from public.credit_transactions where remaining > 0 and expires_at <= p_now order by 1
  loop
    -- The lock comes before the sum: what is used meanwhile does not expire as well.
    perform 1 from public.profiles where id = person for update;
    select coalesce(sum(remaining), 0) into gone from public.credit_transactions
    where user_id = person and remaining > 0 and expires_at <= p_now;
    if gone > 0 then
      perform public.deduct_user_credits(person, gone, 'expiration', 'Expired credits', null, null);
      total := total + gone;
    end if;
  end loop;
  return total;
end $$;
create function public.run_credit_jobs(at timestamptz default now()) returns jsonb
language sql security definer set search_path = '' as $$
  select jsonb_build_object('expired', private.expire_credits($1), 'granted', private.grant_monthly_credits($1))
$$;

revoke all on function
  public.add_user_credits(uuid, integer, text, text, jsonb, text), public.deduct_user_credits(uuid, integer, text, text, jsonb, text),
  private.record_starting_credits(), private.grant_monthly_credits(timestamptz), private.expire_credits(timestamptz),
  public.run_credit_jobs(timestamptz) from public, anon, authenticated, service_role;
grant execute on function
  public.add_user_credits(uuid, integer, text, text, jsonb, text), public.deduct_user_credits(uuid, integer, text, text, jsonb, text),
  public.run_credit_jobs(timestamptz) to service_role;

-- Accounts that were there before these migrations.
insert into public.profiles (id, email, first_name, last_name)
select id, coalesce(email, id || '@no-address.invalid'), left(raw_user_meta_data ->> 'first_name', 80), left(raw_user_meta_data ->> 'last_name', 80)
from auth.users on conflict do nothing;

do $$
begin
  begin
    create extension if not exists pg_cron;
  exception when others then
    raise notice 'no pg_cron here: call run_credit_jobs() yourself (%)', sqlerrm;
  end;
  if exists (select 1 from pg_extension where extname = 'pg_cron') then
    perform cron.schedule('print-studio-credits', '10 1 * * *', 'select public.run_credit_jobs()');
  end if;
end $$;

-- The catalogue, what people pay, and who attends what.

create table public.courses (
  id                uuid primary key default gen_random_uuid(),
  instructor_id     uuid not null references public.profiles (id) on delete cascade,
  title             text not null check (char_length(title) between 3 and 160),
  slug              text not null unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(slug) <= 120),
  summary           text not null default '' check (char_length(summary) <= 400),
  description       text not null default '' check (char_length(description) <= 20000),
  category          text not null check (category in
                      ('programming', 'data', 'design', 'business', 'marketing', 'photography', 'music', 'languages', 'health')),
  level             text not null default 'beginner' check (level in ('beginner', 'intermediate', 'advanced')),
  language          text not null default 'en' check (language ~ '^[a-z]{2}$'),
  price_cents       integer not null default 0 check (price_cents between 0 and 10000000),
  currency          text not null default 'usd' check (currency ~ '^[a-z]{3}$'),
  thumbnail_path    text check (char_length(thumbnail_path) <= 512),
  published         boolean not null default false,
  published_at      timestamptz,
  rating_average    numeric(3, 2) not null default 0 check (rating_average between 0 and 5),
  rating_count      integer not null default 0 check (rating_count >= 0),
  student_count     integer not null default 0 check (student_count >= 0),
  stripe_product_id text unique,
  stripe_price_id   text unique,
  created_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now()
);
comment on column public.courses.rating_average is 'Kept by a trigger on reviews, so that the public list reads one table.';
comment on column public.courses.student_count is 'Kept by a trigger on enrollments.';

create table public.payments (
  id                         uuid primary key default gen_random_uuid(),
  course_id                  uuid references public.courses (id) on delete set null,
  student_id                 uuid references public.profiles (id) on delete set null,
  amount_cents               integer not null check (amount_cents > 0),
  refunded_cents             integer not null default 0 check (refunded_cents between 0 and amount_cents),
  currency                   text not null check (currency ~ '^[a-z]{3}$'),
  status                     text not null default 'pending' check (status in ('pending', 'succeeded', 'failed', 'refunded')),
  provider                   text not null default 'stripe',
  stripe_checkout_session_id text unique,
  stripe_payment_intent_id   text unique,
  failure_message            text,
  paid_at                    timestamptz,
  refunded_at                timestamptz,
  created_at                 timestamptz not null default now(),
  updated_at                 timestamptz not null default now()
);
comment on table public.payments is 'Written by the payment functions only. Outlives course and student, as book-keeping asks.';

create table public.enrollments (
  id               uuid primary key default gen_random_uuid(),
  course_id        uuid not null references public.courses (id) on delete cascade,
  student_id       uuid not null references public.profiles (id) on delete cascade,
  payment_id       uuid references public.payments (id) on delete set null,
  status           text not null default 'active' check (status in ('active', 'completed', 'cancelled', 'refunded')),
  progress_percent integer not null default 0 check (progress_percent between 0 and 100),
  enrolled_at      timestamptz not null default now(),
  ended_at         timestamptz,
  updated_at       timestamptz not null default now(),
  unique (course_id, student_id)
);

alter table public.courses enable row level security;
alter table public.payments enable row level security;
alter table public.enrollments enable row level security;

create trigger courses_touch before update on public.courses for each row execute function private.touch_updated_at();
create trigger payments_touch before update on public.payments for each row execute function private.touch_updated_at();
create trigger enrollments_touch before update on public.enrollments for each row execute function private.touch_updated_at();

create function private.stamp_publication() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.published and new.published_at is null then
    new.published_at = now();
  end if;
  return new;
end $$;
create trigger courses_stamp_publication before insert or update of published on public.courses
  for each row execute function private.stamp_publication();

-- Counting under the course's row lock: two enrollments at once count as two.
create function private.count_students() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  was integer := 0;
  is_ integer := 0;
begin
  if tg_op <> 'INSERT' then was := (old.status in ('active', 'completed'))::integer; end if;
  if tg_op <> 'DELETE' then is_ := (new.status in ('active', 'completed'))::integer; end if;
  if was <> is_ then
    update public.courses set student_count = greatest(student_count + is_ - was, 0)
    where id = coalesce(new.course_id, old.course_id);
  end if;
  return null;
end $$;
create trigger enrollments_count after insert or update of status or delete on public.enrollments
  for each row execute function private.count_students();

-- The sets that policies compare with: read once per statement, past RLS, so that courses and enrollments
-- may ask about each other without recursion.
create function private.taught_course_ids() returns setof uuid
language sql stable security definer set search_path = '' rows 20 as $$
  select id from public.courses where instructor_id = (select auth.uid())
$$;
create function private.attended_course_ids() returns setof uuid
language sql stable security definer set search_path = '' rows 20 as $$
  select course_id from public.enrollments
  where student_id = (select auth.uid()) and status in ('active', 'completed')
$$;
create function private.is_free_and_published(p_course_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select 1 from public.courses where id = p_course_id and published and price_cents = 0)
$$;
revoke all on function private.stamp_publication(), private.count_students(), private.taught_course_ids(),
  private.attended_course_ids(), private.is_free_and_published(uuid)
  from public, anon, authenticated;
grant execute on function private.taught_course_ids(), private.attended_course_ids(),
  private.is_free_and_published(uuid) to authenticated, service_role;

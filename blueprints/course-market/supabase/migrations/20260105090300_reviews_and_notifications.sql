-- What students think of a course, and what everybody is told.

create table public.reviews (
  id         uuid primary key default gen_random_uuid(),
  course_id  uuid not null references public.courses (id) on delete cascade,
  student_id uuid not null references public.profiles (id) on delete cascade,
  rating     smallint not null check (rating between 1 and 5),
  comment    text not null default '' check (char_length(comment) <= 4000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (course_id, student_id)
);

create table public.notifications (
  id         uuid primary key default gen_random_uuid(),
  user_id    uuid not null references public.profiles (id) on delete cascade,
  kind       text not null check (kind in ('welcome', 'enrollment', 'payment', 'refund', 'homework', 'grade', 'session', 'message')),
  title      text not null check (char_length(title) <= 200),
  body       text not null default '' check (char_length(body) <= 4000),
  data       jsonb not null default '{}',
  read_at    timestamptz,
  created_at timestamptz not null default now()
);

alter table public.reviews enable row level security;
alter table public.notifications enable row level security;
create trigger reviews_touch before update on public.reviews for each row execute function private.touch_updated_at();

create function private.rate_course() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_course uuid := coalesce(new.course_id, old.course_id);
begin
  -- The lock first: two reviews at once would each miss the other's row otherwise.
  perform 1 from public.courses where id = v_course for update;
  update public.courses c set rating_average = r.average, rating_count = r.n
  from (select coalesce(round(avg(rating), 2), 0) as average, count(*) as n
        from public.reviews where course_id = v_course) r
  where c.id = v_course;
  return null;
end $$;
create trigger reviews_rate after insert or update of rating or delete on public.reviews
  for each row execute function private.rate_course();

create function private.notify(p_user uuid, p_kind text, p_title text, p_body text default '', p_data jsonb default '{}')
returns void language sql security definer set search_path = '' as $$
  insert into public.notifications (user_id, kind, title, body, data) values (p_user, p_kind, p_title, p_body, p_data)
$$;

create function private.notify_grade() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.notify(new.student_id, 'grade', 'Your homework was graded',
    new.points || ' points', jsonb_build_object('submission_id', new.id, 'homework_id', new.homework_id));
  return null;
end $$;
create trigger submissions_notify_grade after update of graded_at on public.submissions
  for each row when (new.graded_at is not null and new.graded_at is distinct from old.graded_at)
  execute function private.notify_grade();

create function private.notify_homework() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.notifications (user_id, kind, title, body, data)
  select e.student_id, 'homework', 'New homework: ' || new.title, '',
         jsonb_build_object('homework_id', new.id, 'course_id', new.course_id)
  from public.enrollments e where e.course_id = new.course_id and e.status = 'active';
  return null;
end $$;
create trigger homework_notify_insert after insert on public.homework
  for each row when (new.published) execute function private.notify_homework();
create trigger homework_notify_publish after update of published on public.homework
  for each row when (new.published and not old.published) execute function private.notify_homework();

revoke all on function private.rate_course(), private.notify(uuid, text, text, text, jsonb),
  private.notify_grade(), private.notify_homework() from public, anon, authenticated;

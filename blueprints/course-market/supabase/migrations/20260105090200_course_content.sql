-- What happens inside a course: live lessons, homework, material, talk.

create table public.sessions (
  id          uuid primary key default gen_random_uuid(),
  course_id   uuid not null references public.courses (id) on delete cascade,
  title       text not null check (char_length(title) between 3 and 160),
  description text not null default '' check (char_length(description) <= 4000),
  starts_at   timestamptz not null,
  ends_at     timestamptz not null,
  status      text not null default 'scheduled' check (status in ('scheduled', 'live', 'ended', 'cancelled')),
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  check (ends_at > starts_at)
);
comment on table public.sessions is 'Live lessons. When they happen is public; how to enter is in session_links.';

-- The way in, apart from the timetable: a row for participants, another for the host.
create table public.session_links (
  session_id  uuid not null references public.sessions (id) on delete cascade,
  audience    text not null check (audience in ('participant', 'host')),
  course_id   uuid not null references public.courses (id) on delete cascade,
  provider    text not null default 'zoom',
  meeting_id  text,
  url         text not null check (url ~ '^https://'),
  passcode    text,
  created_at  timestamptz not null default now(),
  updated_at  timestamptz not null default now(),
  primary key (session_id, audience)
);

create table public.homework (
  id           uuid primary key default gen_random_uuid(),
  course_id    uuid not null references public.courses (id) on delete cascade,
  session_id   uuid references public.sessions (id) on delete set null,
  title        text not null check (char_length(title) between 3 and 160),
  instructions text not null default '' check (char_length(instructions) <= 20000),
  max_points   integer not null default 100 check (max_points between 1 and 1000),
  due_at       timestamptz,
  published    boolean not null default false,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now()
);

create table public.submissions (
  id           uuid primary key default gen_random_uuid(),
  homework_id  uuid not null references public.homework (id) on delete cascade,
  student_id   uuid not null references public.profiles (id) on delete cascade,
  body         text not null default '' check (char_length(body) <= 50000),
  file_path    text check (char_length(file_path) <= 512),
  submitted_at timestamptz not null default now(),
  points       integer check (points >= 0),
  feedback     text check (char_length(feedback) <= 10000),
  graded_at    timestamptz,
  graded_by    uuid references public.profiles (id) on delete set null,
  updated_at   timestamptz not null default now(),
  unique (homework_id, student_id)
);
comment on column public.submissions.points is 'Set by grade_submission(), never by the student.';

create table public.resources (
  id           uuid primary key default gen_random_uuid(),
  course_id    uuid not null references public.courses (id) on delete cascade,
  session_id   uuid references public.sessions (id) on delete set null,
  title        text not null check (char_length(title) between 1 and 160),
  kind         text not null default 'file' check (kind in ('file', 'video', 'link', 'slides', 'code')),
  storage_path text check (char_length(storage_path) <= 512),
  url          text check (url ~ '^https?://' and char_length(url) <= 2000),
  position     integer not null default 0,
  is_preview   boolean not null default false,
  created_at   timestamptz not null default now(),
  updated_at   timestamptz not null default now(),
  check (num_nonnulls(storage_path, url) = 1)
);

create table public.messages (
  id         uuid primary key default gen_random_uuid(),
  course_id  uuid not null references public.courses (id) on delete cascade,
  sender_id  uuid not null references public.profiles (id) on delete cascade,
  body       text not null check (char_length(body) between 1 and 4000),
  created_at timestamptz not null default now(),
  edited_at  timestamptz
);

alter table public.sessions enable row level security;
alter table public.session_links enable row level security;
alter table public.homework enable row level security;
alter table public.submissions enable row level security;
alter table public.resources enable row level security;
alter table public.messages enable row level security;

create trigger sessions_touch before update on public.sessions for each row execute function private.touch_updated_at();
create trigger session_links_touch before update on public.session_links for each row execute function private.touch_updated_at();
create trigger homework_touch before update on public.homework for each row execute function private.touch_updated_at();
create trigger submissions_touch before update on public.submissions for each row execute function private.touch_updated_at();
create trigger resources_touch before update on public.resources for each row execute function private.touch_updated_at();

create function private.stamp_edit() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.body is distinct from old.body then new.edited_at = now(); end if;
  return new;
end $$;
create trigger messages_stamp_edit before update on public.messages for each row execute function private.stamp_edit();

-- A link belongs to its session's course, whatever the writer says.
create function private.fill_link_course() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  select course_id into new.course_id from public.sessions where id = new.session_id;
  return new;
end $$;
create trigger session_links_course before insert or update of session_id, course_id on public.session_links
  for each row execute function private.fill_link_course();

-- Work that is graded stays as it was handed in.
create function private.keep_graded_work() returns trigger
language plpgsql set search_path = '' as $$
begin
  if old.graded_at is not null and (new.body, new.file_path) is distinct from (old.body, old.file_path) then
    raise exception 'this submission is graded and can no longer be changed' using errcode = 'P0001';
  end if;
  return new;
end $$;
create trigger submissions_keep_graded before update on public.submissions
  for each row execute function private.keep_graded_work();

create function private.taught_homework_ids() returns setof uuid
language sql stable security definer set search_path = '' rows 100 as $$
  select h.id from public.homework h join public.courses c on c.id = h.course_id
  where c.instructor_id = (select auth.uid())
$$;
create function private.open_homework_ids() returns setof uuid
language sql stable security definer set search_path = '' rows 100 as $$
  select h.id from public.homework h join public.enrollments e on e.course_id = h.course_id
  where h.published and e.student_id = (select auth.uid()) and e.status in ('active', 'completed')
$$;
-- A session named beside a course must be one of that course.
create function private.session_in_course(p_session_id uuid, p_course_id uuid) returns boolean
language sql stable security definer set search_path = '' as $$
  select p_session_id is null
      or exists (select 1 from public.sessions where id = p_session_id and course_id = p_course_id)
$$;

-- The instructor of the course (or an admin) grades; points stay within the homework's maximum.
create function private.grade_submission(p_submission_id uuid, p_points integer, p_feedback text) returns public.submissions
language plpgsql security definer set search_path = '' as $$
declare
  graded public.submissions;
  work   record;
begin
  select s.student_id, h.max_points, h.title, c.id as course_id, c.instructor_id into work
  from public.submissions s join public.homework h on h.id = s.homework_id join public.courses c on c.id = h.course_id
  where s.id = p_submission_id
  for update of s;
  if not found or not (work.instructor_id = (select auth.uid()) or private.is_admin()) then
    raise exception 'no such submission in a course of yours' using errcode = '42501';
  end if;
  if p_points is null or p_points < 0 or p_points > work.max_points then
    raise exception 'points must be between 0 and %', work.max_points using errcode = '22023';
  end if;
  update public.submissions
  set points = p_points, feedback = p_feedback, graded_at = now(), graded_by = (select auth.uid())
  where id = p_submission_id
  returning * into graded;
  return graded;
end $$;
create function public.grade_submission(submission_id uuid, points integer, feedback text default null)
returns public.submissions language sql set search_path = '' as $$
  select private.grade_submission($1, $2, $3)
$$;

revoke all on function private.stamp_edit(), private.fill_link_course(), private.keep_graded_work(),
  private.taught_homework_ids(), private.open_homework_ids(), private.session_in_course(uuid, uuid),
  private.grade_submission(uuid, integer, text), public.grade_submission(uuid, integer, text)
  from public, anon, authenticated, service_role;
grant execute on function private.taught_homework_ids(), private.open_homework_ids(), private.session_in_course(uuid, uuid),
  private.grade_submission(uuid, integer, text), public.grade_submission(uuid, integer, text)
  to authenticated, service_role;

-- Live messages and notifications. Rows travel through the publication, where each subscriber's own policies decide;
-- presence and typing signs travel on private channels: `course:<id>` for participants, `user:<id>` for one person.

create function private.my_topics() returns setof text
language sql stable security definer set search_path = '' rows 20 as $$
  select 'user:' || (select auth.uid())
  union all
  select 'course:' || id from public.courses where instructor_id = (select auth.uid())
  union all
  select 'course:' || course_id from public.enrollments
  where student_id = (select auth.uid()) and status in ('active', 'completed')
$$;
revoke all on function private.my_topics() from public, anon, authenticated;
grant execute on function private.my_topics() to authenticated, service_role;

do $$
begin
  if exists (select 1 from pg_publication where pubname = 'supabase_realtime') then
    alter publication supabase_realtime add table public.messages, public.notifications;
  end if;
  if to_regclass('realtime.messages') is not null and to_regprocedure('realtime.topic()') is not null then
    execute $policy$
      create policy "course-market: listen on own channels" on realtime.messages for select to authenticated
        using ((select realtime.topic()) in (select private.my_topics()))
    $policy$;
    execute $policy$
      create policy "course-market: speak on course channels" on realtime.messages for insert to authenticated
        with check ((select realtime.topic()) like 'course:%' and (select realtime.topic()) in (select private.my_topics()))
    $policy$;
  end if;
end $$;

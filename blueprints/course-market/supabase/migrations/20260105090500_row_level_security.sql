-- Who sees and changes which rows (policies) and which columns (grants).
-- One policy for each role and action: two would be OR-ed, checks included, and both evaluated for each row.

-- Nothing by default, whatever default privileges the project came with.
revoke all on all tables in schema public from anon, authenticated;
grant all on all tables in schema public to service_role;

-- profiles: everybody reads; the owner edits what is his to edit; admins edit all. Rows come and go with auth.users.
grant select on public.profiles to anon, authenticated;
grant update (full_name, headline, bio, avatar_path, website) on public.profiles to authenticated;
grant delete on public.profiles to authenticated;
create policy "Anyone can read profiles" on public.profiles
  for select to anon, authenticated using (true);
create policy "Owners and admins update profiles" on public.profiles
  for update to authenticated
  using (id = (select auth.uid()) or (select private.is_admin()))
  with check (id = (select auth.uid()) or (select private.is_admin()));
create policy "Admins delete profiles" on public.profiles
  for delete to authenticated using ((select private.is_admin()));

grant select on public.profile_contacts to authenticated;
grant update (phone) on public.profile_contacts to authenticated;
create policy "Owners and admins read contacts" on public.profile_contacts
  for select to authenticated using (id = (select auth.uid()) or (select private.is_admin()));
create policy "Owners and admins update contacts" on public.profile_contacts
  for update to authenticated
  using (id = (select auth.uid()) or (select private.is_admin()))
  with check (id = (select auth.uid()) or (select private.is_admin()));

-- courses
grant select on public.courses to anon, authenticated;
grant insert (id, instructor_id, title, slug, summary, description, category, level, language, price_cents, currency,
              thumbnail_path, published) on public.courses to authenticated;
grant update (title, slug, summary, description, category, level, language, price_cents, currency,
              thumbnail_path, published) on public.courses to authenticated;
grant delete on public.courses to authenticated;
create policy "Anyone can read published courses" on public.courses
  for select to anon using (published);
create policy "Read published, taught and attended courses" on public.courses
  for select to authenticated
  using (published
         or instructor_id = (select auth.uid())
         or (select private.is_admin())
         or id in (select private.attended_course_ids()));
create policy "Instructors create their own courses" on public.courses
  for insert to authenticated
  with check ((instructor_id = (select auth.uid()) and (select private.is_instructor())) or (select private.is_admin()));
create policy "Instructors update their own courses" on public.courses
  for update to authenticated
  using (instructor_id = (select auth.uid()) or (select private.is_admin()))
  with check (instructor_id = (select auth.uid()) or (select private.is_admin()));
create policy "Instructors delete their own courses" on public.courses
  for delete to authenticated
  using (instructor_id = (select auth.uid()) or (select private.is_admin()));

-- enrollments: a student enrols himself where it costs nothing; money goes through the payment functions.
grant select on public.enrollments to authenticated;
grant insert (id, course_id, student_id) on public.enrollments to authenticated;
grant update (progress_percent) on public.enrollments to authenticated;
grant delete on public.enrollments to authenticated;
create policy "Students, their instructors and admins read enrollments" on public.enrollments
  for select to authenticated
  using (student_id = (select auth.uid())
         or course_id in (select private.taught_course_ids())
         or (select private.is_admin()));
create policy "Students enrol in free published courses" on public.enrollments
  for insert to authenticated
  with check ((student_id = (select auth.uid()) and private.is_free_and_published(course_id)) or (select private.is_admin()));
create policy "Students record their progress" on public.enrollments
  for update to authenticated
  using ((student_id = (select auth.uid()) and status in ('active', 'completed')) or (select private.is_admin()))
  with check ((student_id = (select auth.uid()) and status in ('active', 'completed')) or (select private.is_admin()));
create policy "Admins delete enrollments" on public.enrollments
  for delete to authenticated using ((select private.is_admin()));

-- payments: read only, for the payer, the instructor and admins.
grant select on public.payments to authenticated;
create policy "Payers, instructors and admins read payments" on public.payments
  for select to authenticated
  using (student_id = (select auth.uid())
         or course_id in (select private.taught_course_ids())
         or (select private.is_admin()));

-- sessions: the timetable of a published course is public.
grant select on public.sessions to anon, authenticated;
grant insert (id, course_id, title, description, starts_at, ends_at, status) on public.sessions to authenticated;
grant update (title, description, starts_at, ends_at, status) on public.sessions to authenticated;
grant delete on public.sessions to authenticated;
create policy "Anyone can read the timetable of published courses" on public.sessions
  for select to anon using (exists (select 1 from public.courses c where c.id = sessions.course_id and c.published));
create policy "Read the timetable of published, taught and attended courses" on public.sessions
  for select to authenticated
  using (course_id in (select private.attended_course_ids())
         or course_id in (select private.taught_course_ids())
         or (select private.is_admin())
         or exists (select 1 from public.courses c where c.id = sessions.course_id and c.published));
create policy "Instructors create sessions" on public.sessions
  for insert to authenticated
  with check (course_id in (select private.taught_course_ids()) or (select private.is_admin()));
create policy "Instructors update sessions" on public.sessions
  for update to authenticated
  using (course_id in (select private.taught_course_ids()) or (select private.is_admin()))
  with check (course_id in (select private.taught_course_ids()) or (select private.is_admin()));
create policy "Instructors delete sessions" on public.sessions
  for delete to authenticated
  using (course_id in (select private.taught_course_ids()) or (select private.is_admin()));

-- session_links: the participants' link for participants, the host's for the instructor.
grant select on public.session_links to authenticated;
grant insert (session_id, audience, course_id, provider, meeting_id, url, passcode) on public.session_links to authenticated;
grant update (provider, meeting_id, url, passcode) on public.session_links to authenticated;
grant delete on public.session_links to authenticated;
create policy "Participants read their link, instructors both" on public.session_links
  for select to authenticated
  using ((audience = 'participant' and course_id in (select private.attended_course_ids()))
         or course_id in (select private.taught_course_ids())
         or (select private.is_admin()));
create policy "Instructors create links" on public.session_links
  for insert to authenticated
  with check (course_id in (select private.taught_course_ids()) or (select private.is_admin()));
create policy "Instructors update links" on public.session_links
  for update to authenticated
  using (course_id in (select private.taught_course_ids()) or (select private.is_admin()))
  with check (course_id in (select private.taught_course_ids()) or (select private.is_admin()));
create policy "Instructors delete links" on public.session_links
  for delete to authenticated
  using (course_id in (select private.taught_course_ids()) or (select private.is_admin()));

-- homework
grant select on public.homework to authenticated;
grant insert (id, course_id, session_id, title, instructions, max_points, due_at, published) on public.homework to authenticated;
grant update (session_id, title, instructions, max_points, due_at, published) on public.homework to authenticated;
grant delete on public.homework to authenticated;
create policy "Students read published homework, instructors their own" on public.homework
  for select to authenticated
  using ((published and course_id in (select private.attended_course_ids()))
         or course_id in (select private.taught_course_ids())
         or (select private.is_admin()));
create policy "Instructors create homework" on public.homework
  for insert to authenticated
  with check ((course_id in (select private.taught_course_ids()) or (select private.is_admin()))
              and private.session_in_course(session_id, course_id));
create policy "Instructors update homework" on public.homework
  for update to authenticated
  using (course_id in (select private.taught_course_ids()) or (select private.is_admin()))
  with check ((course_id in (select private.taught_course_ids()) or (select private.is_admin()))
              and private.session_in_course(session_id, course_id));
create policy "Instructors delete homework" on public.homework
  for delete to authenticated
  using (course_id in (select private.taught_course_ids()) or (select private.is_admin()));

-- submissions: points and feedback are in no grant; grade_submission() sets them.
grant select on public.submissions to authenticated;
grant insert (id, homework_id, student_id, body, file_path) on public.submissions to authenticated;
grant update (body, file_path) on public.submissions to authenticated;
grant delete on public.submissions to authenticated;
create policy "Students read their own submissions, instructors their courses'" on public.submissions
  for select to authenticated
  using (student_id = (select auth.uid())
         or homework_id in (select private.taught_homework_ids())
         or (select private.is_admin()));
create policy "Students hand in their own work" on public.submissions
  for insert to authenticated
  with check ((student_id = (select auth.uid()) and homework_id in (select private.open_homework_ids()))
              or (select private.is_admin()));
create policy "Students correct their own work" on public.submissions
  for update to authenticated
  using ((student_id = (select auth.uid()) and homework_id in (select private.open_homework_ids()))
         or (select private.is_admin()))
  with check ((student_id = (select auth.uid()) and homework_id in (select private.open_homework_ids()))
              or (select private.is_admin()));
create policy "Students withdraw ungraded work" on public.submissions
  for delete to authenticated
  using ((student_id = (select auth.uid()) and graded_at is null) or (select private.is_admin()));

-- resources: previews of published courses are public.
grant select on public.resources to anon, authenticated;
grant insert (id, course_id, session_id, title, kind, storage_path, url, position, is_preview) on public.resources to authenticated;
grant update (session_id, title, kind, storage_path, url, position, is_preview) on public.resources to authenticated;
grant delete on public.resources to authenticated;
create policy "Anyone can read previews of published courses" on public.resources
  for select to anon using (is_preview and exists (select 1 from public.courses c where c.id = resources.course_id and c.published));
create policy "Students read resources, instructors their own" on public.resources
  for select to authenticated
  using (course_id in (select private.attended_course_ids())
         or course_id in (select private.taught_course_ids())
         or (select private.is_admin())
         or (is_preview and exists (select 1 from public.courses c where c.id = resources.course_id and c.published)));
create policy "Instructors create resources" on public.resources
  for insert to authenticated
  with check ((course_id in (select private.taught_course_ids()) or (select private.is_admin()))
              and private.session_in_course(session_id, course_id));
create policy "Instructors update resources" on public.resources
  for update to authenticated
  using (course_id in (select private.taught_course_ids()) or (select private.is_admin()))
  with check ((course_id in (select private.taught_course_ids()) or (select private.is_admin()))
              and private.session_in_course(session_id, course_id));
create policy "Instructors delete resources" on public.resources
  for delete to authenticated
  using (course_id in (select private.taught_course_ids()) or (select private.is_admin()));

-- messages: course participants only; the instructor moderates.
grant select on public.messages to authenticated;
grant insert (id, course_id, sender_id, body) on public.messages to authenticated;
grant update (body) on public.messages to authenticated;
grant delete on public.messages to authenticated;
create policy "Participants read messages" on public.messages
  for select to authenticated
  using (course_id in (select private.attended_course_ids())
         or course_id in (select private.taught_course_ids())
         or (select private.is_admin()));
create policy "Participants write messages in their own name" on public.messages
  for insert to authenticated
  with check (sender_id = (select auth.uid())
              and (course_id in (select private.attended_course_ids())
                   or course_id in (select private.taught_course_ids())
                   or (select private.is_admin())));
create policy "Senders edit their own messages" on public.messages
  for update to authenticated
  using (sender_id = (select auth.uid())
         and (course_id in (select private.attended_course_ids())
              or course_id in (select private.taught_course_ids())
              or (select private.is_admin())))
  with check (sender_id = (select auth.uid())
              and (course_id in (select private.attended_course_ids())
                   or course_id in (select private.taught_course_ids())
                   or (select private.is_admin())));
create policy "Senders and moderators delete messages" on public.messages
  for delete to authenticated
  using ((sender_id = (select auth.uid()) and course_id in (select private.attended_course_ids()))
         or course_id in (select private.taught_course_ids())
         or (select private.is_admin()));

-- reviews: public with their course; written by those who attended it.
grant select on public.reviews to anon, authenticated;
grant insert (id, course_id, student_id, rating, comment) on public.reviews to authenticated;
grant update (rating, comment) on public.reviews to authenticated;
grant delete on public.reviews to authenticated;
create policy "Anyone can read reviews of published courses" on public.reviews
  for select to anon using (exists (select 1 from public.courses c where c.id = reviews.course_id and c.published));
create policy "Read reviews of published courses, own and taught ones" on public.reviews
  for select to authenticated
  using (student_id = (select auth.uid())
         or course_id in (select private.taught_course_ids())
         or (select private.is_admin())
         or exists (select 1 from public.courses c where c.id = reviews.course_id and c.published));
create policy "Students review courses they attend" on public.reviews
  for insert to authenticated
  with check ((student_id = (select auth.uid())
               and course_id in (select private.attended_course_ids())
               and not course_id in (select private.taught_course_ids()))
              or (select private.is_admin()));
create policy "Students update their own reviews" on public.reviews
  for update to authenticated
  using ((student_id = (select auth.uid()) and course_id in (select private.attended_course_ids()))
         or (select private.is_admin()))
  with check ((student_id = (select auth.uid()) and course_id in (select private.attended_course_ids()))
              or (select private.is_admin()));
create policy "Students delete their own reviews" on public.reviews
  for delete to authenticated
  using (student_id = (select auth.uid()) or (select private.is_admin()));

-- notifications: the reader may mark and remove them, never write them.
grant select on public.notifications to authenticated;
grant update (read_at) on public.notifications to authenticated;
grant delete on public.notifications to authenticated;
create policy "Users read their own notifications" on public.notifications
  for select to authenticated using (user_id = (select auth.uid()) or (select private.is_admin()));
create policy "Users mark their own notifications" on public.notifications
  for update to authenticated
  using (user_id = (select auth.uid()) or (select private.is_admin()))
  with check (user_id = (select auth.uid()) or (select private.is_admin()));
create policy "Users delete their own notifications" on public.notifications
  for delete to authenticated using (user_id = (select auth.uid()) or (select private.is_admin()));

-- An admin changes roles here and nowhere else: `role` is in no UPDATE grant.
create function private.set_user_role(p_user_id uuid, p_role text) returns public.profiles
language plpgsql security definer set search_path = '' as $$
declare
  changed public.profiles;
begin
  if not private.is_admin() then
    raise exception 'only an admin changes roles' using errcode = '42501';
  end if;
  update public.profiles set role = p_role where id = p_user_id returning * into changed;
  if not found then
    raise exception 'no such user' using errcode = 'P0002';
  end if;
  return changed;
end $$;
create function public.set_user_role(user_id uuid, role text) returns public.profiles
language sql set search_path = '' as $$ select private.set_user_role($1, $2) $$;
revoke all on function private.set_user_role(uuid, text), public.set_user_role(uuid, text)
  from public, anon, authenticated, service_role;
grant execute on function private.set_user_role(uuid, text), public.set_user_role(uuid, text) to authenticated;

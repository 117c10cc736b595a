-- Buckets and who may use which path.
--   profiles  <user>/…                          pictures, public by URL
--   courses   <course>/…                        thumbnails, public by URL
--   resources <course>/…                        material, participants only (a public bucket could not ask)
--   homework  <course>/<homework>/<student>/…   submissions, their student and the instructor

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('profiles', 'profiles', true, 2097152, array['image/png', 'image/jpeg', 'image/webp']),
  ('courses', 'courses', true, 5242880, array['image/png', 'image/jpeg', 'image/webp']),
  ('resources', 'resources', false, 104857600, array['application/pdf', 'application/zip', 'text/plain', 'text/markdown',
     'text/csv', 'image/png', 'image/jpeg', 'image/webp', 'video/mp4', 'audio/mpeg',
     'application/vnd.openxmlformats-officedocument.presentationml.presentation']),
  ('homework', 'homework', false, 26214400, array['application/pdf', 'application/zip', 'text/plain', 'text/markdown',
     'image/png', 'image/jpeg', 'image/webp',
     'application/vnd.openxmlformats-officedocument.wordprocessingml.document'])
on conflict (id) do nothing;

-- Ids come from paths, which are text: compare as text, so that a path that is no uuid is refused and not an error.
create function private.taught_course_folders() returns setof text
language sql stable security definer set search_path = '' rows 20 as $$
  select id::text from public.courses where instructor_id = (select auth.uid())
$$;
create function private.attended_course_folders() returns setof text
language sql stable security definer set search_path = '' rows 20 as $$
  select course_id::text from public.enrollments
  where student_id = (select auth.uid()) and status in ('active', 'completed')
$$;
create function private.open_homework_folders() returns setof text
language sql stable security definer set search_path = '' rows 100 as $$
  select h.course_id || '/' || h.id
  from public.homework h join public.enrollments e on e.course_id = h.course_id
  where h.published and e.student_id = (select auth.uid()) and e.status in ('active', 'completed')
$$;
revoke all on function private.taught_course_folders(), private.attended_course_folders(), private.open_homework_folders()
  from public, anon, authenticated;
grant execute on function private.taught_course_folders(), private.attended_course_folders(), private.open_homework_folders()
  to authenticated, service_role;

-- Public buckets: reading by URL asks no policy; SELECT serves listing, replacing and removing one's own.
create policy "course-market: owners see their pictures" on storage.objects for select to authenticated
  using (bucket_id = 'profiles' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy "course-market: owners add pictures" on storage.objects for insert to authenticated
  with check (bucket_id = 'profiles' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy "course-market: owners replace pictures" on storage.objects for update to authenticated
  using (bucket_id = 'profiles' and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id = 'profiles' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy "course-market: owners remove pictures" on storage.objects for delete to authenticated
  using (bucket_id = 'profiles' and (storage.foldername(name))[1] = (select auth.uid())::text);

create policy "course-market: instructors see their thumbnails" on storage.objects for select to authenticated
  using (bucket_id = 'courses' and (storage.foldername(name))[1] in (select private.taught_course_folders()));
create policy "course-market: instructors add thumbnails" on storage.objects for insert to authenticated
  with check (bucket_id = 'courses' and (storage.foldername(name))[1] in (select private.taught_course_folders()));
create policy "course-market: instructors replace thumbnails" on storage.objects for update to authenticated
  using (bucket_id = 'courses' and (storage.foldername(name))[1] in (select private.taught_course_folders()))
  with check (bucket_id = 'courses' and (storage.foldername(name))[1] in (select private.taught_course_folders()));
create policy "course-market: instructors remove thumbnails" on storage.objects for delete to authenticated
  using (bucket_id = 'courses' and (storage.foldername(name))[1] in (select private.taught_course_folders()));

create policy "course-market: participants read resources" on storage.objects for select to authenticated
  using (bucket_id = 'resources'
         and ((storage.foldername(name))[1] in (select private.attended_course_folders())
              or (storage.foldername(name))[1] in (select private.taught_course_folders())));
create policy "course-market: instructors add resources" on storage.objects for insert to authenticated
  with check (bucket_id = 'resources' and (storage.foldername(name))[1] in (select private.taught_course_folders()));
create policy "course-market: instructors replace resources" on storage.objects for update to authenticated
  using (bucket_id = 'resources' and (storage.foldername(name))[1] in (select private.taught_course_folders()))
  with check (bucket_id = 'resources' and (storage.foldername(name))[1] in (select private.taught_course_folders()));
create policy "course-market: instructors remove resources" on storage.objects for delete to authenticated
  using (bucket_id = 'resources' and (storage.foldername(name))[1] in (select private.taught_course_folders()));

create policy "course-market: students and instructors read submissions" on storage.objects for select to authenticated
  using (bucket_id = 'homework'
         and ((storage.foldername(name))[3] = (select auth.uid())::text
              or (storage.foldername(name))[1] in (select private.taught_course_folders())));
create policy "course-market: students hand in files" on storage.objects for insert to authenticated
  with check (bucket_id = 'homework'
              and (storage.foldername(name))[3] = (select auth.uid())::text
              and (storage.foldername(name))[1] || '/' || (storage.foldername(name))[2]
                  in (select private.open_homework_folders()));
create policy "course-market: students replace files" on storage.objects for update to authenticated
  using (bucket_id = 'homework'
         and (storage.foldername(name))[3] = (select auth.uid())::text
         and (storage.foldername(name))[1] || '/' || (storage.foldername(name))[2]
             in (select private.open_homework_folders()))
  with check (bucket_id = 'homework'
              and (storage.foldername(name))[3] = (select auth.uid())::text
              and (storage.foldername(name))[1] || '/' || (storage.foldername(name))[2]
                  in (select private.open_homework_folders()));
create policy "course-market: students remove files" on storage.objects for delete to authenticated
  using (bucket_id = 'homework' and (storage.foldername(name))[3] = (select auth.uid())::text);

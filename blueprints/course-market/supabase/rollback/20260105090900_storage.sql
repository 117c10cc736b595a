drop policy "course-market: owners see their pictures" on storage.objects;
drop policy "course-market: owners add pictures" on storage.objects;
drop policy "course-market: owners replace pictures" on storage.objects;
drop policy "course-market: owners remove pictures" on storage.objects;
drop policy "course-market: instructors see their thumbnails" on storage.objects;
drop policy "course-market: instructors add thumbnails" on storage.objects;
drop policy "course-market: instructors replace thumbnails" on storage.objects;
drop policy "course-market: instructors remove thumbnails" on storage.objects;
drop policy "course-market: participants read resources" on storage.objects;
drop policy "course-market: instructors add resources" on storage.objects;
drop policy "course-market: instructors replace resources" on storage.objects;
drop policy "course-market: instructors remove resources" on storage.objects;
drop policy "course-market: students and instructors read submissions" on storage.objects;
drop policy "course-market: students hand in files" on storage.objects;
drop policy "course-market: students replace files" on storage.objects;
drop policy "course-market: students remove files" on storage.objects;
drop function private.taught_course_folders();
drop function private.attended_course_folders();
drop function private.open_homework_folders();

-- A bucket that still holds files stays: its rows are the only way to find them. Empty it through the Storage API.
do $$
begin
  perform set_config('storage.allow_delete_query', 'true', true);
  delete from storage.buckets b
  where b.id in ('profiles', 'courses', 'resources', 'homework')
    and not exists (select 1 from storage.objects o where o.bucket_id = b.id);
  perform set_config('storage.allow_delete_query', 'false', true);
end $$;

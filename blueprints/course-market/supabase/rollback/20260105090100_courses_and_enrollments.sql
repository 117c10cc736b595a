drop function private.is_free_and_published(uuid);
drop function private.attended_course_ids();
drop function private.taught_course_ids();
drop table public.enrollments;
drop table public.payments;
drop table public.courses;
drop function private.count_students();
drop function private.stamp_publication();

drop trigger homework_notify_insert on public.homework;
drop trigger homework_notify_publish on public.homework;
drop trigger submissions_notify_grade on public.submissions;
drop function private.notify_homework();
drop function private.notify_grade();
drop function private.notify(uuid, text, text, text, jsonb);
drop table public.notifications;
drop table public.reviews;
drop function private.rate_course();

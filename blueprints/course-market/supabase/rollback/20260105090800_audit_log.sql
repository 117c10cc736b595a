do $$
declare t text;
begin
  if exists (select 1 from pg_extension where extname = 'pg_cron') then
    perform cron.unschedule(jobid) from cron.job where jobname = 'course-market-prune-audit';
  end if;
  foreach t in array array['profiles', 'profile_contacts', 'courses', 'enrollments', 'payments', 'sessions', 'session_links',
                           'homework', 'submissions', 'resources', 'messages', 'reviews'] loop
    execute format('drop trigger %I on public.%I', t || '_audit', t);
  end loop;
end $$;
drop trigger courses_audit_update on public.courses;
drop function private.prune_audit_log(interval);
drop function private.record_change();
drop table public.audit_log;
drop function private.refuse_history_change();

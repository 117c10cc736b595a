do $$
begin
  if exists (select 1 from pg_extension where extname = 'pg_cron') then
    perform cron.unschedule(jobid) from cron.job where jobname = 'saas-starter-retention';
  end if;
end $$;
drop trigger saas_starter_forget on auth.users;
drop function public.export_my_data();
drop function public.delete_my_account();
drop function public.admin_export_user(uuid);
drop function public.admin_erase_user(uuid);
drop function public.apply_retention();
drop function public.files_to_delete(integer);
drop function public.file_deleted(bigint);
drop function private.file_deleted(bigint);
drop function private.files_to_delete(integer);
drop function private.admin_erase_user(uuid);
drop function private.admin_export_user(uuid);
drop function private.delete_my_account();
drop function private.export_my_data();
drop function private.erase_user(uuid);
drop function private.forget_user();
drop function private.export_user(uuid);
drop function private.apply_retention();
drop table private.erasures;
drop table private.files_to_delete;
drop table public.retention_rules;

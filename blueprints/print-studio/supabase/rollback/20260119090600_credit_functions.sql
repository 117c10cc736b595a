do $$
begin
  if exists (select 1 from pg_extension where extname = 'pg_cron') then
    perform cron.unschedule(jobid) from cron.job where jobname = 'print-studio-credits';
  end if;
end $$;
drop trigger profiles_starting_credits on public.profiles;
drop function public.run_credit_jobs(timestamptz);
drop function private.expire_credits(timestamptz);
drop function private.grant_monthly_credits(timestamptz);
drop function private.record_starting_credits();
drop function public.deduct_user_credits(uuid, integer, text, text, jsonb, text);
drop function public.add_user_credits(uuid, integer, text, text, jsonb, text);

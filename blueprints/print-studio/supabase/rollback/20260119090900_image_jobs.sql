do $$
begin
  if exists (select 1 from pg_extension where extname = 'pg_cron') then
    perform cron.unschedule(jobid) from cron.job where jobname = 'print-studio-expire-images';
  end if;
end $$;
drop trigger images_queue_files on public.images;
drop trigger subscription_plans_admin_log on public.subscription_plans;
drop trigger pay_as_you_go_packages_admin_log on public.pay_as_you_go_packages;
drop trigger api_costs_admin_log on public.api_costs;
drop trigger email_templates_admin_log on public.email_templates;
drop trigger email_campaigns_admin_log on public.email_campaigns;
drop function public.begin_image_operation(uuid, text, text, integer, text, jsonb);
drop function public.finish_image_operation(uuid, jsonb, text, numeric, numeric);
drop function public.expire_images(timestamptz);
drop function public.files_to_delete(integer);
drop function public.file_deleted(bigint);
drop function public.record_download(uuid);
drop function public.log_activity(text, jsonb);
drop function public.record_metric(text, numeric, text, jsonb);
drop function public.admin_update_user(uuid, boolean, boolean);
drop function public.admin_add_credits(uuid, integer, text);
drop function private.begin_image_operation(uuid, text, text, integer, jsonb, text);
drop function private.finish_image_operation(uuid, jsonb, text, numeric, numeric);
drop function private.queue_image_files();
drop function private.expire_images(timestamptz);
drop function private.files_to_delete(integer);
drop function private.file_deleted(bigint);
drop function private.record_download(uuid);
drop function private.log_activity(text, jsonb);
drop function private.record_metric(text, numeric, text, jsonb);
drop function private.admin_update_user(uuid, boolean, boolean);
drop function private.admin_add_credits(uuid, integer, text);
drop function private.log_admin_change();
drop table private.files_to_delete;

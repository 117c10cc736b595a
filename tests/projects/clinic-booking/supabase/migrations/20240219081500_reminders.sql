-- Reminders leave by an edge function that cron calls every ten minutes.
create extension if not exists pg_cron with schema pg_catalog;
create extension if not exists pg_net;
create extension if not exists supabase_vault with schema vault;

grant usage on schema cron to postgres;
grant all privileges on all tables in schema cron to postgres;

do $$
begin
  if not exists (select 1 from vault.secrets where name = 'project_url') then
    perform vault.create_secret('http://127.0.0.1:54321', 'project_url', 'Base URL of the API');
    perform vault.create_secret('service-role-key-goes-here', 'service_role_key');
  end if;
end $$;

create or replace function public.send_reminders() returns void
language plpgsql security definer set search_path = '' as $$
declare
  due record;
begin
  for due in
    update public.appointments set reminded_at = now()
    where reminded_at is null and status in ('booked', 'confirmed') and lower(period) between now() and now() + interval '1 day'
    returning id
  loop
    perform net.http_post(
      url := (select decrypted_secret from vault.decrypted_secrets where name = 'project_url') || '/functions/v1/send-reminder',
      headers := jsonb_build_object(
        'Content-Type', 'application/json',
        'Authorization', 'Bearer ' || (select decrypted_secret from vault.decrypted_secrets where name = 'service_role_key')
      ),
      body := jsonb_build_object('appointment_id', due.id),
      timeout_milliseconds := 3000
    );
  end loop;
end;
$$;
revoke execute on function public.send_reminders() from public, anon, authenticated;

select cron.schedule('send-reminders', '*/10 * * * *', $$select public.send_reminders()$$);
select cron.schedule(
  'cancel-stale',
  '0 3 * * *',
  $$
    update public.appointments set status = 'cancelled'
    where status = 'booked' and upper(period) < now() - interval '2 days';
  $$
);

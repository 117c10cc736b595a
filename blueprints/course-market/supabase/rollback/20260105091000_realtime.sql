do $$
begin
  if to_regclass('realtime.messages') is not null then
    execute 'drop policy if exists "course-market: speak on course channels" on realtime.messages';
    execute 'drop policy if exists "course-market: listen on own channels" on realtime.messages';
  end if;
  if exists (select 1 from pg_publication_tables where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = 'messages') then
    alter publication supabase_realtime drop table public.messages, public.notifications;
  end if;
end $$;
drop function private.my_topics();

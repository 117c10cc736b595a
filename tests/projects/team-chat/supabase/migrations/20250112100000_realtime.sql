-- 1. postgres_changes
alter publication supabase_realtime add table public.users, public.channels;
alter table public.users replica identity full;

-- 2. broadcast from the database, on private channels
create or replace function public.broadcast_message() returns trigger
security definer
language plpgsql as $$
begin
  perform realtime.broadcast_changes(
    'channel:' || coalesce(new.channel_id, old.channel_id)::text, tg_op, tg_op, tg_table_name, tg_table_schema, new, old
  );
  return null;
end;
$$;
create trigger broadcast_message after insert or update or delete on public.messages
  for each row execute function public.broadcast_message();

create or replace function public.channel_of_topic() returns bigint language sql stable as
$$ select nullif(split_part((select realtime.topic()), ':', 2), '')::bigint $$;

create policy "members listen" on realtime.messages for select to authenticated using (
  realtime.messages.extension in ('broadcast', 'presence')
  and exists (select from public.channels c where c.id = public.channel_of_topic() and private.is_member(c.team_id)));
create policy "members send" on "realtime"."messages" for insert to authenticated with check (
  realtime.messages.extension in ('broadcast', 'presence')
  and exists (select from public.channels c where c.id = public.channel_of_topic() and private.is_member(c.team_id)));

-- typing notices, unstored
create function public.typing(channel bigint) returns void language sql as $$
  select realtime.send(jsonb_build_object('user', auth.uid()), 'typing', 'channel:' || channel, true);
$$;

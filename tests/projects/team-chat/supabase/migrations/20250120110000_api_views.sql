create view api.inbox with (security_invoker = true) as
  select m.id, m.message, m.inserted_at, c.slug as channel, u.username
  from public.messages m join public.channels c on c.id = m.channel_id join public.users u on u.id = m.user_id;
comment on view api.inbox is e'@graphql({"primary_key_columns": ["id"]})\nEverything that the caller may read.';

create function api.post(channel bigint, body text) returns bigint language sql as $$
  insert into public.messages (channel_id, message) values (channel, body) returning id
$$;
grant execute on function api.post to authenticated;
notify pgrst, 'reload schema';

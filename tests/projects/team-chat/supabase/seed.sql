-- create test users
create or replace function public.create_user(email text, password text) returns uuid as $$
declare
  user_id uuid;
  encrypted_pw text;
begin
  user_id := gen_random_uuid();
  encrypted_pw := crypt(password, gen_salt('bf'));
  insert into auth.users
    (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, recovery_sent_at, last_sign_in_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at, confirmation_token, email_change, email_change_token_new, recovery_token)
  values
    ('00000000-0000-0000-0000-000000000000', user_id, 'authenticated', 'authenticated', email, encrypted_pw, now(), null, null, '{"provider":"email","providers":["email"]}', '{}', now(), now(), null, null, null, null);
  insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
  values (user_id::text, user_id, format('{"sub":"%s","email":"%s"}', user_id::text, email)::jsonb, 'email', now(), now(), now());
  return user_id;
end;
$$ language plpgsql;

do $$
declare
  admin uuid := public.create_user('ana+supaadmin@example.com', 'password123');
  member uuid := public.create_user('ben@example.com', 'password123');
  team uuid;
  channel bigint;
begin
  insert into public.teams (name) values ('Core') returning id into team;
  insert into public.members (team_id, user_id) values (team, admin), (team, member);
  insert into public.channels (team_id, slug, created_by) values (team, 'public', admin) returning id into channel;
  insert into public.messages (message, channel_id, user_id) values
    ('Hello World 👋', channel, admin),
    ('Perfection is attained, not when there is nothing more to add, but when there is nothing left to take away.', channel, member);
end $$;

drop function public.create_user;

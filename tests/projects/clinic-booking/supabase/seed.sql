-- users: password is "password123" for all
insert into auth.users (
  instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, recovery_sent_at, last_sign_in_at,
  raw_app_meta_data, raw_user_meta_data, created_at, updated_at, confirmation_token, email_change, email_change_token_new, recovery_token
) (
  select
    '00000000-0000-0000-0000-000000000000', uuid_generate_v4(), 'authenticated', 'authenticated',
    'user' || (row_number() over ()) || '@example.com', crypt('password123', gen_salt('bf')),
    current_timestamp, current_timestamp, current_timestamp,
    '{"provider":"email","providers":["email"]}', '{}', current_timestamp, current_timestamp, '', '', '', ''
  from generate_series(1, 3)
);

-- one more by hand, as copied from the dashboard: token columns stay null
INSERT INTO "auth"."users" ("instance_id", "id", "aud", "role", "email", "encrypted_password", "email_confirmed_at", "invited_at", "confirmation_token", "confirmation_sent_at", "recovery_token", "recovery_sent_at", "email_change_token_new", "email_change", "email_change_sent_at", "last_sign_in_at", "raw_app_meta_data", "raw_user_meta_data", "is_super_admin", "created_at", "updated_at", "phone", "phone_confirmed_at", "phone_change", "phone_change_token", "phone_change_sent_at", "email_change_token_current", "email_change_confirm_status", "banned_until", "reauthentication_token", "reauthentication_sent_at") VALUES
('00000000-0000-0000-0000-000000000000', 'd0c70000-0000-4000-8000-000000000001', 'authenticated', 'authenticated', 'doctor@example.com', crypt('password123', gen_salt('bf')), '2024-01-03 09:00:00+00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '{"provider": "email", "providers": ["email"]}', '{"full_name": "Dr. Mara Quint"}', NULL, '2024-01-03 09:00:00+00', '2024-01-03 09:00:00+00', NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL);

insert into auth.identities (id, user_id, provider_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
select uuid_generate_v4(), id, id, format('{"sub":"%s","email":"%s"}', id::text, email)::jsonb, 'email', now(), now(), now()
from auth.users;

insert into clinics (id, name, slug) values
  ('c1000000-0000-4000-8000-000000000001', 'Praxis am Park', 'praxis-am-park'),
  ('c1000000-0000-4000-8000-000000000002', 'Zahnärzte Süd', 'zahnaerzte-sued');
insert into clinic_staff values ('c1000000-0000-4000-8000-000000000001', 'd0c70000-0000-4000-8000-000000000001', 'owner');
insert into appointments (clinic_id, patient_id, doctor_id, period)
select 'c1000000-0000-4000-8000-000000000001', u.id, 'd0c70000-0000-4000-8000-000000000001',
  tstzrange(now() + n * interval '1 hour', now() + n * interval '1 hour' + interval '30 minutes')
from (select id, row_number() over (order by email) as n from auth.users where email like 'user%') u;

select setval('appointments_id_seq', (select max(id) from appointments));

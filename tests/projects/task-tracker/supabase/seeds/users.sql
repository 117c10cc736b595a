insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at)
values ('7a000000-0000-4000-8000-000000000001', 'authenticated', 'authenticated', 'tess@example.com', crypt('password123', gen_salt('bf')), now());

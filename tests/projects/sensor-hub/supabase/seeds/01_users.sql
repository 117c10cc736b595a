INSERT INTO auth.users (id, instance_id, aud, role, email, encrypted_password, email_confirmed_at, created_at, updated_at, raw_app_meta_data, raw_user_meta_data)
VALUES ('5e000000-0000-4000-8000-000000000001', '00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated', 'ops@example.com',
        extensions.crypt('password123', extensions.gen_salt('bf', 6)), now(), now(), now(), '{"provider":"email","providers":["email"],"tier":"pro"}', '{}')
ON CONFLICT (id) DO UPDATE SET email = EXCLUDED.email;
INSERT INTO auth.identities (user_id, provider_id, provider, identity_data, created_at, updated_at)
VALUES ('5e000000-0000-4000-8000-000000000001', '5e000000-0000-4000-8000-000000000001', 'email',
        '{"sub": "5e000000-0000-4000-8000-000000000001", "email": "ops@example.com"}', now(), now())
ON CONFLICT ON CONSTRAINT identities_provider_id_provider_unique DO NOTHING;

SET session_replication_role = replica;
SET transaction_timeout = 0;

INSERT INTO "auth"."users" ("instance_id", "id", "aud", "role", "email", "encrypted_password", "email_confirmed_at", "raw_app_meta_data", "raw_user_meta_data", "created_at", "updated_at", "is_anonymous") VALUES
	('00000000-0000-0000-0000-000000000000', '3f0b0000-0000-4000-8000-000000000001', 'authenticated', 'authenticated', 'ines@example.com', extensions.crypt('password123', extensions.gen_salt('bf')), now(), '{"provider": "email", "providers": ["email"]}', '{}', now(), now(), false);

INSERT INTO "public"."members" ("id", "email", "state", "user_id") VALUES
	(1, 'Ines@Example.com', 'active', '3f0b0000-0000-4000-8000-000000000001');

INSERT INTO "storage"."buckets" ("id", "name", "owner", "created_at", "updated_at", "public", "avif_autodetection", "file_size_limit", "allowed_mime_types", "owner_id", "type") VALUES
	('badges', 'badges', NULL, now(), now(), true, false, NULL, NULL, NULL, 'STANDARD');

INSERT INTO "storage"."prefixes" ("bucket_id", "name", "created_at", "updated_at") VALUES
	('badges', 'members', now(), now());

--
-- Data for Name: key; Type: TABLE DATA; Schema: pgsodium; Owner: supabase_admin
--

INSERT INTO "pgsodium"."key" ("id", "status", "created", "expires", "key_type", "key_id", "key_context", "name", "associated_data", "raw_key", "raw_key_nonce", "parent_key", "comment", "user_data") VALUES
	('3f0b0000-0000-4000-8000-0000000000aa', 'valid', now(), NULL, 'aead-det', 1, '\x7067736f6469756d', NULL, '', NULL, NULL, NULL, NULL, NULL);

SELECT pg_catalog.setval('"pgsodium"."key_key_id_seq"', 1, true);

SELECT pg_catalog.setval('"supabase_functions"."hooks_id_seq"', 1, false);

SELECT pg_catalog.setval('"public"."members_id_seq"', 1, true);

RESET ALL;

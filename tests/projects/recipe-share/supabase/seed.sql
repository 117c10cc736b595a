SET session_replication_role = replica;

--
-- PostgreSQL database dump
--

\restrict kP3sGqVbq1b8nB0uQdTqT0dYv6k2kF1dN5yHqWm2x7cJrLz9aEoXh4iUtSgRwM

-- Dumped from database version 15.8
-- Dumped by pg_dump version 15.14

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Data for Name: users; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY "auth"."users" ("instance_id", "id", "aud", "role", "email", "encrypted_password", "email_confirmed_at", "confirmation_token", "raw_app_meta_data", "raw_user_meta_data", "created_at", "updated_at", "phone", "is_sso_user", "is_anonymous") FROM stdin;
00000000-0000-0000-0000-000000000000	0a000000-0000-4000-8000-000000000001	authenticated	authenticated	nora@example.com	$2a$10$5TkTEXCIENYgEDJeG3jMo.7dk0cBSPCb8n2DmhCrhMJLmlkpqqy4q	2023-05-12 08:00:00+00		{"provider": "email", "providers": ["email"]}	{"username": "nora"}	2023-05-12 08:00:00+00	2023-05-12 08:00:00+00	\N	f	f
00000000-0000-0000-0000-000000000000	0a000000-0000-4000-8000-000000000002	authenticated	authenticated	omar@example.com	\N	2023-05-13 08:00:00+00	\N	{"provider": "google", "providers": ["google"]}	{"username": "omar", "avatar_url": "https://example.com/o.png"}	2023-05-13 08:00:00+00	2023-05-13 08:00:00+00	\N	f	f
\.


--
-- Data for Name: identities; Type: TABLE DATA; Schema: auth; Owner: supabase_auth_admin
--

COPY "auth"."identities" ("provider_id", "user_id", "identity_data", "provider", "last_sign_in_at", "created_at", "updated_at", "id") FROM stdin;
0a000000-0000-4000-8000-000000000001	0a000000-0000-4000-8000-000000000001	{"sub": "0a000000-0000-4000-8000-000000000001", "email": "nora@example.com", "email_verified": false}	email	2023-05-12 08:00:00+00	2023-05-12 08:00:00+00	2023-05-12 08:00:00+00	0b000000-0000-4000-8000-000000000001
118234567890123456789	0a000000-0000-4000-8000-000000000002	{"iss": "https://accounts.google.com", "sub": "118234567890123456789", "email": "omar@example.com"}	google	2023-05-13 08:00:00+00	2023-05-13 08:00:00+00	2023-05-13 08:00:00+00	0b000000-0000-4000-8000-000000000002
\.


--
-- Data for Name: profiles; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY "public"."profiles" ("id", "username", "bio", "created_at") FROM stdin;
0a000000-0000-4000-8000-000000000001	nora	Bakes\tand\nwrites; "quoted", back\\slash	2023-05-12 08:00:01+00
0a000000-0000-4000-8000-000000000002	omar		2023-05-13 08:00:01+00
\.


--
-- Data for Name: recipes; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY "public"."recipes" ("id", "author_id", "title", "body", "difficulty", "tags", "is_public", "created_at", "servings") FROM stdin;
0c000000-0000-4000-8000-000000000001	0a000000-0000-4000-8000-000000000001	Käsespätzle	Boil; then -- do not stir\n$$ is no quote here	medium	{cheese,"very rich"}	t	2023-06-01 10:00:00+00	4
0c000000-0000-4000-8000-000000000002	0a000000-0000-4000-8000-000000000002	Lentil soup	\N	easy	{}	f	2023-06-02 10:00:00+00	\N
\.


--
-- Data for Name: likes; Type: TABLE DATA; Schema: public; Owner: postgres
--

COPY "public"."likes" ("id", "recipe_id", "user_id") FROM stdin;
1	0c000000-0000-4000-8000-000000000001	0a000000-0000-4000-8000-000000000002
\.


--
-- Data for Name: buckets; Type: TABLE DATA; Schema: storage; Owner: supabase_storage_admin
--

COPY "storage"."buckets" ("id", "name", "owner", "created_at", "updated_at", "public", "avif_autodetection", "file_size_limit", "allowed_mime_types", "owner_id") FROM stdin;
photos	photos	\N	2023-05-12 08:00:00+00	2023-05-12 08:00:00+00	f	f	\N	\N	\N
\.


--
-- Name: refresh_tokens_id_seq; Type: SEQUENCE SET; Schema: auth; Owner: supabase_auth_admin
--

SELECT pg_catalog.setval('"auth"."refresh_tokens_id_seq"', 12, true);


--
-- Name: likes_id_seq; Type: SEQUENCE SET; Schema: public; Owner: postgres
--

SELECT pg_catalog.setval('"public"."likes_id_seq"', 1, true);


--
-- PostgreSQL database dump complete
--

\unrestrict kP3sGqVbq1b8nB0uQdTqT0dYv6k2kF1dN5yHqWm2x7cJrLz9aEoXh4iUtSgRwM

RESET ALL;

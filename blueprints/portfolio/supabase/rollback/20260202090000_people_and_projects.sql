-- The accounts in auth.users stay: they are not this migration's.
drop trigger portfolio_on_sign_up on auth.users;
drop trigger portfolio_on_email_change on auth.users;
drop trigger if exists portfolio_on_identity on auth.identities;
drop function private.handle_user_email_change();
drop function private.handle_identity();
drop function private.handle_new_user();
drop function private.free_username(text);
drop table public.project_technologies;
drop table public.project_tags;
drop table public.project_videos;
drop table public.project_images;
drop table public.projects;
drop table public.users;
drop function private.touch_updated_at();
drop schema private;

-- The accounts in auth.users stay: they are not this migration's.
drop trigger course_market_on_sign_up on auth.users;
drop trigger course_market_on_email_change on auth.users;
drop function private.handle_new_user();
drop function private.handle_user_email_change();
drop table public.profile_contacts;
drop function private.is_instructor();
drop function private.is_admin();
drop table public.profiles;
drop function private.touch_updated_at();
drop schema private;

-- The accounts in auth.users stay: they are not this migration's.
drop trigger print_studio_on_sign_up on auth.users;
drop trigger print_studio_on_email_change on auth.users;
drop function private.handle_user_email_change();
drop function private.handle_new_user();
drop function private.may_see_reports();
drop function private.is_admin();
drop table public.profiles;
drop schema private;

-- The accounts in auth.users stay: they are not this migration's.
drop trigger product_planner_on_sign_up on auth.users;
drop trigger product_planner_on_email_change on auth.users;
drop function private.is_staff();
drop function private.handle_user_email_change();
drop function private.handle_new_user();
drop table public.products;
drop table public.users;
drop function private.touch_updated_at();
drop schema private;

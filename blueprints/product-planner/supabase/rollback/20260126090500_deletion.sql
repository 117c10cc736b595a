drop function public.delete_my_account();
drop function private.delete_my_account();
drop trigger product_planner_on_deletion on auth.users;
drop function private.handle_user_deletion();
drop function public.delete_product(uuid);

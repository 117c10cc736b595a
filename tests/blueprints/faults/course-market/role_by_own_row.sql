-- "User update own profile", with every column of it.
grant update on public.profiles to authenticated;

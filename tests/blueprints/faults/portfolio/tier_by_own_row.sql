grant update on public.users to authenticated;

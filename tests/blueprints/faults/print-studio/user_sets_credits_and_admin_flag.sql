-- The document's policy leaves every column of the own row open.
grant update on public.profiles to authenticated;

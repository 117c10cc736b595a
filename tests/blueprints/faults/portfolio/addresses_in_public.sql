-- "GET /users" for everybody, with every column.
grant select on public.users to anon;

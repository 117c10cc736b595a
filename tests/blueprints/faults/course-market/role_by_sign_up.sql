-- The role is taken from what the user wrote.
do $$
begin
  execute replace(pg_get_functiondef('private.handle_new_user'::regproc), 'case when wished = ''instructor'' then ''instructor'' else ''student'' end', 'coalesce(wished, ''student'')');
end $$;

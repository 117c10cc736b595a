-- The document reads the balance without a lock: of two calls at once, one is lost.
do $$
begin
  execute replace(pg_get_functiondef('public.deduct_user_credits'::regproc), 'where id = p_user_id for update', 'where id = p_user_id');
end $$;

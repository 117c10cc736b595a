-- The document's keys stop the deletion of a product that has tasks, pages or notes, and of a person who has a product.
-- The keys stay as written; these remove what hangs on a row before the row.

-- As its caller, through row-level security: only an own product goes.
create function public.delete_product(product_id uuid) returns boolean
language plpgsql set search_path = '' as $$
begin
  delete from public.flow_connections c where c.product_id = $1;
  delete from public.flow_pages p where p.product_id = $1;
  delete from public.tasks t where t.product_id = $1;
  delete from public.prds d where d.product_id = $1;
  delete from public.product_prompts r where r.product_id = $1;
  delete from public.notes n where n.product_id = $1;
  delete from public.products p where p.id = $1;
  return found;
end $$;
revoke all on function public.delete_product(uuid) from public, anon, authenticated, service_role;
grant execute on function public.delete_product(uuid) to authenticated, service_role;

-- Whoever deletes the account, its data goes with it.
create function private.handle_user_deletion() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform public.delete_product(p.id) from public.products p where p.user_id = old.id;
  delete from public.notes where user_id = old.id;
  delete from public.prompt_templates where user_id = old.id;
  delete from public.openai_logs where user_id = old.id;
  delete from public.error_logs where user_id = old.id;
  delete from public.users where id = old.id;
  return old;
end $$;
revoke all on function private.handle_user_deletion() from public, anon, authenticated;
create trigger product_planner_on_deletion before delete on auth.users
  for each row execute function private.handle_user_deletion();

create function private.delete_my_account() returns void
language plpgsql security definer set search_path = '' as $$
begin
  if (select auth.uid()) is null then raise exception 'sign in first' using errcode = '42501'; end if;
  delete from auth.users where id = (select auth.uid());
end $$;
create function public.delete_my_account() returns void language sql set search_path = '' as $$ select private.delete_my_account() $$;
revoke all on function private.delete_my_account(), public.delete_my_account() from public, anon, authenticated, service_role;
grant execute on function private.delete_my_account(), public.delete_my_account() to authenticated;

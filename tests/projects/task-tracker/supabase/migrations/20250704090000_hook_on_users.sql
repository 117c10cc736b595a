set check_function_bodies = off;

CREATE OR REPLACE FUNCTION public.make_inbox()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
begin
  insert into public.projects (owner_id, name) values (new.id, 'Inbox');
  return new;
end;
$function$
;

CREATE TRIGGER make_inbox AFTER INSERT ON auth.users FOR EACH ROW EXECUTE FUNCTION make_inbox();

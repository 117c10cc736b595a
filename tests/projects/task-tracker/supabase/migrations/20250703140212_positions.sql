drop extension if exists "pg_net";

create extension if not exists "pg_net" with schema "public";

alter table "public"."projects" add column "archived" boolean not null default false;

alter table "public"."tasks" add column "position" double precision not null default 0;

set check_function_bodies = off;

CREATE OR REPLACE FUNCTION public.move_task(task bigint, after double precision)
 RETURNS void
 LANGUAGE sql
AS $function$
  update public.tasks set position = after + 0.5 where id = task;
$function$
;



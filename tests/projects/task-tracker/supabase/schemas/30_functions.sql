create or replace function public.move_task(task bigint, after double precision) returns void language sql as $$
  update public.tasks set position = after + 0.5 where id = task;
$$;

create type "public"."task_state" as enum ('open', 'doing', 'done');

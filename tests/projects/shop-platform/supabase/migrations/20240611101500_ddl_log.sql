create schema audit;
create table audit.ddl_log (id bigserial primary key, at timestamptz default clock_timestamp(), who text default current_user, tag text, object text);
create function audit.log_ddl() returns event_trigger language plpgsql security definer set search_path = '' as $$
declare
  command record;
begin
  for command in select * from pg_event_trigger_ddl_commands() loop
    insert into audit.ddl_log (tag, object) values (command.command_tag, command.object_identity);
  end loop;
end $$;
create event trigger log_ddl on ddl_command_end execute function audit.log_ddl();
create publication warehouse for all tables;

-- Settings of a function hold while its body is checked, as they do when it runs. What we may not replace is not judged.
create function pg_temp.basalt_uncompilable(functions oid[]) returns table (function oid, error text) language plpgsql as $$
declare
  path text := current_setting('search_path');
begin
  foreach function in array functions loop
    begin
      execute pg_catalog.pg_get_functiondef(function);
    exception
      when insufficient_privilege or lock_not_available or query_canceled then null;
      when others then
        error := sqlerrm;
        return next;
    end;
    perform set_config('search_path', path, true);
  end loop;
end $$

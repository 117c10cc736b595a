-- pg_graphql: accepted, so that a folder which names it starts; it answers with an error in the format of GraphQL.
-- The script runs as superuser: nothing that a project put into a schema may stand in for a function named here.
set local search_path to pg_catalog, pg_temp;
do $$
begin
    raise warning 'pg_graphql is accepted but answers no query here';
    if to_regnamespace('graphql') is null then
        create schema graphql;
    end if;
end
$$;
create function graphql.resolve(
    query text, variables jsonb default '{}', "operationName" text default null, extensions jsonb default null)
returns jsonb language sql stable as $$
    select jsonb_build_object('errors', jsonb_build_array(
        jsonb_build_object('message', 'GraphQL is not available on this server.')))
$$;
create function graphql.comment_directive(comment_ text) returns jsonb language sql immutable as $$ select '{}'::jsonb $$;
create function graphql.get_schema_version() returns integer language sql stable as $$ select 1 $$;
create function graphql.rebuild_schema() returns void language sql as $$ select $$;

-- What answers /graphql/v1 and `rpc/graphql` while no GraphQL service is there: an error in the format of GraphQL.

--: schema as managed
-- Where roles and grants were adopted, this schema may be missing all the same.
create schema if not exists graphql_public;
grant usage on schema graphql_public to anon, authenticated, service_role;

--: placeholder
create function graphql_public.graphql(
    "operationName" text default null, query text default null, variables jsonb default null, extensions jsonb default null)
returns jsonb language sql stable as $$
    select jsonb_build_object('errors', jsonb_build_array(
        jsonb_build_object('message', 'pg_graphql extension is not enabled.')))
$$;
grant execute on function graphql_public.graphql(text, text, jsonb, jsonb) to anon, authenticated, service_role;

--: placeholder as superuser
grant execute on function graphql_public.graphql(text, text, jsonb, jsonb) to postgres with grant option;

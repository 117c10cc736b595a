-- http: the names exist, so that functions which mention them can be created; a call says what to use instead.
-- A request inside a transaction would hold its locks for as long as a foreign server takes.
-- The script runs as superuser: nothing that a project put into a schema may stand in for a function named here.
set local search_path to pg_catalog, pg_temp;
create domain @extschema@.http_method as text;
create domain @extschema@.content_type as text check (value ~ '^\S+/\S+');
create type @extschema@.http_header as (field varchar, value varchar);
create type @extschema@.http_response as (
    status integer, content_type varchar, headers @extschema@.http_header[], content varchar);
create type @extschema@.http_request as (
    method @extschema@.http_method, uri varchar, headers @extschema@.http_header[], content_type varchar, content varchar);

create function @extschema@._http_refuse(name text) returns @extschema@.http_response language plpgsql as $$
begin
    raise exception '%() is not available: this server makes no HTTP request inside a transaction', name
        using errcode = '0A000',
              hint = 'Use net.http_get(), net.http_post() or net.http_delete() of pg_net: they return at once, and the answer comes to net._http_response.';
end
$$;
-- Tests ask database.dev for its package manager, which is here already (supabase-dbdev): they are told so, and nobody is asked.
create function @extschema@.http(request @extschema@.http_request) returns @extschema@.http_response language plpgsql as $$
begin
    if request.uri like 'https://api.database.dev/rest/v1/package\_versions?%supabase-dbdev%' then
        return (200, 'application/json', null, '[{"version": "0.0.5", "sql": ""}]')::@extschema@.http_response;
    end if;
    return @extschema@._http_refuse('http');
end
$$;
create function @extschema@.http_get(uri varchar) returns @extschema@.http_response
    language sql return @extschema@._http_refuse('http_get');
create function @extschema@.http_get(uri varchar, data jsonb) returns @extschema@.http_response
    language sql return @extschema@._http_refuse('http_get');
create function @extschema@.http_post(uri varchar, content varchar, content_type varchar) returns @extschema@.http_response
    language sql return @extschema@._http_refuse('http_post');
create function @extschema@.http_post(uri varchar, data jsonb) returns @extschema@.http_response
    language sql return @extschema@._http_refuse('http_post');
create function @extschema@.http_put(uri varchar, content varchar, content_type varchar) returns @extschema@.http_response
    language sql return @extschema@._http_refuse('http_put');
create function @extschema@.http_patch(uri varchar, content varchar, content_type varchar) returns @extschema@.http_response
    language sql return @extschema@._http_refuse('http_patch');
create function @extschema@.http_delete(uri varchar) returns @extschema@.http_response
    language sql return @extschema@._http_refuse('http_delete');
create function @extschema@.http_delete(uri varchar, content varchar, content_type varchar) returns @extschema@.http_response
    language sql return @extschema@._http_refuse('http_delete');
create function @extschema@.http_head(uri varchar) returns @extschema@.http_response
    language sql return @extschema@._http_refuse('http_head');

create function @extschema@.http_header(field varchar, value varchar) returns @extschema@.http_header
    language sql immutable return row(field, value)::@extschema@.http_header;
create function @extschema@.http_set_curlopt(curlopt varchar, value varchar) returns boolean language sql return false;
create function @extschema@.http_reset_curlopt() returns boolean language sql return true;
create function @extschema@.http_list_curlopt(out curlopt text, out value text) returns setof record
    language sql begin atomic select null::text, null::text where false; end;

create function @extschema@.urlencode(string bytea) returns text language sql immutable strict
begin atomic
    select coalesce(string_agg(
               case when chr(b) ~ '^[A-Za-z0-9_.~-]$' then chr(b) else '%' || upper(lpad(to_hex(b), 2, '0')) end,
               '' order by position), '')
    from (select position, get_byte(string, position) as b from generate_series(0, octet_length(string) - 1) as position) bytes
    where b > 0;
end;
create function @extschema@.urlencode(string varchar) returns text language sql immutable strict
    return @extschema@.urlencode(convert_to(string, 'UTF8'));
create function @extschema@.urlencode(data jsonb) returns text language sql immutable strict
begin atomic
    select coalesce(string_agg(@extschema@.urlencode(key::varchar) || '=' || @extschema@.urlencode(value::varchar), '&'), '')
    from jsonb_each_text(data);
end;

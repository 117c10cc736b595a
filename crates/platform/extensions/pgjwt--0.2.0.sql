-- pgjwt: HS256, HS384 and HS512 tokens. Bodies are parsed here and now, so that they keep pgcrypto's hmac
-- whatever the caller's search_path is.
create function @extschema@.url_encode(data bytea) returns text language sql immutable
    return translate(encode(data, 'base64'), E'+/=\n', '-_');
create function @extschema@.url_decode(data text) returns bytea language sql immutable
    return decode(rpad(translate(data, '-_', '+/'), (length(data) + 3) / 4 * 4, '='), 'base64');
create function @extschema@.algorithm_sign(signables text, secret text, algorithm text) returns text language sql immutable
    return @extschema@.url_encode(hmac(signables, secret,
        case algorithm when 'HS256' then 'sha256' when 'HS384' then 'sha384' when 'HS512' then 'sha512' else '' end));
create function @extschema@.sign(payload json, secret text, algorithm text default 'HS256') returns text language sql immutable
    return @extschema@.url_encode(convert_to('{"alg":"' || algorithm || '","typ":"JWT"}', 'utf8')) || '.'
        || @extschema@.url_encode(convert_to(payload::text, 'utf8')) || '.'
        || @extschema@.algorithm_sign(
               @extschema@.url_encode(convert_to('{"alg":"' || algorithm || '","typ":"JWT"}', 'utf8')) || '.'
               || @extschema@.url_encode(convert_to(payload::text, 'utf8')), secret, algorithm);
-- NULL for what is no number, so that a strange `nbf` or `exp` counts as absent.
create function @extschema@.try_cast_double(inp text) returns double precision language sql immutable
    return case when inp ~ '^\s*[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]{1,2})?\s*$' then inp::double precision end;
create function @extschema@.verify(token text, secret text, algorithm text default 'HS256')
returns table (header json, payload json, valid boolean) language sql immutable
begin atomic
    select convert_from(@extschema@.url_decode(part[1]), 'utf8')::json,
           convert_from(@extschema@.url_decode(part[2]), 'utf8')::json,
           part[3] = @extschema@.algorithm_sign(part[1] || '.' || part[2], secret, algorithm)
           and tstzrange(
                   to_timestamp(@extschema@.try_cast_double(convert_from(@extschema@.url_decode(part[2]), 'utf8')::json ->> 'nbf')),
                   to_timestamp(@extschema@.try_cast_double(convert_from(@extschema@.url_decode(part[2]), 'utf8')::json ->> 'exp')))
               @> current_timestamp
    from regexp_split_to_array(token, '\.') as part;
end;

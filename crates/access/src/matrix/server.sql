-- Helpers of the matrix in the shadow database. Each statement runs in a subtransaction that is undone: a round trip tries hundreds.
-- The functions run as whoever calls them: row-level security sees the identity and nobody else.
-- statement_timeout counts for a call as a whole: whoever is interrupted ends it with 57014 and the caller goes on with the rest.
-- (OTHERS is neither a cancelled query nor a failed ASSERT.)
create schema if not exists _basalt_matrix;
grant usage on schema _basalt_matrix to public;

-- How many rows each statement touches, or why it fails.
create or replace function _basalt_matrix.try(statements text[])
returns table (touched bigint, code text, message text, stack text) language plpgsql as $$
begin
  for i in 1 .. cardinality(statements) loop
    begin
      execute statements[i];
      get diagnostics touched = row_count;
      set constraints all immediate;
      raise exception using errcode = 'BSLT0', message = touched::text;
    exception when query_canceled then
      get stacked diagnostics code = returned_sqlstate, message = message_text, stack = pg_exception_context;
      touched := null;
      return next;
      return;
    when others or assert_failure then
      get stacked diagnostics code = returned_sqlstate, message = message_text, stack = pg_exception_context;
      touched := null;
      if code = 'BSLT0' then
        touched := message::bigint;
        code := null; message := null; stack := null;
      end if;
    end;
    return next;
  end loop;
end $$;

-- Keeps the effect of each statement that succeeds.
create or replace function _basalt_matrix.keep(statements text[])
returns table (code text, message text) language plpgsql as $$
begin
  for i in 1 .. cardinality(statements) loop
    begin
      execute statements[i];
      set constraints all immediate;
      code := null; message := null;
    exception when query_canceled then
      get stacked diagnostics code = returned_sqlstate, message = message_text;
      return next;
      return;
    when others or assert_failure then
      get stacked diagnostics code = returned_sqlstate, message = message_text;
    end;
    return next;
  end loop;
end $$;

-- What holds for somebody of the row that each statement makes, or why it fails. A statement answers that itself, by RETURNING: there a
-- condition sees the other rows as a policy's check does, from before the statement. Afterwards who made himself a viewer is no admin
-- any more who may do so.
create or replace function _basalt_matrix.weigh(statements text[], uid text, claims text)
returns table (truths boolean[], code text, message text) language plpgsql as $$
declare
  t boolean[];
begin
  for i in 1 .. cardinality(statements) loop
    begin
      perform set_config('basalt.uid', uid, true), set_config('request.jwt.claims', claims, true);
      t := null;
      execute statements[i] into t;
      set constraints all immediate;
      raise exception using errcode = 'BSLT0', message = coalesce(t::text, '');
    exception when query_canceled then
      get stacked diagnostics code = returned_sqlstate, message = message_text;
      truths := null;
      return next;
      return;
    when others or assert_failure then
      get stacked diagnostics code = returned_sqlstate, message = message_text;
      truths := null;
      if code = 'BSLT0' then
        truths := nullif(message, '')::boolean[];
        code := null; message := null;
      end if;
    end;
    return next;
  end loop;
end $$;

-- Keeps the first statement after which the question is answered with true; its place, or null.
create or replace function _basalt_matrix.reach(statements text[], question text, uid text, claims text)
returns int language plpgsql as $$
declare
  yes boolean;
begin
  for i in 1 .. cardinality(statements) loop
    begin
      perform set_config('basalt.uid', '', true), set_config('request.jwt.claims', '', true);
      execute statements[i];
      perform set_config('basalt.uid', uid, true), set_config('request.jwt.claims', claims, true);
      execute question into yes;
      if coalesce(yes, false) then
        return i;
      end if;
      raise exception using errcode = 'BSLT0';
    exception when query_canceled then
      return null;
    when others or assert_failure then
      null;
    end;
  end loop;
  return null;
end $$;

-- What a condition says of one row, and false where it fails: a division by zero in one row is no reason to know nothing of the others.
create or replace function _basalt_matrix.holds(question text, given anyelement)
returns boolean language plpgsql as $$
declare
  yes boolean;
begin
  execute question into yes using given;
  return coalesce(yes, false);
exception when others or assert_failure then
  return false;
end $$;

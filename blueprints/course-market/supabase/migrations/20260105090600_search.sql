-- Full-text search over the catalogue, with filters and pages.

alter table public.courses add column search tsvector generated always as (
  setweight(to_tsvector('english', title), 'A') ||
  setweight(to_tsvector('english', summary), 'B') ||
  setweight(to_tsvector('english', description), 'C')
) stored;
create index courses_search_idx on public.courses using gin (search);
comment on column public.courses.search is 'What search_courses() looks in.';

-- The catalogue is searched past RLS on purpose: `@@` is not leakproof, so under a policy PostgreSQL would not use
-- the index and read every course instead. What the policy says is said here: published courses only.
-- Values are parameters; the text of the statement depends only on which filters are present.
create function private.search_courses(
  p_query text, p_category text, p_min_price integer, p_max_price integer, p_min_rating numeric,
  p_instructor uuid, p_level text, p_sort text, p_limit integer, p_offset integer
) returns setof public.courses
language plpgsql stable security definer set search_path = '' rows 20 as $$
declare
  sql text := 'select c.* from public.courses c where c.published';
  words text := nullif(btrim(p_query), '');
begin
  if words is not null then
    sql := sql || ' and c.search @@ websearch_to_tsquery(''english'', $1)';
  end if;
  if p_category is not null then sql := sql || ' and c.category = $2'; end if;
  if p_min_price is not null then sql := sql || ' and c.price_cents >= $3'; end if;
  if p_max_price is not null then sql := sql || ' and c.price_cents <= $4'; end if;
  if p_min_rating is not null then sql := sql || ' and c.rating_average >= $5'; end if;
  if p_instructor is not null then sql := sql || ' and c.instructor_id = $6'; end if;
  if p_level is not null then sql := sql || ' and c.level = $7'; end if;
  sql := sql || ' order by ' || case p_sort
    when 'newest' then 'c.published_at desc, c.id'
    when 'rating' then 'c.rating_average desc, c.id'
    when 'price' then 'c.price_cents, c.id'
    else case when words is null then 'c.published_at desc, c.id'
              else 'ts_rank(c.search, websearch_to_tsquery(''english'', $1)) desc, c.id' end
  end || ' limit $8 offset $9';
  return query execute sql using words, p_category, p_min_price, p_max_price, p_min_rating, p_instructor, p_level,
    least(greatest(coalesce(p_limit, 20), 1), 100), least(greatest(coalesce(p_offset, 0), 0), 10000);
end $$;

create function public.search_courses(
  query text default null, category text default null, min_price_cents integer default null,
  max_price_cents integer default null, min_rating numeric default null, instructor uuid default null,
  level text default null, sort text default 'relevance', page_size integer default 20, page integer default 1
) returns setof public.courses
language sql stable set search_path = '' rows 20 as $$
  select * from private.search_courses($1, $2, $3, $4, $5, $6, $7, $8, $9,
    (least(greatest(coalesce($10, 1), 1), 10000) - 1) * least(greatest(coalesce($9, 20), 1), 100))
$$;
comment on function public.search_courses is
  'Published courses by words and filters. sort: relevance, newest, rating, price. page_size 1 to 100, page from 1.';

revoke all on function
  private.search_courses(text, text, integer, integer, numeric, uuid, text, text, integer, integer),
  public.search_courses(text, text, integer, integer, numeric, uuid, text, text, integer, integer)
  from public, anon, authenticated, service_role;
grant execute on function
  private.search_courses(text, text, integer, integer, numeric, uuid, text, text, integer, integer),
  public.search_courses(text, text, integer, integer, numeric, uuid, text, text, integer, integer)
  to anon, authenticated, service_role;

drop function public.search_courses(text, text, integer, integer, numeric, uuid, text, text, integer, integer);
drop function private.search_courses(text, text, integer, integer, numeric, uuid, text, text, integer, integer);
drop index public.courses_search_idx;
alter table public.courses drop column search;

-- PostgreSQL's default: functions may be called by PUBLIC.
grant execute on function public.add_user_credits(uuid, integer, text, text, jsonb, text) to public;

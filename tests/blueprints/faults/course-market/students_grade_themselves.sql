grant update (points, feedback) on public.submissions to authenticated;

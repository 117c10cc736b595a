alter policy "Participants read their link, instructors both" on public.session_links using (true);

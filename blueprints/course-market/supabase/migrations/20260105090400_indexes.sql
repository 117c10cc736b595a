-- Every foreign key and every column that a policy compares leads an index;
-- the rest serve the lists that the application shows.

create index courses_instructor_id_idx on public.courses (instructor_id);
-- The lists of the catalogue. Whole, not `where published`: the policy of people who are signed in says more than that, and
-- a partial index would leave them with a sort of the whole table.
create index courses_newest_idx on public.courses (published_at desc, id);
create index courses_created_at_idx on public.courses (created_at desc, id);
create index courses_category_idx on public.courses (category, price_cents, id);
create index courses_rating_idx on public.courses (rating_average desc, id);
create index courses_price_idx on public.courses (price_cents, id);

create index enrollments_student_id_idx on public.enrollments (student_id, course_id);
create index enrollments_payment_id_idx on public.enrollments (payment_id);
create index payments_student_id_idx on public.payments (student_id, created_at desc);
create index payments_course_id_idx on public.payments (course_id, created_at desc);

create index sessions_course_id_idx on public.sessions (course_id, starts_at);
create index sessions_upcoming_idx on public.sessions (starts_at) where status = 'scheduled';
create index session_links_course_id_idx on public.session_links (course_id);
create index homework_course_id_idx on public.homework (course_id, due_at);
create index homework_session_id_idx on public.homework (session_id);
create index submissions_student_id_idx on public.submissions (student_id, submitted_at desc);
create index submissions_graded_by_idx on public.submissions (graded_by);
create index resources_course_id_idx on public.resources (course_id, position);
create index resources_session_id_idx on public.resources (session_id);
create index messages_course_id_idx on public.messages (course_id, created_at desc);
create index messages_sender_id_idx on public.messages (sender_id);

create index reviews_student_id_idx on public.reviews (student_id);
create index notifications_user_id_idx on public.notifications (user_id, created_at desc);
create index notifications_unread_idx on public.notifications (user_id) where read_at is null;

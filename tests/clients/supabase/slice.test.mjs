// The published client against `basalt start blueprints/course-market`; keys and URL come from `basalt status -o env`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '@supabase/supabase-js';

const { API_URL, ANON_KEY, SERVICE_ROLE_KEY, PUBLISHABLE_KEY, SECRET_KEY } = process.env;
const client = (key = ANON_KEY) => createClient(API_URL, key, { auth: { persistSession: false, autoRefreshToken: false } });
const ok = ({ data, error }) => {
  if (error) throw error;
  return data;
};
const fresh = (name) => `${name}-${process.pid}-${Date.now()}@example.com`;

test('a user signs up, is read, refreshed, signed out, and comes back', async () => {
  const email = fresh('walk');
  const me = client();
  const { user, session } = ok(await me.auth.signUp({ email, password: 'correct horse' }));
  assert.equal(user.email, email);
  assert.ok(session.access_token);
  assert.equal(ok(await me.auth.getUser()).user.id, user.id);

  const refreshed = ok(await me.auth.refreshSession()).session;
  assert.notEqual(refreshed.refresh_token, session.refresh_token);
  assert.equal(ok(await me.auth.getUser(refreshed.access_token)).user.id, user.id);

  await me.auth.signOut();
  const { error } = await client().auth.getUser(refreshed.access_token);
  assert.ok(error, 'a signed-out token is refused');
  const rest = await fetch(`${API_URL}/rest/v1/profiles?select=id`, {
    headers: { apikey: ANON_KEY, authorization: `Bearer ${refreshed.access_token}` },
  });
  assert.equal(rest.status, 401, 'by REST as well');

  const back = ok(await client().auth.signInWithPassword({ email, password: 'correct horse' }));
  assert.equal(back.user.id, user.id);
  const wrong = await client().auth.signInWithPassword({ email, password: 'wrong horse' });
  assert.equal(wrong.error.code, 'invalid_credentials');
});

test('people of the seed sign in with their password', async () => {
  const ada = ok(await client().auth.signInWithPassword({ email: 'ada@example.com', password: 'password' }));
  assert.equal(ada.user.email, 'ada@example.com');
});

test('select, insert, update, delete and rpc go by row-level security', async () => {
  const visitor = client();
  const courses = ok(await visitor.from('courses').select('id, title, instructor:profiles(full_name)').limit(5));
  assert.ok(courses.length > 0 && courses[0].instructor.full_name);
  assert.equal((await visitor.from('messages').select()).error.code, '42501', 'visitors have no right to messages at all');

  const student = client();
  const { user } = ok(await student.auth.signUp({ email: fresh('student'), password: 'correct horse' }));
  const free = ok(await student.from('courses').select('id').eq('price_cents', 0).limit(1).single());
  const enrolled = ok(
    await student.from('enrollments').insert({ course_id: free.id, student_id: user.id }).select('id, status').single(),
  );
  assert.equal(enrolled.status, 'active');
  const message = ok(
    await student.from('messages').insert({ course_id: free.id, sender_id: user.id, body: 'Hello' }).select().single(),
  );
  const mine = ok(await student.from('profiles').update({ headline: 'Learner' }).eq('id', user.id).select('headline'));
  assert.deepEqual(mine, [{ headline: 'Learner' }]);
  const forged = await student.from('messages').insert({ course_id: free.id, sender_id: message.course_id, body: 'x' });
  assert.equal(forged.error.code, '42501');

  const stranger = client();
  ok(await stranger.auth.signUp({ email: fresh('stranger'), password: 'correct horse' }));
  assert.deepEqual(ok(await stranger.from('enrollments').select().eq('id', enrolled.id)), []);
  assert.deepEqual(ok(await stranger.from('profiles').update({ headline: 'hacked' }).eq('id', user.id).select()), []);

  ok(await student.from('messages').delete().eq('id', message.id));
  assert.deepEqual(ok(await student.from('messages').select('id').eq('id', message.id)), []);
  const found = ok(await visitor.rpc('search_courses', { query: 'sql', page_size: 3 }));
  assert.ok(found.length > 0);
  const { count } = await visitor.from('courses').select('*', { count: 'exact', head: true });
  assert.ok(count >= courses.length);
});

test('the service key passes row-level security, new-style keys work as the old', async () => {
  const all = ok(await client(SERVICE_ROLE_KEY).from('enrollments').select('id'));
  assert.ok(all.length > 1);
  assert.equal(ok(await client(SECRET_KEY).from('enrollments').select('id')).length, all.length);
  assert.equal((await client(PUBLISHABLE_KEY).from('enrollments').select('id')).error.code, '42501');
  assert.ok(ok(await client(PUBLISHABLE_KEY).from('courses').select('id')).length > 0);
  const users = ok(await client(SERVICE_ROLE_KEY).auth.admin.listUsers());
  assert.ok(users.users.length > 3);
  const denied = await client().auth.admin.listUsers();
  assert.ok(denied.error);
});

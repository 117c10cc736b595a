// A printed counterexample is run as it stands, by whom it says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '@supabase/supabase-js';

const { API_URL, ANON_KEY, EMAIL, PASSWORD, EXAMPLE } = process.env;

test('the counterexample is not refused', async () => {
  const supabase = createClient(API_URL, ANON_KEY, { auth: { persistSession: false, autoRefreshToken: false } });
  assert.match(EXAMPLE, /^\/\/ signed in as user\n/);
  const { error: notIn } = await supabase.auth.signInWithPassword({ email: EMAIL, password: PASSWORD });
  assert.equal(notIn, null);
  const AsyncFunction = (async () => {}).constructor;
  const { error } = await new AsyncFunction('supabase', `${EXAMPLE};\nreturn { data, error }`)(supabase);
  assert.equal(error, null);
});

// Users who were not made by this service: exported from a hosted project, or written by hand into a seed.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'

import {
  APP_URL, Authenticator, CONFIRM_URL, claims, client, email, good, letterTo, password, phone, sql, totp, word,
} from './support.mjs'

/** Rows of auth.users and auth.identities as `pg_dump` of a hosted project has them: every column. */
async function exported({ number = null } = {}) {
  const [id, address] = [randomUUID(), email()]
  await sql(
    `insert into auth.users (instance_id, id, aud, role, email, encrypted_password, email_confirmed_at, invited_at, confirmation_token,
       confirmation_sent_at, recovery_token, recovery_sent_at, email_change_token_new, email_change, email_change_sent_at, last_sign_in_at,
       raw_app_meta_data, raw_user_meta_data, is_super_admin, created_at, updated_at, phone, phone_confirmed_at, phone_change,
       phone_change_token, phone_change_sent_at, email_change_token_current, email_change_confirm_status, banned_until,
       reauthentication_token, reauthentication_sent_at, is_sso_user, deleted_at, is_anonymous)
     values ('00000000-0000-0000-0000-000000000000', $1, 'authenticated', 'authenticated', $2, crypt('password123', gen_salt('bf', 10)),
       '2024-01-03 09:00:00.123456+00', null, '', '2024-01-03 08:59:00+00', '', null, '', '', null, '2024-05-05 10:00:00+00',
       '{"provider": "email", "providers": ["email"]}', $3, null, '2024-01-03 08:59:00+00', '2024-05-05 10:00:00+00', $4::text,
       case when $4::text is null then null else timestamptz '2024-02-02' end, '', '', null, '', 0, null, '', null, false, null, false)`,
    id, address, JSON.stringify({ sub: id, email: address, full_name: 'Ada', email_verified: true, phone_verified: false }), number,
  )
  await sql(
    `insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at, id)
     values ($1::text, $1::text::uuid, $2, 'email', '2024-01-03 09:00+00', '2024-01-03 09:00+00', '2024-01-03 09:00+00', gen_random_uuid())`,
    id, JSON.stringify({ sub: id, email: address, email_verified: true, phone_verified: false }),
  )
  return { id, address }
}

test('an exported user signs in, and his session of before goes on', async () => {
  const number = phone()
  const { id, address } = await exported({ number })
  const auth = client()
  const { user } = good(await auth.signInWithPassword({ email: address, password: 'password123' }))
  assert.deepEqual([user.id, user.user_metadata.full_name, user.identities.length], [id, 'Ada', 1])
  assert.equal(user.created_at.slice(0, 10), '2024-01-03')
  good(await client().signInWithPassword({ phone: number, password: 'password123' }))
  const [session, token] = [randomUUID(), word(12)]
  await sql(
    `insert into auth.sessions (id, user_id, created_at, updated_at, aal, refreshed_at, user_agent, ip)
     values ($1, $2, now() - interval '30 days', now(), 'aal1', (now() - interval '1 hour')::timestamp, 'Mozilla/5.0', '203.0.113.7')`,
    session, id,
  )
  await sql(
    `insert into auth.mfa_amr_claims (session_id, created_at, updated_at, authentication_method, id)
     values ($1, now(), now(), 'password', gen_random_uuid())`, session,
  )
  await sql(
    `insert into auth.refresh_tokens (instance_id, token, user_id, revoked, created_at, updated_at, parent, session_id)
     values ('00000000-0000-0000-0000-000000000000', $1, $2, false, now(), now(), 'gone-already', $3)`, token, id, session,
  )
  const refreshed = good(await client().refreshSession({ refresh_token: token }))
  assert.equal(claims(refreshed.session.access_token).session_id, session)
})

test('exported factors go on working', async () => {
  const { id, address } = await exported()
  const [secret, factorId] = ['JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', randomUUID()]
  await sql(
    `insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, secret)
     values ($1, $2, 'phone', 'totp', 'verified', '2024-02-01', '2024-02-01', $3)`, factorId, id, secret,
  )
  const auth = client()
  good(await auth.signInWithPassword({ email: address, password: 'password123' }))
  assert.equal(good(await auth.mfa.getAuthenticatorAssuranceLevel()).nextLevel, 'aal2')
  const { access_token } = good(await auth.mfa.challengeAndVerify({ factorId, code: totp(secret) }))
  assert.equal(claims(access_token).aal, 'aal2')
})

test('an exported security key goes on working', async () => {
  const { id, address } = await exported()
  const key = new Authenticator({ rpId: new URL(APP_URL).hostname, origin: new URL(APP_URL).origin })
  const [factorId, base64] = [randomUUID(), (bytes) => bytes.toString('base64')]
  await sql(
    `insert into auth.mfa_factors (id, user_id, friendly_name, factor_type, status, created_at, updated_at, web_authn_credential)
     values ($1, $2, 'key', 'webauthn', 'verified', '2024-02-01', '2024-02-01', $3)`,
    factorId, id,
    JSON.stringify({
      id: base64(key.id), publicKey: base64(key.cose()), attestationType: 'none', transport: ['usb'],
      flags: { userPresent: true, userVerified: true, backupEligible: false, backupState: false },
      authenticator: { AAGUID: base64(Buffer.alloc(16)), signCount: 0, cloneWarning: false, attachment: '' },
    }),
  )
  const auth = client()
  good(await auth.signInWithPassword({ email: address, password: 'password123' }))
  const webauthn = { rpId: key.rpId, rpOrigins: [key.origin] }
  const challenge = good(await auth.mfa.challenge({ factorId, webauthn }))
  const credential_response = key.get(challenge.webauthn.credential_options.publicKey)
  const answer = { factorId, challengeId: challenge.id, webauthn: { ...webauthn, type: 'request', credential_response } }
  assert.equal(claims(good(await auth.mfa.verify(answer)).access_token).aal, 'aal2')
})

test('a seed by hand: NULL in every token column, no identity, a password of crypt()', async () => {
  const address = email()
  await sql(
    `insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at, confirmation_token, recovery_token,
       email_change_token_new, email_change, email_change_token_current, phone_change, phone_change_token, reauthentication_token,
       raw_app_meta_data, raw_user_meta_data, is_super_admin)
     values (gen_random_uuid(), 'authenticated', 'authenticated', $1, crypt('password123', gen_salt('bf')), now(), null, null, null,
       null, null, null, null, null, null, null, null)`, address,
  )
  const auth = client()
  const { user } = good(await auth.signInWithPassword({ email: address, password: 'password123' }))
  good(await auth.refreshSession())
  assert.equal(good(await auth.getUser()).user.id, user.id)
  good(await client().signInWithOtp({ email: address }))
  good(await client().verifyOtp({ email: address, token: (await letterTo(address)).token, type: 'email' }))
  good(await client().resetPasswordForEmail(address))
  const back = client()
  good(await back.verifyOtp({ token_hash: (await letterTo(address, 2)).hash, type: 'recovery' }))
  good(await back.updateUser({ password }))
  good(await client().signInWithPassword({ email: address, password }))
})

test('imported hashes of other kinds, by the admin interface', async () => {
  const { SERVICE_KEY } = process.env
  const bcrypt = (await sql("select crypt('password123', gen_salt('bf', 6)) as hash"))[0].hash
  const argon2 = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc'
  for (const [password_hash, word] of [[bcrypt, 'password123'], [argon2, 'password']]) {
    const address = email()
    const answer = await fetch(`${CONFIRM_URL}/admin/users`, {
      method: 'POST', headers: { authorization: `Bearer ${SERVICE_KEY}` },
      body: JSON.stringify({ email: address, password_hash, email_confirm: true }),
    })
    assert.equal(answer.status, 200, await answer.text())
    good(await client().signInWithPassword({ email: address, password: word }))
  }
})

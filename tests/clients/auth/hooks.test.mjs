// Where the application steps in: functions of its database, and calls to its servers.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { HTTP_HOOKS_URL, SQL_HOOKS_URL, admin, calls, claims, client, email, good, member, password, phone, plan, refused, sql, totp, word } from './support.mjs'

/** A confirmed user of a server that sends letters. */
async function friend(url) {
  const address = email()
  good(await admin(url).createUser({ email: address, password, email_confirm: true }))
  const auth = client(url)
  const { user, session } = good(await auth.signInWithPassword({ email: address, password }))
  return { auth, email: address, user, session }
}

test('functions: claims are added at sign-in and at refresh', async () => {
  const { auth, session } = await friend(SQL_HOOKS_URL)
  assert.equal(claims(session.access_token).from_sql, true)
  assert.equal(claims(good(await auth.refreshSession()).session.access_token).from_sql, true)
})

test('functions: a sign-up is refused in their own words', async () => {
  const { error } = await client(SQL_HOOKS_URL).signUp({ email: `${word()}@blocked.test`, password })
  assert.deepEqual([error.status, error.message], [403, 'no strangers'])
  good(await client(SQL_HOOKS_URL).signUp({ email: email(), password }))
})

test('functions: a wrong password is answered in their own words', async () => {
  const { email: address } = await friend(SQL_HOOKS_URL)
  const { error } = await client(SQL_HOOKS_URL).signInWithPassword({ email: address, password: 'wrong' })
  assert.equal(error.message, 'one guess is enough')
  good(await client(SQL_HOOKS_URL).signInWithPassword({ email: address, password }))
})

test('functions: a wrong code ends the session', async () => {
  const { auth } = await friend(SQL_HOOKS_URL)
  const factor = good(await auth.mfa.enroll({ factorType: 'totp' }))
  const right = totp(factor.totp.secret)
  const { error } = await auth.mfa.challengeAndVerify({ factorId: factor.id, code: right === '000000' ? '000001' : '000000' })
  assert.deepEqual([error.code, error.message], ['mfa_verification_rejected', 'come back tomorrow'])
  assert.ok((await auth.getUser()).error)
})

test('calls: letters and messages go to the application, signed', async () => {
  const [auth, address] = [client(HTTP_HOOKS_URL), email()]
  good(await auth.signUp({ email: address, password }))
  const sent = (await calls('send_email')).find((call) => call.user.email === address)
  assert.equal(sent.email_data.email_action_type, 'signup')
  const { user } = good(await auth.verifyOtp({ token_hash: sent.email_data.token_hash, type: 'signup' }))
  assert.equal(user.email, address)
  const number = phone()
  good(await client(HTTP_HOOKS_URL).signInWithOtp({ phone: number }))
  const message = (await calls('send_sms')).find((call) => call.user.phone === number)
  good(await client(HTTP_HOOKS_URL).verifyOtp({ phone: number, token: message.sms.otp, type: 'sms' }))
})

test('calls: claims, sign-ups and passwords', async () => {
  const { email: address, session, user } = await friend(HTTP_HOOKS_URL)
  assert.equal(claims(session.access_token).from_http, true)
  const stranger = email()
  await plan('before_user_created', stranger, { error: { http_code: 422, message: 'not today' } })
  const { error } = await client(HTTP_HOOKS_URL).signUp({ email: stranger, password })
  assert.deepEqual([error.status, error.message], [422, 'not today'])
  await plan('password_verification_attempt', user.id, { decision: 'reject', message: 'locked', should_logout_user: true })
  assert.equal((await client(HTTP_HOOKS_URL).signInWithPassword({ email: address, password })).error.message, 'locked')
  assert.ok((await client(HTTP_HOOKS_URL).getUser(session.access_token)).error, 'he was signed out')
})

test('calls: an error of the application is the answer, and nothing was done', async () => {
  const address = email()
  await plan('send_email', address, { error: { http_code: 503, message: 'the post is on strike' } })
  const { error } = await client(HTTP_HOOKS_URL).signUp({ email: address, password })
  assert.equal(error.status, 503)
  assert.deepEqual(await sql('select id from auth.users where email = $1', address), [])
})

test('calls: a code that the application rejects ends the session', async () => {
  const { auth, user } = await friend(HTTP_HOOKS_URL)
  const factor = good(await auth.mfa.enroll({ factorType: 'totp' }))
  await plan('mfa_verification_attempt', user.id, { decision: 'reject', message: 'come back tomorrow' })
  const answer = await auth.mfa.challengeAndVerify({ factorId: factor.id, code: totp(factor.totp.secret) })
  assert.deepEqual(refused(answer), [403, 'mfa_verification_rejected'])
  assert.ok((await auth.getUser()).error)
})

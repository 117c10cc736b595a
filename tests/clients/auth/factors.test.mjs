// Second factors and passkeys.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { APP_URL, AUTO_URL, Authenticator, admin, claims, client, good, member, messageTo, password, phone, refused, totp } from './support.mjs'

const party = { rpId: new URL(APP_URL).hostname, origin: new URL(APP_URL).origin }
const webauthn = { rpId: party.rpId, rpOrigins: [party.origin] }
const level = async (auth) => {
  const { currentLevel, nextLevel } = good(await auth.mfa.getAuthenticatorAssuranceLevel())
  return [currentLevel, nextLevel]
}

test('TOTP: enrolled, asked for at the next sign-in, unenrolled', async () => {
  const { auth, email } = await member()
  const other = client(AUTO_URL)
  good(await other.signInWithPassword({ email, password }))
  const factor = good(await auth.mfa.enroll({ factorType: 'totp', friendlyName: 'phone', issuer: 'x.test' }))
  assert.match(factor.totp.uri, /^otpauth:\/\/totp\//)
  assert.ok(factor.totp.qr_code.startsWith('data:image/svg+xml'))
  const now = Date.now()
  good(await auth.mfa.challengeAndVerify({ factorId: factor.id, code: totp(factor.totp.secret, now) }))
  assert.deepEqual(await level(auth), ['aal2', 'aal2'])
  assert.ok((await other.getUser()).error, 'sessions of the lower level ended')
  const back = client(AUTO_URL)
  good(await back.signInWithPassword({ email, password }))
  assert.deepEqual(await level(back), ['aal1', 'aal2'])
  assert.deepEqual(refused(await back.updateUser({ password: 'a new horse' })), [401, 'insufficient_aal'])
  assert.deepEqual(refused(await back.mfa.enroll({ factorType: 'totp', friendlyName: 'mine' })), [403, 'insufficient_aal'])
  assert.deepEqual(refused(await back.mfa.unenroll({ factorId: factor.id })), [422, 'insufficient_aal'])
  const { id: challengeId } = good(await back.mfa.challenge({ factorId: factor.id }))
  const used = await back.mfa.verify({ factorId: factor.id, challengeId, code: totp(factor.totp.secret, now) })
  assert.equal(used.error.code, 'mfa_verification_failed', 'a code works once')
  const low = good(await back.getSession()).session
  const raised = good(await back.mfa.challengeAndVerify({ factorId: factor.id, code: totp(factor.totp.secret, now + 30_000) }))
  assert.equal(claims(raised.access_token).session_id, claims(low.access_token).session_id)
  assert.deepEqual(claims(raised.access_token).amr.map((one) => one.method).sort(), ['password', 'totp'])
  assert.equal(good(await back.mfa.listFactors()).totp[0].friendly_name, 'phone')
  good(await back.mfa.unenroll({ factorId: factor.id }))
  good(await back.refreshSession())
  assert.deepEqual(await level(back), ['aal1', 'aal1'])
})

test('a phone as a factor', async () => {
  const { auth } = await member()
  const number = phone()
  const factor = good(await auth.mfa.enroll({ factorType: 'phone', phone: number, friendlyName: 'mine' }))
  const challenge = good(await auth.mfa.challenge({ factorId: factor.id, channel: 'sms' }))
  const { code } = await messageTo(number)
  const wrong = await auth.mfa.verify({ factorId: factor.id, challengeId: challenge.id, code: code === '000000' ? '000001' : '000000' })
  assert.equal(wrong.error.code, 'mfa_verification_failed')
  const { access_token } = good(await auth.mfa.verify({ factorId: factor.id, challengeId: challenge.id, code }))
  assert.deepEqual([claims(access_token).aal, claims(access_token).amr[0].method], ['aal2', 'mfa/phone'])
  assert.equal(good(await auth.mfa.listFactors()).phone.length, 1)
})

test('a security key as a factor', async () => {
  const { auth, email } = await member()
  const key = new Authenticator(party)
  const factor = good(await auth.mfa.enroll({ factorType: 'webauthn', friendlyName: 'key' }))
  const first = good(await auth.mfa.challenge({ factorId: factor.id, webauthn }))
  assert.equal(first.webauthn.type, 'create')
  const made = key.create(first.webauthn.credential_options.publicKey)
  good(await auth.mfa.verify({ factorId: factor.id, challengeId: first.id, webauthn: { ...webauthn, type: 'create', credential_response: made } }))
  assert.deepEqual(await level(auth), ['aal2', 'aal2'])
  const back = client(AUTO_URL)
  good(await back.signInWithPassword({ email, password }))
  const second = good(await back.mfa.challenge({ factorId: factor.id, webauthn }))
  assert.equal(second.webauthn.type, 'request')
  const asked = second.webauthn.credential_options.publicKey
  const answer = (credential) => back.mfa.verify({
    factorId: factor.id, challengeId: second.id, webauthn: { ...webauthn, type: 'request', credential_response: credential },
  })
  const elsewhere = Object.assign(new Authenticator({ ...party, origin: 'https://evil.test' }), { id: key.id, pair: key.pair, owner: key.owner })
  assert.ok((await answer(elsewhere.get(asked))).error, 'a page of somebody else asked')
  const third = good(await back.mfa.challenge({ factorId: factor.id, webauthn }))
  const proof = key.get(third.webauthn.credential_options.publicKey)
  const { access_token } = good(await back.mfa.verify({
    factorId: factor.id, challengeId: third.id, webauthn: { ...webauthn, type: 'request', credential_response: proof },
  }))
  assert.deepEqual([claims(access_token).aal, claims(access_token).amr[0].method], ['aal2', 'mfa/webauthn'])
  assert.equal(good(await back.mfa.listFactors()).webauthn.length, 1)
})

test('passkeys sign in by themselves', async () => {
  const { auth, user } = await member()
  const key = new Authenticator(party)
  const begun = good(await auth.passkey.startRegistration())
  const made = good(await auth.passkey.verifyRegistration({ challengeId: begun.challenge_id, credential: key.create(begun.options).toJSON() }))
  assert.equal(good(await auth.passkey.update({ passkeyId: made.id, friendlyName: 'laptop' })).friendly_name, 'laptop')
  const device = client(AUTO_URL)
  const asked = good(await device.passkey.startAuthentication())
  const proof = key.get(asked.options).toJSON()
  const { session } = good(await device.passkey.verifyAuthentication({ challengeId: asked.challenge_id, credential: proof }))
  assert.deepEqual([session.user.id, claims(session.access_token).amr[0].method], [user.id, 'passkey'])
  const replayed = await client(AUTO_URL).passkey.verifyAuthentication({ challengeId: asked.challenge_id, credential: proof })
  assert.deepEqual(refused(replayed), [400, 'webauthn_challenge_not_found'])
  assert.equal(good(await auth.passkey.list()).length, 1)
  const api = admin(AUTO_URL)
  assert.equal(good(await api.passkey.listPasskeys({ userId: user.id }))[0].friendly_name, 'laptop')
  assert.equal((await api.passkey.deletePasskey({ userId: user.id, passkeyId: made.id })).error, null)
  assert.equal(good(await auth.passkey.list()).length, 0)
  const stranger = good(await client(AUTO_URL).passkey.startAuthentication())
  const gone = await client(AUTO_URL).passkey.verifyAuthentication({
    challengeId: stranger.challenge_id, credential: key.get(stranger.options).toJSON(),
  })
  assert.ok(gone.error, 'a key that was taken away')
})

test('who administers sees and removes factors', async () => {
  const { auth, user } = await member()
  const factor = good(await auth.mfa.enroll({ factorType: 'totp', friendlyName: 'phone' }))
  good(await auth.mfa.challengeAndVerify({ factorId: factor.id, code: totp(factor.totp.secret) }))
  const api = admin(AUTO_URL)
  const { factors } = good(await api.mfa.listFactors({ userId: user.id }))
  assert.deepEqual(factors.map((one) => [one.id, one.status]), [[factor.id, 'verified']])
  assert.equal(factors[0].secret, undefined)
  good(await api.mfa.deleteFactor({ userId: user.id, id: factor.id }))
  assert.equal(good(await api.mfa.listFactors({ userId: user.id })).factors.length, 0)
})

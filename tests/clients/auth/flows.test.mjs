// The flows of an application, by the published client, against running servers:
// AUTH_URL confirms everybody at once, CONFIRM_URL sends letters; LETTERS_URL shows what was sent.
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'

import { GoTrueAdminApi, GoTrueClient } from '@supabase/auth-js'

const { AUTH_URL, CONFIRM_URL, LETTERS_URL, ANON_KEY, SERVICE_KEY } = process.env
let n = 0
const email = () => `client-${process.pid}-${n++}@x.test`
const password = 'correct horse'

function memory() {
  const items = new Map()
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  }
}

function client(url = AUTH_URL, options = {}) {
  return new GoTrueClient({
    url,
    headers: { apikey: ANON_KEY, Authorization: `Bearer ${ANON_KEY}` },
    autoRefreshToken: false,
    storage: memory(),
    storageKey: `key-${n++}`,
    ...options,
  })
}

function admin(url = AUTH_URL) {
  return new GoTrueAdminApi({ url, headers: { apikey: SERVICE_KEY, Authorization: `Bearer ${SERVICE_KEY}` } })
}

/** The data of an answer that must not be an error. */
function good({ data, error }) {
  assert.equal(error, null, error && `${error.code}: ${error.message}`)
  return data
}

async function letterTo(address) {
  const all = await (await fetch(LETTERS_URL)).json()
  const found = all.filter((letter) => letter.to === address).pop()
  assert.ok(found, `no letter to ${address}`)
  return found
}

function totp(secret, at = Date.now()) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30000)))
  const digest = createHmac('sha1', key).update(counter).digest()
  const offset = digest[19] & 15
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1e6).padStart(6, '0')
}

test('sign up, read, change, refresh, sign out', async () => {
  const auth = client()
  const address = email()
  const signedUp = good(await auth.signUp({ email: address, password, options: { data: { full_name: 'Ada' } } }))
  assert.equal(signedUp.user.user_metadata.full_name, 'Ada')
  assert.equal(good(await auth.getUser()).user.email, address)
  const updated = good(await auth.updateUser({ data: { full_name: 'Ada L.' } }))
  assert.equal(updated.user.user_metadata.full_name, 'Ada L.')
  const before = good(await auth.getSession()).session
  const after = good(await auth.refreshSession()).session
  assert.notEqual(after.refresh_token, before.refresh_token)
  assert.equal(good(await auth.getClaims()).claims.sub, signedUp.user.id)
  assert.equal((await auth.signOut()).error, null)
  assert.equal(good(await auth.getSession()).session, null)
  const gone = await client().getUser(after.access_token)
  assert.equal(gone.error.name, 'AuthSessionMissingError')
})

test('errors carry codes that applications branch on', async () => {
  const auth = client()
  const address = email()
  good(await auth.signUp({ email: address, password }))
  const wrong = await client().signInWithPassword({ email: address, password: 'wrong' })
  assert.equal(wrong.error.code, 'invalid_credentials')
  assert.equal(wrong.error.message, 'Invalid login credentials')
  const weak = await client().signUp({ email: email(), password: 'abc' })
  assert.equal(weak.error.name, 'AuthWeakPasswordError')
  assert.deepEqual(weak.error.reasons, ['length'])
  assert.equal((await client().signUp({ email: address, password })).error.message, 'User already registered')
  assert.equal((await client().signInAnonymously()).error.message, 'Anonymous sign-ins are disabled')
  const dead = await client().refreshSession({ refresh_token: 'abcdefghijkl' })
  assert.equal(dead.error.code, 'refresh_token_not_found')
})

test('a sign-up is confirmed by its letter', async () => {
  const auth = client(CONFIRM_URL)
  const address = email()
  const { user, session } = good(await auth.signUp({ email: address, password }))
  assert.equal(session, null)
  assert.equal(user.identities.length, 1)
  assert.equal((await auth.signInWithPassword({ email: address, password })).error.code, 'email_not_confirmed')
  const verified = good(await auth.verifyOtp({ email: address, token: (await letterTo(address)).token, type: 'signup' }))
  assert.equal(verified.user.id, user.id)
  const repeated = good(await client(CONFIRM_URL).signUp({ email: address, password }))
  assert.equal(repeated.user.identities.length, 0)
})

test('one-time passwords, magic links and recovery', async () => {
  const address = email()
  const auth = client(CONFIRM_URL)
  good(await auth.signInWithOtp({ email: address }))
  good(await auth.verifyOtp({ email: address, token: (await letterTo(address)).token, type: 'email' }))
  const unknown = await auth.signInWithOtp({ email: email(), options: { shouldCreateUser: false } })
  assert.equal(unknown.error.code, 'otp_disabled')
  good(await auth.resetPasswordForEmail(address))
  const { session } = good(await auth.verifyOtp({ token_hash: (await letterTo(address)).hash, type: 'recovery' }))
  assert.ok(session.access_token)
  good(await auth.updateUser({ password }))
  good(await client(CONFIRM_URL).signInWithPassword({ email: address, password }))
})

test('PKCE: the letter ends with a code that only this client can exchange', async () => {
  const storage = memory()
  const auth = client(CONFIRM_URL, { flowType: 'pkce', storage, storageKey: 'pkce' })
  const address = email()
  good(await auth.signUp({ email: address, password }))
  const answer = await fetch((await letterTo(address)).link, { redirect: 'manual' })
  assert.equal(answer.status, 303)
  const code = new URL(answer.headers.get('location')).searchParams.get('code')
  const { session } = good(await auth.exchangeCodeForSession(code))
  assert.equal(session.user.email, address)
})

test('the administration of users', async () => {
  const api = admin()
  const address = email()
  const { user } = good(await api.createUser({ email: address, password, email_confirm: true, user_metadata: { a: 1 } }))
  assert.equal(good(await api.getUserById(user.id)).user.email, address)
  const list = good(await api.listUsers({ page: 1, perPage: 1 }))
  assert.equal(list.users.length, 1)
  assert.ok(list.total >= 1)
  const changed = good(await api.updateUserById(user.id, { app_metadata: { plan: 'pro' } }))
  assert.equal(changed.user.app_metadata.plan, 'pro')
  const link = good(await api.generateLink({ type: 'magiclink', email: address }))
  assert.equal(link.properties.verification_type, 'magiclink')
  const { session } = good(await client().verifyOtp({ token_hash: link.properties.hashed_token, type: 'magiclink' }))
  assert.equal((await api.signOut(session.access_token, 'global')).error, null)
  good(await api.inviteUserByEmail(email()))
  good(await api.deleteUser(user.id))
  assert.equal((await api.getUserById(user.id)).error.code, 'user_not_found')
  const stranger = await new GoTrueAdminApi({ url: AUTH_URL, headers: { apikey: ANON_KEY } }).listUsers()
  assert.ok(stranger.error)
})

test('a second factor', async () => {
  const auth = client()
  good(await auth.signUp({ email: email(), password }))
  const factor = good(await auth.mfa.enroll({ factorType: 'totp', friendlyName: 'phone' }))
  assert.ok(factor.totp.qr_code.startsWith('data:image/svg+xml'))
  const wrong = await auth.mfa.challengeAndVerify({ factorId: factor.id, code: '000000' })
  assert.match(wrong.error.message, /^Invalid TOTP code/)
  good(await auth.mfa.challengeAndVerify({ factorId: factor.id, code: totp(factor.totp.secret) }))
  const level = good(await auth.mfa.getAuthenticatorAssuranceLevel())
  assert.equal(level.currentLevel, 'aal2')
  assert.equal(good(await auth.mfa.listFactors()).totp.length, 1)
  good(await auth.mfa.unenroll({ factorId: factor.id }))
  good(await auth.refreshSession())
  assert.equal(good(await auth.mfa.getAuthenticatorAssuranceLevel()).currentLevel, 'aal1')
})

test('the scopes of a sign-out', async () => {
  const address = email()
  const [a, b, c] = [client(), client(), client()]
  good(await a.signUp({ email: address, password }))
  good(await b.signInWithPassword({ email: address, password }))
  good(await c.signInWithPassword({ email: address, password }))
  assert.equal((await a.signOut({ scope: 'others' })).error, null)
  assert.ok((await b.getUser()).error)
  good(await a.getUser())
  assert.ok((await c.refreshSession()).error)
})

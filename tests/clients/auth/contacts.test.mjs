// Who is reached by letter or by phone: sign-up, sign-in, codes, links, recovery, and the change of an address.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  APP_URL, AUTO_URL, CONFIRM_URL, SQL_HOOKS_URL, admin, claims, client, email, follow, good, letterTo, member, messageTo, password,
  phone, refused, sql,
} from './support.mjs'

/** The session that stands in the fragment of where a link ended, taken up by a client. */
async function arrive(link, auth = client()) {
  const { fragment } = await follow(link)
  assert.ok(fragment.get('access_token'), `no session but ${fragment}`)
  good(await auth.setSession({ access_token: fragment.get('access_token'), refresh_token: fragment.get('refresh_token') }))
  return { auth, fragment, user: good(await auth.getUser()).user }
}

/** A user whose address was confirmed by its letter. */
async function confirmed() {
  const [auth, address] = [client(), email()]
  good(await auth.signUp({ email: address, password }))
  const { user } = good(await auth.verifyOtp({ email: address, token: (await letterTo(address)).token, type: 'email' }))
  return { auth, email: address, user }
}

test('e-mail and password: the letter confirms, by its link or by its code', async () => {
  const [auth, address] = [client(), email()]
  const options = { emailRedirectTo: `${APP_URL}/welcome`, data: { full_name: 'Ada' } }
  const { user, session } = good(await auth.signUp({ email: address, password, options }))
  assert.equal(session, null)
  assert.deepEqual(refused(await auth.signInWithPassword({ email: address, password })), [400, 'email_not_confirmed'])
  const letter = await letterTo(address)
  const arrived = await arrive(letter.link)
  assert.equal(arrived.user.id, user.id)
  assert.equal(arrived.user.user_metadata.full_name, 'Ada')
  assert.equal(arrived.fragment.get('type'), 'signup')
  const again = await follow(letter.link)
  assert.equal(again.fragment.get('error_code'), 'otp_expired')
  const otp = await client().verifyOtp({ email: address, token: letter.token, type: 'email' })
  assert.deepEqual(refused(otp), [403, 'otp_expired'])
  assert.equal(good(await client().signInWithPassword({ email: address.toUpperCase(), password })).user.id, user.id)
  assert.deepEqual(refused(await client().signInWithPassword({ email: address, password: 'wrong' })), [400, 'invalid_credentials'])
  const taken = good(await client().signUp({ email: address, password: 'another horse' }))
  assert.deepEqual([taken.user.identities, taken.session], [[], null])
})

test('phone and password: the message confirms', async () => {
  const [auth, number] = [client(), phone()]
  const { user, session } = good(await auth.signUp({ phone: number, password }))
  assert.deepEqual([session, user.phone], [null, number])
  assert.deepEqual(refused(await auth.signInWithPassword({ phone: number, password })), [400, 'phone_not_confirmed'])
  const { code } = await messageTo(number)
  assert.deepEqual(refused(await auth.verifyOtp({ phone: number, token: code === '000000' ? '000001' : '000000', type: 'sms' })), [403, 'otp_expired'])
  assert.equal(good(await auth.verifyOtp({ phone: `+${number}`, token: code, type: 'sms' })).user.id, user.id)
  assert.equal(good(await client().signInWithPassword({ phone: number, password })).user.id, user.id)
})

test('a code by letter signs up, and in again', async () => {
  const address = email()
  good(await client().signInWithOtp({ email: address, options: { data: { plan: 'free' } } }))
  const auth = client()
  const first = good(await auth.verifyOtp({ email: address, token: (await letterTo(address)).token, type: 'email' }))
  assert.equal(first.user.user_metadata.plan, 'free')
  good(await client().signInWithOtp({ email: address }))
  const again = good(await auth.verifyOtp({ email: address, token: (await letterTo(address, 2)).token, type: 'email' }))
  assert.equal(again.user.id, first.user.id)
  assert.equal(claims(again.session.access_token).amr[0].method, 'otp')
  const stranger = await client().signInWithOtp({ email: email(), options: { shouldCreateUser: false } })
  assert.deepEqual(refused(stranger), [422, 'otp_disabled'])
})

test('a code by message signs up, and in again', async () => {
  const [auth, number] = [client(), phone()]
  good(await auth.signInWithOtp({ phone: number }))
  const first = await messageTo(number)
  assert.equal(first.channel, 'sms')
  const { user } = good(await auth.verifyOtp({ phone: number, token: first.code, type: 'sms' }))
  good(await auth.signInWithOtp({ phone: number, options: { channel: 'whatsapp' } }))
  const second = (await messageToWhatsApp(number)).code
  assert.equal(good(await client().verifyOtp({ phone: number, token: second, type: 'sms' })).user.id, user.id)
})

const messageToWhatsApp = async (number) => {
  const { DOUBLES_URL } = process.env
  const found = await (await fetch(`${DOUBLES_URL}/messages?to=${encodeURIComponent(`whatsapp:+${number}`)}`)).json()
  assert.equal(found[0].channel, 'whatsapp')
  return found[0]
}

test('a magic link ends at the application with a session', async () => {
  const { email: address, user } = await confirmed()
  good(await client().signInWithOtp({ email: address, options: { emailRedirectTo: `${APP_URL}/in?from=letter` } }))
  const letter = await letterTo(address, 2)
  const { at } = await follow(letter.link)
  assert.ok(at.href.startsWith(`${APP_URL}/in?from=letter#access_token=`), at.href)
  good(await client().signInWithOtp({ email: address }))
  const arrived = await arrive((await letterTo(address, 3)).link)
  assert.equal(arrived.user.id, user.id)
})

test('a redirect to a stranger becomes the site', async () => {
  const address = email()
  good(await client().signUp({ email: address, password, options: { emailRedirectTo: 'https://evil.test/in' } }))
  assert.equal((await follow((await letterTo(address)).link)).at.pathname, '/')
})

test('somebody without a name becomes a user, and keeps what he has', async () => {
  const auth = client()
  const { user } = good(await auth.signInAnonymously({ options: { data: { cart: 3 } } }))
  assert.deepEqual([user.is_anonymous, user.user_metadata.cart], [true, 3])
  const address = email()
  good(await auth.updateUser({ email: address }))
  const letter = await letterTo(address)
  const verified = good(await auth.verifyOtp({ email: address, token: letter.token, type: 'email_change' }))
  assert.deepEqual([verified.user.id, verified.user.is_anonymous, verified.user.email], [user.id, false, address])
  assert.equal(verified.user.user_metadata.cart, 3)
  good(await auth.updateUser({ password }))
  assert.equal(good(await client().signInWithPassword({ email: address, password })).user.id, user.id)
})

test('somebody without a name takes a phone number', async () => {
  const [auth, number] = [client(), phone()]
  const { user } = good(await auth.signInAnonymously())
  good(await auth.updateUser({ phone: number }))
  const verified = good(await auth.verifyOtp({ phone: number, token: (await messageTo(number)).code, type: 'phone_change' }))
  assert.deepEqual([verified.user.id, verified.user.is_anonymous, verified.user.phone], [user.id, false, number])
})

test('recovery: the link signs in, a new password follows, strangers learn nothing', async () => {
  const { email: address, user } = await confirmed()
  good(await client().resetPasswordForEmail(address, { redirectTo: `${APP_URL}/new-password` }))
  const { auth, fragment, user: back } = await arrive((await letterTo(address, 2)).link)
  assert.deepEqual([back.id, fragment.get('type')], [user.id, 'recovery'])
  good(await auth.updateUser({ password: 'a new horse' }))
  good(await client().signInWithPassword({ email: address, password: 'a new horse' }))
  assert.deepEqual(refused(await client().signInWithPassword({ email: address, password })), [400, 'invalid_credentials'])
  assert.deepEqual(refused(await auth.updateUser({ password: 'a new horse' })), [422, 'same_password'])
  good(await client().resetPasswordForEmail(email()))
})

test('an address changes when both have confirmed', async () => {
  const { auth, email: old, user } = await confirmed()
  const next = email()
  assert.equal(good(await auth.updateUser({ email: next })).user.new_email, next)
  const [toOld, toNew] = [await letterTo(old, 2), await letterTo(next)]
  const half = good(await auth.verifyOtp({ token_hash: toNew.hash, type: 'email_change' }))
  assert.equal(half.session, null)
  assert.equal(good(await auth.getUser()).user.email, old)
  const whole = good(await auth.verifyOtp({ email: old, token: toOld.token, type: 'email_change' }))
  assert.deepEqual([whole.user.id, whole.user.email], [user.id, next])
  good(await client().signInWithPassword({ email: next, password }))
  refused(await client().signInWithPassword({ email: old, password }))
})

test('an address changes by its own letter where the settings say so', async () => {
  const old = email()
  good(await admin(SQL_HOOKS_URL).createUser({ email: old, password, email_confirm: true }))
  const [auth, next] = [client(SQL_HOOKS_URL), email()]
  good(await auth.signInWithPassword({ email: old, password }))
  good(await auth.updateUser({ email: next }))
  await follow((await letterTo(next)).link)
  assert.equal(good(await auth.getUser()).user.email, next)
  assert.deepEqual(await sql('select email_change from auth.users where email = $1', next), [{ email_change: '' }])
})

test('an address of somebody else is refused', async () => {
  const [one, other] = [await confirmed(), await confirmed()]
  assert.deepEqual(refused(await one.auth.updateUser({ email: other.email })), [422, 'email_exists'])
})

test('a phone number changes by its message', async () => {
  const { auth, user } = await confirmed()
  const [first, second] = [phone(), phone()]
  good(await auth.updateUser({ phone: first }))
  good(await auth.verifyOtp({ phone: first, token: (await messageTo(first)).code, type: 'phone_change' }))
  good(await auth.updateUser({ phone: second }))
  assert.equal(good(await auth.getUser()).user.phone, first)
  good(await auth.verifyOtp({ phone: second, token: (await messageTo(second)).code, type: 'phone_change' }))
  const after = good(await auth.getUser()).user
  assert.deepEqual([after.id, after.phone], [user.id, second])
})

test('what was sent is sent again', async () => {
  const address = email()
  good(await client().signUp({ email: address, password }))
  const first = await letterTo(address)
  good(await client().resend({ type: 'signup', email: address }))
  const second = await letterTo(address, 2)
  refused(await client().verifyOtp({ token_hash: first.hash, type: 'signup' }))
  const auth = client()
  good(await auth.verifyOtp({ token_hash: second.hash, type: 'signup' }))
  const next = email()
  good(await auth.updateUser({ email: next }))
  await letterTo(next)
  good(await auth.resend({ type: 'email_change', email: address }))
  await letterTo(next, 2)
  const number = phone()
  good(await client().signUp({ phone: number, password }))
  await messageTo(number)
  good(await client().resend({ type: 'sms', phone: number }))
  good(await client().verifyOtp({ phone: number, token: (await messageTo(number, 2)).code, type: 'sms' }))
  const person = client()
  good(await person.signInWithPassword({ phone: number, password }))
  const other = phone()
  good(await person.updateUser({ phone: other }))
  await messageTo(other)
  good(await person.resend({ type: 'phone_change', phone: number }))
  good(await person.verifyOtp({ phone: other, token: (await messageTo(other, 2)).code, type: 'phone_change' }))
  for (const unknown of [{ type: 'signup', email: email() }, { type: 'sms', phone: phone() }]) good(await client().resend(unknown))
})

test('an old session asks for a nonce before the password changes', async () => {
  const { auth, email: address, user } = await confirmed()
  await sql("update auth.sessions set created_at = now() - interval '2 days' where user_id = $1", user.id)
  assert.deepEqual(refused(await auth.updateUser({ password: 'a new horse' })), [400, 'reauthentication_needed'])
  good(await auth.reauthenticate())
  const nonce = (await letterTo(address, 2)).subject.match(/\d{6}/)[0]
  const wrong = await auth.updateUser({ password: 'a new horse', nonce: nonce === '000000' ? '000001' : '000000' })
  assert.deepEqual(refused(wrong), [422, 'reauthentication_not_valid'])
  good(await auth.updateUser({ password: 'a new horse', nonce }))
  good(await client().signInWithPassword({ email: address, password: 'a new horse' }))
})

test('a nonce for who has a phone only comes by message', async () => {
  const [auth, number] = [client(), phone()]
  good(await auth.signUp({ phone: number, password }))
  good(await auth.verifyOtp({ phone: number, token: (await messageTo(number)).code, type: 'sms' }))
  await sql("update auth.sessions set created_at = now() - interval '2 days' where user_id = (select id from auth.users where phone = $1)", number)
  good(await auth.reauthenticate())
  good(await auth.updateUser({ password: 'a new horse', nonce: (await messageTo(number, 2)).code }))
})

test('PKCE: every letter ends with a code that only this device can exchange', async () => {
  const device = () => client(CONFIRM_URL, { flowType: 'pkce' })
  const exchange = async (auth, link) => {
    const code = (await follow(link)).query.get('code')
    assert.ok(code)
    const thief = await device().exchangeCodeForSession(code)
    assert.ok(thief.error)
    return good(await auth.exchangeCodeForSession(code)).session
  }
  const [auth, address] = [device(), email()]
  good(await auth.signUp({ email: address, password }))
  const first = await exchange(auth, (await letterTo(address)).link)
  assert.equal(claims(first.access_token).amr[0].method, 'email/signup')
  good(await auth.signInWithOtp({ email: address }))
  const second = await exchange(auth, (await letterTo(address, 2)).link)
  assert.equal(claims(second.access_token).amr[0].method, 'magiclink')
  good(await auth.resetPasswordForEmail(address))
  const third = await exchange(auth, (await letterTo(address, 3)).link)
  assert.equal(claims(third.access_token).amr[0].method, 'recovery')
})

test('where everybody is confirmed at once, a sign-up is a sign-in', async () => {
  const { email: address, session } = await member(AUTO_URL)
  assert.ok(session.access_token)
  assert.deepEqual(refused(await client(AUTO_URL).signUp({ email: address, password })), [422, 'user_already_exists'])
  const number = phone()
  assert.ok(good(await client(AUTO_URL).signUp({ phone: number, password })).session)
})

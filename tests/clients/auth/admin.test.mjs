// All of `auth.admin`.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { GoTrueAdminApi } from '@supabase/auth-js'

import {
  APP_URL, AUTO_URL, CONFIRM_URL, admin, client, email, follow, good, letterTo, member, password, phone, refused, sql, word,
} from './support.mjs'

const api = admin()

test('users: created, read, listed, changed', async () => {
  const [address, number] = [email(), phone()]
  const { user } = good(await api.createUser({
    email: address, phone: number, password, email_confirm: true, phone_confirm: true,
    user_metadata: { a: 1 }, app_metadata: { plan: 'free' }, role: 'authenticated',
  }))
  assert.deepEqual([user.user_metadata.a, user.app_metadata.plan], [1, 'free'])
  assert.ok(user.email_confirmed_at && user.phone_confirmed_at)
  good(await client().signInWithPassword({ email: address, password }))
  good(await client().signInWithPassword({ phone: number, password }))
  assert.equal(good(await api.getUserById(user.id)).user.email, address)
  assert.deepEqual(refused(await api.createUser({ email: address })), [422, 'email_exists'])
  assert.deepEqual(refused(await api.createUser({ phone: number })), [422, 'phone_exists'])
  const next = email()
  const changed = good(await api.updateUserById(user.id, {
    email: next, email_confirm: true, password: 'a new horse', user_metadata: { b: 2 }, app_metadata: { plan: 'pro' },
  })).user
  const { a, b } = changed.user_metadata
  assert.deepEqual([changed.email, a, b, changed.app_metadata.plan], [next, 1, 2, 'pro'])
  good(await client().signInWithPassword({ email: next, password: 'a new horse' }))
  assert.deepEqual(refused(await api.getUserById('00000000-0000-4000-8000-000000000000')), [404, 'user_not_found'])
})

test('users come in pages', async () => {
  for (let i = 0; i < 3; i++) good(await api.createUser({ email: email() }))
  const first = good(await api.listUsers({ page: 1, perPage: 2 }))
  assert.equal(first.users.length, 2)
  assert.equal(first.nextPage, 2)
  assert.ok(first.total >= 3)
  const last = good(await api.listUsers({ page: 100_000, perPage: 2 }))
  assert.deepEqual(last.users, [])
})

test('a user is deleted, or hidden for good', async () => {
  const { user, session } = await member(AUTO_URL)
  good(await admin(AUTO_URL).deleteUser(user.id))
  assert.deepEqual(refused(await api.getUserById(user.id)), [404, 'user_not_found'])
  assert.ok((await client(AUTO_URL).getUser(session.access_token)).error)
  const hidden = await member(AUTO_URL)
  good(await admin(AUTO_URL).deleteUser(hidden.user.id, true))
  assert.ok((await client(AUTO_URL).signInWithPassword({ email: hidden.email, password })).error)
  const [row] = await sql('select email, deleted_at, raw_user_meta_data from auth.users where id = $1', hidden.user.id)
  assert.ok(row.deleted_at && row.email !== hidden.email)
  good(await client(AUTO_URL).signUp({ email: hidden.email, password }))
})

test('an invitation is accepted by its letter', async () => {
  const address = email()
  const { user } = good(await api.inviteUserByEmail(address, { data: { team: 'x' }, redirectTo: `${APP_URL}/join` }))
  assert.ok(user.invited_at)
  const { at, fragment } = await follow((await letterTo(address)).link)
  assert.deepEqual([at.pathname, fragment.get('type')], ['/join', 'invite'])
  const guest = client()
  good(await guest.setSession({ access_token: fragment.get('access_token'), refresh_token: fragment.get('refresh_token') }))
  good(await guest.updateUser({ password }))
  assert.equal(good(await client().signInWithPassword({ email: address, password })).user.user_metadata.team, 'x')
})

test('links of all six kinds lead in', async () => {
  const verify = async (link, type = link.properties.verification_type) =>
    good(await client().verifyOtp({ token_hash: link.properties.hashed_token, type })).user
  const address = email()
  const signup = good(await api.generateLink({ type: 'signup', email: address, password, options: { data: { a: 1 } } }))
  assert.ok(signup.properties.action_link.startsWith(CONFIRM_URL), signup.properties.action_link)
  assert.equal((await verify(signup)).id, signup.user.id)
  good(await client().signInWithPassword({ email: address, password }))
  const magic = good(await api.generateLink({ type: 'magiclink', email: address, options: { redirectTo: `${APP_URL}/in` } }))
  assert.equal((await follow(magic.properties.action_link)).at.pathname, '/in')
  const recovery = good(await api.generateLink({ type: 'recovery', email: address }))
  const byCode = good(await client().verifyOtp({ email: address, token: recovery.properties.email_otp, type: 'recovery' }))
  assert.equal(byCode.user.id, signup.user.id)
  const invite = good(await api.generateLink({ type: 'invite', email: email() }))
  assert.equal((await verify(invite)).id, invite.user.id)
  const next = email()
  const current = good(await api.generateLink({ type: 'email_change_current', email: address, newEmail: next }))
  const fresh = good(await api.generateLink({ type: 'email_change_new', email: address, newEmail: next }))
  await verify(current, 'email_change')
  assert.equal((await verify(fresh, 'email_change')).email, next)
})

test('sessions of others are ended', async () => {
  const { email: address, session } = await member(AUTO_URL)
  const other = good(await client(AUTO_URL).signInWithPassword({ email: address, password })).session
  assert.equal((await admin(AUTO_URL).signOut(session.access_token, 'others')).error, null)
  assert.ok((await client(AUTO_URL).getUser(other.access_token)).error)
  assert.equal((await admin(AUTO_URL).signOut(session.access_token, 'global')).error, null)
  assert.ok((await client(AUTO_URL).getUser(session.access_token)).error)
})

test('clients of the OAuth server: made, read, changed, removed', async () => {
  const { oauth } = api
  const made = good(await oauth.createClient({
    client_name: word(), redirect_uris: [`${APP_URL}/callback`], grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'], scope: 'openid email',
  }))
  assert.ok(made.client_id && made.client_secret)
  const read = good(await oauth.getClient(made.client_id))
  assert.deepEqual([read.client_name, read.client_secret], [made.client_name, undefined])
  const changed = good(await oauth.updateClient(made.client_id, { client_name: 'Another', redirect_uris: [`${APP_URL}/back`] }))
  assert.deepEqual([changed.client_name, changed.redirect_uris], ['Another', [`${APP_URL}/back`]])
  const renewed = good(await oauth.regenerateClientSecret(made.client_id))
  assert.notEqual(renewed.client_secret, made.client_secret)
  assert.ok(good(await oauth.listClients()).clients.some((one) => one.client_id === made.client_id))
  assert.equal((await oauth.deleteClient(made.client_id)).error, null)
  assert.deepEqual(refused(await oauth.getClient(made.client_id)), [404, 'oauth_client_not_found'])
  assert.equal((await oauth.createClient({ client_name: 'x', redirect_uris: [] })).error.status, 400)
})

test('nobody else may', async () => {
  const { session } = await member(AUTO_URL)
  const as = (token) => new GoTrueAdminApi({ url: AUTO_URL, headers: token ? { Authorization: `Bearer ${token}` } : {} })
  assert.deepEqual(refused(await as(session.access_token).listUsers()), [403, 'not_admin'])
  assert.equal((await as().listUsers()).error.status, 401)
  assert.deepEqual(refused(await as(session.access_token).deleteUser(session.user.id)), [403, 'not_admin'])
  assert.deepEqual(refused(await as(session.access_token).oauth.listClients()), [403, 'not_admin'])
})

test('what happened stands in the audit log', async () => {
  const { user } = await member(AUTO_URL)
  const rows = await sql("select payload ->> 'action' as action from auth.audit_log_entries where payload ->> 'actor_id' = $1", user.id)
  assert.ok(rows.some((row) => row.action === 'user_signedup'), JSON.stringify(rows))
})

// Sessions: refresh, its races, who ends what.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { AUTO_URL, CONFIRM_URL, SERVICE_KEY, admin, claims, client, email, good, member, memory, password, refused } from './support.mjs'

const refresh = async (refresh_token, url) => client(url).refreshSession({ refresh_token })

test('the scopes of a sign-out', async () => {
  const { auth: a, email: address } = await member()
  const [b, c] = [client(AUTO_URL), client(AUTO_URL)]
  for (const device of [b, c]) good(await device.signInWithPassword({ email: address, password }))
  const tokens = {}
  for (const [name, device] of Object.entries({ a, b, c })) tokens[name] = good(await device.getSession()).session
  const alive = async (name) => (await client(AUTO_URL).getUser(tokens[name].access_token)).error === null
  assert.equal((await b.signOut({ scope: 'local' })).error, null)
  assert.deepEqual([await alive('a'), await alive('b'), await alive('c')], [true, false, true])
  assert.equal((await a.signOut({ scope: 'others' })).error, null)
  assert.deepEqual([await alive('a'), await alive('c')], [true, false])
  assert.ok((await refresh(tokens.c.refresh_token, AUTO_URL)).error)
  assert.equal((await a.signOut({ scope: 'global' })).error, null)
  assert.equal(await alive('a'), false)
  assert.ok((await refresh(tokens.a.refresh_token, AUTO_URL)).error)
})

test('a client whose answer was lost gets it again', async () => {
  const { session } = await member()
  const first = good(await refresh(session.refresh_token, AUTO_URL)).session
  const again = good(await refresh(session.refresh_token, AUTO_URL)).session
  assert.equal(again.refresh_token, first.refresh_token)
})

test('a token that was used before the last one takes its family down', async () => {
  const { session } = await member(AUTO_URL)
  const first = good(await refresh(session.refresh_token, AUTO_URL)).session
  const second = good(await refresh(first.refresh_token, AUTO_URL)).session
  assert.deepEqual(refused(await refresh(session.refresh_token, AUTO_URL)), [400, 'refresh_token_already_used'])
  assert.deepEqual(refused(await refresh(second.refresh_token, AUTO_URL)), [400, 'refresh_token_already_used'])
})

test('within the reuse interval it does not', async () => {
  const address = email()
  good(await admin().createUser({ email: address, password, email_confirm: true }))
  const { session } = good(await client().signInWithPassword({ email: address, password }))
  const first = good(await refresh(session.refresh_token)).session
  const second = good(await refresh(first.refresh_token)).session
  const late = good(await refresh(session.refresh_token)).session
  assert.ok(late.access_token)
  good(await refresh(second.refresh_token))
})

test('tabs that refresh at once all stay signed in', async () => {
  const { session } = await member()
  const tabs = await Promise.all(Array.from({ length: 8 }, () => refresh(session.refresh_token, AUTO_URL)))
  const tokens = new Set(tabs.map((tab) => good(tab).session.refresh_token))
  assert.equal(tokens.size, 1)
  good(await refresh([...tokens][0], AUTO_URL))
})

test('a client refreshes by itself when its token has ended', async () => {
  const storage = memory()
  const { auth } = await member(AUTO_URL, { storage, storageKey: 'tab' })
  const before = JSON.parse(storage.getItem('tab'))
  storage.setItem('tab', JSON.stringify({ ...before, expires_at: Math.floor(Date.now() / 1000) - 10 }))
  const { session } = good(await auth.getSession())
  assert.notEqual(session.refresh_token, before.refresh_token)
  good(await auth.getUser())
})

test('an application hears what happens', async () => {
  const auth = client(AUTO_URL)
  const heard = []
  const { data } = auth.onAuthStateChange((event) => void heard.push(event))
  const address = email()
  good(await auth.signUp({ email: address, password }))
  good(await auth.refreshSession())
  good(await auth.updateUser({ data: { a: 1 } }))
  await auth.signOut()
  data.subscription.unsubscribe()
  for (const event of ['SIGNED_IN', 'TOKEN_REFRESHED', 'USER_UPDATED', 'SIGNED_OUT']) assert.ok(heard.includes(event), `${event} of ${heard}`)
})

test('claims are what policies read', async () => {
  const { auth, user, session } = await member()
  const { claims: read } = good(await auth.getClaims())
  assert.deepEqual(
    [read.sub, read.role, read.aud, read.email, read.is_anonymous, read.aal, read.amr[0].method],
    [user.id, 'authenticated', 'authenticated', user.email, false, 'aal1', 'password'],
  )
  assert.deepEqual(read.app_metadata, { provider: 'email', providers: ['email'] })
  assert.equal(claims(session.access_token).session_id, read.session_id)
})

test('a user sees his sessions and ends one', async () => {
  const { auth, email: address, session } = await member()
  const other = good(await client(AUTO_URL).signInWithPassword({ email: address, password })).session
  const call = (path, method = 'GET') =>
    fetch(`${AUTO_URL}${path}`, { method, headers: { authorization: `Bearer ${session.access_token}` } })
  const listed = await (await call('/sessions')).json()
  const sessions = listed.sessions ?? listed
  assert.equal(sessions.length, 2)
  assert.ok(sessions.every((one) => one.user_agent && one.ip))
  const { session_id } = claims(other.access_token)
  assert.ok((await call(`/sessions/${session_id}`, 'DELETE')).ok)
  assert.ok((await client(AUTO_URL).getUser(other.access_token)).error)
  good(await auth.getUser())
})

test('a ban ends what goes on, and a lifted ban lets in again', async () => {
  const { auth, email: address, user, session } = await member()
  const api = admin(AUTO_URL)
  good(await api.updateUserById(user.id, { ban_duration: '24h' }))
  assert.ok((await client(AUTO_URL).getUser(session.access_token)).error)
  assert.ok((await auth.refreshSession()).error)
  assert.deepEqual(refused(await client(AUTO_URL).signInWithPassword({ email: address, password })), [400, 'user_banned'])
  good(await api.updateUserById(user.id, { ban_duration: 'none' }))
  good(await client(AUTO_URL).signInWithPassword({ email: address, password }))
})

test('a password change ends the other sessions', async () => {
  const { auth, email: address } = await member()
  const other = client(AUTO_URL)
  good(await other.signInWithPassword({ email: address, password }))
  good(await auth.updateUser({ password: 'a new horse' }))
  assert.ok((await other.getUser()).error)
  good(await auth.getUser())
})

test('dead and foreign tokens are refused', async () => {
  const { session } = await member()
  for (const token of ['abcdefghijkl', 'x', session.access_token]) assert.ok((await refresh(token, AUTO_URL)).error, token)
  const [head, body] = session.access_token.split('.')
  const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')
  for (const token of [`${none}.${body}.`, `${head}.${body}.AAAA`, 'x.y.z']) {
    const answer = await fetch(`${AUTO_URL}/user`, { headers: { authorization: `Bearer ${token}` } })
    assert.equal(answer.status, 403, token)
  }
  assert.equal((await fetch(`${AUTO_URL}/user`)).status, 401)
  const service = await fetch(`${CONFIRM_URL}/user`, { headers: { authorization: `Bearer ${SERVICE_KEY}` } })
  assert.equal(service.status, 403)
})

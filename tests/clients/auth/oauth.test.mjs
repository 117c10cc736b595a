// Sign-in by an OpenID provider, and the identities of a user.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  APP_URL, AUTO_URL, CONFIRM_URL, admin, claims, client, follow, good, idToken, member, refused, sha256, somebody, word,
} from './support.mjs'

const provider = 'keycloak'

/** Through the provider's door and back, by the implicit flow. */
async function signIn(who, auth = client(), options = {}) {
  const { url } = good(await auth.signInWithOAuth({ provider, options: { queryParams: who.hint, ...options } }))
  const end = await follow(url)
  const [access_token, refresh_token] = [end.fragment.get('access_token'), end.fragment.get('refresh_token')]
  if (access_token) good(await auth.setSession({ access_token, refresh_token }))
  return { auth, end }
}

test('the implicit flow signs up, and in again', async () => {
  const ada = somebody({ picture: 'https://p.test/ada.png' })
  const { auth, end } = await signIn(ada, client(), { redirectTo: `${APP_URL}/in`, scopes: 'openid calendar' })
  assert.equal(end.at.pathname, '/in')
  assert.ok(end.fragment.get('provider_token'))
  const { user } = good(await auth.getUser())
  assert.deepEqual([user.email, user.app_metadata.provider, user.user_metadata.full_name], [ada.email, provider, 'Ada L.'])
  assert.equal(user.user_metadata.avatar_url, 'https://p.test/ada.png')
  assert.equal(claims(end.fragment.get('access_token')).amr[0].method, 'oauth')
  const again = await signIn({ ...ada, ...somebody({ ...ada, name: 'Ada Lovelace' }) })
  assert.equal(good(await again.auth.getUser()).user.id, user.id)
})

test('PKCE ends with a code that this device exchanges, once', async () => {
  const ada = somebody()
  const auth = client(CONFIRM_URL, { flowType: 'pkce' })
  const { url } = good(await auth.signInWithOAuth({ provider, options: { queryParams: ada.hint } }))
  const code = (await follow(url)).query.get('code')
  const { session } = good(await auth.exchangeCodeForSession(code))
  assert.equal(session.user.email, ada.email)
  assert.ok(session.provider_token)
  const again = await fetch(`${CONFIRM_URL}/token?grant_type=pkce`, {
    method: 'POST', body: JSON.stringify({ auth_code: code, code_verifier: 'a'.repeat(43) }),
  })
  assert.equal(again.status, 404)
})

test('a user who refuses comes back with the reason', async () => {
  const { end } = await signIn(somebody({ refuse: true }))
  assert.equal(end.query.get('error'), 'access_denied')
  assert.equal(end.fragment.get('error_description'), 'the user refused')
})

test('a verified address leads to its owner; an unverified one does not', async () => {
  const ada = await member(AUTO_URL)
  const { auth } = await signIn(somebody({ email: ada.email }), client(AUTO_URL))
  const { user } = good(await auth.getUser())
  assert.equal(user.id, ada.user.id)
  assert.deepEqual(user.app_metadata.providers, ['email', provider])
  const thief = await signIn(somebody({ email: ada.email, email_verified: false }), client(AUTO_URL))
  const taken = thief.end.fragment.get('access_token') ? good(await thief.auth.getUser()).user.id : undefined
  assert.notEqual(taken, ada.user.id)
})

test('an ID token signs in where issuer, audience and nonce fit', async () => {
  const { hint: _, ...ada } = somebody()
  const nonce = word()
  const token = await idToken({ ...ada, aud: 'client', nonce: sha256(nonce) })
  const auth = client()
  const { user } = good(await auth.signInWithIdToken({ provider, token, nonce }))
  assert.equal(user.email, ada.email)
  const wrongNonce = await client().signInWithIdToken({ provider, token, nonce: 'another' })
  assert.equal(wrongNonce.error.status, 400)
  const foreign = await idToken({ ...ada, aud: 'another application' })
  assert.equal((await client().signInWithIdToken({ provider, token: foreign })).error.status, 400)
  const old = await idToken({ ...ada, aud: 'client', exp: 1_700_000_000 })
  assert.equal((await client().signInWithIdToken({ provider, token: old })).error.status, 400)
})

test('identities are linked, listed and unlinked', async () => {
  const { auth, user } = await member(AUTO_URL)
  const { url } = good(await auth.linkIdentity({ provider, options: { queryParams: somebody().hint } }))
  const end = await follow(url)
  assert.equal(end.fragment.get('error'), null, String(end.fragment))
  const { hint: _, ...second } = somebody()
  const linked = good(await auth.linkIdentity({ provider, token: await idToken({ ...second, aud: 'client' }) }))
  assert.equal(linked.user.id, user.id)
  const { identities } = good(await auth.getUserIdentities())
  assert.deepEqual(identities.map((one) => one.provider).sort(), ['email', provider, provider])
  for (const one of identities.filter((one) => one.provider === provider)) good(await auth.unlinkIdentity(one))
  const last = good(await auth.getUserIdentities()).identities
  assert.equal(last.length, 1)
  assert.deepEqual(refused(await auth.unlinkIdentity(last[0])), [422, 'single_identity_not_deletable'])
})

test('an identity of somebody else is not linked', async () => {
  const ada = somebody()
  await signIn(ada)
  const { auth } = await member(AUTO_URL)
  const { url } = good(await auth.linkIdentity({ provider, options: { queryParams: ada.hint } }))
  assert.equal((await follow(url)).fragment.get('error_code'), 'identity_already_exists')
})

test('somebody without a name becomes a user by a provider', async () => {
  const auth = client(AUTO_URL)
  const { user } = good(await auth.signInAnonymously())
  const ada = somebody()
  const { url } = good(await auth.linkIdentity({ provider, options: { queryParams: ada.hint } }))
  await follow(url)
  const after = good(await auth.refreshSession()).user
  assert.deepEqual([after.id, after.is_anonymous, after.email], [user.id, false, ada.email])
})

test('a provider of the database: made, asked, changed, removed', async () => {
  const api = admin().customProviders
  const identifier = `custom:${word()}`
  const theirs = 'https://provider.test'
  const made = good(await api.createProvider({
    provider_type: 'oauth2', identifier, name: 'Ours', client_id: 'client', client_secret: 'secret', scopes: ['openid', 'email'],
    authorization_url: `${theirs}/authorize`, token_url: `${theirs}/token`, userinfo_url: `${theirs}/me`, enabled: true,
  }))
  assert.deepEqual([made.identifier, made.client_secret], [identifier, undefined])
  const { url } = good(await client().signInWithOAuth({ provider: identifier }))
  const asked = new URL((await fetch(url, { redirect: 'manual' })).headers.get('location'))
  assert.deepEqual([asked.origin, asked.searchParams.get('client_id')], [theirs, 'client'])
  assert.equal(good(await api.updateProvider(identifier, { name: 'Yours' })).name, 'Yours')
  assert.equal(good(await api.getProvider(identifier)).name, 'Yours')
  assert.ok(good(await api.listProviders({ type: 'oauth2' })).providers.some((one) => one.identifier === identifier))
  assert.equal((await api.deleteProvider(identifier)).error, null)
  assert.deepEqual(refused(await api.getProvider(identifier)), [404, 'custom_provider_not_found'])
})

// The service as an OAuth 2.1 server: an application of somebody else signs our users in.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import { APP_URL, AUTO_URL, admin, claims, client, good, member, refused, word } from './support.mjs'

const redirect_uri = `${APP_URL}/their/callback`
const verifier = 'their-code-verifier-of-more-than-forty-three-characters'
const code_challenge = createHash('sha256').update(verifier).digest('base64url')

async function register() {
  return good(await admin(AUTO_URL).oauth.createClient({ client_name: word(), redirect_uris: [redirect_uri] }))
}

/** Their application sends the browser to us; the id of the authorization that our page is asked to decide. */
async function ask(their, changes = {}) {
  const query = new URLSearchParams({
    response_type: 'code', client_id: their.client_id, redirect_uri, code_challenge, code_challenge_method: 'S256', scope: 'openid email',
    state: 'theirs', ...changes,
  })
  const answer = await fetch(`${AUTO_URL}/oauth/authorize?${query}`, { redirect: 'manual' })
  return { answer, id: new URL(answer.headers.get('location') ?? 'x:').searchParams.get('authorization_id') }
}

async function token(their, form) {
  const basic = Buffer.from(`${their.client_id}:${their.client_secret}`).toString('base64')
  const answer = await fetch(`${AUTO_URL}/oauth/token`, {
    method: 'POST', headers: { authorization: `Basic ${basic}` }, body: new URLSearchParams(form),
  })
  return [answer.status, await answer.json()]
}

async function approved(their, auth) {
  const { id } = await ask(their)
  const details = good(await auth.oauth.getAuthorizationDetails(id))
  if (details.redirect_url) return new URL(details.redirect_url)
  assert.deepEqual([details.client.name, details.scope], [their.client_name, 'openid email'])
  return new URL(good(await auth.oauth.approveAuthorization(id, { skipBrowserRedirect: true })).redirect_url)
}

test('a user consents, their application gets tokens, and a grant can be taken back', async () => {
  const their = await register()
  const { auth, email, user } = await member(AUTO_URL)
  const back = await approved(their, auth)
  assert.deepEqual([`${back.origin}${back.pathname}`, back.searchParams.get('state')], [redirect_uri, 'theirs'])
  const code = back.searchParams.get('code')
  const grant = { grant_type: 'authorization_code', code, redirect_uri, code_verifier: verifier }
  const [bad] = await token(their, { ...grant, code_verifier: `${verifier}x` })
  assert.equal(bad, 400)
  const second = (await approved(their, auth)).searchParams.get('code')
  const [status, tokens] = await token(their, { ...grant, code: second })
  assert.equal(status, 200, JSON.stringify(tokens))
  assert.equal(claims(tokens.access_token).client_id, their.client_id)
  const info = await fetch(`${AUTO_URL}/oauth/userinfo`, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  const said = await info.json()
  assert.deepEqual([said.sub, said.email], [user.id, email])
  assert.equal((await token(their, { ...grant, code: second }))[0], 400, 'a code works once')
  const [, renewed] = await token(their, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token })
  assert.ok(renewed.access_token)
  assert.ok((await client(AUTO_URL).refreshSession({ refresh_token: renewed.refresh_token })).error, 'not by our own door')
  assert.deepEqual(good(await auth.oauth.listGrants()).map((one) => one.client.id), [their.client_id])
  assert.equal((await auth.oauth.revokeGrant({ clientId: their.client_id })).error, null)
  assert.equal((await token(their, { grant_type: 'refresh_token', refresh_token: renewed.refresh_token }))[0], 400)
  assert.equal(good(await auth.oauth.listGrants()).length, 0)
})

test('a user refuses', async () => {
  const [their, { auth }] = [await register(), await member(AUTO_URL)]
  const { id } = await ask(their)
  good(await auth.oauth.getAuthorizationDetails(id))
  const { redirect_url } = good(await auth.oauth.denyAuthorization(id, { skipBrowserRedirect: true }))
  assert.equal(new URL(redirect_url).searchParams.get('error'), 'access_denied')
  const other = await member(AUTO_URL)
  assert.ok((await other.auth.oauth.getAuthorizationDetails(id)).error, 'it belonged to the first')
})

test('what is wrong in a request is said to the right one', async () => {
  const their = await register()
  const stranger = await ask(their, { redirect_uri: 'https://evil.test/callback' })
  assert.equal(stranger.answer.status, 400)
  const plain = await ask(their, { code_challenge: '' })
  assert.equal(plain.answer.status, 302)
  assert.ok(new URL(plain.answer.headers.get('location')).searchParams.get('error'))
  const nobody = await ask({ client_id: '00000000-0000-4000-8000-000000000000' })
  assert.equal(nobody.answer.status, 400)
  assert.deepEqual(refused(await (await member(AUTO_URL)).auth.oauth.getAuthorizationDetails(word())), [404, 'oauth_authorization_not_found'])
})

test('clients register themselves where that is allowed, and find everything by discovery', async () => {
  const found = await (await fetch(`${AUTO_URL}/.well-known/oauth-authorization-server`)).json()
  const answer = await fetch(found.registration_endpoint, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: word(), redirect_uris: [redirect_uri], token_endpoint_auth_method: 'none' }),
  })
  assert.equal(answer.status, 201)
  const their = await answer.json()
  const { auth } = await member(AUTO_URL)
  const { id } = await ask(their)
  good(await auth.oauth.getAuthorizationDetails(id))
  const back = new URL(good(await auth.oauth.approveAuthorization(id, { skipBrowserRedirect: true })).redirect_url)
  const form = { grant_type: 'authorization_code', code: back.searchParams.get('code'), redirect_uri, code_verifier: verifier, client_id: their.client_id }
  const tokens = await fetch(found.token_endpoint, { method: 'POST', body: new URLSearchParams(form) })
  assert.equal(tokens.status, 200)
})

// A person signs in to an application by an OpenID provider, in a browser: our page, supabase-js, PKCE, the provider's own pages.
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import http from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'

import { Provider } from 'oidc-provider'
import { chromium } from 'playwright-core'

const { API_URL, ANON_KEY, APP_PORT, PROVIDER_PORT, CHROMIUM } = process.env
const SILENT = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]
const application = `http://127.0.0.1:${APP_PORT}`
const servers = []
let browser, profile

const listen = (handler, port) => new Promise((resolve) => servers.push(http.createServer(handler).listen(port, '127.0.0.1', resolve)))

/** The application: one page at every address. */
async function serve(request, response) {
  const script = request.url === '/supabase.js'
  const file = script ? './node_modules/@supabase/supabase-js/dist/umd/supabase.js' : './page.html'
  const cookies = [`url=${API_URL}`, `key=${ANON_KEY}`]
  response.writeHead(200, { 'content-type': script ? 'text/javascript' : 'text/html', 'set-cookie': cookies })
  response.end(await readFile(new URL(file, import.meta.url)))
}

before(async () => {
  const provider = new Provider(`http://127.0.0.1:${PROVIDER_PORT}`, {
    clients: [{ client_id: 'client', client_secret: 'secret', redirect_uris: [`${API_URL}/auth/v1/callback`] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@x.test`, email_verified: true, name: 'Ada L.' }),
    }),
  })
  await listen(provider.callback(), PROVIDER_PORT)
  await listen(serve, APP_PORT)
  profile = await mkdtemp(join(tmpdir(), 'basalt-browser-'))
  browser = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, args: SILENT, timeout: 180_000 })
})

after(async () => {
  await browser?.close()
  for (const server of servers) server.close()
  if (profile) await rm(profile, { recursive: true, force: true })
})

test('a person signs in, comes back, stays signed in, and signs out', async () => {
  const page = await browser.newPage()
  page.setDefaultTimeout(180_000)
  const who = page.locator('#who')
  const shows = (text) => page.waitForFunction((wanted) => document.getElementById('who')?.textContent === wanted, text)
  await page.goto(application)
  await shows('nobody')
  await page.click('#in')
  await page.fill('input[name=login]', 'ada')
  await page.fill('input[name=password]', 'anything')
  await page.click('button[type=submit]')
  await page.click('button[type=submit]') // consent
  await shows('ada@x.test')
  const at = new URL(page.url())
  assert.deepEqual([at.origin, at.pathname, at.searchParams.get('code')], [application, '/back', null])
  await page.reload()
  await shows('ada@x.test')
  await page.click('#out')
  await shows('nobody')
  await page.reload()
  await shows('nobody')
  assert.equal(await who.textContent(), 'nobody')
})

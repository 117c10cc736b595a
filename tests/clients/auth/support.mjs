// Clients, and what a person has at hand: a mailbox, a phone, an authenticator, an account at an OpenID provider.
import assert from 'node:assert/strict'
import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

import { GoTrueAdminApi, GoTrueClient } from '@supabase/auth-js'

export const { CONFIRM_URL, AUTO_URL, SQL_HOOKS_URL, HTTP_HOOKS_URL, DOUBLES_URL, SERVICE_KEY, APP_URL } = process.env
export const password = 'correct horse'

const letter = () => 'abcdefghijklmnopqrstuvwxyz'[randomBytes(1)[0] % 26]
/** Letters only: a run of digits could be taken for a code. */
export const word = (length = 12) => Array.from({ length }, letter).join('')
export const email = () => `${word()}@x.test`
export const phone = () => `1555${String(randomBytes(4).readUInt32BE() % 1e7).padStart(7, '0')}`

export function memory() {
  const items = new Map()
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
  }
}

/** An application on one device. */
export function client(url = CONFIRM_URL, options = {}) {
  return new GoTrueClient({
    url,
    autoRefreshToken: false,
    persistSession: true,
    storage: memory(),
    storageKey: word(),
    experimental: { passkey: true },
    ...options,
  })
}

export function admin(url = CONFIRM_URL) {
  return new GoTrueAdminApi({ url, headers: { Authorization: `Bearer ${SERVICE_KEY}` }, experimental: { passkey: true } })
}

/** The data of an answer that must not be an error. */
export function good({ data, error }) {
  assert.equal(error, null, error && `${error.status} ${error.code}: ${error.message}`)
  return data
}

/** Status and code of an answer that must be an error. */
export function refused({ data, error }) {
  assert.ok(error, `no error but ${JSON.stringify(data)}`)
  return [error.status, error.code]
}

/** A user with a password, signed in. */
export async function member(url = AUTO_URL, options = {}) {
  const auth = client(url, options)
  const address = email()
  const { user, session } = good(await auth.signUp({ email: address, password }))
  return { auth, email: address, user, session }
}

export const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'))

// ---- mailbox and phone

async function doubles(path, body) {
  const answer = await fetch(DOUBLES_URL + path, body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) })
  const json = await answer.json()
  assert.ok(answer.ok, JSON.stringify(json))
  return json
}

/** The n-th letter to an address, as the SMTP server got it. */
export async function letterTo(address, n = 1) {
  const found = await doubles(`/letters?to=${encodeURIComponent(address)}&n=${n}`)
  assert.ok(found.length >= n, `${found.length} letters to ${address}`)
  return found[n - 1]
}

/** The n-th text message to a number, as Twilio got it. */
export async function messageTo(number, n = 1) {
  const found = await doubles(`/messages?to=${encodeURIComponent(`+${number}`)}&n=${n}`)
  assert.ok(found.length >= n, `${found.length} messages to ${number}`)
  return found[n - 1]
}

/** Letters to an address now, without waiting. */
export const lettersNow = (address) => doubles(`/letters?to=${encodeURIComponent(address)}&n=0`)
/** The SMTP server becomes up, down, refuse, later or hold; how often it was asked in each mood. */
export const smtp = (mood = '') => doubles(`/smtp/${mood}`)
export const sql = (statement, ...values) => doubles('/sql', { statement, values })
export const calls = (hook) => doubles(`/calls/${hook}`)
/** What a hook answers to a call in which `when` stands. */
export const plan = (hook, when, say) => doubles('/answers', { hook, when, say })

/** Follows a link as a browser does, up to the application: where that is, and what stands there. */
export async function follow(url) {
  for (let hops = 0; hops < 10; hops++) {
    const answer = await fetch(url, { redirect: 'manual' })
    const location = answer.headers.get('location')
    assert.ok(location, `${answer.status} ${url}: ${await answer.text()}`)
    url = new URL(location, url).href
    if (url.startsWith(APP_URL)) {
      const at = new URL(url)
      return { at, query: at.searchParams, fragment: new URLSearchParams(at.hash.slice(1)) }
    }
  }
  assert.fail('redirects without end')
}

// ---- OpenID

/** Whoever signs in at the provider: goes along as `login_hint`. */
export function somebody(changes = {}) {
  const claims = { sub: word(), email: email(), email_verified: true, name: 'Ada L.', ...changes }
  return { ...claims, hint: { login_hint: Buffer.from(JSON.stringify(claims)).toString('base64url') } }
}

/** An ID token, as a phone's own software would get it. */
export const idToken = (claims) => doubles('/id_token', claims)
export const sha256 = (text) => createHash('sha256').update(text).digest('hex')

// ---- authenticators

/** RFC 6238 with SHA-1, six digits, thirty seconds. */
export function totp(secret, at = Date.now()) {
  const bits = [...secret].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30000)))
  const digest = createHmac('sha1', key).update(counter).digest()
  const offset = digest[19] & 15
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1e6).padStart(6, '0')
}

/** A security key (P-256) made of software, for options in base64url or in buffers. */
export class Authenticator {
  constructor({ rpId, origin }) {
    Object.assign(this, { rpId, origin, id: randomBytes(32), counter: 1 })
    this.pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  }

  /** `navigator.credentials.create()` */
  create(options) {
    this.owner = text(options.user.id)
    const length = (n) => Buffer.from([n >> 8, n & 255])
    const data = Buffer.concat([this.#data(0x45), Buffer.alloc(16), length(this.id.length), this.id, this.cose()])
    // {"fmt": "none", "attStmt": {}, "authData": data}
    const object = Buffer.concat([
      Buffer.from([0xa3, 0x63]), Buffer.from('fmt'), Buffer.from([0x64]), Buffer.from('none'), Buffer.from([0x67]),
      Buffer.from('attStmt'), Buffer.from([0xa0, 0x68]), Buffer.from('authData'), Buffer.from([0x59]), length(data.length), data,
    ])
    return this.#credential({
      clientDataJSON: this.#clientData('webauthn.create', options).toString('base64url'),
      attestationObject: object.toString('base64url'),
      transports: ['internal'],
    })
  }

  /** `navigator.credentials.get()` */
  get(options) {
    this.counter++
    const [data, said] = [this.#data(0x05), this.#clientData('webauthn.get', options)]
    const message = Buffer.concat([data, createHash('sha256').update(said).digest()])
    return this.#credential({
      clientDataJSON: said.toString('base64url'),
      authenticatorData: data.toString('base64url'),
      signature: sign('sha256', message, this.pair.privateKey).toString('base64url'),
      userHandle: this.owner,
    })
  }

  /** COSE_Key {1: 2, 3: -7, -1: 1, -2: x, -3: y} */
  cose() {
    const { x, y } = this.pair.publicKey.export({ format: 'jwk' })
    const coordinate = (value) => Buffer.from(value, 'base64url')
    return Buffer.concat([
      Buffer.from([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32]), coordinate(x), Buffer.from([0x22, 0x58, 32]), coordinate(y),
    ])
  }

  #credential(response) {
    const id = this.id.toString('base64url')
    const json = { id, rawId: id, type: 'public-key', response, clientExtensionResults: {} }
    return { ...json, toJSON: () => json }
  }

  #data(flags) {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(this.counter)
    return Buffer.concat([createHash('sha256').update(this.rpId).digest(), Buffer.from([flags]), counter])
  }

  #clientData(type, options) {
    return Buffer.from(JSON.stringify({ type, challenge: text(options.challenge), origin: this.origin, crossOrigin: false }))
  }
}

const text = (value) => (typeof value === 'string' ? value : Buffer.from(value).toString('base64url'))

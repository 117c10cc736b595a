// What stands around an auth service, for the tests: an SMTP server, Twilio's HTTP interface, an OpenID provider, a receiver of
// hooks, and one address that tells what arrived. Prints one line of JSON: where each listens. Ends with its standard input.
import { createHmac } from 'node:crypto'
import http from 'node:http'

import { simpleParser } from 'mailparser'
import { OAuth2Server } from 'oauth2-mock-server'
import pg from 'pg'
import { SMTPServer } from 'smtp-server'

/** Secret of hooks, in the form of Standard Webhooks. */
const HOOK_SECRET = Buffer.from('hooks of the tests, thirty-two bytes').toString('base64')
const PATIENCE_MS = 90_000

const letters = []
const messages = []
/** Name of a hook → its calls. */
const hooks = {}
/** Name of a hook, then what it must find in the call → what it answers. */
const answers = []
/** up, down (nobody listens), refuse (554 at RCPT), later (451 at RCPT), hold (says nothing to MAIL until the mood changes). */
let mood = 'up'
/** What the SMTP server was asked in each mood. */
const asked = {}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// ---- SMTP

const smtp = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  logger: false,
  onAuth: (_login, _session, done) => done(null, { user: 'anybody' }),
  async onMailFrom(_address, _session, done) {
    asked[mood] = (asked[mood] ?? 0) + 1
    while (mood === 'hold') await sleep(20)
    done()
  },
  onRcptTo(_address, _session, done) {
    if (mood === 'refuse' || mood === 'later') {
      return done(Object.assign(new Error('not now'), { responseCode: mood === 'refuse' ? 554 : 451 }))
    }
    done()
  },
  async onData(stream, session, done) {
    const mail = await simpleParser(stream)
    const link = /href="([^"]+)"/.exec(mail.html || '')?.[1].replaceAll('&amp;', '&') ?? ''
    letters.push({
      to: session.envelope.rcptTo[0].address,
      from: mail.from?.text,
      id: mail.messageId,
      subject: mail.subject,
      text: mail.text,
      link,
      hash: new URLSearchParams(link.split('?')[1] ?? '').get('token') ?? '',
      token: /\b\d{6,10}\b/.exec(mail.text.replaceAll(/https?:\S+/g, ''))?.[0] ?? '',
    })
    done()
  },
})

function listen(server, port = 0) {
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve((server.server ?? server).address().port)))
}

/** The server goes away and comes back at the same port. */
async function become(next) {
  if (next === 'down') {
    smtp.server.close()
    for (const connection of smtp.connections) connection.close()
  } else if (mood === 'down') {
    await listen(smtp.server, smtpPort)
  }
  mood = next
}

// ---- OpenID: who signs in is said by `login_hint`, so that tests can run side by side.

const oidc = new OAuth2Server()
await oidc.issuer.keys.generate('RS256')
await oidc.start(0, '127.0.0.1')
const byCode = new Map()
const byToken = new Map()
const claimsOf = (hint) => JSON.parse(Buffer.from(String(hint ?? ''), 'base64url').toString() || '{}')

oidc.service.on('beforeAuthorizeRedirect', (redirect, request) => {
  const claims = claimsOf(request.query.login_hint)
  if (claims.refuse) {
    redirect.url.searchParams.delete('code')
    redirect.url.searchParams.set('error', 'access_denied')
    redirect.url.searchParams.set('error_description', 'the user refused')
  }
  byCode.set(redirect.url.searchParams.get('code'), claims)
})
oidc.service.on('beforeTokenSigning', (token, request) => Object.assign(token.payload, byCode.get(request.body.code)))
oidc.service.on('beforeResponse', (response, request) => byToken.set(response.body.access_token, byCode.get(request.body.code)))
oidc.service.on('beforeUserinfo', (answer, request) => {
  answer.body = byToken.get(request.headers.authorization?.split(' ')[1]) ?? answer.body
})

// ---- hooks

function signed(request, body) {
  const id = request.headers['webhook-id']
  const at = request.headers['webhook-timestamp']
  const expected = createHmac('sha256', Buffer.from(HOOK_SECRET, 'base64')).update(`${id}.${at}.${body}`).digest('base64')
  const recent = Math.abs(Date.now() / 1000 - Number(at)) < 300
  return recent && String(request.headers['webhook-signature']).split(' ').includes(`v1,${expected}`)
}

function hook(name, request, body) {
  if (!signed(request, body)) return [401, { error: { http_code: 401, message: 'bad signature' } }]
  const call = JSON.parse(body)
  ;(hooks[name] ??= []).push(call)
  const planned = answers.find((answer) => answer.hook === name && body.includes(answer.when))
  if (planned) return [200, planned.say]
  return [200, name === 'custom_access_token' ? { claims: { ...call.claims, from_http: true } } : {}]
}

// ---- what arrived

/** All that fit, as soon as there are so many. */
async function arrived(list, wanted, count) {
  for (const until = Date.now() + PATIENCE_MS; ; await sleep(10)) {
    const found = list.filter((one) => one.to === wanted)
    if (found.length >= count || Date.now() > until) return found
  }
}

async function text(stream) {
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

let smtpPort
async function answer(request) {
  const url = new URL(request.url, 'http://doubles')
  const body = await text(request)
  const [, first, second] = url.pathname.split('/')
  const which = [url.searchParams.get('to'), Number(url.searchParams.get('n') ?? 1)]
  switch (first) {
    case 'letters':
      return [200, await arrived(letters, ...which)]
    case 'messages':
      return [200, await arrived(messages, ...which)]
    case '2010-04-01': {
      const form = new URLSearchParams(body)
      if (request.headers.authorization !== `Basic ${Buffer.from('AC1:token').toString('base64')}`) return [401, {}]
      const said = form.get('Body')
      messages.push({ to: form.get('To'), from: form.get('From'), channel: form.get('Channel'), text: said, code: /\d{6,10}/.exec(said)?.[0] })
      return [201, { sid: 'SM1', status: 'queued' }]
    }
    case 'hook':
      return hook(second, request, body)
    case 'calls':
      return [200, hooks[second] ?? []]
    case 'answers':
      answers.push(JSON.parse(body))
      return [200, {}]
    case 'id_token':
      return [200, await oidc.issuer.buildToken({ scopesOrTransform: (_, payload) => Object.assign(payload, JSON.parse(body)) })]
    case 'smtp':
      if (second) await become(second)
      return [200, asked]
    case 'sql': {
      const client = new pg.Client({ connectionString: process.env.DATABASE_URL })
      await client.connect()
      try {
        const { statement, values } = JSON.parse(body)
        return [200, (await client.query(statement, values)).rows]
      } finally {
        await client.end()
      }
    }
    default:
      return [404, {}]
  }
}

const web = http.createServer(async (request, response) => {
  const [status, body] = await answer(request).catch((error) => [500, { message: String(error) }])
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
})

smtpPort = await listen(smtp)
const webPort = await listen(web)
console.log(JSON.stringify({ smtp_port: smtpPort, url: `http://127.0.0.1:${webPort}`, issuer: oidc.issuer.url, hook_secret: HOOK_SECRET }))
process.stdin.on('end', () => process.exit(0)).resume()

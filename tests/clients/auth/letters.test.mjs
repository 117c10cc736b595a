// The SMTP server is down, refuses, or says nothing: a user gets his answer all the same, and his letter when it is back, once.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { client, email, good, lettersNow, letterTo, password, smtp, sql } from './support.mjs'

async function signUp() {
  const address = email()
  good(await client().signUp({ email: address, password }))
  return address
}

/** Waits until the SMTP server was asked in this mood. */
async function asked(mood) {
  while (!(await smtp())[mood]) await new Promise((resolve) => setTimeout(resolve, 20))
}

const waiting = async () => Number((await sql('select count(*) as n from _basalt.mail_outbox'))[0].n)

test('a letter arrives once, whatever the server was like when it was written', async () => {
  await smtp('down')
  const whileDown = await signUp()
  await smtp('refuse')
  const whileRefusing = await signUp()
  await asked('refuse')
  await smtp('later')
  const whileBusy = await signUp()
  await asked('later')
  await smtp('hold')
  const whileSilent = await signUp()
  await asked('hold')
  // The answers came while no letter could have left.
  const everybody = [whileDown, whileRefusing, whileBusy, whileSilent]
  for (const address of everybody) assert.deepEqual(await lettersNow(address), [])
  await smtp('up')
  for (const address of everybody) {
    const letter = await letterTo(address)
    good(await client().verifyOtp({ email: address, token: letter.token, type: 'email' }))
  }
  // Nothing is left that could be sent again.
  while ((await waiting()) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  for (const address of everybody) assert.equal((await lettersNow(address)).length, 1, address)
})

test('two users who sign up at once with one address get one account', async () => {
  const address = email()
  const both = await Promise.all([0, 1].map(() => client().signUp({ email: address, password })))
  assert.ok(both.some((answer) => !answer.error))
  assert.equal((await sql('select id from auth.users where email = $1', address)).length, 1)
})

test('what a letter says cannot break out of it', async () => {
  const address = email()
  const options = { data: { full_name: '<script>alert(1)</script>\r\nBcc: everybody@x.test' } }
  good(await client().signUp({ email: address, password, options }))
  const letter = await letterTo(address)
  assert.match(letter.from, /^"?The application"? <auth@x\.test>$/)
  assert.deepEqual(await lettersNow('everybody@x.test'), [])
})

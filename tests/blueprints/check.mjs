// Tries the blueprints' SQL on a bare PostgreSQL: up, seed, pgTAP and other checks, down to an empty schema, up again.
//   node tests/blueprints/check.mjs [--superuser-url URL] [BLUEPRINT…]
// URL (or BLUEPRINTS_TEST_URL) is a superuser's connection to a server of tests, not to one with data that matters:
// a scratch database is made there for each blueprint and dropped afterwards. Needs psql and Node, no npm package.
// With --template NAME the scratch databases are copies of NAME, in which the platform's real schemas are installed,
// and migrations run as role postgres (password: postgres); else platform.sql stands in for the platform.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const blueprints = join(here, '../../blueprints');
const args = process.argv.slice(2);
let superuserUrl = process.env.BLUEPRINTS_TEST_URL;
let template = process.env.BLUEPRINTS_TEMPLATE;
const names = [];
while (args.length) {
  const arg = args.shift();
  if (arg === '--superuser-url') superuserUrl = args.shift();
  else if (arg === '--template') template = args.shift();
  else names.push(arg);
}
if (!superuserUrl) {
  console.error('give --superuser-url postgresql://… or BLUEPRINTS_TEST_URL');
  process.exit(2);
}
if (!names.length) names.push(...readdirSync(blueprints, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name));

/** The URL of another database on the same server, as another role. */
function urlOf(database, role) {
  const url = new URL(superuserUrl);
  url.pathname = `/${database}`;
  if (role && template) {
    url.username = role;
    url.password = 'postgres';
  } else if (role) {
    url.searchParams.set('options', `-c role=${role}`);
  }
  return url.toString().replaceAll('+', '%20');
}

class Failure extends Error {}

/** An empty database with the platform's schemas in it. */
function makeDatabase(name) {
  psql(superuserUrl, { sql: `create database "${name}"${template ? ` template "${template}"` : ''}`, single: false });
  if (template) {
    // Who owns a database is no part of what CREATE DATABASE copies.
    psql(urlOf(name), { sql: `alter database "${name}" owner to postgres; create extension if not exists pgtap with schema extensions` });
  }
  else psql(urlOf(name), { file: join(here, 'platform.sql') });
}

/** Runs SQL (or a file) with psql; returns its unaligned output. One transaction, first error stops. */
function psql(url, { sql, file, single = true, quiet = true }) {
  const flags = ['-X', '-At', '-v', 'ON_ERROR_STOP=1', '-d', url];
  if (quiet) flags.push('-q');
  if (single) flags.push('-1');
  flags.push(...(file ? ['-f', file] : ['-c', sql]));
  const run = spawnSync('psql', flags, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (run.status !== 0) throw new Failure(`${file ?? sql}\n${run.stderr}`);
  return run.stdout.trim();
}

const migrationsOf = (dir) => readdirSync(join(dir, 'migrations')).filter((f) => /^\d+_.*\.sql$/.test(f)).sort();

/** What a blueprint may leave behind nowhere: objects in its schemas, policies, triggers, functions, buckets. */
const leftovers = `
  select 'relation ' || n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private')
  union all select 'function ' || p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ('public', 'private')
  union all select 'type ' || t.oid::regtype from pg_type t join pg_namespace n on n.oid = t.typnamespace where n.nspname in ('public', 'private')
  union all select 'schema ' || nspname from pg_namespace where nspname = 'private'
  union all select 'policy ' || policyname || ' on ' || schemaname || '.' || tablename from pg_policies
    where schemaname in ('public', 'private', 'auth', 'storage', 'realtime')
  union all select 'trigger ' || tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where not tgisinternal and c.relnamespace in ('auth'::regnamespace) 
  union all select 'bucket ' || id from storage.buckets
  union all select 'published ' || tablename from pg_publication_tables where pubname = 'supabase_realtime'`;

async function check(name) {
  const dir = join(blueprints, name, 'supabase');
  const database = `bp_${name.replaceAll('-', '_')}_${process.pid}`;
  const su = urlOf(database);
  const url = urlOf(database, 'postgres');
  const step = (what) => console.log(`  ${what}`);
  makeDatabase(database);
  try {
    const migrations = migrationsOf(dir);
    const missing = migrations.filter((m) => !existsSync(join(dir, 'rollback', m)));
    if (missing.length) throw new Failure(`no rollback for ${missing.join(', ')}`);
    const up = () => migrations.forEach((m) => psql(url, { file: join(dir, 'migrations', m) }));
    const down = () => [...migrations].reverse().forEach((m) => psql(url, { file: join(dir, 'rollback', m) }));

    up();
    step(`up: ${migrations.length} migrations`);
    psql(url, { file: join(dir, 'seed.sql') });
    psql(url, { file: join(dir, 'seed.sql') });
    step('seeded, twice');
    psql(su, { sql: `analyze` });
    const findings = psql(url, { file: join(here, 'lint.sql'), single: false });
    if (findings) throw new Failure(`lint:\n${findings}`);
    step('lint: nothing found');
    for (const test of readdirSync(join(dir, 'tests')).filter((f) => f.endsWith('.sql')).sort()) {
      const out = psql(url, { file: join(dir, 'tests', test), single: false, quiet: true });
      const lines = out.split('\n');
      if (lines.some((l) => /^not ok|^# Looks like/.test(l)) || !lines.some((l) => /^ok /.test(l))) throw new Failure(`${test}\n${out}`);
      step(`${test}: ${lines.filter((l) => /^ok /.test(l)).length} ok`);
    }
    const extra = join(here, `${name}.mjs`);
    if (existsSync(extra)) {
      const { default: run } = await import(extra);
      await run({ url, su, dir, psql: (sql) => psql(url, { sql }), psqlAsync, step, Failure });
    }
    if (existsSync(join(here, 'documents', `${name}.sql`))) {
      compareWithDocument(name, database, url);
      step('catalog: as the document, but for the differences that are listed');
    }
    down();
    const cron = psql(url, { sql: `select to_regclass('cron.job') is not null` }) === 't';
    const left = psql(url, { sql: cron ? `${leftovers} union all select 'job ' || jobname from cron.job` : leftovers });
    if (left) throw new Failure(`left after all rollbacks:\n${left}`);
    step('down: nothing left');
    up();
    psql(url, { file: join(dir, 'seed.sql') });
    down();
    step('up, seeded and down again');
  } finally {
    if (!process.env.KEEP) psql(superuserUrl, { sql: `drop database "${database}" with (force)`, single: false });
    else console.log(`  kept ${database}`);
  }
}

/**
 * Loads the document's schema into a database of its own and compares the two catalogs. What differs, about the tables,
 * views and functions that the document names, must be exactly what documents/NAME.differences lists (`UPDATE=1` writes it).
 */
function compareWithDocument(name, database, url) {
  const other = `${database}_doc`;
  makeDatabase(other);
  try {
    psql(urlOf(other, 'postgres'), { file: join(here, 'documents', `${name}.sql`) });
    const facts = (u) => psql(u, { file: join(here, 'catalog.sql') }).split('\n');
    const document = new Set(facts(urlOf(other, 'postgres')));
    // Tables, views and functions of ours that the document does not know are additions, not differences.
    const known = new Set([...document].map((l) => subject(l)));
    const ours = new Set(facts(url).filter((l) => known.has(subject(l))));
    const found = [...[...document].filter((l) => !ours.has(l)).map((l) => `- ${l}`),
      ...[...ours].filter((l) => !document.has(l)).map((l) => `+ ${l}`)]
      .sort((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1));
    const path = join(here, 'documents', `${name}.differences`);
    if (process.env.UPDATE) writeFileSync(path, `${found.join('\n')}\n`);
    const listed = readFileSync(path, 'utf8').trim().split('\n');
    const surprises = [...found.filter((l) => !listed.includes(l)), ...listed.filter((l) => !found.includes(l)).map((l) => `no longer: ${l}`)];
    if (surprises.length) throw new Failure(`differences from the document that are not listed:\n${surprises.join('\n')}`);
  } finally {
    psql(superuserUrl, { sql: `drop database "${other}" with (force)`, single: false });
  }
}

/** Which table, view or function a line of catalog.sql is about. */
function subject(line) {
  const words = line.split(/[ .(]/);
  if (words[0] === 'trigger') return `table ${line.match(/ ON (\S+)/)[1]}`;
  if (words[0] === 'function') return `function ${words[1]}`;
  if (words[0] === 'view') return `view ${words[1]}`;
  return `table ${words[1]}`;
}

/** As psql, in the background: resolves to { ok, out, err }. */
function psqlAsync(url, sql) {
  return new Promise((resolve) => {
    const child = spawn('psql', ['-X', '-Atq', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', sql]);
    let out = '', err = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    child.on('close', (code) => resolve({ ok: code === 0, out: out.trim(), err: err.trim() }));
  });
}

let failed = 0;
for (const name of names) {
  console.log(name);
  try {
    await check(name);
  } catch (error) {
    failed += 1;
    console.log(`  FAILED ${error instanceof Failure ? error.message : error.stack}`);
  }
}
process.exit(failed ? 1 : 0);

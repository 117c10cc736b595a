// Tries the blueprints' SQL on a bare PostgreSQL: up, seed, pgTAP and other checks, down to an empty schema, up again.
//   node tests/blueprints/check.mjs [--superuser-url URL] [--template NAME] [BLUEPRINT…]
// URL (or BLUEPRINTS_TEST_URL) is a superuser's connection to a server of tests, not to one with data that matters:
// a scratch database is made there for each blueprint and dropped afterwards.
// With --template NAME (or BLUEPRINTS_TEMPLATE) the scratch databases are copies of NAME, in which the platform's real schemas
// are installed, and migrations run as role postgres (password: postgres); else platform.sql stands in for the platform.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { blueprints, Failure, here, lint, migrationsOf, options, psql, psqlAsync, runTests, Server } from './scratch.mjs';

const { names, ...where } = options();
const server = new Server(where);

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
  const url = server.url(database, 'postgres');
  const step = (what) => console.log(`  ${what}`);
  const migrations = migrationsOf(dir);
  const up = () => migrations.forEach((m) => psql(url, { file: join(dir, 'migrations', m) }));
  const down = () => [...migrations].reverse().forEach((m) => psql(url, { file: join(dir, 'rollback', m) }));
  const seed = () => psql(url, { file: join(dir, 'seed.sql') });
  server.make(database);
  try {
    up();
    step(`up: ${migrations.length} migrations`);
    seed();
    seed();
    step('seeded, twice');
    const findings = lint(url);
    if (findings) throw new Failure(`lint:\n${findings}`);
    step('lint: nothing found');
    for (const [test, passed] of runTests(url, dir)) step(`${test}: ${passed} ok`);
    const extra = join(here, `${name}.mjs`);
    if (existsSync(extra)) {
      const { default: run } = await import(extra);
      await run({ url, psql: (sql) => psql(url, { sql }), psqlAsync, step, Failure });
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
    seed();
    down();
    step('up, seeded and down again');
  } finally {
    server.drop(database);
  }
}

/**
 * Loads the document's schema into a database of its own and compares the two catalogs. What differs, about the tables,
 * views and functions that the document names, must be exactly what documents/NAME.differences lists (`UPDATE=1` writes it).
 */
function compareWithDocument(name, database, url) {
  const other = `${database}_doc`;
  server.make(other);
  try {
    psql(server.url(other, 'postgres'), { file: join(here, 'documents', `${name}.sql`) });
    const facts = (u) => psql(u, { file: join(here, 'catalog.sql') }).split('\n');
    const document = new Set(facts(server.url(other, 'postgres')));
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
    server.drop(other);
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

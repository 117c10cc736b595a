// Are the tests awake? Every policy is dropped, and its USING and its CHECK made true, one at a time; then the faults of
// faults/NAME/*.sql are put in, one at a time. Each time the blueprint's pgTAP tests or lint.sql must notice.
//   node tests/blueprints/mutants.mjs [--superuser-url URL] [--template NAME] [BLUEPRINT…]
// Fails when a fault goes unnoticed, or more than a tenth of the policy mutants.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { blueprints, Failure, here, lint, migrationsOf, options, psql, psqlAsync, runTests, Server } from './scratch.mjs';

const { names, ...where } = options();
const server = new Server(where);

/** One statement for each mutant of each policy in `public`, with what it does. */
const mutants = `
  select format('%s on %s: dropped', policyname, tablename), format('drop policy %I on public.%I', policyname, tablename)
  from pg_policies where schemaname = 'public'
  union all select format('%s on %s: USING true', policyname, tablename), format('alter policy %I on public.%I using (true)', policyname, tablename)
  from pg_policies where schemaname = 'public' and qual <> 'true' and roles <> '{service_role}'
  union all select format('%s on %s: CHECK true', policyname, tablename), format('alter policy %I on public.%I with check (true)', policyname, tablename)
  from pg_policies where schemaname = 'public' and with_check <> 'true' and roles <> '{service_role}'
  order by 1`;

/** Does anything notice the change? Answers what did, or ''. A fault may be for lint.sql or the blueprint's own script to find. */
async function noticed(original, mutant, dir, change, name) {
  server.drop(mutant);
  server.copy(original, mutant);
  const url = server.url(mutant, 'postgres');
  psql(url, change);
  try {
    runTests(url, dir);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.message.split('\n').find((l) => /^not ok|ERROR/.test(l)) ?? error.message.split('\n')[0];
  }
  if (!name) return '';
  const extra = join(here, `${name}.mjs`);
  if (existsSync(extra)) {
    const { default: run } = await import(extra);
    try {
      await run({ url, psql: (sql) => psql(url, { sql }), psqlAsync, step: () => {}, Failure });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return error.message;
    }
  }
  return lint(url);
}

let failed = false;
for (const name of names) {
  const dir = join(blueprints, name, 'supabase');
  const original = `mu_${name.replaceAll('-', '_')}_${process.pid}`;
  const mutant = `${original}_m`;
  server.make(original);
  try {
    const url = server.url(original, 'postgres');
    for (const m of migrationsOf(dir)) psql(url, { file: join(dir, 'migrations', m) });
    psql(url, { file: join(dir, 'seed.sql') });

    const all = psql(url, { sql: mutants }).split('\n').map((l) => [l.slice(0, l.lastIndexOf('|')), l.slice(l.lastIndexOf('|') + 1)]);
    const missed = [];
    for (const [what, sql] of all) if (!await noticed(original, mutant, dir, { sql })) missed.push(what);
    console.log(`${name}: ${all.length - missed.length} of ${all.length} policy mutants noticed by the tests`);
    for (const what of missed) console.log(`  unnoticed: ${what}`);
    if (missed.length > all.length / 10) failed = true;

    const faults = join(here, 'faults', name);
    for (const file of existsSync(faults) ? readdirSync(faults).sort() : []) {
      const by = await noticed(original, mutant, dir, { file: join(faults, file) }, name);
      if (!by) failed = true;
      console.log(by ? `  ${file}: ${by.split('\n')[0]}` : `  UNNOTICED ${file}`);
    }
  } finally {
    server.drop(mutant);
    server.drop(original);
  }
}
process.exit(failed ? 1 : 0);

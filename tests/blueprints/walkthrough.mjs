// Runs the walk-through of a blueprint's README, as printed, against the project that the environment names:
//   eval "$(basalt status DIR -o env)"; export API_URL ANON_KEY SERVICE_ROLE_KEY JWT_SECRET
//   node tests/blueprints/walkthrough.mjs BLUEPRINT [--modules DIR]
// DIR holds node_modules with @supabase/supabase-js; tests/clients/supabase by default (run `npm ci` there once).
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { blueprints, here } from './scratch.mjs';

const args = process.argv.slice(2);
const at = args.indexOf('--modules');
const modules = resolve(at < 0 ? join(here, '../clients/supabase') : args.splice(at, 2)[1]);
const [name] = args;
const code = readFileSync(join(blueprints, name, 'README.md'), 'utf8').match(/```js\n(.*?)```/s)?.[1];
if (!code) {
  console.error(`${name}/README.md has no walk-through`);
  process.exit(2);
}
// Beside node_modules, since that is where imports are looked for.
const script = join(modules, `walk-${name}-${process.pid}.mjs`);
writeFileSync(script, code);
try {
  // The client wants a WebSocket, which Node has from 22 on, and 20 behind a flag.
  const flags = Number(process.versions.node.split('.')[0]) < 22 ? ['--experimental-websocket'] : [];
  const run = spawnSync(process.execPath, [...flags, script], { stdio: 'inherit', timeout: 120_000 });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(script);
}

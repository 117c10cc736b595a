// What the checks share: scratch databases with the platform's schemas, and psql. Needs psql and Node, no npm package.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = dirname(fileURLToPath(import.meta.url));
export const blueprints = join(here, '../../blueprints');

/** Reads `[--superuser-url URL] [--template NAME] [BLUEPRINT…]`; all blueprints where none is named. */
export function options(args = process.argv.slice(2)) {
  const found = { superuserUrl: process.env.BLUEPRINTS_TEST_URL, template: process.env.BLUEPRINTS_TEMPLATE, names: [] };
  const rest = [...args];
  while (rest.length) {
    const arg = rest.shift();
    if (arg === '--superuser-url') found.superuserUrl = rest.shift();
    else if (arg === '--template') found.template = rest.shift();
    else found.names.push(arg);
  }
  if (!found.superuserUrl) {
    console.error('give --superuser-url postgresql://… or BLUEPRINTS_TEST_URL');
    process.exit(2);
  }
  if (!found.names.length) {
    found.names = readdirSync(blueprints, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name);
  }
  return found;
}

export class Failure extends Error {}

/** The server of tests that `options` names. */
export class Server {
  constructor({ superuserUrl, template }) {
    this.superuserUrl = superuserUrl;
    this.template = template;
  }

  /** The URL of a database on the server, as another role if one is named. */
  url(database, role) {
    const url = new URL(this.superuserUrl);
    url.pathname = `/${database}`;
    if (role && this.template) {
      url.username = role;
      url.password = 'postgres';
    } else if (role) {
      url.searchParams.set('options', `-c role=${role}`);
    }
    return url.toString().replaceAll('+', '%20');
  }

  /** An empty database with the platform's schemas in it. */
  make(name) {
    psql(this.superuserUrl, { sql: `create database "${name}"${this.template ? ` template "${this.template}"` : ''}`, single: false });
    if (this.template) {
      // Who owns a database is no part of what CREATE DATABASE copies.
      psql(this.url(name), { sql: `alter database "${name}" owner to postgres; create extension if not exists pgtap with schema extensions` });
    } else {
      psql(this.url(name), { file: join(here, 'platform.sql') });
    }
  }

  /** A copy of a database of ours to which nobody is connected. */
  copy(from, name) {
    psql(this.superuserUrl, { sql: `create database "${name}" template "${from}"`, single: false });
    psql(this.url(name), { sql: this.template ? `alter database "${name}" owner to postgres` : `grant create on database "${name}" to postgres` });
    if (!this.template) psql(this.url(name), { sql: `alter database "${name}" set search_path = "$user", public, extensions` });
  }

  drop(name) {
    psql(this.superuserUrl, { sql: `drop database if exists "${name}" with (force)`, single: false });
  }
}

/** Runs SQL (or a file) with psql; returns its unaligned output. One transaction unless told; the first error stops. */
export function psql(url, { sql, file, single = true }) {
  const flags = ['-X', '-Atq', '-v', 'ON_ERROR_STOP=1', '-d', url];
  if (single) flags.push('-1');
  flags.push(...(file ? ['-f', file] : ['-c', sql]));
  const run = spawnSync('psql', flags, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (run.status !== 0) throw new Failure(`${file ?? sql}\n${run.stderr}`);
  return run.stdout.trim();
}

/** As psql, in the background: resolves to { ok, out, err }. */
export function psqlAsync(url, sql) {
  return new Promise((resolve) => {
    const child = spawn('psql', ['-X', '-Atq', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', sql]);
    let out = '', err = '';
    child.stdout.on('data', (d) => (out += d));
    child.stderr.on('data', (d) => (err += d));
    child.on('close', (code) => resolve({ ok: code === 0, out: out.trim(), err: err.trim() }));
  });
}

/** The migrations of a project's `supabase` folder, in order; each must have its rollback. */
export function migrationsOf(dir) {
  const migrations = readdirSync(join(dir, 'migrations')).filter((f) => /^\d+_.*\.sql$/.test(f)).sort();
  const missing = migrations.filter((m) => !existsSync(join(dir, 'rollback', m)));
  if (missing.length) throw new Failure(`no rollback for ${missing.join(', ')}`);
  return migrations;
}

/** Runs a folder's pgTAP files; returns [file, passed] and throws at the first file with a failure. */
export function runTests(url, dir) {
  return readdirSync(join(dir, 'tests')).filter((f) => f.endsWith('.sql')).sort().map((test) => {
    const out = psql(url, { file: join(dir, 'tests', test), single: false });
    const lines = out.split('\n');
    const passed = lines.filter((l) => /^ok /.test(l)).length;
    if (lines.some((l) => /^not ok|^# Looks like/.test(l)) || !passed) throw new Failure(`${test}\n${out}`);
    return [test, passed];
  });
}

/** The breaches that lint.sql finds, a line each; '' when there is none. */
export const lint = (url) => psql(url, { file: join(here, 'lint.sql'), single: false });

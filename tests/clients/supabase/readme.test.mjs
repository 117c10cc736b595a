// README's example and the blueprint's walk-through, run as printed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';

const snippets = async (file) => {
  const text = await readFile(new URL(file, import.meta.url), 'utf8');
  return [...text.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1]).filter((code) => code.includes('createClient'));
};

for (const file of ['../../../README.md', '../../../blueprints/course-market/README.md']) {
  test(`the example in ${file} works as printed`, async () => {
    const found = await snippets(file);
    assert.ok(found.length > 0, 'there is an example');
    for (const code of found) {
      const script = new URL(`./example-${process.pid}.mjs`, import.meta.url);
      await writeFile(script, code);
      try {
        await promisify(execFile)(process.execPath, [script.pathname], { env: process.env, timeout: 180_000 });
      } finally {
        await rm(script);
      }
    }
  });
}

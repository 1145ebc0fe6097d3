/** The planted bugs can be planted: each piece that they replace stands in its source, once. `npm run planted` does it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { PLANTED_BUGS } from './bugs.ts';

const root = new URL('../../../', import.meta.url);

test('there are at least thirty planted bugs, and each has a name of its own', () => {
  assert.ok(PLANTED_BUGS.length >= 30);
  assert.equal(new Set(PLANTED_BUGS.map(({ name }) => name)).size, PLANTED_BUGS.length);
});

for (const { name, file, search, replace } of PLANTED_BUGS) {
  test(`“${name}” can be planted`, () => {
    assert.notEqual(search, replace);
    const pieces = readFileSync(new URL(file, root), 'utf8').split(search);
    assert.equal(
      pieces.length,
      2,
      `${JSON.stringify(search)} stands ${pieces.length - 1} times in ${file}; see bugs.ts`,
    );
  });
}

/** The planted bugs can be planted: each piece that they replace stands in its source, once. `npm run planted` does it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLANTED_BUGS } from './bugs.ts';
import { placeOf } from './place.ts';

test('there are at least thirty planted bugs, and each has a name of its own', () => {
  assert.ok(PLANTED_BUGS.length >= 30);
  assert.equal(new Set(PLANTED_BUGS.map(({ name }) => name)).size, PLANTED_BUGS.length);
});

for (const bug of PLANTED_BUGS) {
  test(`“${bug.name}” can be planted`, () => {
    assert.notEqual(bug.search, bug.replace);
    assert.notEqual(placeOf(bug).source, '');
  });
}

/** Imported before the program: reading in a thread never returns, as from a disk that does not answer. */
import { writeSync } from 'node:fs';
import { beforeEachRead, sleep } from './before-each-read.ts';

beforeEachRead(() => {
  writeSync(1, 'stuck\n');
  sleep(Infinity);
});

/** Imported before the program: each read in a thread takes 20 ms, and is told. */
import { writeSync } from 'node:fs';
import { beforeEachRead, sleep } from './before-each-read.ts';

let readCount = 0;
beforeEachRead(() => {
  sleep(20);
  writeSync(1, `read ${++readCount}\n`);
});

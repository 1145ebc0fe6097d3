/** Imported before the program: its process is killed when the first thread reads its first file. */
import { beforeEachRead } from './before-each-read.ts';

beforeEachRead(() => process.kill(process.pid, 'SIGKILL'));

// An app of its own, with an engine and its socket, until it is killed: `live-app.js <folder>`. It enqueues a job now and then.
import { writeSync } from 'node:fs';
import { control } from '../../src/admin/index.ts';
import { defineJob, open } from '../../src/index.ts';

const hangs = defineJob({ type: 'hangs', run: () => new Promise<never>(() => undefined) });
const jobs = await open(process.argv[2] ?? '', { jobs: [hangs] });
await jobs.enqueue(hangs, undefined, { id: 'hanging', ifExists: 'return' });
await control(jobs);
writeSync(1, 'ready\n');

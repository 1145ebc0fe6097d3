import { threadId } from 'node:worker_threads';
import { defineHandler } from '../../workers/index.ts';
import { probed } from './probe.ts';
import { BLOCKS, CALLS, HANGS, HARMS, LEAVES, RETURNS, THROWS, type Ways } from './ways.ts';

const WAYS: Ways = { ...THROWS, ...RETURNS, ...CALLS, ...HANGS, ...BLOCKS, ...HARMS, ...LEAVES };

/** Misbehaves in the way that its payload says; without one it is the next job, which looks around. */
export default defineHandler<string | number>((way, context) =>
  typeof way === 'number' ? probed(way).then((found) => ({ thread: threadId, found })) : WAYS[way]?.(context),
);

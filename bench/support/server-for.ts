/** Starts the server that a contender needs, for one measurement. */
import { join } from 'node:path';
import { mkdirSync } from 'node:fs';
import type { ServerKind } from '../contenders/contender.ts';
import { startPostgres } from '../servers/postgres.ts';
import { startRedis } from '../servers/redis.ts';
import type { RunningServer } from '../servers/server.ts';

/**
 * @param shared a folder for all measurements
 * @param own the folder of this one
 */
export function serverFor(kind: ServerKind, shared: string, own: string): Promise<RunningServer> {
  const folder = kind === 'postgres' ? join(shared, 'postgres') : join(own, 'redis');
  mkdirSync(folder, { recursive: true });
  return kind === 'postgres' ? startPostgres(folder) : startRedis(folder, kind);
}

/** Whether a contender is here at all, and which version of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender } from '../contenders/contender.ts';
import { isInstalled, versionOf } from '../contenders/peers.ts';
import { findPostgres } from '../servers/postgres.ts';
import { findRedis } from '../servers/redis.ts';
import { root } from './places.ts';

export function whyAbsent({ package: name, server }: Contender): string | undefined {
  if (name !== undefined && !isInstalled(name)) return 'not installed: `npm install --prefix bench/peers`';
  if (server === 'postgres' && findPostgres() === undefined) return 'no PostgreSQL: `apt-get install postgresql`';
  if (server?.startsWith('redis') === true && findRedis() === undefined) {
    return 'no redis-server: `apt-get install redis-server`';
  }
  return undefined;
}

export async function versionText({ package: name }: Contender): Promise<string> {
  if (name !== undefined) return versionOf(name);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return version;
}

/**
 * A PostgreSQL of our own: as it comes, in a folder of its own, reached through a socket in that folder and through no
 * network. It refuses to run as root, so for root it runs as `postgres`, or as `nobody`.
 */
import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { launch, programAt, type RunningServer } from './server.ts';

export function findPostgres(): string | undefined {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const newestFirst = versions.sort((a, b) => Number(b) - Number(a));
  return programAt(
    'initdb',
    newestFirst.map((version) => `/usr/lib/postgresql/${version}/bin`),
  );
}

const USER = 'bench';

/** @param folder keeps a cluster as it was made, of which every start gets a copy */
export async function startPostgres(folder: string): Promise<RunningServer> {
  const initdb = findPostgres();
  if (initdb === undefined) throw new Error('There is no PostgreSQL; see bench/README.md.');
  const owner = process.getuid?.() === 0 ? unprivilegedUser() : {};
  const template = join(folder, 'template');
  const cluster = join(folder, 'cluster');
  if (!existsSync(template)) {
    mkdirSync(template, { recursive: true, mode: 0o700 });
    if (owner.uid !== undefined && owner.gid !== undefined) {
      chownSync(template, owner.uid, owner.gid);
      chownSync(folder, owner.uid, owner.gid);
      // The folder above must let it through.
      chmodSync(dirname(folder), 0o711);
    }
    run(initdb, ['-D', template, '-U', USER, '-A', 'trust', '-E', 'UTF8', '--no-locale'], { ...owner, cwd: folder });
  }
  // Every measurement begins with a cluster in which nothing has happened.
  rmSync(cluster, { recursive: true, force: true });
  run('cp', ['-a', template, cluster], {});
  const running = await launch({
    program: join(dirname(initdb), 'postgres'),
    words: ['-D', cluster, '-k', folder, '-c', 'listen_addresses=', '-c', 'max_connections=50'],
    // Its fast shutdown: it does not wait for clients.
    endSignal: 'INT',
    options: { ...owner, cwd: folder },
    isReady: () => isReady(cluster),
  });
  return { ...running, kind: 'postgres', socketFolder: folder, user: USER };
}

function run(program: string, words: readonly string[], options: SpawnSyncOptions): void {
  const { status, stderr } = spawnSync(program, words, { ...options, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} failed: ${String(stderr)}`);
}

/** The last line of this file says so. */
function isReady(cluster: string): boolean {
  try {
    return /^ready\s*$/m.test(readFileSync(join(cluster, 'postmaster.pid'), 'utf8'));
  } catch {
    return false;
  }
}

function unprivilegedUser(): { readonly uid?: number; readonly gid?: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (user === undefined) throw new Error('PostgreSQL does not run as root, and there is no other user to run it as.');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

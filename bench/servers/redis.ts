/** A redis-server of our own: on the loopback, in a folder of its own, with the append-only file that is asked for. */
import { createServer, connect, type AddressInfo } from 'node:net';
import { launch, programAt, type RunningServer } from './server.ts';

export function findRedis(): string | undefined {
  return programAt('redis-server');
}

export async function startRedis(folder: string, kind: 'redis-everysec' | 'redis-always'): Promise<RunningServer> {
  const program = findRedis();
  if (program === undefined) throw new Error('There is no redis-server; see bench/README.md.');
  const port = await freePort();
  const settings = {
    bind: '127.0.0.1',
    port: String(port),
    dir: folder,
    save: '',
    appendonly: 'yes',
    appendfsync: kind === 'redis-always' ? 'always' : 'everysec',
    'maxmemory-policy': 'noeviction',
  };
  const running = await launch({
    program,
    words: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    endSignal: 'TERM',
    options: { cwd: folder },
    isReady: () => answers(port),
  });
  return { ...running, kind, port };
}

/** Nobody is told to use it in between, so it stays free for the moment that the server needs. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('error', () => end(false));
    socket.once('data', (reply) => end(reply.toString().startsWith('+PONG')));
    socket.once('connect', () => socket.write('PING\r\n'));
  });
}

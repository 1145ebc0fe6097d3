/** A server of its own for the admin surface, on this machine's loopback and nowhere else. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { rm } from 'node:fs/promises';
import { InvalidArgumentError, StoreUnavailableError, type Engine } from '../index.ts';
import { systemClock } from '../kernel/clock.ts';
import { writePrivate } from './address.ts';
import { adminOf } from './admin.ts';
import { checkAdminOptions, type AdminOptions } from './options.ts';
import { boundedServer, closeServer } from './server.ts';

export interface ServeOptions extends Omit<AdminOptions, 'hosts' | 'token' | 'authorize' | 'basePath'> {
  /** 0 for any that is free. @default 4270 */
  readonly port?: number;
  /** Which loopback. To be reached from elsewhere, mount `admin` in a server of your own, behind TLS. @default '127.0.0.1' */
  readonly host?: '127.0.0.1' | '::1';
}

export interface Serving {
  /** Such as `http://127.0.0.1:4270`. */
  readonly url: string;
  /** New at each start: 256 bits as hexadecimal digits. */
  readonly token: string;
  /** Where the token is written, readable for its owner only; undefined for an engine in memory. */
  readonly tokenFile: string | undefined;
  /** Stops listening and ends what is open. The engine's own close does it too. */
  close(): Promise<void>;
}

/**
 * Serves the admin surface of an engine until one of the two is closed.
 *
 * @throws {InvalidArgumentError} naming the option that is wrong
 * @throws {StoreUnavailableError} the port is taken, or the token cannot be written
 */
export async function serve(engine: Engine, options: ServeOptions = {}): Promise<Serving> {
  const { port = 4270, host = '127.0.0.1', ...rest } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new InvalidArgumentError({ field: 'port', expected: 'an integer from 0 to 65535', got: port });
  }
  if (host !== '127.0.0.1' && host !== '::1') {
    throw new InvalidArgumentError({ field: 'host', expected: "'127.0.0.1' or '::1'", got: host });
  }
  const clock = systemClock({ keepAlive: false });
  const token = clock.entropy(32);
  clock.stop();
  // Its hosts name the port, which is known when it listens; no request is answered before.
  const { onError } = checkAdminOptions({ ...rest, token, hosts: ['127.0.0.1'] });
  const { listener } = adminOf(engine, onError, async (startedAt) => {
    const { createApp } = await import('./http/app.ts');
    return createApp(engine, checkAdminOptions({ ...rest, token, hosts: hostsOf(portOf()) }), { startedAt });
  });
  const server = boundedServer(listener);
  const portOf = (): number => (server.address() as AddressInfo).port;
  server.listen(port, host);
  await once(server, 'listening').catch((cause: unknown) => {
    throw new StoreUnavailableError(`cannot listen on ${host}:${port}`, { cause });
  });
  const tokenFile = engine.path === ':memory:' ? undefined : path.join(engine.path, 'admin-token');
  try {
    if (tokenFile !== undefined) await writePrivate(tokenFile, `${token}\n`);
  } catch (cause) {
    await closeServer(server);
    throw new StoreUnavailableError(`cannot write ${tokenFile}`, { cause });
  }

  async function close(): Promise<void> {
    await closeServer(server);
    if (tokenFile !== undefined) await rm(tokenFile, { force: true });
  }
  engine.closing.addEventListener('abort', () => void close().catch(() => undefined), { once: true });
  return { url: `http://${host === '::1' ? '[::1]' : host}:${portOf()}`, token, tokenFile, close };
}

function hostsOf(port: number): readonly string[] {
  return ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`);
}

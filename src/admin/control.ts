/** Lets the command line, and other programs of the same user, speak to an open engine through a local socket. */
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InvalidArgumentError, StoreUnavailableError, type Engine } from '../index.ts';
import { systemClock } from '../kernel/clock.ts';
import { removeAddress, writeAddress } from './address.ts';
import { adminOf } from './admin.ts';
import { receiveProof } from './handshake.ts';
import { checkAdminOptions } from './options.ts';
import { boundedServer } from './server.ts';

export interface Control {
  /** Where it listens. */
  readonly socket: string;
  /** Stops listening. The engine's own close does it too. */
  close(): Promise<void>;
}

/** Bytes of a path that every system takes for a socket. */
const MAX_SOCKET_PATH = 100;

/**
 * Opens the local socket of an engine, so that `holdfast` on the command line works on its folder while it is open.
 *
 * Only this user can connect: the socket lies in the engine's folder, or is a pipe with a random name, and both sides
 * prove that they know a token which is new at each start.
 *
 * @throws {StoreUnavailableError} the socket cannot be made
 */
export async function control(engine: Engine): Promise<Control> {
  if (engine.path === ':memory:') {
    throw new InvalidArgumentError({ field: 'engine', expected: 'one that has a folder', got: 'one in memory' });
  }
  const clock = systemClock({ keepAlive: false });
  const token = clock.entropy(32);
  const { socket, made } = await placeFor(engine.path, clock.entropy(16));
  clock.stop();
  const settings = checkAdminOptions({ hosts: ['holdfast'], token, maxBodyBytes: 64 * 1024 * 1024 });
  const { listener, dismiss } = adminOf(engine, settings.onError, async (startedAt) =>
    (await import('./http/app.ts')).createApp(engine, settings, { isTrusted: true, startedAt }),
  );
  const http = boundedServer(listener);
  const open = new Set<Socket>();
  const server = createServer((caller) => {
    open.add(caller);
    caller.on('close', () => open.delete(caller));
    caller.on('error', () => caller.destroy());
    receiveProof(caller, token).then(
      (isKnown) => isKnown && http.emit('connection', caller),
      () => caller.destroy(),
    );
  });
  server.maxConnections = 64;
  try {
    server.listen(socket);
    await once(server, 'listening');
    // The engine, not its socket, says whether the process stays.
    server.unref();
    if (process.platform !== 'win32') await chmod(socket, 0o600);
    await writeAddress(engine.path, { socket, token, pid: process.pid });
  } catch (cause) {
    server.close();
    throw new StoreUnavailableError(`cannot listen on ${socket}`, { cause });
  }

  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    await removeAddress(engine.path);
    const idle = dismiss();
    // A closing engine lets attempts go on for a while, and stops those that go on for too long.
    if (engine.closing.aborted) await idle;
    const ended = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const caller of open) caller.destroy();
    await ended;
    if (made !== undefined) await rm(made, { recursive: true, force: true });
  }
  const end = (): Promise<void> => (closed ??= close());
  engine.closing.addEventListener('abort', () => void end().catch(() => undefined), { once: true });
  return { socket, close: end };
}

interface Place {
  readonly socket: string;
  /** A folder that was made for it. */
  readonly made?: string;
}

async function placeFor(folder: string, random: string): Promise<Place> {
  if (process.platform === 'win32') return { socket: `\\\\.\\pipe\\holdfast-${random}` };
  const socket = path.join(folder, 'control.sock');
  if (Buffer.byteLength(socket) <= MAX_SOCKET_PATH) {
    // Whoever has the folder open is alone in it, so this is of somebody who was killed.
    await rm(socket, { force: true });
    return { socket };
  }
  const made = await mkdtemp(path.join(tmpdir(), 'holdfast-'));
  return { socket: path.join(made, 'control.sock'), made };
}

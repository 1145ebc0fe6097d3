/** Speaks to the local socket of a live engine. */
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../kernel/clock.ts';
import type { Address } from '../address.ts';
import { giveProof } from '../handshake.ts';
import type { Transport } from './desk.ts';
import { ENDED, EXIT, Failure } from './failure.ts';

/** Undefined when nobody listens there any more: the app was killed, and its folder is closed. */
export async function connectTo({ socket, token }: Address): Promise<Transport | undefined> {
  const clock = systemClock({ keepAlive: false });
  const opened: Socket[] = [];

  async function open(): Promise<Socket> {
    const connection = connect(socket);
    await once(connection, 'connect');
    await giveProof(connection, token, Buffer.from(clock.entropy(32), 'hex'));
    opened.push(connection);
    return connection;
  }

  const first = await open().catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && ABSENT.has(String(error.code))) return undefined;
    throw error;
  });
  if (first === undefined) {
    clock.stop();
    return undefined;
  }
  let ready: Socket | undefined = first;
  const agent = new Agent({ keepAlive: false });
  agent.createConnection = (_options, callback) => {
    const connection = ready;
    ready = undefined;
    if (connection !== undefined) return connection;
    open().then(
      (made) => callback?.(null, made),
      (error: unknown) => callback?.(error as Error, undefined as never),
    );
    return undefined;
  };

  return {
    async send(method, path, body, signal) {
      const headers = {
        host: 'holdfast',
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body ?? ''),
      };
      const asked = request({ agent, method, path, headers, ...(signal && { signal }) });
      asked.end(body);
      const [reply] = (await once(asked, 'response').catch((cause: unknown) => {
        if (signal?.aborted === true) throw cause;
        throw new Failure(EXIT.folder, ENDED, undefined, { cause });
      })) as [IncomingMessage];
      return { status: reply.statusCode ?? 500, parts: reply };
    },
    close() {
      clock.stop();
      for (const connection of opened) connection.destroy();
      agent.destroy();
      return Promise.resolve();
    },
  };
}

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK']);

/** The admin surface of an engine, to be mounted in a server or called by itself. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Engine } from '../index.ts';
import { systemClock } from '../kernel/clock.ts';
import type { App } from './http/app.ts';
import { checkAdminOptions, type AdminOptions } from './options.ts';

export interface Admin {
  /** From a request to its answer, for servers that speak `fetch`: Hono, Electron's `protocol.handle`, tests. */
  fetch(request: Request): Promise<Response>;
  /** The same for `node:http`, Express, Connect and Fastify's raw requests. */
  readonly listener: (request: IncomingMessage, response: ServerResponse) => void;
}

/**
 * The HTTP surface of an open engine: `/v1`, the page of dead jobs, health. It answers only the hosts that are named, and
 * only who brings the token. What it is made of is loaded with the first request.
 *
 * ```ts
 * const { listener } = admin(jobs, { hosts: ['127.0.0.1:3000'], token, basePath: '/jobs' });
 * express().use('/jobs', listener);
 * ```
 *
 * @throws {InvalidArgumentError} naming the option that is wrong
 */
export function admin(engine: Engine, options: AdminOptions): Admin {
  const settings = checkAdminOptions(options);
  return adminOf(engine, settings.onError, async (startedAt) =>
    (await import('./http/app.ts')).createApp(engine, settings, { startedAt }),
  );
}

export interface DismissibleAdmin extends Admin {
  /** Resolves when no worker has an attempt any more; until then they may still tell how those ended. */
  dismiss(): Promise<void>;
}

/** @param load makes the app; called with the first request, and told since when anybody could ask, epoch ms */
export function adminOf(
  engine: Engine,
  onError: (error: unknown) => void,
  load: (startedAt: number) => Promise<App>,
): DismissibleAdmin {
  const clock = systemClock({ keepAlive: false });
  const startedAt = clock.now();
  clock.stop();
  let app: Promise<App> | undefined;
  let listen: Promise<(request: IncomingMessage, response: ServerResponse) => Promise<void>> | undefined;

  async function loaded(): Promise<App> {
    app ??= load(startedAt).then((made) => {
      engine.closing.addEventListener('abort', () => void made.dismiss().then(() => made.stop(), onError), {
        once: true,
      });
      return made;
    });
    return app;
  }

  async function fetch(request: Request): Promise<Response> {
    return (await loaded()).fetch(request);
  }

  async function nodeListener(): Promise<(request: IncomingMessage, response: ServerResponse) => Promise<void>> {
    const { getRequestListener } = await import('@hono/node-server');
    return getRequestListener(fetch, { overrideGlobalObjects: false });
  }

  return {
    fetch,
    dismiss: async () => (await app)?.dismiss(),
    listener(request, response) {
      // The adapter would make up a host for a request without one.
      if (request.headers.host === undefined) return void refuse(response, 421);
      listen ??= nodeListener();
      listen
        .then((answer) => answer(request, response))
        .catch((error: unknown) => {
          onError(error);
          refuse(response, 500);
        });
    },
  };
}

function refuse(response: ServerResponse, status: number): void {
  if (!response.headersSent) response.writeHead(status, { connection: 'close' });
  response.end();
}

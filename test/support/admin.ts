/** The admin surface of an engine under a test, asked without a network. */
import { admin } from '../../src/admin/index.ts';
import type { AdminOptions } from '../../src/admin/index.ts';
import type { Engine } from '../../src/index.ts';

export const HOST = '127.0.0.1:4270';
export const TOKEN = 'f'.repeat(64);

export interface Asker {
  /** As a program with the token asks; a body that is an object is sent as JSON. */
  (method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

export function askerOf(engine: Engine, options: Partial<AdminOptions> = {}): Asker {
  const { fetch } = admin(engine, { hosts: [HOST], token: TOKEN, ...options });
  return (method, path, body, headers = {}) => {
    const isForm = body instanceof URLSearchParams;
    const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
    return fetch(
      new Request(`http://${HOST}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          ...(method === 'POST' && { 'content-type': type }),
          ...headers,
        },
        ...(body !== undefined && { body: isForm ? body : JSON.stringify(body) }),
      }),
    );
  };
}

/** An engine some of whose methods do something else. */
export function engineWith(engine: Engine, other: Partial<Record<keyof Engine, unknown>>): Engine {
  return new Proxy(engine, {
    get: (target, name) => (name in other ? other[name as keyof Engine] : (target as never)[name]),
  });
}

export async function pageTokenOf(ask: Asker): Promise<string> {
  const page = await (await ask('GET', '/dead-jobs', undefined, { accept: 'text/html' })).text();
  return /name="page_token" value="([^"]+)"/.exec(page)?.[1] ?? '';
}

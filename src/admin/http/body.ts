/** Bodies and queries, read with bounds: bytes while they arrive, then depth, then keys that no object of ours may have. */
import { Problem } from './problem.ts';

const MAX_DEPTH = 72;

/** The bytes of a body, as text. @throws {Problem} as soon as there are more than `maxBytes` */
export async function textOf(request: Request, maxBytes: number): Promise<string> {
  const declared = Number(request.headers.get('content-length') ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  if (request.body === null) return '';
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of request.body as ReadableStream<Uint8Array>) {
    bytes += part.byteLength;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    parts.push(part);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts));
  } catch {
    throw new Problem(400, 'invalid_argument', 'The body is not UTF-8.', { field: 'body' });
  }
}

function tooLarge(maxBytes: number): Problem {
  return new Problem(413, 'payload_too_large', `The body is larger than ${maxBytes} bytes.`, { limit: maxBytes });
}

/** A body as JSON; undefined for none. @throws {Problem} */
export async function jsonOf(request: Request, maxBytes: number): Promise<unknown> {
  requireJson(request);
  const text = await textOf(request, maxBytes);
  if (text === '') return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem(400, 'invalid_argument', 'The body is not JSON.', { field: 'body' });
  }
  checkDepth(value);
  return value;
}

/**
 * What a page of another site cannot send without asking first, and it would be refused then.
 *
 * @throws {Problem}
 */
function requireJson(request: Request): void {
  if (request.method === 'DELETE' && request.body === null) return;
  if (/^application\/json\s*(;\s*charset=utf-8\s*)?$/i.test(request.headers.get('content-type') ?? '')) return;
  throw new Problem(415, 'unsupported_media_type', 'Changes are asked for with Content-Type: application/json.');
}

/** Without recursion: a body of a megabyte may be a hundred thousand levels deep. */
function checkDepth(value: unknown): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) {
      throw new Problem(400, 'invalid_argument', `The body is more than ${MAX_DEPTH} levels deep.`, { field: 'body' });
    }
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item !== 'object' || item === null) continue;
      if (Object.hasOwn(item, '__proto__')) {
        throw new Problem(400, 'invalid_argument', 'The body has the key __proto__.', { field: '__proto__' });
      }
      for (const part of Object.values(item) as unknown[]) next.push(part);
    }
    level = next;
  }
}

/** A query as an object: a name that is there once has a text, one that is there more often a list. */
export function queryOf(url: URL): Record<string, string | string[]> {
  const query = new Map<string, string | string[]>();
  for (const name of new Set(url.searchParams.keys())) {
    const values = url.searchParams.getAll(name);
    query.set(name, values.length === 1 ? (values[0] as string) : values);
  }
  return Object.fromEntries(query);
}

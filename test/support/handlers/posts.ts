import { defineHandler } from '../../../workers/index.ts';

interface Port {
  postMessage?(message: unknown): void;
}

/** Finds our port by a back door of Node and posts what we never would, and things that look like ours. */
export default defineHandler<{ readonly token: number }>((payload) => {
  const { _getActiveHandles: handles } = process as unknown as { _getActiveHandles(): Port[] };
  // The last one made is ours; on the first, Node itself falls over a foreign message, and the process with it.
  const port = handles.call(process).at(-1);
  const foreign = [
    1,
    null,
    'text',
    { kind: 'ended' },
    { kind: 'ended', token: payload.token + 1_000, outcome: { ok: true, result: '"foreign"' } },
    { kind: 'ended', token: payload.token, outcome: { ok: false, error: { name: 1, message: {} } } },
    { kind: 'log', token: payload.token, level: 'constructor', message: 'x' },
    { kind: 'progress', token: payload.token, text: 5 },
    { kind: 'request', token: payload.token, id: 1, request: { kind: 'save' } },
    { kind: '__proto__' },
    { kind: 'progress', token: payload.token, text: '0.5' },
  ];
  for (const message of foreign) port?.postMessage?.(message);
  return { posted: foreign.length };
});

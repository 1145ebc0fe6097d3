// piscina's entry into a thread. It is fixed and trivial, since a module that fails while a thread boots is the one
// thing a pool cannot tell anybody about: all the rest is imported here, inside a try.
import type { FromThread, SessionStart } from '../src/protocol.ts';

export default async function serve(start: SessionStart): Promise<void> {
  try {
    const { Session } = await import('./session.ts');
    new Session(start).listen();
  } catch (error) {
    start.port.postMessage({ kind: 'broken', problem: String(error) } satisfies FromThread);
  }
}

// piscina's entry into a thread. It is fixed and trivial, since a module that fails while a thread boots is the one
// thing a pool cannot tell anybody about: all the rest is imported here, inside a try.
//
// It is CommonJS, since piscina begins with `require`. Of a module that is none Node 20 makes one in native code, and if
// the thread is ended meanwhile, that aborts the whole process. An `import` may be ended at any moment.
import type { FromThread, SessionStart } from '../src/protocol.ts' with { 'resolution-mode': 'import' };

module.exports = async function serve(start: SessionStart): Promise<void> {
  try {
    const { Session } = await import('./session.ts');
    new Session(start).listen();
  } catch (error) {
    start.port.postMessage({ kind: 'broken', problem: String(error) } satisfies FromThread);
  }
};

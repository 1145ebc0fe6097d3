import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isMainThread } from 'node:worker_threads';

/** As large as what the handler reads at once; loaders of modules call the same function with others. */
const READ_BYTES = 256 * 1024;

/** In threads, calls `hook` before each read of a file that is hashed. */
export function beforeEachRead(hook: () => void): void {
  if (isMainThread) return;
  const { readSync } = fs;
  fs.readSync = (file: number, buffer: NodeJS.ArrayBufferView, ...rest: []) => {
    if (buffer.byteLength === READ_BYTES) hook();
    return readSync(file, buffer, ...rest);
  };
  syncBuiltinESMExports();
}

export function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

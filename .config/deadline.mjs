// Loaded before every test file: ends one that is kept alive by something it forgot, with a word on what that is.
// Node 20 and 22 end a file that exceeds `--test-timeout`; Node 24 ends only the test in it, and then waits for ever.
import { isMainThread } from 'node:worker_threads';

const limitMs = Number(process.env['TEST_FILE_LIMIT_MS']);

if (process.env['NODE_TEST_CONTEXT'] !== undefined && isMainThread && limitMs > 0) {
  setTimeout(() => {
    const held = process.getActiveResourcesInfo().join(', ');
    console.error(`${process.argv[1]} did not end within ${limitMs} ms; it is kept alive by: ${held}`);
    process.exit(1);
  }, limitMs).unref();
}

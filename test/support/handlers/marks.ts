import { writeFileSync } from 'node:fs';
import { defineHandler } from '../../../workers/index.ts';

/** Makes a file, so that it is seen that it runs even by who reads no message; and goes on for a moment. */
export default defineHandler<string>(async (path) => {
  writeFileSync(path, '');
  await new Promise((resolve) => setTimeout(resolve, 20));
  return 'marked';
});

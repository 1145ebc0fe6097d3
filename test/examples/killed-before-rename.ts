/** Imported before the program: its process is killed when the sums are written and about to get their name. */
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const { rename } = fs;
fs.rename = async (from, to) => {
  if (String(to).endsWith('SHA256SUMS')) process.kill(process.pid, 'SIGKILL');
  await rename(from, to);
};
syncBuiltinESMExports();

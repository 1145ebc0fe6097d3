/** Where things lie, seen from the compiled suite. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));
/** The folder of the compiled questions. */
export const compiled = fileURLToPath(new URL('../', import.meta.url));
export const resultsFolder = join(root, 'bench', 'results');

import path from 'node:path';
import { HoldfastError, StoreDamagedError, StoreInUseError, StoreUnavailableError } from '../errors.ts';

/**
 * Says in our words what LevelDB rejected with; the original is kept as `cause`.
 *
 * A missing or shortened file is damage, not an unavailable disk: waiting will not bring it back. LevelDB 1.20 tells it
 * only by the text of the system's error. Errors that are ours already are passed on.
 *
 * @param doing what was being done, such as 'open' or 'read'
 * @param location the folder of the database
 */
export function levelError(doing: string, location: string, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const { code, message } = innermost(error);
  switch (code ?? '') {
    case 'LEVEL_LOCKED':
      return new StoreInUseError({
        folder: location,
        holder: message.includes('already held by process') ? 'this process' : 'another process',
        cause: error,
      });
    case 'LEVEL_CORRUPTION':
      return damaged(message, message, location, error);
    case 'LEVEL_DATABASE_NOT_OPEN':
    case 'LEVEL_ITERATOR_NOT_OPEN':
    case 'LEVEL_BATCH_NOT_OPEN':
      return new StoreUnavailableError('it is closed', { cause: error });
    default:
      if (MISSING_FILE.test(message)) return damaged('a file is missing', message, location, error);
      if (SHORT_FILE.test(message)) return damaged('a file is too short', message, location, error);
      return new StoreUnavailableError(`LevelDB cannot ${doing} ${location}: ${message}`, { cause: error });
  }
}

const MISSING_FILE =
  /No such file or directory|cannot find the (file|path) specified|does not exist \(create_if_missing/i;
/** What reading beyond the end of a mapped file gives. */
const SHORT_FILE = /\.(ldb|sst): Invalid argument/i;

interface Told {
  readonly code: string | undefined;
  readonly message: string;
}

/** `level` wraps what LevelDB said in an error that only says "Database failed to open". */
function innermost(error: unknown): Told {
  let told: Told = { code: undefined, message: String(error) };
  for (let depth = 0, at = error; at instanceof Error && depth < 4; depth++, at = at.cause) {
    told = { code: 'code' in at && typeof at.code === 'string' ? at.code : undefined, message: at.message };
  }
  return told;
}

/** Names the place by the file the message names, or else by the folder. */
function damaged(what: string, message: string, location: string, cause: unknown): StoreDamagedError {
  const file = /(?:CURRENT|MANIFEST-\d+|\d+\.(?:ldb|sst|log|dbtmp))/.exec(message);
  return new StoreDamagedError({ what, where: file === null ? location : path.join(location, file[0]), cause });
}

import { threadId } from 'node:worker_threads';

/** Module-wide: belongs to the thread from its load on, and may not be held against any attempt. */
setInterval(() => undefined, 60_000);

export default (): unknown => ({ thread: threadId });

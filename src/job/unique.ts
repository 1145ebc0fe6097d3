/**
 * What happens when a job is enqueued with a unique key that an unfinished job of its type holds. It depends on what the
 * caller asked for and on the newest holder: a finished job holds no key.
 */

/** What `unique.mode` may be. */
export const UNIQUE_MODES = ['keep', 'replace', 'reject', 'keepLast'] as const;
export type UniqueMode = (typeof UNIQUE_MODES)[number];

/**
 * `store`: a new job. `give`: the holder, unchanged. `refuse`: nothing. `replace`: the holder gets the new payload,
 * priority and moment. `refresh`: the same, but it stays due when it was. `follow`: a new job, which waits until the
 * holder has ended.
 */
export type Encounter = 'store' | 'give' | 'refuse' | 'replace' | 'refresh' | 'follow';

/** mode → state of the newest holder → what happens. */
export const ENCOUNTERS = {
  keep: { nobody: 'store', waiting: 'give', running: 'give' },
  reject: { nobody: 'store', waiting: 'refuse', running: 'refuse' },
  replace: { nobody: 'store', waiting: 'replace', running: 'follow' },
  keepLast: { nobody: 'store', waiting: 'refresh', running: 'follow' },
} as const satisfies Record<UniqueMode, Record<'nobody' | 'waiting' | 'running', Encounter>>;

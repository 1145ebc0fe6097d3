/** What the soak's parent and its apps say to one another. */

/** What the parent wants of one life of an app. */
export interface Orders {
  readonly folder: string;
  /** The side journal. */
  readonly notesFile: string;
  readonly life: number;
  readonly seed: number;
  /** How many ms lie between two calls that enqueue, on average. */
  readonly beatMs: number;
  /** The longest delay of a job. */
  readonly longestMs: number;
  /** Behind which event the stream goes on. */
  readonly since: number;
}

/**
 * `finish`: take nothing new, wait until all jobs have ended, close. `close`: close at once. `sample`: tell how it is;
 * `collects` wants the heap after a full collection, too.
 */
export type Order = { readonly kind: 'sample'; readonly collects: boolean } | { readonly kind: 'close' | 'finish' };

export type Said =
  /** `openMs` is what `open` took, `bornMs` what had passed since the process began. */
  | { readonly kind: 'open'; readonly openMs: number; readonly bornMs: number }
  | { readonly kind: 'sample'; readonly sample: OwnSample };

export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What a process knows of itself; bytes, ms, and counts since the sample before. */
export interface OwnSample {
  readonly heapUsed: number;
  /** After a full collection. */
  readonly heapLive?: number;
  readonly external: number;
  readonly rss: number;
  readonly cpuMs: number;
  /** How late jobs with a due time were started. */
  readonly late: Spread;
  /** How late timers of the main thread were, by Node's own meter. */
  readonly loop: Spread;
  readonly ended: number;
  /** Jobs that wait and run now, and all that are stored. */
  readonly unfinished: number;
  readonly stored: number;
}

/** One line of the samples file. */
export interface Sample extends OwnSample {
  readonly app: 'steady' | 'killed';
  readonly life: number;
  /** Seconds since the soak began. */
  readonly at: number;
  readonly handles: number;
  readonly threads: number;
  readonly folderBytes: number;
}

/** Another kind of line: a life has begun or ended. */
export interface LifeLine {
  readonly app: Sample['app'];
  readonly life: number;
  readonly at: number;
  readonly event: 'open' | 'killed' | 'killed while opening' | 'closed' | 'ended by itself' | 'finished';
  readonly openMs?: number;
  readonly bornMs?: number;
}

export function isSample(line: Sample | LifeLine): line is Sample {
  return !('event' in line);
}

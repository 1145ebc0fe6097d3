import { defineJob } from 'holdfast';

/** Some files of the folder, few enough for one job. Their paths are relative to `root`, with forward slashes. */
export interface Part {
  readonly root: string;
  /** The folder in which all of them lie, for people. */
  readonly folder: string;
  readonly files: readonly string[];
  /** What the files had together when they were found. */
  readonly bytes: number;
}

/** What is known of a part: of its first files while it runs (its checkpoint), of all of them at the end (its result). */
export interface PartSums {
  /** For each file, in the order of the part: its SHA-256 in hexadecimal, or why it has none. */
  readonly entries: readonly Entry[];
  /** How many bytes were hashed. */
  readonly bytes: number;
  /** How many files each attempt after the first found in its checkpoint and did not hash again. */
  readonly resumedAt: readonly number[];
}

export type Entry = string | { readonly problem: string };

/** Hashes the files of a part, on a thread. */
export const hashPart = defineJob<Part, PartSums, PartSums>({
  type: 'fingerprint:part',
  worker: new URL('./hash.worker.js', import.meta.url),
  timeout: 'none',
});

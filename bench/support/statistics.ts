/** Medians and percentiles of small and large samples. */

/** Sorts in place and gives the value below which `share` (0 to 1) of the samples lie. */
export function percentile(samples: number[] | Float64Array, share: number): number {
  if (samples.length === 0) return NaN;
  samples.sort((a, b) => a - b);
  return samples[Math.min(samples.length - 1, Math.floor(share * samples.length))] as number;
}

export interface Summary {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly samples: readonly number[];
}

export function summarize(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
  return { median, least: sorted[0] ?? NaN, most: sorted.at(-1) ?? NaN, samples };
}

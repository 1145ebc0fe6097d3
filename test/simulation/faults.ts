/** Which operation on the disk fails, and how. Operations are counted, so that a fault can be named and left out. */
export const SITES = ['write', 'read', 'scan', 'open', 'close', 'witness', 'room', 'record'] as const;
export type Site = (typeof SITES)[number];

/**
 * `gone`: rejected, and nothing of it is there. `there`: rejected, but it is there after the next opening. `error`: a
 * read or another operation fails. `slow`: it takes long. `crashBefore`, `crashAfter`: the process dies when it asks for
 * the operation, or when it is done and nobody has been told. The site `record` is none of the disk's: there the journal throws, as it
 * would if it had a bug.
 */
export type FaultKind = 'gone' | 'there' | 'error' | 'slow' | 'crashBefore' | 'crashAfter';

export interface Fault {
  readonly site: Site;
  /** Counted from 1 for each site, over all processes of a run. */
  readonly nth: number;
  readonly kind: FaultKind;
}

/** Asked before each operation: its number at this site, and among all operations on the disk. */
export type FaultPolicy = (site: Site, nth: number, nthOfAll: number) => FaultKind | undefined;

/** What the journal throws at the site `record`. */
export class PlantedBug extends Error {
  constructor() {
    super('a bug in the simulation');
  }
}

export class Faults {
  readonly #counts = new Map<Site, number>();
  #policy: FaultPolicy;
  #isHealed = false;
  /** How many operations on the disk there were. */
  countOfAll = 0;
  /** How many faults were met. */
  metCount = 0;
  readonly #onMet: (site: Site) => void;

  constructor(policy: FaultPolicy, onMet: (site: Site) => void) {
    this.#policy = policy;
    this.#onMet = onMet;
  }

  next(site: Site): FaultKind | undefined {
    const nth = (this.#counts.get(site) ?? 0) + 1;
    this.#counts.set(site, nth);
    if (site !== 'record') this.countOfAll++;
    const kind = this.#isHealed ? undefined : this.#policy(site, nth, this.countOfAll);
    if (kind !== undefined) {
      this.metCount++;
      this.#onMet(site);
    }
    return kind;
  }

  /** From now on nothing fails. */
  heal(): void {
    this.#isHealed = true;
  }
}

export function policyOfList(faults: readonly Fault[]): FaultPolicy {
  const bySite = new Map(faults.map(({ site, nth, kind }) => [`${site} ${nth}`, kind]));
  return (site, nth) => bySite.get(`${site} ${nth}`);
}

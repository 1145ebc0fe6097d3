/** What holds for an attempt: worked out once for all jobs of a type that have no settings of their own. */
import type { AnyJobDefinition } from '../definition.ts';
import { decodeLevel, policyOf, type Policy, type PolicyLevel } from '../policy.ts';

export class Policies {
  readonly #engine: PolicyLevel;
  /** By type, for the queue in which its jobs were seen last; most have one. */
  readonly #known = new Map<AnyJobDefinition, { readonly queue: PolicyLevel; readonly policy: Policy }>();

  constructor(engine: PolicyLevel) {
    this.#engine = engine;
  }

  /**
   * @param queue the same object until something else holds for it
   * @param own the job's settings, as they are stored
   */
  of(definition: AnyJobDefinition, queue: PolicyLevel, own: string): Policy {
    if (own !== '') return policyOf([decodeLevel(own), definition, queue, this.#engine]);
    const known = this.#known.get(definition);
    if (known?.queue === queue) return known.policy;
    const policy = policyOf([{}, definition, queue, this.#engine]);
    this.#known.set(definition, { queue, policy });
    return policy;
  }

  forget(definition: AnyJobDefinition): void {
    this.#known.delete(definition);
  }
}

/** What holds for the attempts of each definition in each queue, worked out once. */
import type { AnyJobDefinition } from '../definition.ts';
import { decodeLevel, policyOf, type Policy, type PolicyLevel } from '../policy.ts';

export class Policies {
  readonly #engine: PolicyLevel;
  readonly #known = new Map<AnyJobDefinition, WeakMap<PolicyLevel, Policy>>();

  constructor(engine: PolicyLevel) {
    this.#engine = engine;
  }

  /**
   * @param queue what holds for the queue; the same object until that changes
   * @param own what was said for the one job, as it is stored; empty for nothing
   */
  of(definition: AnyJobDefinition, queue: PolicyLevel, own: string): Policy {
    const known = own === '' ? this.#known.get(definition)?.get(queue) : undefined;
    if (known !== undefined) return known;
    const policy = policyOf([decodeLevel(own), definition, queue, this.#engine]);
    if (own !== '') return policy;
    const ofDefinition = this.#known.get(definition);
    if (ofDefinition === undefined) this.#known.set(definition, new WeakMap([[queue, policy]]));
    else ofDefinition.set(queue, policy);
    return policy;
  }

  forget(definition: AnyJobDefinition): void {
    this.#known.delete(definition);
  }
}

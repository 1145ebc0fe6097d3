/** The limits of types: how many jobs of one definition may run at once, in all queues together. */
import type { AnyJobDefinition } from '../definition.ts';
import type { TypeLimit } from './turns.ts';

export class TypeLimits {
  readonly #byRoute = new Map<string, TypeLimit>();

  /** Undefined when the definition has none. */
  of(definition: AnyJobDefinition | undefined): TypeLimit | undefined {
    if (definition?.concurrency === undefined) return undefined;
    const { type: route, concurrency: limit } = definition;
    const known = this.#byRoute.get(route);
    if (known !== undefined) {
      // Another definition of the type may have come in its place.
      known.limit = limit;
      return known;
    }
    const added = { route, limit, running: 0 };
    this.#byRoute.set(route, added);
    return added;
  }

  /** An attempt is over. */
  release(route: string | undefined): void {
    const limit = route === undefined ? undefined : this.#byRoute.get(route);
    if (limit !== undefined) limit.running--;
  }
}

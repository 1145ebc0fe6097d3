/**
 * Which definition serves a type: the one of exactly this type, else the one with the longest prefix (`email:*`), else
 * the one for everything (`*`). Jobs of a type that nobody serves wait.
 */
import type { AnyJobDefinition } from './definition.ts';
import { DuplicateHandlerError } from './errors.ts';

export class Router {
  readonly #exact = new Map<string, AnyJobDefinition>();
  /** Without their star, the longest first. */
  #prefixes: Array<readonly [prefix: string, definition: AnyJobDefinition]> = [];
  /** What was found for types that no definition names. Forgotten when one is added. */
  readonly #found = new Map<string, AnyJobDefinition | undefined>();

  constructor(definitions: Iterable<AnyJobDefinition> = []) {
    for (const definition of definitions) this.add(definition);
  }

  /** @throws {DuplicateHandlerError} when one with the same type or prefix is here already */
  add(definition: AnyJobDefinition): void {
    const { type } = definition;
    if (this.all().some((other) => other.type === type)) throw new DuplicateHandlerError(type);
    if (type.endsWith('*')) {
      this.#prefixes.push([type.slice(0, -1), definition]);
      this.#prefixes.sort(([a], [b]) => b.length - a.length);
    } else this.#exact.set(type, definition);
    this.#found.clear();
  }

  /** Takes away this very definition; one that is not here, or another of its type, is left alone. */
  remove(definition: AnyJobDefinition): void {
    const { type } = definition;
    if (this.#exact.get(type) === definition) this.#exact.delete(type);
    this.#prefixes = this.#prefixes.filter(([, other]) => other !== definition);
    this.#found.clear();
  }

  find(type: string): AnyJobDefinition | undefined {
    const exact = this.#exact.get(type);
    if (exact !== undefined || this.#prefixes.length === 0) return exact;
    if (this.#found.has(type)) return this.#found.get(type);
    const definition = this.#prefixes.find(([prefix]) => type.startsWith(prefix))?.[1];
    if (this.#found.size < MOST_FOUND) this.#found.set(type, definition);
    return definition;
  }

  /** All definitions, in the order in which they were added, the exact ones first. */
  all(): AnyJobDefinition[] {
    return [...this.#exact.values(), ...this.#prefixes.map(([, definition]) => definition)];
  }
}

/** So many types are remembered; an engine that sees more looks them up. */
const MOST_FOUND = 10_000;

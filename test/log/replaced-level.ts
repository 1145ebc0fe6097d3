/** Databases that tell what they are asked for, or that fail. */
import type { TestContext } from 'node:test';
import { Level } from 'level';

export type Method = (...given: never[]) => unknown;

/** Puts something else in the place of a method of every database, until the test is over. */
export function replace(t: TestContext, name: string, make: (real: Method) => Method): void {
  const methods = Level.prototype as unknown as Record<string, Method>;
  const own = Object.getOwnPropertyDescriptor(methods, name);
  Object.defineProperty(methods, name, { configurable: true, writable: true, value: make(methods[name] as Method) });
  t.after(() => {
    if (own === undefined) Reflect.deleteProperty(methods, name);
    else Object.defineProperty(methods, name, own);
  });
}

/** The options of every write from now on. */
export function writesOf(t: TestContext): unknown[] {
  const seen: unknown[] = [];
  const watched = (real: Method): Method =>
    function (this: unknown) {
      const batch = real.call(this) as { write(options: unknown): Promise<void> };
      const write = batch.write.bind(batch);
      batch.write = (options) => {
        seen.push(options);
        return write(options);
      };
      return batch;
    };
  replace(t, 'batch', watched);
  return seen;
}

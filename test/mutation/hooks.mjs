// Gives the tests our stand-in for `node:test`.
const STAND_IN = new URL('node-test.mjs', import.meta.url).href;

/**
 * @param {string} specifier
 * @param {object} context
 * @param {(specifier: string, context: object) => unknown} next
 */
export function resolve(specifier, context, next) {
  return specifier === 'node:test' ? { url: STAND_IN, shortCircuit: true } : next(specifier, context);
}

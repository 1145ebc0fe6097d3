// Stands in for `node:test` where mutants are tried: it only remembers the tests, so that the runner can run each of them
// as often as it likes in one warm process. It knows the few words that the tests of src/job and src/log use.

/** @typedef {{ diagnostic(): void, after(end: () => unknown): void }} Context */
/** @typedef {{ id: string, body: (t: Context) => unknown }} Kept */

/** @type {Kept[]} */
export const tests = [];
/** What must have run before the first test. @type {(() => unknown)[]} */
export const firsts = [];
/** @type {string[]} */
const place = [];

/** The runner says which file is being loaded. @param {string} name */
export function begin(name) {
  place.splice(0, place.length, name);
}

/** @param {string} name @param {unknown[]} rest */
export function describe(name, ...rest) {
  if (isLeftOut(rest)) return;
  place.push(name);
  bodyOf(rest)();
  place.pop();
}

/** @param {string} name @param {unknown[]} rest */
export function test(name, ...rest) {
  if (!isLeftOut(rest)) tests.push({ id: [...place, name].join(' > '), body: bodyOf(rest) });
}

/** @param {() => unknown} first */
export function before(first) {
  firsts.push(first);
}

export function after() {
  // The process ends.
}

export { describe as suite, test as it };
export default test;

/** @param {unknown[]} rest @returns {(t?: Context) => unknown} */
function bodyOf(rest) {
  const body = rest.at(-1);
  if (typeof body !== 'function') throw new TypeError('A test has a body.');
  return /** @type {(t?: Context) => unknown} */ (body);
}

/** @param {unknown[]} rest */
function isLeftOut([options]) {
  return typeof options === 'object' && options !== null && 'skip' in options && Boolean(options.skip);
}

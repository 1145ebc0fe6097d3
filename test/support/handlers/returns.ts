import { defineHandler } from '../../../workers/index.ts';

const cycle: Record<string, unknown> = {};
cycle['self'] = cycle;

/** What is returned, by name. */
const returned: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  null: () => null,
  data: () => ({ a: [1, 'two', { three: true }] }),
  function: () => ({ inner: () => 1 }),
  cycle: () => cycle,
  bigint: () => ({ rows: [1n] }),
  nan: () => [NaN],
  symbol: () => Symbol('s'),
  large: () => 'x'.repeat(2_000_000),
  error: () => new Error('returned'),
  transferable: () => ({ [Symbol.for('Piscina.transferable')]: [], [Symbol.for('Piscina.valueSymbol')]: 'spoofed' }),
  'hostile thenable': () => ({
    get then() {
      throw new Error('a trap');
    },
  }),
};

export default defineHandler<string>((what) => returned[what]?.());

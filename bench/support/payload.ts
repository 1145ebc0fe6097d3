/** Payloads of a given size, as JSON, and no two alike among a thousand. */

export interface Payload {
  n: number;
  readonly to: string;
  readonly tags: readonly string[];
  readonly text: string;
}

export function payloadOf(bytes: number, n: number): Payload {
  const bare: Payload = { n, to: `user-${String(n % 1000).padStart(3, '0')}@example.com`, tags: ['a', 'b'], text: '' };
  const missing = bytes - JSON.stringify(bare).length;
  return {
    ...bare,
    text: 'lorem ipsum dolor sit amet '.repeat(Math.ceil(missing / 27)).slice(0, Math.max(0, missing)),
  };
}

const POOL = 1000;

/** The same payloads again and again, so that making them is not what is measured. */
export function payloadPool(bytes: number): (n: number) => Payload {
  const pool = Array.from({ length: POOL }, (_, index) => payloadOf(bytes, 1000 + index));
  return (n) => pool[n % POOL] as Payload;
}

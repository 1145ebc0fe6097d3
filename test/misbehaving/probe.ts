const PRISTINE = {
  parse: JSON.parse,
  then: Promise.prototype.then,
  push: Array.prototype.push,
  setTimeout: globalThis.setTimeout,
};

/** What the next job finds that is not as it should be; it looks for so many ms. */
export async function probed(ms: number): Promise<readonly string[]> {
  const found: string[] = [];
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  const keys: string[] = [];
  for (const key in {}) keys.push(key);
  if (keys.length > 0) found.push(`keys on all objects: ${keys.join(', ')}`);
  if (JSON.parse !== PRISTINE.parse || (JSON.parse('[1]') as unknown[]).length !== 1) found.push('JSON');
  if (Promise.prototype.then !== PRISTINE.then || (await Promise.resolve(5)) !== 5) found.push('promises');
  if (Array.prototype.push !== PRISTINE.push || [1, 2].length !== 2) found.push('arrays');
  if (setTimeout !== PRISTINE.setTimeout || !String(setTimeout).includes('callback')) found.push('timers');
  if (Buffer.from('ab').length !== 2) found.push('buffers');
  if (process.env['SPOOFED'] !== undefined) found.push('the environment');
  if (!String(new Error('x').stack).includes('Error: x')) found.push('stacks');
  return found;
}

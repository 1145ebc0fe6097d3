/** The keys of the store: the number of a frame as eight bytes, big-endian, so that they sort as numbers do. */

export function keyOf(sequence: number): Uint8Array {
  const key = Buffer.allocUnsafe(8);
  key.writeUInt32BE(Math.floor(sequence / 2 ** 32), 0);
  key.writeUInt32BE(sequence % 2 ** 32, 4);
  return key;
}

/** The number of the frame that has this key; undefined when no frame can have it. */
export function sequenceOfKey(key: Uint8Array): number | undefined {
  if (key.length !== 8) return undefined;
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  const sequence = view.getUint32(0) * 2 ** 32 + view.getUint32(4);
  return Number.isSafeInteger(sequence) ? sequence : undefined;
}

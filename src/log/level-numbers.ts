/** Reads numbers and texts the way LevelDB writes them. Every read checks its bounds: the bytes may be anything. */
export class ByteReader {
  readonly #bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, from = 0, to: number = bytes.length) {
    this.#bytes = bytes;
    this.at = from;
    this.end = to;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  byte(): number {
    this.#need(1);
    return this.#bytes[this.at++] as number;
  }

  fixed32(): number {
    this.#need(4);
    this.at += 4;
    return this.#bytes.readUInt32LE(this.at - 4);
  }

  /** Numbers above 2^53 come out rounded; none that is right is so large. */
  fixed64(): number {
    const low = this.fixed32();
    return this.fixed32() * 2 ** 32 + low;
  }

  /** Seven bits a byte, the lowest first. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 64; shift += 7) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw new RangeError('a number that does not end');
  }

  take(length: number): Buffer {
    this.#need(length);
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  /** Bytes with their length before them. */
  sized(): Buffer {
    return this.take(this.varint());
  }

  #need(length: number): void {
    if (this.at + length > this.end)
      throw new RangeError(`${length} bytes at ${this.at}, and the end is at ${this.end}`);
  }
}

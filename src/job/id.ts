// ULIDs: 48 bits of time and 80 bits of chance, as 26 characters of Crockford's alphabet (github.com/ulid/spec), which
// sort as the bits do. Here a ULID is a 128-bit counter in four words, so making, storing and writing one are the same
// few shifts. By hand since that takes 40 to 70 ns an id where `monotonicFactory` of the package `ulid` takes 230 and
// gives ropes, which take twice as long to pack; and since it does not survive a restart with the clock set back: it can
// be given no last id, and one time above 2^48-1 makes it throw for ever.

/** Words of 32 bits in a packed ULID. */
export const ULID_WORDS = 4;
const LENGTH = 26;
const MAX_TIME = 2 ** 48 - 1;
const INVALID = 0xff;

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LETTERS = Uint8Array.from(ALPHABET, (letter) => letter.charCodeAt(0));
/** From a character to its five bits. It has a place for every UTF-16 unit, which spares each character a comparison. */
const DIGITS = new Uint8Array(65_536).fill(INVALID);
for (const [digit, code] of LETTERS.entries()) DIGITS[code] = digit;

/** Where ids get the time and the dice from. */
export interface UlidSource {
  /** Epoch ms. */
  readonly now: () => number;
  /** From 0 up to, but not including, 1. */
  readonly random: () => number;
}

/**
 * Makes ULIDs of which each sorts after the one before: within one millisecond, when the clock is set back, and after a
 * restart if it is given the last id that was issued before. In a new millisecond all 80 bits are thrown anew; otherwise
 * the id is the last one plus 1, and should those 80 bits be used up, it borrows from the next millisecond.
 *
 * A `lastIssued` that is not a ULID is ignored. So is time that is not a time (`NaN`, or beyond the year 10889): ids go
 * on from the last one. Pass only ids that were issued by this function: one chosen by a user may lie in the far future,
 * and all later ids would follow it there.
 */
export function createUlids({ now, random }: UlidSource, lastIssued?: string): () => string {
  const words = new Uint32Array(ULID_WORDS);
  let latest = lastIssued !== undefined && packUlid(lastIssued, words, 0) ? timeOf(words) : -1;

  return () => {
    const time = Math.floor(now());
    if (time > latest && time <= MAX_TIME) startAt(time);
    else if (latest === -1 || !increment(words)) startAt(time >= 0 && time <= MAX_TIME ? time : 0);
    else latest = timeOf(words);
    return unpackUlid(words, 0);
  };

  function startAt(time: number): void {
    latest = time;
    words[0] = time / 65_536;
    words[1] = ((time % 65_536) << 16) | ((random() * 65_536) & 0xffff);
    words[2] = random() * 2 ** 32;
    words[3] = random() * 2 ** 32;
  }
}

/**
 * Writes the 128 bits of a ULID to `target` from `offset`, first word first, so that comparing the words in turn is
 * comparing the ids. False, and nothing written, for everything that `unpackUlid` would not give back as it is: other
 * lengths, lower case, I, L, O and U, and a first character above 7, which would be a 129th bit.
 */
export function packUlid(id: string, target: Uint32Array, offset: number): boolean {
  if (id === newest) {
    for (let n = 0; n < ULID_WORDS; n++) target[offset + n] = newestWords[n] as number;
    return true;
  }
  if (id.length !== LENGTH) return false;
  const a = digit(id, 0);
  const b = digit(id, 1);
  const c = digit(id, 2);
  const d = digit(id, 3);
  const e = digit(id, 4);
  const f = digit(id, 5);
  const g = digit(id, 6);
  const h = digit(id, 7);
  const i = digit(id, 8);
  const j = digit(id, 9);
  const k = digit(id, 10);
  const l = digit(id, 11);
  const m = digit(id, 12);
  const n = digit(id, 13);
  const o = digit(id, 14);
  const p = digit(id, 15);
  const q = digit(id, 16);
  const r = digit(id, 17);
  const s = digit(id, 18);
  const t = digit(id, 19);
  const u = digit(id, 20);
  const v = digit(id, 21);
  const w = digit(id, 22);
  const x = digit(id, 23);
  const y = digit(id, 24);
  const z = digit(id, 25);
  if (a > 7) return false;
  if ((b | c | d | e | f | g | h | i | j | k | l | m | n | o | p | q | r | s | t | u | v | w | x | y | z) > 31)
    return false;
  // 26 characters of 5 bits do not meet the ends of words: g, n and t each lie in two.
  target[offset] = (a << 29) | (b << 24) | (c << 19) | (d << 14) | (e << 9) | (f << 4) | (g >> 1);
  target[offset + 1] = (g << 31) | (h << 26) | (i << 21) | (j << 16) | (k << 11) | (l << 6) | (m << 1) | (n >> 4);
  target[offset + 2] = (n << 28) | (o << 23) | (p << 18) | (q << 13) | (r << 8) | (s << 3) | (t >> 2);
  target[offset + 3] = (t << 30) | (u << 25) | (v << 20) | (w << 15) | (x << 10) | (y << 5) | z;
  return true;
}

function digit(id: string, at: number): number {
  return DIGITS[id.charCodeAt(at)] as number;
}

/** The ULID that was unpacked last: whoever makes or reads one stores it next. */
let newest = '';
const newestWords = new Uint32Array(ULID_WORDS);

/** The ULID whose 128 bits stand in `source` from `offset`, as a flat string: ready to be a key of a `Map`. */
export function unpackUlid(source: Uint32Array, offset: number): string {
  const a = source[offset] as number;
  const b = source[offset + 1] as number;
  const c = source[offset + 2] as number;
  const d = source[offset + 3] as number;
  for (let n = 0; n < ULID_WORDS; n++) newestWords[n] = source[offset + n] as number;
  newest = String.fromCharCode(
    letter(a >>> 29),
    letter(a >>> 24),
    letter(a >>> 19),
    letter(a >>> 14),
    letter(a >>> 9),
    letter(a >>> 4),
    letter((a << 1) | (b >>> 31)),
    letter(b >>> 26),
    letter(b >>> 21),
    letter(b >>> 16),
    letter(b >>> 11),
    letter(b >>> 6),
    letter(b >>> 1),
    letter((b << 4) | (c >>> 28)),
    letter(c >>> 23),
    letter(c >>> 18),
    letter(c >>> 13),
    letter(c >>> 8),
    letter(c >>> 3),
    letter((c << 2) | (d >>> 30)),
    letter(d >>> 25),
    letter(d >>> 20),
    letter(d >>> 15),
    letter(d >>> 10),
    letter(d >>> 5),
    letter(d),
  );
  return newest;
}

/** The letter of the lowest five bits. */
function letter(bits: number): number {
  return LETTERS[bits & 31] as number;
}

/** The milliseconds of a packed ULID. */
function timeOf(words: Uint32Array): number {
  return (words[0] as number) * 65_536 + ((words[1] as number) >>> 16);
}

/** Adds 1 to the 128 bits; false when there is nothing above them. */
function increment(words: Uint32Array): boolean {
  for (let at = ULID_WORDS - 1; at >= 0; at--) {
    const sum = (words[at] as number) + 1;
    words[at] = sum;
    if (sum < 2 ** 32) return true;
  }
  return false;
}

/** What can be done to a file of a folder, by chance. */
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { Dice } from './dice.ts';

/** The kinds of files of a folder; each trial takes a kind first, so that none is lost among many tables. */
const KINDS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['log', /^log\/\d+\.log$/],
  ['table', /^log\/\d+\.ldb$/],
  ['MANIFEST', /^log\/MANIFEST-\d+$/],
  ['CURRENT', /^log\/CURRENT$/],
  ['LOG', /^log\/LOG(\.old)?$/],
  ['LOCK', /^log\/LOCK$/],
  ['holdfast.json', /^holdfast\.json$/],
  ['witness', /^witness$/],
  ['reserve', /^reserve$/],
  ['owner', /^owner\./],
];
/** How often each is taken: what matters most, most. */
const WEIGHTS = [
  'log',
  'log',
  'log',
  'log',
  'table',
  'table',
  'table',
  'table',
  'MANIFEST',
  'MANIFEST',
  'CURRENT',
  'LOG',
  'LOCK',
];
const OTHERS = ['holdfast.json', 'witness', 'witness', 'reserve', 'owner'];

export interface Harm {
  readonly kind: string;
  readonly file: string;
  readonly what: string;
}

/**
 * Harms one file of `folder`.
 *
 * @param earlier copies of the folder as it was before
 */
export function harm(folder: string, earlier: readonly string[], dice: Dice): Harm {
  const kind = dice.oneOf([...WEIGHTS, ...OTHERS]);
  const pattern = KINDS.find(([name]) => name === kind)?.[1] ?? /never/;
  const file = dice.oneOf(filesIn(folder).filter((name) => pattern.test(name)));
  const target = path.join(folder, file);
  const what = dice.oneOf([
    'flip',
    'flip',
    'flips',
    'truncate',
    'cut',
    'empty',
    'zero 512',
    'zero 4096',
    'missing',
    'older',
    'garbage',
  ]);
  return { kind, file, what: `${what} ${applied(what, target, file, earlier, dice)}` };
}

function applied(what: string, target: string, file: string, earlier: readonly string[], dice: Dice): string {
  const { size } = statSync(target);
  switch (what) {
    case 'flip':
    case 'flips':
      return flip(target, what === 'flip' ? 1 : dice.between(2, 20), dice);
    case 'truncate':
      truncateSync(target, Math.floor(size / 2));
      return `to ${Math.floor(size / 2)}`;
    case 'cut': {
      const left = Math.max(0, size - dice.between(1, 3000));
      truncateSync(target, left);
      return `to ${left} of ${size}`;
    }
    case 'empty':
      truncateSync(target, 0);
      return '';
    case 'zero 512':
    case 'zero 4096':
      return zero(target, what === 'zero 512' ? 512 : 4096, dice);
    case 'missing':
      rmSync(target);
      return '';
    case 'garbage': {
      const bytes = readFileSync(target);
      const from = dice.between(0, bytes.length);
      for (let at = from; at < Math.min(bytes.length, from + 700); at++) bytes[at] = dice.between(0, 255);
      writeFileSync(target, bytes);
      return `from ${from}`;
    }
    default:
      return swap(target, file, earlier, dice);
  }
}

function flip(target: string, times: number, dice: Dice): string {
  const bytes = readFileSync(target);
  if (bytes.length === 0) return 'nothing';
  const bits = Array.from({ length: times }, () => dice.between(0, bytes.length * 8 - 1));
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
  writeFileSync(target, bytes);
  return bits.join(' ');
}

function zero(target: string, length: number, dice: Dice): string {
  const bytes = readFileSync(target);
  const block = dice.between(0, Math.floor(Math.max(0, bytes.length - 1) / length));
  bytes.fill(0, block * length, Math.min(bytes.length, (block + 1) * length));
  writeFileSync(target, bytes);
  return `block ${block}`;
}

/** An older copy of the same file, or of another one of its kind under its name. */
function swap(target: string, file: string, earlier: readonly string[], dice: Dice): string {
  const folder = dice.oneOf(earlier);
  const same = path.join(folder, file);
  if (existsSync(same)) {
    copyFileSync(same, target);
    return `from ${path.basename(folder)}`;
  }
  const ending = path.extname(file);
  const alike = filesIn(folder).filter((name) =>
    ending === '' ? sameStem(name, file) : path.extname(name) === ending,
  );
  if (alike.length === 0) return 'not there';
  const other = dice.oneOf(alike);
  copyFileSync(path.join(folder, other), target);
  return `from ${other} of ${path.basename(folder)}`;
}

function sameStem(a: string, b: string): boolean {
  return a.replaceAll(/[\d.-]/g, '') === b.replaceAll(/[\d.-]/g, '');
}

/** All files, by their paths within the folder, in a fixed order. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => statSync(path.join(folder, name)).isFile())
    .sort();
}

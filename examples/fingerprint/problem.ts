const PROBLEMS: Readonly<Record<string, string>> = {
  EACCES: 'no permission to read it',
  EPERM: 'no permission to read it',
  ENOENT: 'it is not there',
  ELOOP: 'it has become a link',
  ENXIO: 'not a file',
  EIO: 'the disk cannot read it',
  ENOTDIR: 'a file is in the way',
};

/** Why something cannot be read, in a few words. */
export function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return PROBLEMS[code] ?? error.message;
}

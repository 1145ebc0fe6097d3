export function redisDurability(appendFsync: 'everysec' | 'always'): string {
  return appendFsync === 'always'
    ? 'fsync: survives a power cut'
    : 'survives the end of the process; a power cut costs up to a second';
}

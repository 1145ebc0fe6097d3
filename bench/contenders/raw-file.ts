/** The limit of the disk: each write is one append and one `fdatasync`. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender } from './contender.ts';
import { groupCommitQueue } from './group-commit.ts';

export const rawFile: Contender = {
  name: 'raw-file',
  title: 'raw file with fdatasync',
  kind: 'limit',
  durability: 'fsync: survives a power cut',
  lacks: { delay: 'knows no later moment' },
  async open(setup) {
    const file = await open(join(setup.folder, 'log'), 'a');
    return groupCommitQueue(
      {
        async write(bytes) {
          await file.appendFile(bytes);
          await file.datasync();
        },
        close: () => file.close(),
      },
      setup,
    );
  },
};

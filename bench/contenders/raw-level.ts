/** The limit on LevelDB: each write is one entry of the frame's size, in a chained batch, with `sync`. */
import { join } from 'node:path';
import { Level } from 'level';
import type { Contender } from './contender.ts';
import { groupCommitQueue } from './group-commit.ts';

export const rawLevel: Contender = {
  name: 'raw-level',
  title: 'raw frames in level',
  kind: 'limit',
  durability: 'fsync: survives a power cut',
  lacks: { delay: 'knows no later moment' },
  async open(setup) {
    const level = new Level<Buffer, Buffer>(join(setup.folder, 'level'), {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      writeBufferSize: 8 * 1024 * 1024,
    });
    await level.open();
    let sequence = 0;
    return groupCommitQueue(
      {
        write(bytes) {
          const key = Buffer.alloc(8);
          key.writeUIntBE(++sequence, 2, 6);
          return level
            .batch()
            .put(key, bytes)
            .write({ sync: true } as object);
        },
        close: () => level.close(),
      },
      setup,
    );
  },
};

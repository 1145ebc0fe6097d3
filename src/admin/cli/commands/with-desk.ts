/** Opens where a command works, and closes it whatever becomes of the command. */
import type { OpenOptions } from '../../../index.ts';
import { openDesk, type Desk } from '../desk.ts';
import type { Setting } from '../program.ts';

export async function withDesk<Result>(
  { folder, terminal }: Setting,
  work: (desk: Desk) => Promise<Result>,
  asApp: OpenOptions = {},
): Promise<Result> {
  const desk = await openDesk(folder, terminal.cwd, asApp);
  try {
    return await work(desk);
  } finally {
    await desk.close();
  }
}

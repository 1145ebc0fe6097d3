/** `holdfast serve` */
import { once } from 'node:events';
import { folderOf, UNTOUCHED } from '../desk.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Setting } from '../program.ts';
import { readAddress } from '../../address.ts';
import { integer } from './add.ts';

export async function serveFolder({ terminal, folder }: Setting, { port }: { readonly port: string }): Promise<void> {
  const place = await folderOf(folder, terminal.cwd);
  const { open } = await import('../../../index.ts');
  const engine = await open(place, { ...UNTOUCHED, keepAlive: true }).catch(async (error: unknown) => {
    const isLive = (await readAddress(place)) !== undefined;
    throw isLive
      ? new Failure(EXIT.folder, 'The folder is open in an app. Let the app call serve(jobs) of holdfast/admin.')
      : error;
  });
  try {
    const { serve } = await import('../../serve.ts');
    const { control } = await import('../../control.ts');
    await control(engine);
    const { url, token, tokenFile } = await serve(engine, { port: integer('--port', port) ?? 4270 });
    if (terminal.isJson) terminal.jsonLine({ url, token, tokenFile });
    else {
      terminal.line(`The dead jobs are at ${url}/dead-jobs, the API under ${url}/v1. Ctrl-C ends it.`);
      terminal.line(`A browser asks for a password: it is the token, which is in ${tokenFile}.`);
    }
    if (!terminal.signal.aborted) await once(terminal.signal, 'abort');
  } finally {
    await engine.close({ drain: 0 });
  }
}

/** The process in which a measurement happens: it is sent an order, answers with figures or a problem, and ends. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { contenderNamed } from '../contenders/list.ts';
import { measureInFreshProcess, type Answer, type Order } from './fresh-process.ts';
import type { Question, Stage } from './question.ts';

process.once('message', (order: Order) => {
  answer(order).then(tell, (error: unknown) => tell({ problem: textOf(error) }));
});
// Whoever sent the order is gone.
process.once('disconnect', () => process.exit(1));
process.once('uncaughtException', (error) => tell({ problem: textOf(error) }));

async function answer(order: Order): Promise<Answer> {
  const { default: question } = (await import(`../${order.question}.js`)) as { default: Question };
  return { figures: await question.measure(stageOf(order)) };
}

function tell(message: Answer): void {
  process.send?.(message, () => process.exit(0));
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function stageOf(order: Order): Stage {
  const contender = contenderNamed(order.contender);
  let opened = 0;
  return {
    contender,
    settings: order.settings,
    phase: order.phase,
    folder: order.folder,
    server: order.server,
    profileFolder: order.profileFolder,
    size: (count) => Math.max(1, Math.round(count * order.size)),
    open({ folder, ...setup }) {
      const name = `bench-${process.pid}-${++opened}`;
      const own = folder ?? join(order.folder, name);
      mkdirSync(own, { recursive: true });
      return contender.open({ ...setup, folder: own, name, server: order.server });
    },
    async again(phase, settings = {}) {
      const all = { ...order.settings, ...settings };
      const reply = await measureInFreshProcess({ ...order, phase, settings: all }, false);
      if ('problem' in reply) throw new Error(reply.problem);
      return reply.figures;
    },
  };
}

/**
 * How fast are 50,000 waiting jobs worked off? They are all there before the first one starts, as after a night offline.
 * It ends when all have run and their ends are recorded.
 */
import { everybody, swift } from './contenders/list.ts';
import { perJob } from './support/enqueue.ts';
import { Count, perSecond, produce, warmThenMeasure } from './support/load.ts';
import { Meter } from './support/meter.ts';
import { payloadPool } from './support/payload.ts';
import { askIfMain } from './support/program.ts';
import type { OpenQueue } from './contenders/contender.ts';
import type { Question, Stage } from './support/question.ts';

const JOBS = 50_000;

const question: Question = {
  name: 'drain',
  asks: 'How fast are 50,000 waiting jobs worked off?',
  how: 'No-op handlers; from the moment they may start until all ends are recorded. Concurrency 100 unless it says otherwise.',
  variants: [
    { name: '100 B', settings: { bytes: 100 } },
    // Where a write serves more jobs, it is the processor that limits them.
    { name: '100 B, concurrency 1,000', settings: { bytes: 100, concurrency: 1000 }, only: swift },
  ],
  figures: [
    { key: 'rate', title: 'run', unit: 'jobs/s', better: 'more', target: { atLeast: 200_000 } },
    { key: 'mainUs', title: 'main thread a job', unit: 'µs', better: 'less' },
  ],
  contenders: everybody,
  limitMs: 30_000,
  async measure(stage) {
    const payload = payloadPool(stage.settings['bytes'] ?? 100);
    const holder = new Holder(stage);
    const pass = await warmThenMeasure(stage.size(JOBS), async (count, measured) => {
      const { queue, handled, ran } = await holder.hold(count);
      if (queue.enqueueAll === undefined) await produce((n) => queue.enqueue(payload(n)), count, 100);
      else await queue.enqueueAll(Array.from({ length: count }, (_, n) => payload(n)));
      const begin = performance.now();
      const meter = measured ? await Meter.start(stage) : undefined;
      await queue.start();
      await handled.reaches(ran);
      await queue.settled(ran);
      const cost = await meter?.stop();
      return { count, wallMs: cost?.wallMs ?? performance.now() - begin, extra: cost };
    });
    await holder.close();
    return { rate: perSecond(pass), ...perJob(pass.extra, pass.count) };
  },
};

interface Held {
  readonly queue: OpenQueue;
  readonly handled: Count;
  /** How many jobs will have run in this queue. */
  ran: number;
}

/** Gives a queue that is held: the same again, as an application has one, or a new one where that cannot be. */
class Holder {
  readonly #stage: Stage;
  #held: Held | undefined;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async hold(count: number): Promise<Held> {
    if (this.#held?.queue.hold === undefined) {
      await this.close();
      const handled = new Count();
      const { concurrency = 100 } = this.#stage.settings;
      const queue = await this.#stage.open({ concurrency, held: true, handler: () => handled.add() });
      this.#held = { queue, handled, ran: 0 };
    } else {
      await this.#held.queue.hold();
    }
    this.#held.ran += count;
    return this.#held;
  }

  async close(): Promise<void> {
    await this.#held?.queue.close();
  }
}

export default question;
await askIfMain(question, import.meta.url);

/**
 * What does a queue cost in which nothing happens? It should sleep. The process is watched from outside, so that looking
 * does not wake it.
 */
import { ours } from './contenders/list.ts';
import { pause } from './support/load.ts';
import { processorMs, wakeUps } from './support/proc.ts';
import { askIfMain } from './support/program.ts';
import type { Figures, Question, Stage } from './support/question.ts';

const SECONDS = 60;
/** Until the collector has tidied up after the opening and the first job. */
const SETTLE_MS = 12_000;

const question: Question = {
  name: 'idle',
  asks: 'What does an idle queue cost?',
  how: 'A process with an open queue that has run one job; its threads are counted from outside, over a minute.',
  variants: [{ name: 'a minute', settings: {} }],
  figures: [
    {
      key: 'mainWakeUps',
      title: 'wake-ups of the main thread in 30 s',
      unit: '',
      better: 'less',
      target: { atMost: 1 },
    },
    { key: 'allWakeUps', title: 'of all threads', unit: '', better: 'less' },
    { key: 'processorShare', title: 'of a processor', unit: '%', better: 'less', target: { atMost: 0.05 } },
  ],
  contenders: ours.slice(0, 1),
  limitMs: 120_000,
  maxRounds: 1,
  measure: (stage) => (stage.phase === 'sleep' ? sleep(stage) : watch(stage)),
};

/** The watcher is the parent of the one who sleeps, and hears of its readiness by a file. */
async function watch(stage: Stage): Promise<Figures> {
  const { existsSync, readFileSync } = await import('node:fs');
  const ready = `${stage.folder}/ready`;
  const ended = stage.again('sleep');
  while (!existsSync(ready)) await pause(20);
  await pause(stage.size(SETTLE_MS));
  const pid = Number(readFileSync(ready, 'utf8'));
  const seconds = Math.max(2, Math.round((SECONDS * stage.size(1000)) / 1000));
  const read = () => ({ main: wakeUps(pid, pid), all: wakeUps(pid), usedMs: processorMs(pid) });
  const before = read();
  await pause(seconds * 1000);
  const after = read();
  process.kill(pid, 'SIGUSR2');
  await ended;
  return {
    mainWakeUps: ((after.main - before.main) / seconds) * 30,
    allWakeUps: ((after.all - before.all) / seconds) * 30,
    processorShare: ((after.usedMs - before.usedMs) / (seconds * 1000)) * 100,
  };
}

async function sleep(stage: Stage): Promise<Figures> {
  const { renameSync, writeFileSync } = await import('node:fs');
  const over = new Promise((resolve) => process.once('SIGUSR2', resolve));
  let started: (() => void) | undefined;
  const isStarted = new Promise<void>((resolve) => (started = resolve));
  const queue = await stage.open({ concurrency: 100, handler: () => started?.() });
  await queue.enqueue({ n: 1, to: 'nobody', tags: [], text: '' });
  await isStarted;
  await queue.settled(1);
  writeFileSync(`${stage.folder}/ready.new`, String(process.pid));
  renameSync(`${stage.folder}/ready.new`, `${stage.folder}/ready`);
  await over;
  await queue.close();
  return {};
}

export default question;
await askIfMain(question, import.meta.url);

/** The words about queues, about pausing, and about why a job does not run. */
import type { Command } from 'commander';
import type { Words } from '../program.ts';

export const queueCommands: Words = (program, act) => {
  const queues = program
    .command('queues')
    .aliases(['queue', 'q'])
    .description('shows, configures, pauses and purges queues');
  queues
    .command('list', { isDefault: true })
    .aliases(['ls'])
    .description('lists queues: their jobs by state, their limits, and how long the oldest has been ready')
    .action(act(async () => (await import('../commands/queues.ts')).list));
  queues
    .command('view <queue>')
    .aliases(['info', 'i', 'show', 'v'])
    .description('shows one queue and all that holds for it')
    .action(act(async () => (await import('../commands/queues.ts')).view));
  settings(
    queues.command('new <queue>').aliases(['add', 'n', 'a']).description('makes a queue with stored settings'),
  ).action(act(async () => (await import('../commands/queues.ts')).create));
  settings(
    queues
      .command('configure <queue>')
      .aliases(['config', 'cfg'])
      .description('changes stored settings; only those given'),
  ).action(act(async () => (await import('../commands/queues.ts')).configure));
  pausing(queues.command('pause <queue>').description('starts nothing more of it; what runs goes on')).action(
    act(async () => (await import('../commands/queues.ts')).pause),
  );
  queues
    .command('resume <queue>')
    .description('ends its pause')
    .action(act(async () => (await import('../commands/queues.ts')).resume));
  queues
    .command('purge <queue>')
    .description('cancels all jobs that wait in it')
    .option('-f, --force', 'do not ask')
    .action(act(async () => (await import('../commands/queues.ts')).purge));
  pausing(program.command('pause').description('starts nothing more at all; what runs goes on')).action(
    act(async () => (await import('../commands/queues.ts')).pauseAll),
  );
  program
    .command('resume')
    .description('ends that pause; queues that are paused themselves stay so')
    .action(act(async () => (await import('../commands/queues.ts')).resumeAll));
  program
    .command('explain <id>')
    .description('says why a job does not run, and when that can change')
    .action(act(async () => (await import('../commands/explain.ts')).explain));
};

function settings(command: Command): Command {
  return command
    .option('--concurrent <number>', 'how many of its jobs may run at once')
    .option('--entries <number>', 'how many jobs it may hold')
    .option('--discard-old', 'when it is full, drops the oldest instead of refusing')
    .option('--age <duration>', 'how long a job may wait in it')
    .option('--tries <number>', 'how many attempts may fail')
    .option('--run-time <duration>', 'how long an attempt may take')
    .option('--rate <limit>', "how many may start in how long: '10/1s', or none")
    .option('--per-key <number>', 'how many of one key may run at once')
    .option('--weight <number>', 'how many of its jobs start in its turn among the queues')
    .option('--minimum <number>', 'how many slots of the engine are kept for it')
    .option('--aging <duration>', 'how long a job waits until it counts as one priority higher, or none');
}

function pausing(command: Command): Command {
  return command
    .option('-r, --reason <text>', 'why, for people')
    .option('--for <duration>', 'ends by itself after so long');
}

/** The words about jobs. */
import type { Command } from 'commander';
import type { Words } from '../program.ts';

export const jobCommands: Words = (program, act) => {
  const jobs = program
    .command('jobs')
    .aliases(['job', 'j', 'tasks', 'task', 't'])
    .description('adds, shows, changes and follows jobs');
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [
    ...before,
    ...value.split(','),
  ];

  jobs
    .command('add <type> [payload]')
    .aliases(['new', 'a', 'enqueue'])
    .description('enqueues a job and prints its id')
    .option('-q, --queue <name>', 'where it waits')
    .option('-p, --priority <number>', 'higher runs first')
    .option('--id <id>', 'an id of your own')
    .option('--key <key>', 'whom it belongs to')
    .option('--unique <key>', 'at most one unfinished job of the type has this key')
    .option('--idempotency-key <key>', 'the same again within 10 minutes gives the first job')
    .option('--tag <tags>', 'words to find it by; may be said again, or with commas', collect)
    .option('--delay <duration>', 'not before so long from now: 5m')
    .option('--at <moment>', 'not before this moment: 2026-12-24T18:00:00Z')
    .option('--deadline <duration>', 'not to be started later than so long from now')
    .option('--tries <number>', 'how many attempts may fail')
    .option('--timeout <duration>', 'how long an attempt may take')
    .option('--depends <ids>', 'waits for these jobs; may be said again, or with commas', collect)
    .addHelpText(
      'after',
      '\nThe payload is JSON: \'{"to":"ada"}\', \'"a text"\', 42. @file reads it from a file, - from the input.',
    )
    .action(act(async () => (await import('../commands/add.ts')).add));
  filtered(
    jobs
      .command('list [limit]')
      .aliases(['ls'])
      .description('lists jobs in the order in which they were accepted, 200 unless said otherwise'),
  )
    .option('--cursor <cursor>', 'goes on behind the page before')
    .option('--all', 'all of them, read a page at a time')
    .action(act(async () => (await import('../commands/list.ts')).list));
  jobs
    .command('view <id>')
    .aliases(['show', 'v', 'info', 'i'])
    .description('shows one job: its times, counters, errors, log and result')
    .action(act(async () => (await import('../commands/view.ts')).view));
  jobs
    .command('retry <ids...>')
    .description('makes waiting jobs due now, and runs finished ones again')
    .action(act(async () => (await import('../commands/change.ts')).retry));
  jobs
    .command('promote <ids...>')
    .description('makes waiting jobs due now')
    .action(act(async () => (await import('../commands/change.ts')).promote));
  jobs
    .command('update <id>')
    .aliases(['edit'])
    .description('changes a waiting job; what is not named stays')
    .option('-p, --priority <number>', 'higher runs first')
    .option('--delay <duration>', 'not before so long from now: 5m')
    .option('--at <moment>', 'not before this moment: 2026-12-24T18:00:00Z')
    .option('--payload <json>', 'another payload: JSON, @file, or - for the input; its checkpoint goes')
    .action(act(async () => (await import('../commands/change.ts')).update));
  jobs
    .command('cancel <ids...>')
    .description('cancels jobs: waiting ones never start, running ones see their signal')
    .option('-r, --reason <text>', 'why, for people')
    .option('--descendants', 'also all jobs that wait for them')
    .action(act(async () => (await import('../commands/change.ts')).cancel));
  jobs
    .command('delete <ids...>')
    .aliases(['del', 'rm'])
    .description('forgets jobs that do not run')
    .option('-f, --force', 'do not ask')
    .action(act(async () => (await import('../commands/change.ts')).remove));
  filtered(jobs.command('purge').description('forgets all jobs that do not run and are as it says'))
    .option('-f, --force', 'do not ask')
    .action(act(async () => (await import('../commands/change.ts')).purge));
  jobs
    .command('watch')
    .alias('w')
    .description('tells what happens while an app runs, a line for each event')
    .option('--job <id>', 'of this job')
    .option('-t, --type <type>', 'of this type')
    .option('-q, --queue <name>', 'in this queue')
    .option('--since <seq>', 'begin behind this event; 0 for the oldest that is stored')
    .action(act(async () => (await import('../commands/watch.ts')).watch));
};

function filtered(command: Command): Command {
  return command
    .option('-s, --state <state>', 'waiting, running, completed, cancelled or dead')
    .option('-t, --type <type>', 'of this type')
    .option('-q, --queue <name>', 'in this queue')
    .option('--face <face>', 'of a waiting job: ready, scheduled, retrying, blocked or held')
    .option('--key <key>', 'that belong to this one')
    .option('--tag <tag>', 'with this tag')
    .option('--since <moment>', 'accepted then or later');
}

/** The words about schedules. */
import type { Words } from '../program.ts';

export const scheduleCommands: Words = (program, act) => {
  const schedules = program
    .command('schedules')
    .aliases(['schedule', 's', 'cron', 'c'])
    .description('makes, shows, pauses and triggers schedules');
  schedules
    .command('list', { isDefault: true })
    .aliases(['ls'])
    .description('lists schedules with their last and next runs')
    .option('--names', 'only the names')
    .action(act(async () => (await import('../commands/schedules.ts')).list));
  schedules
    .command('add <name> <rule> <type> [payload]')
    .aliases(['new', 'a'])
    .description('makes a schedule, or changes the one with this name')
    .option('--tz <zone>', "of a cron pattern: 'Europe/Oslo'")
    .option('--catch-up <what>', 'of missed runs: all, latest or none')
    .option('--overlap <what>', 'when the run before has not ended: skip, queue, replace or allow')
    .option('-q, --queue <name>', 'where its jobs wait')
    .option('-p, --priority <number>', 'higher runs first')
    .option('--deadline <duration>', 'not to be started later than so long after its time')
    .option('--tries <number>', 'how many attempts may fail')
    .option('--key <key>', 'whom its jobs belong to')
    .option('--start <moment>', 'not before')
    .option('--end <moment>', 'not after')
    .option('--limit <number>', 'so many runs, and no more')
    .option('--jitter <duration>', 'each run is put off by up to so long')
    .addHelpText(
      'after',
      "\nThe rule is a cron pattern ('0 3 * * *'), a word (daily, hourly, @weekly), or an interval ('every 5m').",
    )
    .action(act(async () => (await import('../commands/schedules.ts')).add));
  schedules
    .command('update <name>')
    .aliases(['edit'])
    .description('changes a schedule; what is not named stays')
    .option('--rule <rule>', 'a cron pattern, a word or an interval, as for add')
    .option('--tz <zone>', "of a cron pattern: 'Europe/Oslo'")
    .option('--catch-up <what>', 'of missed runs: all, latest or none')
    .option('--overlap <what>', 'when the run before has not ended: skip, queue, replace or allow')
    .option('--start <moment>', 'not before')
    .option('--end <moment>', 'not after')
    .option('--limit <number>', 'so many runs, and no more')
    .option('--jitter <duration>', 'each run is put off by up to so long')
    .option('--payload <json>', 'of the jobs to come: JSON, @file, or - for the input')
    .action(act(async () => (await import('../commands/schedules.ts')).update));
  schedules
    .command('backfill <name> <from> <to>')
    .description('makes the jobs of past times: 2026-01-01T00:00:00Z; those that are stored are left alone')
    .option('--max <number>', 'refuses more than this many; 1,000 unless said otherwise')
    .option('--newest', 'the newest first')
    .option('--parallel', 'they may run beside one another')
    .option('--dry-run', 'only counts them')
    .action(act(async () => (await import('../commands/schedules.ts')).backfill));
  schedules
    .command('view <name>')
    .aliases(['show', 'v', 'info', 'i'])
    .description('shows one schedule, when it is due next, and what it skipped')
    .action(act(async () => (await import('../commands/schedules.ts')).view));
  schedules
    .command('pause <name>')
    .description('nothing is due until it is resumed')
    .option('-r, --reason <text>', 'why, for people')
    .action(act(async () => (await import('../commands/schedules.ts')).pause));
  schedules
    .command('resume <name>')
    .description('goes on')
    .option('--catch-up <what>', 'of the times it missed meanwhile: all, latest or none')
    .action(act(async () => (await import('../commands/schedules.ts')).resume));
  schedules
    .command('trigger <name>')
    .aliases(['run'])
    .description('makes a job now and prints its id')
    .action(act(async () => (await import('../commands/schedules.ts')).trigger));
  schedules
    .command('delete <name>')
    .aliases(['del', 'rm'])
    .description('deletes a schedule; its jobs stay')
    .option('-f, --force', 'do not ask')
    .action(act(async () => (await import('../commands/schedules.ts')).remove));
};

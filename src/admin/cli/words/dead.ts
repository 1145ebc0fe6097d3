/** The words about dead jobs. */
import type { Words } from '../program.ts';

export const deadCommands: Words = (program, act) => {
  const dead = program.command('dead').description('shows dead jobs, revives and clears them');
  dead
    .command('list [limit]', { isDefault: true })
    .aliases(['ls'])
    .description('lists dead jobs with their last errors')
    .option('-t, --type <type>', 'of this type')
    .option('--cursor <cursor>', 'goes on behind the page before')
    .option('--all', 'all of them, read a page at a time')
    .action(act(async () => (await import('../commands/list.ts')).listDead));
  dead
    .command('revive [ids...]')
    .aliases(['resurrect'])
    .description('lets dead jobs wait again, with new attempts')
    .option('-t, --type <type>', 'with --all: of this type')
    .option('--all', 'all of them')
    .option('--keep-attempts', 'only with the attempts that are left')
    .action(act(async () => (await import('../commands/change.ts')).revive));
  dead
    .command('clear [ids...]')
    .aliases(['rm'])
    .description('forgets dead jobs')
    .option('-t, --type <type>', 'with --all: of this type')
    .option('--all', 'all of them')
    .option('-f, --force', 'do not ask')
    .action(act(async () => (await import('../commands/change.ts')).clear));
};

/** The words about the folder as a whole. */
import type { Words } from '../program.ts';

export const folderCommands: Words = (program, act) => {
  program
    .command('info')
    .description('shows the folder, who has it open, and how many jobs there are of each type')
    .action(act(async () => (await import('../commands/info.ts')).info));
  program
    .command('verify')
    .description('reads every byte of a closed folder and says what is damaged; changes nothing')
    .action(act(async () => (await import('../commands/damage.ts')).verifyFolder));
  program
    .command('repair')
    .description('makes a new folder of what can be proved good in a damaged one, which is left as it is')
    .requiredOption('--to <path>', 'the new folder; missing, or empty')
    .action(act(async () => (await import('../commands/damage.ts')).repairFolder));
  program
    .command('backup <to>')
    .description('copies the jobs into a new folder, while an app goes on or from a closed folder')
    .action(act(async () => (await import('../commands/damage.ts')).backUp));
  program
    .command('restore <backup>')
    .description('makes a new folder out of a backup, which is checked first')
    .requiredOption('--to <path>', 'the new folder; missing, or empty')
    .action(act(async () => (await import('../commands/damage.ts')).restoreFrom));
  program
    .command('serve')
    .description('serves the page of dead jobs and the HTTP API of a closed folder on loopback, until Ctrl-C')
    .option('--port <number>', '0 for any that is free', '4270')
    .action(act(async () => (await import('../commands/serve.ts')).serveFolder));
  program
    .command('process <type> [command...]')
    .description('runs a program for each job of a type, until Ctrl-C')
    .option('-c, --concurrency <number>', 'how many at once', '1')
    .option('--until-empty', 'ends when no job of the type is left to run')
    .addHelpText(
      'after',
      `
The program gets the job as JSON on its input, and in a file named by HOLDFAST_JOB. What it prints is the result; an exit
status other than 0 is a failed attempt. A type may end in a star: 'email:*', '*'. Put -- before a program with options:
  holdfast process photo:resize -- convert -resize 50% in.jpg out.jpg`,
    )
    .action(act(async () => (await import('../commands/process.ts')).processJobs));
  program
    .command('completion <shell>')
    .description('prints what makes bash, zsh or fish complete the words of this command')
    .action(act(async () => (await import('../commands/completion.ts')).completionOf(program)));
};

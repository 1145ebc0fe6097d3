// A process that is killed while its job runs a program: node command-process.js <folder> <port>
// The program's child connects to the port and stays connected for as long as it lives.
import { command, defineJob, open } from '../../src/index.ts';

const [, , folder = '', port = ''] = process.argv;
const connect = `require('node:net').connect(${port}, '127.0.0.1').resume()`;
const job = defineJob({
  type: 'program',
  run: command('sh', ['-c', '"$1" -e "$2" & wait', 'sh', process.execPath, connect]),
});
const jobs = await open(folder, { jobs: [job] });
await jobs.enqueue(job, undefined, { id: 'the-job' });

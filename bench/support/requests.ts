/** A thread that asks one address as often as it can, over a few connections, until it is told to stop; it says how often. */
import { Agent, get } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

const CONNECTIONS = 4;
const { url, token } = workerData as { readonly url: string; readonly token: string };
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
let isStopped = false;
let answered = 0;
parentPort?.once('message', () => (isStopped = true));

function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`It answered ${response.statusCode}.`));
      response.resume().on('end', resolve).on('error', reject);
    }).on('error', reject);
  });
}

async function askOn(): Promise<void> {
  while (!isStopped) {
    await ask();
    answered += 1;
  }
}

await Promise.all(Array.from({ length: CONNECTIONS }, askOn));
agent.destroy();
parentPort?.postMessage(answered);

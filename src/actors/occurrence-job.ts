/** The job of a nominal time: the schedule's template, and what its handler is told. */
import type { Run } from '../job/admit.ts';
import { encodeEdges } from '../job/edges.ts';
import type { Definition, Occurrence } from '../job/schedule.ts';
import type { NewJob } from './messages.ts';

/** Whether it is made when its time is long over, so that now is what its moments count from. */
export function isMadeUp({ cause }: Occurrence): boolean {
  return cause === 'catch-up' || cause === 'backfill';
}

/**
 * @param payload in the place of the template's
 * @param offsetMs by how much it is put off
 */
export function occurrenceJob(
  { template }: Definition,
  { id, occurrence, after }: Run,
  payload: { readonly text: string | undefined } | undefined,
  now: number,
  offsetMs: number,
): NewJob {
  const { type, queue, priority, key, tags, settings, deadlineMs } = template;
  const base = isMadeUp(occurrence) ? now : occurrence.nominalAt;
  return {
    ...{ id, ifExists: 'return', type, queue, priority, key, delayMs: 0 },
    runAt: base + offsetMs,
    deadlineAt: deadlineMs === undefined ? 0 : base + offsetMs + deadlineMs,
    labels: tags === undefined ? undefined : { unique: undefined, idempotency: undefined, tags },
    parents: after === undefined ? '' : encodeEdges([{ id: after, on: 'always', as: after }]),
    settings: JSON.stringify({ ...(settings === '' ? {} : (JSON.parse(settings) as object)), occurrence }),
    payload: payload === undefined ? template.payload : payload.text,
  };
}

/**
 * What happened, read from the log: from any sequence number that is still stored, without gaps, and on into the
 * present. A slow reader misses nothing and costs no memory, since it reads frames and not a queue of its own.
 */
import { EventsTrimmedError } from '../errors.ts';
import { MOVED, UNTOLD, type JobEvent } from '../job/event.ts';
import { HEADER_BYTES, positionOf, sequenceOf } from './frame.ts';
import type { Log } from './log.ts';
import { readRecords, type LoggedEvent, type LoggedNoted, type Stamp } from './read-record.ts';

/** What the outside may hear of: something happened to a job, or to what is stored beside jobs. */
export type LoggedFact = (JobEvent & Stamp) | LoggedNoted;

export interface StreamParts {
  /** The log of today: a recovery replaces it. */
  readonly log: () => Log;
  /** Whether it has failed and is being replaced, so that it may not be readable at the moment. */
  readonly isReplacing: () => boolean;
  /** Resolves after the next commit, when the log was replaced, or when the stream is to end. @throws when it never will */
  readonly nextCommit: () => Promise<void>;
  /** Nothing is added any more. What is stored is told to the end, as far as it can still be read. */
  readonly isEnded: () => boolean;
  /** Whoever listens wants no more. */
  readonly isStopped: () => boolean;
}

/**
 * The events behind `since` (0: all that are stored), then those to come: those of a frame at a time, which bounds how
 * many that are.
 *
 * @param view what whoever listens is given of an event
 * @throws {EventsTrimmedError} when events behind `since` are not stored any more
 */
export async function* streamEvents<View>(
  parts: StreamParts,
  since: number,
  view: (fact: LoggedFact) => View,
): AsyncGenerator<readonly View[], void, void> {
  let position = since;
  while (!parts.isStopped()) {
    const log = parts.log();
    const head = log.headPosition;
    // A reader that begins at 0 takes what there is; later ones must not miss anything in between.
    if (position > 0 && position < positionOf(sequenceOf(head), 0)) {
      throw new EventsTrimmedError({ since: position, oldest: head });
    }
    const sequence = Math.max(sequenceOf(position), sequenceOf(head));
    if (!log.isDurable(positionOf(sequence, 0))) {
      if (parts.isEnded()) return;
      await parts.nextCommit();
      continue;
    }
    const frame = await log.readFrame(sequence).catch((error: unknown) => {
      const isReplaced = parts.isReplacing() || log !== parts.log();
      if (!isReplaced && !parts.isEnded()) throw error;
    });
    if (frame === undefined) {
      if (parts.isEnded()) return;
      if (parts.isReplacing()) await parts.nextCommit();
      continue;
    }
    const views: View[] = [];
    for (const event of readRecords(frame, HEADER_BYTES, true)) {
      if (event.position > position && isFact(event)) views.push(view(event));
    }
    if (parts.isStopped()) return;
    if (views.length > 0) yield views;
    position = positionOf(sequence + 1, 0);
  }
}

function isFact(event: LoggedEvent): event is LoggedFact {
  if (event.kind === 'noted') return event.what !== MOVED && event.what !== UNTOLD;
  return event.kind !== 'opened' && event.kind !== 'closed' && event.kind !== 'trimmed' && event.kind !== 'carried';
}

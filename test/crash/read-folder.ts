/** What a closed folder says of its jobs: by the records of its log, and by the methods of an engine without handlers. */
import { open, type JobView } from '../../src/index.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { HEADER_BYTES } from '../../src/log/frame.ts';
import { openHome } from '../../src/log/home.ts';
import { readRecords } from '../../src/log/read-record.ts';
import type { Found } from './laws.ts';

export interface FolderContent {
  readonly found: Map<string, Found>;
  readonly wasTrimmed: boolean;
}

export async function readFolder(folder: string): Promise<FolderContent> {
  const { events, wasTrimmed } = await readEvents(folder);
  const found = new Map<string, Found>();
  for (const view of await readViews(folder)) found.set(view.id, { view, events: events.get(view.id) ?? [] });
  return { found, wasTrimmed };
}

async function readEvents(folder: string): Promise<{ events: Map<string, string[]>; wasTrimmed: boolean }> {
  const clock = systemClock({ keepAlive: false });
  const home = await openHome(folder, clock, { durability: 'disk', cacheBytes: 0 });
  const events = new Map<string, string[]>();
  try {
    const { log, close } = await home.open();
    try {
      for (let sequence = log.ledger.head; sequence < log.ledger.tail; sequence++) {
        const frame = await log.readFrame(sequence);
        if (frame === undefined) throw new Error(`Frame ${sequence} is not there.`);
        for (const { id, kind } of readRecords(frame, HEADER_BYTES, true)) {
          const kinds = events.get(id);
          if (kinds === undefined) events.set(id, [kind]);
          else kinds.push(kind);
        }
      }
      return { events, wasTrimmed: log.ledger.head > 1 };
    } finally {
      await close();
    }
  } finally {
    await home.close();
    clock.stop();
  }
}

/** All jobs, read to the last byte. Nothing runs, since there is no handler. */
export async function readViews(folder: string): Promise<JobView[]> {
  await using engine = await open(folder, { keepAlive: false, keep: FOR_EVER, maxCrashes: 255, reserveBytes: 0 });
  const views: JobView[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await engine.list({ limit: 1000, ...(cursor !== undefined && { cursor }) });
    views.push(...page.jobs);
    if (page.cursor === undefined) return views;
    ({ cursor } = page);
  }
}

const kept = { age: 'forever', count: Infinity } as const;
export const FOR_EVER = { completed: kept, cancelled: kept, dead: kept };

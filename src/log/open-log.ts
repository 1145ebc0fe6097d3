import { replay, type Replayed } from './replay.ts';
import type { Store } from './store.ts';

export interface OpenLog extends Replayed {
  /** Lets go of the store; the home stays claimed. */
  close(): Promise<void>;
}

/** Reads the log in `store`, which is closed again if that fails. @param newest its newest frame, as far as anybody knows */
export async function replayed(store: Store, cacheBytes: number, newest = 0): Promise<OpenLog> {
  try {
    return { ...(await replay(store, cacheBytes, newest)), close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

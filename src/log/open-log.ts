import { replay, type Replayed } from './replay.ts';
import type { Store } from './store.ts';

export interface OpenLog extends Replayed {
  /** Lets go of the store; the home stays claimed. */
  close(): Promise<void>;
}

/** Reads the log in `store`, which is closed again if that fails. */
export async function replayed(store: Store, cacheBytes: number): Promise<OpenLog> {
  try {
    return { ...(await replay(store, cacheBytes)), close: () => store.close() };
  } catch (error) {
    await store.close();
    throw error;
  }
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { defineHandler } from '../../../workers/index.ts';

const tenants = new AsyncLocalStorage<string>();

/** Sets an async context for all that follows, as request loggers do, and gives the one that it found. */
export default defineHandler<string>(async (tenant) => {
  const found = tenants.getStore() ?? null;
  tenants.enterWith(tenant);
  return Promise.resolve(found);
});

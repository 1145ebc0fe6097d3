/** All of it as one function from a request to an answer. */
import { Hono } from 'hono';
import type { Engine } from '../../index.ts';
import { systemClock, type Clock } from '../../kernel/clock.ts';
import type { AdminSettings } from '../options.ts';
import { changeRoutes } from './changes.ts';
import { deadJobRoutes } from './dead-jobs.ts';
import { engineRoutes } from './engine.ts';
import { eventRoutes } from './events.ts';
import { challengeOf, createGuard, type Guard } from './guard.ts';
import { jobRoutes } from './jobs.ts';
import { openapi } from './openapi.ts';
import { Problem, problemOf, problemResponse } from './problem.ts';
import { queueRoutes } from './queues.ts';
import type { Route, Site } from './route.ts';
import { scheduleRoutes } from './schedules.ts';
import { createWorkers } from './workers.ts';
import { workRoutes } from './work.ts';

export const ROUTES: readonly Route[] = [
  ...engineRoutes,
  ...jobRoutes,
  ...changeRoutes,
  ...queueRoutes,
  ...scheduleRoutes,
  ...eventRoutes,
  ...workRoutes,
];

/** Of every answer. The page needs `same-origin` as its referrer policy: without it a form would say it comes from nowhere. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cache-control': 'no-store',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface App {
  fetch(request: Request): Promise<Response>;
  /** The workers that are cut off from now on have not died: it is we who go. Resolves when none has an attempt. */
  dismiss(): Promise<void>;
  /** Ends what it does in the background. */
  stop(): void;
}

export interface AppFacts {
  /** Whether whoever speaks has been let in already, by the operating system and a proof of the token. @default false */
  readonly isTrusted?: boolean;
  /** Since when anybody could ask, epoch ms. @default now */
  readonly startedAt?: number;
}

export function createApp(
  engine: Engine,
  settings: AdminSettings,
  { isTrusted = false, ...facts }: AppFacts = {},
): App {
  const clock = systemClock({ keepAlive: false });
  const site = siteOf(engine, settings, clock, { isTrusted, startedAt: facts.startedAt ?? clock.now() });
  const guard: Guard = isTrusted
    ? { admit: () => Promise.resolve(() => undefined) }
    : createGuard(settings, () => clock.monotonic());
  const router = new Hono();
  for (const route of ROUTES) {
    router.on(route.method, route.path, (context) => {
      const params = context.req.param() as Record<string, string>;
      return route.answer(context.req.raw, route.params === undefined ? undefined : params, site);
    });
  }
  let document: ReturnType<typeof openapi> | undefined;
  router.get('/v1/openapi.json', (context) => context.json((document ??= openapi(ROUTES, settings.basePath))));
  const { metrics } = settings;
  if (metrics !== undefined) {
    router.get('/metrics', async () => new Response(await metrics(), { headers: { 'content-type': PROMETHEUS_TYPE } }));
  }
  deadJobRoutes(router, site, settings.token ?? clock.entropy(32));
  router.get('/', (context) => context.redirect(`${settings.basePath}/dead-jobs`, 303));
  router.notFound((context) => {
    const { pathname } = new URL(context.req.url);
    const isKnown = ROUTES.some(({ path }) => patternOf(path).test(pathname));
    if (isKnown) return problemResponse(new Problem(405, 'method_not_allowed', 'This path takes another method.'));
    return problemResponse(new Problem(404, 'not_found', 'There is nothing under this path.'));
  });
  router.onError((error) => {
    const problem = problemOf(error);
    if (problem.status === 500) settings.onError(error);
    return problemResponse(problem);
  });
  const { basePath } = settings;
  const mounted = basePath === '' ? router : new Hono().route(basePath, router);

  async function answer(request: Request): Promise<Response> {
    let leave: () => void;
    const { pathname } = new URL(request.url);
    const isPrefixed = pathname === basePath || pathname.startsWith(`${basePath}/`);
    try {
      leave = await guard.admit(request, isPrefixed ? pathname.slice(basePath.length) : pathname);
    } catch (error) {
      const problem = problemOf(error);
      return problemResponse(problem, challengeOf(problem));
    }
    try {
      // The server it is mounted in may have taken the prefix away already.
      return await (isPrefixed ? mounted : router).fetch(request);
    } finally {
      leave();
    }
  }

  return {
    async fetch(request) {
      const response = await answer(request);
      for (const [name, value] of Object.entries(HEADERS)) response.headers.set(name, value);
      return response;
    },
    dismiss() {
      site.workers.dismiss();
      return site.workers.whenIdle();
    },
    stop: () => clock.stop(),
  };
}

function siteOf(engine: Engine, settings: AdminSettings, clock: Clock, facts: Required<AppFacts>): Site {
  let streams = 0;
  function every(ms: number, ring: () => void): () => void {
    const alarm = clock.alarm('monotonic', () => {
      alarm.set(clock.monotonic() + ms);
      ring();
    });
    alarm.set(clock.monotonic() + ms);
    return () => alarm.clear();
  }
  return {
    engine,
    settings,
    ...facts,
    workers: createWorkers(engine, {
      every,
      entropy: (byteCount) => clock.entropy(byteCount),
      turn: (task) => clock.turn(task),
    }),
    clock: { now: () => clock.now(), every },
    claimStream() {
      if (streams >= settings.maxStreams) {
        throw new Problem(429, 'rate_limited', `${settings.maxStreams} streams are open; close one.`);
      }
      streams += 1;
      let isGiven = false;
      return () => {
        if (!isGiven) streams -= 1;
        isGiven = true;
      };
    },
  };
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/:\w+/g, '[^/]+').replaceAll('.', '\\.')}$`);
}

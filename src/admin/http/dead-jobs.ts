/** The dead jobs as a list, as a page, and what can be done with them; the paths are those of the Go worker. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Hono } from 'hono';
import type { JobView } from '../../index.ts';
import { textOf } from './body.ts';
import { deadJobsPage, refusalPage, STYLE } from './page.ts';
import { shown } from './jobs.ts';
import { codeOf, Problem } from './problem.ts';
import type { Site } from './route.ts';

const DEFAULT_SIZE = 20;
const MAX_SIZE = 500;
/** What is skipped is read, so that it is bounded. */
const MAX_OFFSET = 100_000;
const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i;

export function deadJobRoutes(app: Hono, site: Site, secret: string): void {
  const { settings } = site;
  const home = `${settings.basePath}/dead-jobs`;
  const pageToken = createHmac('sha256', secret).update('the page of dead jobs').digest('base64url');

  app.get('/dead-jobs', async (context) => {
    const url = new URL(context.req.url);
    const size = Math.min(positive(url.searchParams.get('size')) ?? DEFAULT_SIZE, MAX_SIZE);
    const offset = Math.min(positive(url.searchParams.get('offset')) ?? 0, MAX_OFFSET);
    const type = url.searchParams.get('type') ?? undefined;
    try {
      const jobs = await deadJobs(site, size, offset, type);
      if (wantsJson(context.req.raw)) return context.json(jobs.map((job) => listed(site, job)));
      const total = await deadTotal(site, type);
      const error = url.searchParams.get('error')?.slice(0, 1_000);
      const { basePath, hideBodies } = settings;
      const page = deadJobsPage({ jobs, total, size, offset, type, error, basePath, pageToken, hideBodies });
      return await context.html(page);
    } catch (error) {
      return context.json({ error: messageOf(error) }, codeOf(error) === 'HOLDFAST_INVALID_ARGUMENT' ? 400 : 500);
    }
  });

  for (const [path, verb] of [
    ['/resurrect-jobs', 'revive'],
    ['/clear-jobs', 'clear'],
  ] as const) {
    app.post(path, async (context) => {
      const back = (error?: string): Response =>
        context.redirect(error === undefined ? home : `${home}?${new URLSearchParams({ error }).toString()}`, 303);
      const asked = await idsOf(context.req.raw, settings.maxBodyBytes, pageToken);
      if (asked === 'foreign') {
        return context.html(refusalPage('Refused', 'This form was not made by this page. Load the page again.'), 403);
      }
      if (typeof asked === 'string') return back(asked);
      try {
        const failed = (await site.engine[verb](asked)).find(({ ok }) => !ok);
        return back(failed?.ok === false ? failed.error.message : undefined);
      } catch (error) {
        return back(messageOf(error));
      }
    });
  }

  app.get('/style.css', () => new Response(STYLE, { headers: { 'content-type': 'text/css; charset=utf-8' } }));
}

/** The ids that were chosen, or what is wrong. */
async function idsOf(request: Request, maxBytes: number, pageToken: string): Promise<readonly string[] | string> {
  if (request.body === null) return 'missing form body';
  if (!FORM.test(request.headers.get('content-type') ?? '')) {
    throw new Problem(415, 'unsupported_media_type', 'A form is expected here; programs use /v1/jobs/revive or clear.');
  }
  const form = new URLSearchParams(await textOf(request, maxBytes));
  const ids = form.getAll('job_ids');
  if (ids.length === 0) return 'no job IDs specified';
  return isSame(form.get('page_token') ?? '', pageToken) ? [...new Set(ids)] : 'foreign';
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** The dead in the order in which they were accepted, from the `offset`th on. */
async function deadJobs(site: Site, size: number, offset: number, type: string | undefined): Promise<JobView[]> {
  const found: JobView[] = [];
  let left = offset;
  let cursor: string | undefined;
  do {
    const limit = Math.min(1_000, Math.max(1, left + size - found.length));
    const page = await site.engine.list({ state: 'dead', type, limit, cursor });
    const skipped = Math.min(left, page.jobs.length);
    left -= skipped;
    found.push(...page.jobs.slice(skipped));
    cursor = page.cursor;
  } while (cursor !== undefined && found.length < size);
  return found.slice(0, size);
}

async function deadTotal({ engine }: Site, type: string | undefined): Promise<number> {
  const rows = (await engine.stats()).filter((row) => type === undefined || row.type === type);
  return rows.reduce((sum, { dead }) => sum + dead, 0);
}

/** A dead job under the names that the Go worker gives: `args` is the payload in base64. */
function listed(site: Site, view: JobView): object {
  const { id, type, createdAt, dueAt, startedAt, finishedAt, attempts, errors, reason } = view;
  const { payload } = shown(site, view);
  return {
    id,
    type,
    args: payload === undefined ? null : Buffer.from(JSON.stringify(payload)).toString('base64'),
    run_at: new Date(dueAt ?? startedAt ?? createdAt).toISOString(),
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(finishedAt ?? createdAt).toISOString(),
    attempts_done: attempts,
    last_attempt_at: startedAt === undefined ? null : new Date(startedAt).toISOString(),
    last_error: errors.at(-1)?.message ?? null,
    reason,
  };
}

function wantsJson(request: Request): boolean {
  return (request.headers.get('accept') ?? '').includes('application/json');
}

function positive(text: string | null): number | undefined {
  const value = Number(text);
  return text !== null && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The page of dead jobs: plain HTML that works without a script. Everything that comes from a job goes through `html`,
 * which escapes it; and what got through it would still meet a policy that lets no script run.
 */
import { html } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import type { JobView } from '../../index.ts';
import { visible, visibleLine } from '../visible.ts';

export interface Page {
  readonly jobs: readonly JobView[];
  readonly total: number;
  readonly size: number;
  readonly offset: number;
  readonly type: string | undefined;
  readonly error: string | undefined;
  readonly basePath: string;
  /** What a form must bring back, so that no other page can send it. */
  readonly pageToken: string;
  readonly hideBodies: boolean;
}

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** Characters of a payload or a stack that are shown; all of it is in the API. */
const MAX_TEXT = 20_000;

export function deadJobsPage(page: Page): Html {
  const { jobs, total, offset, error, basePath } = page;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>Dead jobs (${total})</title>
        <link rel="stylesheet" href="${basePath}/style.css" />
      </head>
      <body>
        <a class="skip" href="#jobs">Skip to the jobs</a>
        <header><h1>Dead jobs</h1></header>
        <main id="jobs">
          ${error === undefined ? '' : html`<p class="error" role="alert">${visibleLine(error)}</p>`}
          <p class="count">
            ${total === 0 || jobs.length === 0 ? 'No dead jobs' : `${offset + 1} to ${offset + jobs.length} of ${total}`}
            ${page.type === undefined ? '' : html`of type <code>${visibleLine(page.type)}</code>`}
          </p>
          ${jobs.length === 0 ? '' : form(page)} ${pager(page)}
        </main>
      </body>
    </html>`;
}

function form({ jobs, basePath, pageToken, hideBodies }: Page): Html {
  return html`<form method="post" action="${basePath}/resurrect-jobs">
    <input type="hidden" name="page_token" value="${pageToken}" />
    <ul class="jobs">
      ${jobs.map((job) => card(job, hideBodies))}
    </ul>
    <div class="actions">
      <button type="submit">Revive the chosen</button>
      <button type="submit" class="danger" formaction="${basePath}/clear-jobs">Clear the chosen</button>
    </div>
  </form>`;
}

function card(job: JobView, hideBodies: boolean): Html {
  const { id, type, queue, errors, reason, attempts, starts, createdAt, startedAt, payload } = job;
  const last = errors.at(-1);
  return html`<li class="job">
    <label class="name">
      <input type="checkbox" name="job_ids" value="${id}" />
      <span>${type} / ${id}</span>
    </label>
    <p class="facts">
      ${startedAt === undefined ? html`never started` : html`last attempt ${time(startedAt)}`}, ${attempts} failed of
      ${starts} started, in queue ${queue}, dead because ${visibleLine(reason ?? 'of an error')}
    </p>
    <p class="last">Last Error: ${last === undefined ? 'none' : visibleLine(last.message)}</p>
    <details>
      <summary>Details</summary>
      <dl>
        <dt>Created</dt>
        <dd>${time(createdAt)}</dd>
        <dt>Payload</dt>
        <dd><pre>${hideBodies ? 'hidden' : bounded(textOf(payload))}</pre></dd>
        ${errors.map(
          (error) =>
            html`<dt>${time(error.at)}, start ${error.start}</dt>
              <dd><pre>${bounded(error.stack ?? `${error.name}: ${error.message}`)}</pre></dd>`,
        )}
      </dl>
    </details>
  </li>`;
}

function pager({ jobs, total, size, offset, type, basePath }: Page): Html {
  const linkTo = (start: number): string => {
    const query = new URLSearchParams({ size: String(size), offset: String(start) });
    if (type !== undefined) query.set('type', type);
    return `${basePath}/dead-jobs?${query.toString()}`;
  };
  return html`<nav aria-label="Pages">
    ${offset > 0 ? html`<a rel="prev" href="${linkTo(Math.max(0, offset - size))}">Previous</a>` : ''}
    ${
      offset + jobs.length < total && jobs.length === size
        ? html`<a rel="next" href="${linkTo(offset + size)}">Next</a>`
        : ''
    }
  </nav>`;
}

function time(at: number): Html {
  const text = new Date(at).toISOString();
  return html`<time datetime="${text}">${text.replace('T', ' ').slice(0, 19)} UTC</time>`;
}

function textOf(payload: unknown): string {
  return payload === undefined ? 'none' : typeof payload === 'string' ? payload : JSON.stringify(payload, undefined, 2);
}

/** The first line end in a `pre` is not shown, so that one is put before what is shown. */
function bounded(text: string): string {
  const shown = text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)} … (${text.length} characters)`;
  return `\n${visible(shown)}`;
}

/** The page of an error that no list can be shown beside. */
export function refusalPage(title: string, message: string): Html {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>${title}</title>
      </head>
      <body>
        <h1>${title}</h1>
        <p>${message}</p>
      </body>
    </html>`;
}

export const STYLE = `:root { --line: #d5d5dc; --soft: #63636e; --bad: #b3261e; --card: #ffffff; --ground: #f6f6f8; --go: #1a56b0; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a3a44; --soft: #a5a5b0; --bad: #ff8a80; --card: #1f1f25; --ground: #141418; --go: #8ab4f8; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); font: 1rem/1.5 system-ui, sans-serif; }
header, main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { margin: 0; font-size: 1.5rem; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; }
.error { padding: .5rem 1rem; border: 1px solid var(--bad); border-radius: .4rem; color: var(--bad); }
.count, .facts, dt { color: var(--soft); }
.jobs { padding: 0; margin: 0; list-style: none; }
.job { margin: 0 0 .75rem; padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; }
.job p { margin: .25rem 0; overflow-wrap: anywhere; }
.name { display: flex; gap: .6rem; align-items: baseline; font-weight: 600; overflow-wrap: anywhere; }
.last { color: var(--bad); }
dd { margin: 0 0 .5rem; }
pre { margin: 0; max-height: 20rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .875rem; }
.actions { position: sticky; bottom: 0; display: flex; gap: .75rem; padding: .75rem 0; background: var(--ground); }
button { padding: .45rem 1rem; border: 1px solid var(--go); border-radius: .4rem; background: var(--go); color: var(--card); font: inherit; cursor: pointer; }
button.danger { border-color: var(--bad); background: transparent; color: var(--bad); }
button:focus-visible, a:focus-visible, input:focus-visible, summary:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
nav { display: flex; gap: 1rem; }
a { color: var(--go); }
`;

/**
 * Who is let in. In this order, the first that is not met answers: the `Host` is one of ours (a web page may have its own
 * name point to this machine, and then `Origin` and `Sec-Fetch-Site` look as if they were ours, but not the `Host`); a
 * browser does not say that another site asks; there are not too many requests; and the request brings the token.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { AdminSettings } from '../options.ts';
import { Problem } from './problem.ts';

export interface Guard {
  /**
   * Gives what to call when the request is answered.
   *
   * @param path without what it is mounted under
   * @throws {Problem} when it is not let in
   */
  admit(request: Request, path: string): Promise<() => void>;
}

/** What anybody who may speak to this machine's loopback may ask: whether it is there. */
const OPEN_PATHS: ReadonlySet<string> = new Set(['/ping', '/healthz', '/readyz', '/style.css']);
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'DELETE']);
/** Pages that a browser opens, so that it may ask the user for the token. */
const PAGES: ReadonlySet<string> = new Set(['/', '/dead-jobs', '/resurrect-jobs', '/clear-jobs']);

/** @param monotonic milliseconds that never go back */
export function createGuard(settings: AdminSettings, monotonic: () => number): Guard {
  const { hosts, maxRequestsPerSecond, maxConcurrent } = settings;
  const expected = settings.token === undefined ? undefined : digest(settings.token);
  let allowance = 2 * maxRequestsPerSecond;
  let countedAt = monotonic();
  let concurrent = 0;

  function isTooMany(): boolean {
    const now = monotonic();
    allowance = Math.min(2 * maxRequestsPerSecond, allowance + ((now - countedAt) / 1_000) * maxRequestsPerSecond);
    countedAt = now;
    if (allowance < 1 || concurrent >= maxConcurrent) return true;
    allowance -= 1;
    return false;
  }

  async function mayEnter(request: Request): Promise<boolean> {
    if (settings.authorize !== undefined) return (await settings.authorize(request)) === true;
    const given = tokenOf(request.headers.get('authorization') ?? '');
    // Both sides are digests of the same length, so the comparison takes as long for every guess.
    return timingSafeEqual(digest(given), expected ?? digest(''));
  }

  return {
    async admit(request, path) {
      const host = hostOf(request);
      if (!hosts.has(host)) throw new Problem(421, 'forbidden', 'This Host is not one of those that are answered.');
      if (!METHODS.has(request.method)) {
        throw new Problem(405, 'method_not_allowed', 'Only GET, HEAD, POST and DELETE are answered.');
      }
      refuseForeigners(request, host);
      if (isTooMany()) throw new Problem(429, 'rate_limited', 'Too many requests; try again in a second.');
      concurrent += 1;
      try {
        if (!OPEN_PATHS.has(path) && !(await mayEnter(request))) throw unauthorized(path);
      } catch (error) {
        concurrent -= 1;
        throw error;
      }
      let isLeft = false;
      return () => {
        if (!isLeft) concurrent -= 1;
        isLeft = true;
      };
    },
  };
}

/** Where a request says it goes; a `Request` made by hand has no such header, and its address says it. */
function hostOf(request: Request): string {
  return (request.headers.get('host') ?? new URL(request.url).host).toLowerCase();
}

/** A browser says where a request comes from, and a page cannot make it lie. Other programs say nothing. */
function refuseForeigners(request: Request, host: string): void {
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  const site = request.headers.get('sec-fetch-site');
  const isOurs = site === null || site === 'same-origin' || (site === 'none' && isReading);
  const origin = request.headers.get('origin');
  if (isOurs && (origin === null || origin.toLowerCase() === `http://${host}`)) return;
  throw new Problem(403, 'forbidden', 'A page of another site may not ask this.');
}

function tokenOf(authorization: string): string {
  const [, scheme = '', value = ''] = /^(bearer|basic) +(\S{1,1024})$/i.exec(authorization) ?? [];
  if (scheme.toLowerCase() !== 'basic') return value;
  const pair = Buffer.from(value, 'base64').toString();
  return pair.slice(pair.indexOf(':') + 1);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

class Unauthorized extends Problem {
  readonly isPage: boolean;

  constructor(isPage: boolean) {
    super(401, 'unauthorized', 'The token is missing or wrong: send it as `Authorization: Bearer <token>`.');
    this.isPage = isPage;
  }
}

function unauthorized(pathname: string): Problem {
  return new Unauthorized(PAGES.has(pathname));
}

/** A browser asks its user for the token of a page; a program is told by the status. */
export function challengeOf(problem: Problem): Readonly<Record<string, string>> {
  if (problem.status === 405) return { allow: 'GET, HEAD, POST, DELETE' };
  if (!(problem instanceof Unauthorized)) return {};
  return { 'www-authenticate': problem.isPage ? 'Basic realm="holdfast", charset="UTF-8"' : 'Bearer' };
}

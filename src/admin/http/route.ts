/** One operation of the API: what it takes, what it answers, how it is told about. The schemas that describe it check it. */
import type { z } from 'zod';
import type { Engine } from '../../index.ts';
import type { AdminSettings } from '../options.ts';
import { jsonOf, queryOf } from './body.ts';
import { Problem } from './problem.ts';
import type { Workers } from './workers.ts';

export type Method = 'GET' | 'POST' | 'DELETE';

/** What operations stand on. */
export interface Site {
  readonly engine: Engine;
  readonly settings: AdminSettings;
  /** Whether who asks is the user of this machine, through the local socket. */
  readonly isTrusted: boolean;
  readonly clock: {
    now(): number;
    /** Calls `ring` every so many ms until it is told to stop; the process need not stay alive for it. */
    every(ms: number, ring: () => void): () => void;
  };
  readonly workers: Workers;
  readonly startedAt: number;
  /** Claims one of the bounded streams; give it back. @throws {Problem} when there are too many */
  claimStream(): () => void;
}

export interface Asked<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly request: Request;
  readonly site: Site;
}

/** An answer; `body` is sent as JSON. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What an operation may answer, for the document. */
export interface AnswerShape {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** @default application/json */
  readonly type?: string;
}

export interface RouteShape<Params extends z.ZodType, Query extends z.ZodType, Body extends z.ZodType> {
  readonly method: Method;
  /** With `:name` for its parts: `/v1/jobs/:id`. */
  readonly path: string;
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answers: Readonly<Record<number, AnswerShape>>;
  readonly handle: (
    asked: Asked<z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Promise<Answer | Response> | Answer | Response;
}

export interface Route extends Omit<RouteShape<z.ZodType, z.ZodType, z.ZodType>, 'handle'> {
  readonly answer: (request: Request, params: unknown, site: Site) => Promise<Response>;
}

export function route<
  Params extends z.ZodType = z.ZodType<undefined>,
  Query extends z.ZodType = z.ZodType<undefined>,
  Body extends z.ZodType = z.ZodType<undefined>,
>(shape: RouteShape<Params, Query, Body>): Route {
  const { handle, ...told } = shape;
  return {
    ...told,
    async answer(request, params, site) {
      const asked = {
        params: checked(shape.params, params, 'path'),
        query: checked(shape.query, queryOf(new URL(request.url)), 'query'),
        body: checked(shape.body, await bodyOf(request, site), 'body'),
      } as Asked<z.output<Params>, z.output<Query>, z.output<Body>>;
      const answer = await handle({ ...asked, request, site });
      return answer instanceof Response ? answer : jsonResponse(answer);
    },
  };
}

async function bodyOf(request: Request, { settings }: Site): Promise<unknown> {
  return request.method === 'GET' || request.method === 'HEAD' ? undefined : jsonOf(request, settings.maxBodyBytes);
}

function checked(schema: z.ZodType | undefined, value: unknown, where: string): unknown {
  if (schema === undefined) return refuseSurplus(value, where);
  const verdict = schema.safeParse(value ?? (where === 'body' ? undefined : {}));
  if (verdict.success) return verdict.data;
  const [issue] = verdict.error.issues;
  const field = issue?.path.map(String).join('.') || keysOf(issue) || where;
  throw new Problem(400, 'invalid_argument', `${where} ${field}: ${issue?.message ?? 'is not as described'}.`, {
    field,
    reason: issue?.message,
  });
}

/** What an operation does not take is a mistake of whoever sends it. */
function refuseSurplus(value: unknown, where: string): undefined {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (value === undefined || (names.length === 0 && !Array.isArray(value))) return undefined;
  throw new Problem(400, 'invalid_argument', `This operation takes no ${where}.`, { field: names[0] ?? where });
}

function keysOf(issue: z.core.$ZodIssue | undefined): string {
  return issue?.code === 'unrecognized_keys' ? issue.keys.join(', ') : '';
}

export function jsonResponse({ status, body, headers = {} }: Answer): Response {
  if (body === undefined) return new Response(null, { status, headers });
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
}

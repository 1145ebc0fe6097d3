/** The options of the admin surface: what each bound is, and what happens at it. Checked once, complete inside. */
import { InvalidArgumentError } from '../index.ts';

export interface AdminOptions {
  /**
   * The exact values of `Host` that are answered, with their port: `['127.0.0.1:4270']`. Everything else is refused before
   * any work, which is what stops a web page that has its own name point to this machine.
   */
  readonly hosts: readonly string[];
  /**
   * The secret every request must bring (`Authorization: Bearer …`, or as the password of `Basic`): at least 32
   * characters. One of `token` and `authorize` is required.
   */
  readonly token?: string;
  /** Asked instead of the token, where the app that mounts this knows its users already. */
  readonly authorize?: (request: Request) => boolean | Promise<boolean>;
  /** Where it is mounted, for links and redirects: `'/admin'`. @default '' */
  readonly basePath?: string;
  /** The largest body of a request, in bytes. @default 1 MiB */
  readonly maxBodyBytes?: number;
  /** How many streams of events may be open at once. @default 16 */
  readonly maxStreams?: number;
  /** How many requests a second are answered, on average; twice as many at once. @default 1,000 */
  readonly maxRequestsPerSecond?: number;
  /** How many requests may be under way at once. @default 64 */
  readonly maxConcurrent?: number;
  /** Payloads, checkpoints and results are left out of every answer, where they are secret. @default false */
  readonly hideBodies?: boolean;
  /** What `GET /metrics` answers with, as Prometheus reads it: `observe(jobs).prometheus`. @default there is none */
  readonly metrics?: () => Promise<string>;
  /** Told what failed inside while a request was answered; the answer says only that something did. @default nobody */
  readonly onError?: (error: unknown) => void;
}

export interface AdminSettings {
  readonly hosts: ReadonlySet<string>;
  readonly token: string | undefined;
  readonly authorize: ((request: Request) => boolean | Promise<boolean>) | undefined;
  readonly basePath: string;
  readonly maxBodyBytes: number;
  readonly maxStreams: number;
  readonly maxRequestsPerSecond: number;
  readonly maxConcurrent: number;
  readonly hideBodies: boolean;
  readonly metrics: (() => Promise<string>) | undefined;
  readonly onError: (error: unknown) => void;
}

/** @throws {InvalidArgumentError} naming the option that is wrong */
export function checkAdminOptions(options: AdminOptions): AdminSettings {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError({
      field: 'options',
      expected: "{ hosts: ['127.0.0.1:4270'], token }",
      got: options,
    });
  }
  const { hosts, token, authorize, basePath = '', hideBodies = false, onError = () => undefined } = options;
  if (!Array.isArray(hosts) || hosts.length === 0 || !hosts.every((host) => HOST.test(String(host)))) {
    throw new InvalidArgumentError({ field: 'hosts', expected: "a list such as ['127.0.0.1:4270']", got: hosts });
  }
  if (token !== undefined && (typeof token !== 'string' || token.length < 32)) {
    throw new InvalidArgumentError({ field: 'token', expected: 'a text of at least 32 characters', got: typeof token });
  }
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw new InvalidArgumentError({ field: 'authorize', expected: 'a function (request) => boolean', got: authorize });
  }
  if (token === undefined && authorize === undefined) {
    throw new InvalidArgumentError({ field: 'token', expected: 'a token, or `authorize`', got: 'neither' });
  }
  if (typeof basePath !== 'string' || !/^(\/[A-Za-z0-9._~-]+)*$/.test(basePath)) {
    throw new InvalidArgumentError({ field: 'basePath', expected: "a path such as '/admin', or ''", got: basePath });
  }
  if (typeof hideBodies !== 'boolean') {
    throw new InvalidArgumentError({ field: 'hideBodies', expected: 'true or false', got: hideBodies });
  }
  if (options.metrics !== undefined && typeof options.metrics !== 'function') {
    throw new InvalidArgumentError({
      field: 'metrics',
      expected: 'a function that gives a text',
      got: options.metrics,
    });
  }
  if (typeof onError !== 'function') {
    throw new InvalidArgumentError({ field: 'onError', expected: 'a function (error) => void', got: onError });
  }
  return {
    onError,
    metrics: options.metrics,
    hosts: new Set(hosts.map((host) => String(host).toLowerCase())),
    token,
    authorize,
    basePath,
    hideBodies,
    maxBodyBytes: bound(options.maxBodyBytes, 'maxBodyBytes', 1024 * 1024, 256 * 1024 * 1024),
    maxStreams: bound(options.maxStreams, 'maxStreams', 16, 10_000),
    maxRequestsPerSecond: bound(options.maxRequestsPerSecond, 'maxRequestsPerSecond', 1_000, 1_000_000),
    maxConcurrent: bound(options.maxConcurrent, 'maxConcurrent', 64, 100_000),
  };
}

/** A name or an address, with its port; `[::1]:4270` too. */
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:\d{1,5})?$/i;

function bound(value: number | undefined, field: string, otherwise: number, most: number): number {
  if (value === undefined) return otherwise;
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new InvalidArgumentError({ field, expected: `an integer from 1 to ${most}`, got: value });
}

/** The methods of schedules: each is checked here, and then asked of the schedules or read from what is stored. */
import type { QueueBook } from './actors/queue-book.ts';
import type { NewJob, SchedulesMessage, Settle } from './actors/messages.ts';
import type { Admission } from './admission.ts';
import type { AnyJobDefinition } from './definition.ts';
import { InvalidArgumentError, ScheduleNotFoundError } from './errors.ts';
import { countDue } from './job/calendar-count.ts';
import { nextAfter } from './job/calendar.ts';
import { checkFlag, checkObject, count, oneOf } from './job/check.ts';
import { momentMs } from './job/duration.ts';
import { decodeJson } from './job/json.ts';
import { nextDue } from './job/judge.ts';
import { decodeDefinition, decodeProgress, type Definition, type Progress, type Template } from './job/schedule.ts';
import type { Clock } from './kernel/clock.ts';
import type { Log } from './log/log.ts';
import type { Schedules, ScheduleView } from './schedule-face.ts';
import {
  checkCatchUp,
  checkScheduleJob,
  checkScheduleName,
  checkScheduleRule,
  type ScheduleJobOptions,
  type ScheduleRule,
} from './schedule-options.ts';

export interface ScheduleMethodParts {
  readonly clock: Clock;
  readonly log: () => Log;
  readonly admission: Admission;
  readonly book: () => QueueBook | undefined;
  readonly askSchedules: <Value>(
    message: (settle: Settle<Value>) => SchedulesMessage,
    isCommand?: boolean,
  ) => Promise<Value>;
}

/** What was said of a schedule. */
interface Given {
  readonly rule: ScheduleRule;
}

export interface ScheduleMethods {
  schedule(
    name: string,
    rule: ScheduleRule,
    job: AnyJobDefinition | string,
    payload?: unknown,
    options?: ScheduleJobOptions,
  ): Promise<ScheduleView>;
  readonly schedules: Schedules;
}

export function scheduleMethods({ clock, log, admission, book, askSchedules }: ScheduleMethodParts): ScheduleMethods {
  /** Waits until all that was asked before is applied and durable. */
  function flush(): Promise<void> {
    return askSchedules<void>((settle) => ({ kind: 'flush', settle }), false);
  }

  function find(name: string): { definition: Definition; progress: Progress } | undefined {
    const { entries } = log().table;
    const [stored, progress] = [entries.get('schedule', name), entries.get('progress', name)];
    if (stored === undefined || progress === undefined) return undefined;
    return { definition: decodeDefinition(stored.value), progress: decodeProgress(progress.value) };
  }

  async function found(name: string): Promise<{ definition: Definition; progress: Progress }> {
    checkScheduleName(name);
    await flush();
    const held = find(name);
    if (held === undefined) throw new ScheduleNotFoundError(name);
    return held;
  }

  function put(name: string, rule: ScheduleRule, template: Template): Promise<void> {
    const checked = checkScheduleRule(rule);
    const given = JSON.stringify({ rule } satisfies Given, (_key, value: unknown) =>
      value === Infinity ? '∞' : value,
    );
    return askSchedules<void>((settle) => ({ kind: 'put', name, ...checked, template, given, settle }));
  }

  async function viewed(name: string): Promise<ScheduleView> {
    const held = await found(name);
    return viewOf(name, held.definition, held.progress);
  }

  const schedules: Schedules = {
    async get(name) {
      checkScheduleName(name);
      await flush();
      const held = find(name);
      return held && viewOf(name, held.definition, held.progress);
    },

    async list(filter = {}) {
      checkObject(filter, 'filter', '{ limit: 100 }');
      const limit = count(filter.limit, 'limit', 200, 1, 1_000);
      const { cursor = '' } = filter;
      if (typeof cursor !== 'string') {
        throw new InvalidArgumentError({ field: 'cursor', expected: 'the cursor of the page before', got: cursor });
      }
      await flush();
      const names = Array.from(log().table.entries.in('schedule'), ({ name }) => name).filter((name) => name > cursor);
      const page = names.sort().slice(0, limit);
      const views = page.flatMap((name) => {
        const held = find(name);
        return held === undefined ? [] : [viewOf(name, held.definition, held.progress)];
      });
      return names.length > limit ? { schedules: views, cursor: page.at(-1) as string } : { schedules: views };
    },

    async preview(schedule, options = {}) {
      checkObject(options, 'options', '{ count: 5 }');
      const most = count(options.count, 'count', 5, 1, 1_000);
      const from = options.from === undefined ? clock.now() : momentMs(options.from, 'from');
      const { plan, startAt } = typeof schedule === 'string' ? await planOf(schedule) : checkScheduleRule(schedule);
      const isFresh = typeof schedule !== 'string' && plan.rule.kind === 'every' && startAt === undefined;
      const rule = isFresh ? { ...plan.rule, anchorAt: from } : plan.rule;
      const moments: number[] = [];
      let at = nextAfter(rule, Math.max(from, (startAt ?? 0) - 1));
      for (; at !== undefined && at <= plan.endAt && moments.length < most; at = nextAfter(rule, at)) moments.push(at);
      return moments;
    },

    async update(name, changes) {
      checkObject(changes, 'changes', "{ cron: '0 4 * * *' }");
      const { definition } = await found(name);
      const { payload, ...fields } = changes;
      const rule = merged(givenOf(definition).rule, fields);
      const { template } = definition;
      const isSame = !Object.hasOwn(changes, 'payload');
      const text = isSame ? template.payload : (await admission.admit(template.type, payload, undefined)).payload;
      await put(name, rule, { ...template, payload: text });
      return viewed(name);
    },

    async pause(name, options = {}) {
      checkScheduleName(name);
      checkObject(options, 'options', "{ reason: 'holidays' }");
      const { reason } = options;
      if (reason !== undefined && typeof reason !== 'string') {
        throw new InvalidArgumentError({ field: 'reason', expected: 'a text', got: reason });
      }
      const until = options.until === undefined ? undefined : momentMs(options.until, 'until');
      return askSchedules<void>((settle) => ({ kind: 'pause', name, reason, until, settle }));
    },

    async resume(name, options = {}) {
      checkScheduleName(name);
      checkObject(options, 'options', "{ catchUp: 'latest' }");
      const catchUp = checkCatchUp(options.catchUp ?? 'none', 'catchUp');
      return askSchedules<void>((settle) => ({ kind: 'resume', name, catchUp, settle }));
    },

    async trigger(name, options = {}) {
      checkObject(options, 'options', '{ payload: … }');
      const { definition } = await found(name);
      const payload = Object.hasOwn(options, 'payload')
        ? { text: (await admission.admit(definition.template.type, options.payload, undefined)).payload }
        : undefined;
      return askSchedules<string>((settle) => ({ kind: 'trigger', name, payload, settle }));
    },

    async backfill(name, options) {
      checkObject(options, 'options', "{ from: '2026-01-01T00:00:00Z', to: '2026-02-01T00:00:00Z' }");
      const from = momentMs(options.from, 'from') - 1;
      const to = momentMs(options.to, 'to');
      const max = count(options.max, 'max', 1_000, 1, 1e6);
      const order = oneOf(options.order, 'order', ['oldest', 'newest']);
      const isParallel = checkFlag(options.parallel ?? false, 'parallel');
      const isDry = checkFlag(options.dryRun ?? false, 'dryRun');
      if (to > clock.now())
        throw new InvalidArgumentError({ field: 'to', expected: 'no moment after now', got: options.to });
      if (to <= from)
        throw new InvalidArgumentError({ field: 'to', expected: 'no moment before from', got: options.to });
      const { rule } = (await found(name)).definition.plan;
      const due = countDue(rule, from, to);
      if (due > max) {
        throw new InvalidArgumentError({ field: 'max', expected: `at least ${due}, as many as there are`, got: max });
      }
      const range = { name, from, to, count: due, rule, order, isParallel };
      if (!isDry) await askSchedules<void>((settle) => ({ kind: 'backfill', ...range, settle }));
      return due;
    },

    async delete(name) {
      checkScheduleName(name);
      return askSchedules<boolean>((settle) => ({ kind: 'delete', name, settle }));
    },
  };

  async function planOf(name: string): Promise<{ plan: Definition['plan']; startAt: number | undefined }> {
    const { plan } = (await found(name)).definition;
    return { plan, startAt: undefined };
  }

  return {
    schedules,
    async schedule(name, rule, job, payload, options) {
      checkScheduleName(name);
      checkScheduleRule(rule);
      const deadlineMs = checkScheduleJob(options);
      const { deadline: _deadline, ...jobOptions } = options ?? {};
      const template = templateOf(await admission.admit(job, payload, jobOptions), deadlineMs);
      await flush();
      const refusal = book()?.refusalOf(template.queue, log().table.queues);
      if (refusal !== undefined) throw refusal;
      await put(name, rule, template);
      return viewed(name);
    },
  };
}

function templateOf(
  { type, queue, priority, key, labels, settings, payload }: NewJob,
  deadlineMs: number | undefined,
): Template {
  return { type, queue, priority, key, tags: labels?.tags, settings, payload, deadlineMs };
}

function givenOf({ given }: Definition): Given {
  return JSON.parse(given, (_key, value: unknown) => (value === '∞' ? Infinity : value)) as Given;
}

/** One of `cron` and `every` takes the place of the other, and an interval has no zone. */
function merged(before: ScheduleRule, changes: ScheduleRule): ScheduleRule {
  const dropped = changes.cron !== undefined ? ['every'] : changes.every !== undefined ? ['cron', 'tz'] : [];
  const kept = Object.entries(before).filter(([field]) => !dropped.includes(field));
  return { ...(Object.fromEntries(kept) as ScheduleRule), ...changes };
}

function viewOf(name: string, definition: Definition, progress: Progress): ScheduleView {
  const { plan, template } = definition;
  const { last, paused, missed } = progress;
  const nextAt = nextDue(plan, progress);
  const view = {
    ...{ name, state: paused !== undefined ? 'paused' : nextAt === undefined ? 'ended' : 'active' },
    ...{ rule: givenOf(definition).rule, tz: plan.rule.kind === 'cron' ? plan.rule.zone : undefined },
    ...{ overlap: plan.overlap, type: template.type, queue: template.queue, priority: template.priority },
    payload: template.payload === undefined ? undefined : decodeJson(template.payload),
    nextAt: paused === undefined ? nextAt : undefined,
    ...{ last, runs: progress.runs, triggers: progress.triggers, skipped: progress.skipped, missed, paused },
    owed: progress.owed.reduce((sum, owed) => sum + owed.count, 0),
    ...{ createdAt: definition.createdAt, changedAt: definition.changedAt },
  };
  return Object.fromEntries(Object.entries(view).filter(([, value]) => value !== undefined)) as unknown as ScheduleView;
}

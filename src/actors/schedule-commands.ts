/** What people ask of schedules: each becomes a change that the journal records, or is refused. */
import { ScheduleNotFoundError, StoreUnavailableError } from '../errors.ts';
import type { Rule } from '../job/calendar.ts';
import { judge } from '../job/judge.ts';
import { newProgress, occurrenceId, type Progress } from '../job/schedule.ts';
import { NONE } from '../schedule-options.ts';
import type { ScheduleCommand, Settle } from './messages.ts';
import type { Held, ScheduleKeeper } from './schedule-keeper.ts';

type CommandOf<Kind extends ScheduleCommand['kind']> = Extract<ScheduleCommand, { kind: Kind }>;

export function carryOutSchedule(keeper: ScheduleKeeper, command: Exclude<ScheduleCommand, { kind: 'flush' }>): void {
  if (keeper.isFull() && ['put', 'trigger', 'backfill'].includes(command.kind)) {
    command.settle.reject(
      new StoreUnavailableError('the disk is full, so nothing new is taken until there is room again'),
    );
    return;
  }
  if (command.kind === 'put') {
    put(keeper, command);
    return;
  }
  const held = keeper.find(command.name);
  if (command.kind === 'delete') {
    if (held === undefined) command.settle.resolve(false);
    else keeper.remove(command.name, answering(command.settle, true));
    return;
  }
  if (held === undefined) {
    command.settle.reject(new ScheduleNotFoundError(command.name));
    return;
  }
  switch (command.kind) {
    case 'pause':
      pause(keeper, command, held);
      break;
    case 'resume':
      resume(keeper, command, held);
      break;
    case 'trigger':
      trigger(keeper, command, held);
      break;
    case 'backfill':
      backfill(keeper, command, held);
      break;
  }
  keeper.look(command.name);
}

function answering<Value>(settle: Settle<Value>, value: Value): Settle<void> {
  return { resolve: () => settle.resolve(value), reject: (error) => settle.reject(error) };
}

/** A new schedule, or another word about one; the same words again change nothing. */
function put(keeper: ScheduleKeeper, command: CommandOf<'put'>): void {
  const { name, startAt, template, given, settle } = command;
  const now = keeper.now();
  const held = keeper.find(name);
  const rule = anchored(command.plan.rule, startAt ?? now, held);
  const plan = { ...command.plan, rule };
  if (held === undefined) {
    const definition = { plan, template, given, createdAt: now, changedAt: now };
    const cursorAt = startAt === undefined ? now : startAt - 1;
    keeper.change(name, undefined, { definition, progress: newProgress(cursorAt), what: 'created', settle });
  } else if (
    held.definition.given === given &&
    isSame(held.definition.template, template) &&
    isSame(held.definition.plan.rule, rule)
  ) {
    keeper.change(name, held, { progress: held.progress, settle });
  } else {
    const definition = { ...held.definition, plan, template, given, changedAt: now };
    // What came before is judged by what held before.
    const { progress, skips } = closed(keeper, held, now);
    const isSameRule = isSame(held.definition.plan.rule, rule);
    const owed = isSameRule
      ? progress.owed
      : progress.owed.map((range) => ({ ...range, rule: range.rule ?? held.definition.plan.rule }));
    const cursorAt = Math.max(progress.cursorAt, now, startAt === undefined ? 0 : startAt - 1);
    keeper.change(name, held, {
      definition,
      progress: { ...progress, owed, cursorAt },
      skips,
      what: 'changed',
      settle,
    });
  }
  keeper.look(name);
}

/** An interval that is set again keeps its beat. */
function anchored(rule: Rule, anchorAt: number, held: Held | undefined): Rule {
  if (rule.kind !== 'every') return rule;
  const before = held?.definition.plan.rule;
  const isKept = rule.anchorAt === 0 && before?.kind === 'every' && before.everyMs === rule.everyMs;
  return isKept ? before : { ...rule, anchorAt };
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** Decides everything up to now, also what lies in a pause. */
function closed(keeper: ScheduleKeeper, held: Held, now: number): ReturnType<typeof judge> {
  const judged = keeper.judged(held);
  if (judged.progress.paused === undefined) return judged;
  const paused = judge(held.definition.plan, judged.progress, now, NONE, 'paused');
  return { progress: paused.progress, skips: [...judged.skips, ...paused.skips] };
}

function pause(keeper: ScheduleKeeper, { name, reason, until, settle }: CommandOf<'pause'>, held: Held): void {
  const { progress, skips } = closed(keeper, held, keeper.now());
  const paused = { at: keeper.now(), reason, until };
  keeper.change(name, held, { progress: { ...progress, paused }, skips, what: 'paused', detail: paused, settle });
}

function resume(keeper: ScheduleKeeper, { name, catchUp, settle }: CommandOf<'resume'>, held: Held): void {
  const { progress, skips } = keeper.judged(held);
  if (progress.paused === undefined) {
    keeper.change(name, held, { progress, skips, settle });
    return;
  }
  const resumed = judge(held.definition.plan, { ...progress, paused: undefined }, keeper.now(), catchUp, 'paused');
  const detail = { pausedAt: progress.paused.at };
  keeper.change(name, held, {
    ...{ progress: resumed.progress, skips: [...skips, ...resumed.skips], what: 'resumed', detail, settle },
  });
}

/** A run now, beside whatever runs. It is the newest one from then on, which the next regular one looks at. */
function trigger(keeper: ScheduleKeeper, { name, payload, settle }: CommandOf<'trigger'>, held: Held): void {
  const at = keeper.now();
  const before = keeper.judged(held);
  const triggers = before.progress.triggers + 1;
  const id = `${occurrenceId(name, at)}:${triggers}`;
  const progress: Progress = {
    ...before.progress,
    ...{ triggers, last: { id, nominalAt: at, at }, chain: 1, isBatch: false },
  };
  const occurrence = { schedule: name, nominalAt: at, cause: 'trigger', lateMs: 0, standsFor: 1, since: at } as const;
  keeper.change(name, held, {
    ...{ progress, skips: before.skips, payload, what: 'triggered', detail: { id }, settle: answering(settle, id) },
    runs: [{ id, occurrence, after: undefined, cancels: undefined }],
  });
}

function backfill(keeper: ScheduleKeeper, command: CommandOf<'backfill'>, held: Held): void {
  const { name, from, to, count, rule, order, isParallel, settle } = command;
  const { progress, skips } = keeper.judged(held);
  const owed = [...progress.owed, { from, to, count, rule, order, isParallel, cause: 'backfill' } as const];
  const changed = { ...progress, owed: count > 0 ? owed : progress.owed };
  keeper.change(name, held, { progress: changed, skips, what: 'backfilled', detail: { from, to, count }, settle });
}

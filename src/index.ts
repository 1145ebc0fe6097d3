export { open } from './engine.ts';
export { defineJob, type AnyJobDefinition, type JobDefinition, type Run } from './definition.ts';
export {
  constant,
  exponential,
  linear,
  linearMod,
  STEPPED,
  stepped,
  type BackoffOption,
  type SteppedName,
} from './job/retry.ts';
export type {
  CloseOptions,
  CloseReport,
  Engine,
  EnqueueEntry,
  EventOptions,
  GraphHandles,
  JobHandles,
  JobPage,
  ListFilter,
  PayloadArguments,
  ScheduleArguments,
  UnregisterOptions,
} from './face.ts';
export type { JobHandle } from './handle.ts';
export type { EntryEventView, EventView, JobErrorView, JobEventView, JobFace, JobLogLine, JobView } from './view.ts';
export type { BackfillOptions, ScheduleListFilter, SchedulePage, Schedules, ScheduleView } from './schedule-face.ts';
export type { CatchUpOptions, Moment, ScheduleJobOptions, ScheduleRule } from './schedule-options.ts';
export type { Cause, Missed, Occurrence, Overlap, SkipReason } from './job/schedule.ts';
export type { ChangeOutcome, JobUpdate, PurgeReport, ReviveOptions } from './changing.ts';
export type { GraphView } from './graph.ts';
export type { JobFilter } from './listing.ts';
export type { CountsOf, JobCounts, QueueStats, TypeStats } from './statistics.ts';
export type { Rate, ThroughputView } from './actors/throughput.ts';
export type { JobState } from './job/machine.ts';
export type { AfterOption, JobOptions } from './job-options.ts';
export type { KeepOptions, OpenOptions } from './options.ts';
export type {
  ConfigureOptions,
  Explanation,
  PauseOptions,
  PauseView,
  QueueChanges,
  QueueMethods,
  QueueView,
  ResumeOptions,
} from './queue-face.ts';
export type { KeyOptions, QueueOptions, RateOptions } from './queue-options.ts';
export type { Reason, ReasonWord } from './actors/explain.ts';
export { verify, type Finding, type ProgressOptions, type Verification } from './log/verify.ts';
export type { OnProgress, Progress } from './log/stored-frames.ts';
export { restore, type BackupReport } from './log/backup.ts';
export { repair, type RepairReport } from './log/repair.ts';
export type { LostJob, MissingFrames, UncertainEntry, UncertainJob } from './log/salvage.ts';
export type { SalvageReport } from './log/set-aside.ts';
export type { RetryOptions, TraceContext } from './policy.ts';
export type { Duration } from './job/duration.ts';
export type { Codec } from './codec.ts';
export { command, type CommandArguments, type CommandOptions, type CommandOutput } from './command.ts';
export type { Middleware, MiddlewareOf, Next } from './middleware.ts';
export type { ContextEnqueue, ContextEnqueueOptions, JobContext, JobLog } from './context.ts';
export * from './errors.ts';

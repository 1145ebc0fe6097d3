/** The door: what a caller wants to enqueue, checked and completed, so that nothing behind it has to doubt it. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { NewJob } from './actors/messages.ts';
import { encoded } from './codec.ts';
import { isDefinition, type AnyJobDefinition } from './definition.ts';
import { InvalidArgumentError, InvalidPayloadError } from './errors.ts';
import { encodeJson } from './job/json.ts';
import { checkType } from './job/name.ts';
import { checkJobOptions, type CheckedJobOptions, type JobOptions } from './job-options.ts';
import type { Limits } from './protocol.ts';
import type { Router } from './router.ts';

export interface Admission {
  /** Checks options alone. @throws {InvalidArgumentError} */
  check(options: JobOptions): CheckedJobOptions;
  /** Checks one job. Only a validator that answers later makes this a promise. @throws typed errors, at once or later */
  admit(job: AnyJobDefinition | string, payload: unknown, options: JobOptions | undefined): NewJob | Promise<NewJob>;
}

export function createAdmission(router: Router, limits: Limits): Admission {
  const jsonLimits = { maxBytes: limits.payloadBytes, maxDepth: limits.depth };

  function definitionOf(
    job: AnyJobDefinition | string,
  ): Pick<AnyJobDefinition, 'type' | 'queue' | 'priority' | 'schema' | 'codec'> {
    if (isDefinition(job)) return concrete(job);
    if (typeof job !== 'string') {
      throw new InvalidArgumentError({ field: 'job', expected: 'a definition made by defineJob, or a type', got: job });
    }
    checkType(job);
    const { queue = 'default', priority = 0, schema, codec } = router.find(job) ?? {};
    return { type: job, queue, priority, schema, codec };
  }

  return {
    check: checkJobOptions,
    admit(job, payload, options) {
      const definition = definitionOf(job);
      const { type, queue, priority, schema, codec } = definition;
      const checked = checkJobOptions(options);
      const accept = (value: unknown): NewJob => ({
        id: checked.id,
        ifExists: checked.ifExists,
        type,
        queue: checked.queue ?? queue,
        priority: checked.priority ?? priority,
        delayMs: checked.delayMs,
        runAt: checked.runAt,
        deadlineAt: checked.deadlineAt,
        parents: checked.parents,
        key: checked.key,
        labels: checked.labels,
        settings: checked.settings,
        payload: encodeJson(encoded(codec, value), 'payload', jsonLimits),
      });
      if (schema === undefined) return accept(payload);
      const verdict = validate(schema, payload);
      return verdict instanceof Promise ? verdict.then((later) => accept(valueOf(later))) : accept(valueOf(verdict));
    },
  };
}

/** @throws {InvalidArgumentError} when the definition is of many types: a job has one */
function concrete(definition: AnyJobDefinition): AnyJobDefinition {
  if (!definition.type.endsWith('*')) return definition;
  throw new InvalidArgumentError({
    field: 'job',
    expected: `a type that begins with '${definition.type.slice(0, -1)}', as a text`,
    got: `the definition of '${definition.type}', which is of many types`,
  });
}

/** A validator that fails itself has refused the payload; what it threw is kept for whoever has to mend it. */
function validate(schema: StandardSchemaV1, payload: unknown): ReturnType<StandardSchemaV1['~standard']['validate']> {
  const fail = (cause: unknown): never => {
    throw new InvalidPayloadError({ path: 'payload', problem: 'its validator failed', cause });
  };
  try {
    const verdict = schema['~standard'].validate(payload);
    return verdict instanceof Promise ? verdict.catch(fail) : verdict;
  } catch (error) {
    return fail(error);
  }
}

function valueOf(verdict: StandardSchemaV1.Result<unknown>): unknown {
  if (verdict.issues === undefined) return verdict.value;
  const [issue] = verdict.issues;
  const keys = issue?.path?.map((part) => String(typeof part === 'object' ? part.key : part)) ?? [];
  const more = verdict.issues.length > 1 ? ` (and ${verdict.issues.length - 1} more)` : '';
  throw new InvalidPayloadError({
    path: ['payload', ...keys].join('.'),
    problem: `${issue?.message ?? 'the validator refused it'}${more}`,
  });
}

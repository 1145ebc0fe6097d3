/** The OpenAPI document, made of the operations and of the schemas that check what they take. */
import { z } from 'zod';
import type { Route } from './route.ts';
import { problem } from './schemas.ts';

type Schema = Record<string, unknown>;

export function openapi(routes: readonly Route[], basePath: string): Schema {
  const components: Record<string, Schema> = {};
  const paths: Record<string, Record<string, Schema>> = {};
  const schemaOf = (type: z.ZodType, io: 'input' | 'output'): Schema => named(type, io, components);
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route, schemaOf) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'holdfast',
      version: '1',
      description: 'Durable jobs inside an app, over HTTP. Moments are epoch ms.',
    },
    servers: [{ url: basePath === '' ? '/' : basePath }],
    security: [{ token: [] }],
    paths,
    components: { schemas: components, securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
  };
}

function operation(route: Route, schemaOf: (type: z.ZodType, io: 'input' | 'output') => Schema): Schema {
  const { id, tag, summary, params, query, body, headers = {}, answers } = route;
  const parameters = [
    ...(params === undefined ? [] : parametersIn('path', schemaOf(params, 'input'))),
    ...(query === undefined ? [] : parametersIn('query', schemaOf(query, 'input'))),
    ...Object.entries(headers).map(([name, description]) => ({
      name,
      in: 'header',
      description,
      schema: { type: 'string' },
    })),
  ];
  const told = Object.entries(answers).map(([status, { description, schema, type = 'application/json' }]) => [
    status,
    { description, ...(schema && { content: { [type]: { schema: schemaOf(schema, 'output') } } }) },
  ]);
  const isRequired = body !== undefined && !body.safeParse(undefined).success;
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { required: isRequired, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
    }),
    responses: {
      ...(Object.fromEntries(told) as Schema),
      default: { description: 'A refusal.', content: { 'application/json': { schema: schemaOf(problem, 'output') } } },
    },
  };
}

function parametersIn(where: 'path' | 'query', schema: Schema): Schema[] {
  const required = (schema['required'] ?? []) as readonly string[];
  return Object.entries((schema['properties'] ?? {}) as Record<string, Schema>).map(([name, shape]) => {
    const { description, ...rest } = shape;
    return {
      name,
      in: where,
      required: required.includes(name),
      ...(description !== undefined && { description }),
      schema: rest,
    };
  });
}

/** A schema as JSON Schema; those with an id stand once among the components. */
function named(type: z.ZodType, io: 'input' | 'output', components: Record<string, Schema>): Schema {
  const {
    $schema: _dialect,
    $defs,
    ...schema
  } = z.toJSONSchema(type, {
    io,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      const told = z.globalRegistry.get(zodSchema) as { override?: Schema } | undefined;
      if (told?.override === undefined) return;
      const { override: _override, description } = jsonSchema as { override?: unknown; description?: string };
      for (const key of Object.keys(jsonSchema)) delete (jsonSchema as Schema)[key];
      Object.assign(jsonSchema, told.override, description === undefined ? {} : { description });
    },
  }) as Schema & { $defs?: Record<string, Schema> };
  for (const [id, definition] of Object.entries($defs ?? {})) components[id] = rewritten(without(definition)) as Schema;
  const own = schema['id'];
  if (typeof own !== 'string') return rewritten(schema) as Schema;
  components[own] = rewritten(without(schema)) as Schema;
  return { $ref: `#/components/schemas/${own}` };
}

function without({ id: _id, $schema: _dialect, ...schema }: Schema): Schema {
  return schema;
}

function rewritten(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(rewritten);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      key,
      key === '$ref' && typeof part === 'string' ? part.replace('#/$defs/', '#/components/schemas/') : rewritten(part),
    ]),
  );
}

/** What stands between a payload and JSON, for values that JSON would change. */
import { InvalidArgumentError, InvalidPayloadError } from './errors.ts';

/**
 * Turns a payload into plain JSON data and back: dates, maps, big numbers, or what a library such as superjson or devalue
 * makes of them. What `encode` gives is stored, so tools can show it, and is checked like any payload.
 */
export interface Codec<Payload = unknown> {
  readonly encode: (payload: Payload) => unknown;
  /** Called before each attempt, with what `encode` gave. An error fails the attempt. */
  readonly decode: (stored: never) => Payload;
}

/** @throws {InvalidArgumentError} */
export function checkCodec(value: unknown, field: string): asserts value is Codec {
  const { encode, decode } = (value ?? {}) as Partial<Codec>;
  if (typeof encode === 'function' && typeof decode === 'function') return;
  throw new InvalidArgumentError({ field, expected: 'an object with two functions, encode and decode', got: value });
}

/** @throws {InvalidPayloadError} */
export function encoded(codec: Codec | undefined, payload: unknown): unknown {
  if (codec === undefined) return payload;
  try {
    return codec.encode(payload);
  } catch (cause) {
    throw new InvalidPayloadError({ path: 'payload', problem: 'its codec failed', cause });
  }
}

/** A handler that is given what the codec makes of a stored payload. */
export function decoding<Context>(
  codec: Codec | undefined,
  handler: (payload: unknown, context: Context) => unknown,
): (payload: unknown, context: Context) => unknown {
  if (codec === undefined) return handler;
  return (stored, context) => handler(codec.decode(stored as never), context);
}

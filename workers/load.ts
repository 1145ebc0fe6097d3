import { checkCodec, decoding, type Codec } from '../src/codec.ts';
import { flattenError, HandlerLoadError } from '../src/errors.ts';
import type { Handler } from '../src/context.ts';

const MAX_PROBLEM = 500;

/**
 * The handler in a module: its default export, which is given what `codec`, if it exports one, makes of the payload. ESM, CommonJS (`module.exports = …`, and `exports.default` as compilers
 * write it), and TypeScript where this Node runs it.
 *
 * @throws HandlerLoadError that names the module and says what is wrong with it.
 */
export async function loadHandler(module: string): Promise<Handler> {
  let loaded: { readonly default?: unknown; readonly codec?: unknown };
  try {
    loaded = (await import(module)) as typeof loaded;
  } catch (error) {
    throw new HandlerLoadError({ module, problem: problemOf(module, error), cause: error });
  }
  const handler = unwrap(loaded.default);
  if (typeof handler === 'function') return decoding(codecOf(module, loaded.codec), handler as Handler);
  const problem = loaded.default === undefined ? 'it has no default export' : `its default export is no function`;
  throw new HandlerLoadError({ module, problem });
}

function codecOf(module: string, codec: unknown): Codec | undefined {
  if (codec === undefined) return undefined;
  checkCodec(codec, `codec of ${module}`);
  return codec;
}

/** What a compiler made of `export default` for CommonJS arrives as `{ default: { default: handler } }`. */
function unwrap(exported: unknown): unknown {
  if (typeof exported !== 'object' || exported === null) return exported;
  const { __esModule: compiled, default: inner } = exported as {
    readonly __esModule?: unknown;
    readonly default?: unknown;
  };
  return compiled === true ? inner : exported;
}

function problemOf(module: string, error: unknown): string {
  const { code, message } = flattenError(error);
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?ts$/.test(module)) {
    return `Node ${process.versions.node} does not run TypeScript; compile the module, or use Node 22.18 or newer`;
  }
  return message.slice(0, MAX_PROBLEM);
}

/** A handler on a thread whose payload goes through a codec. */
export const codec = {
  encode: ({ at }: { at: Date }) => ({ ms: at.getTime() }),
  decode: ({ ms }: { ms: number }) => ({ at: new Date(ms) }),
};

export default function run({ at }: { at: Date }): string {
  return at.toISOString();
}

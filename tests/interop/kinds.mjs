// What may happen to a delivery. Each kind says what a receiver should do, and makes one delivery from a draft.
//
// `make(context, draft)`; the context has `sdk`, `random`, `keys` (current, previous, foreign) and `signed`, which signs.
// `when(sdk)`: the kind exists only for such schemes. `shift`: how the draft's time is moved.

import { changeHeader, changeSignature, changeSignatureBytes, changeTime, signatures, withSignatures } from './signer.mjs';

const accept = (kind, make, rest) => ({ kind, make, expect: 'accept', ...rest });
const refuse = (kind, make, rest) => ({ kind, make, expect: 'refuse', ...rest });
/** The documentation of most providers does not say: only that both sides decide alike is asked for. */
const either = (kind, make, rest) => ({ kind, make, expect: 'either', ...rest });

const genuine = ({ signed, keys }, draft) => signed(draft, keys.current);
/** Signs, then changes the delivery. */
const changed = (change) => async (c, draft) => change(await genuine(c, draft), c);
const body = (change) => changed((d, c) => ({ ...d, body: change(d.body, c.random) }));
const signature = (change) => changed((d, { sdk }) => changeSignature(sdk, d, change));
const signatureBytes = (change) => changed((d, { sdk, random }) => changeSignatureBytes(sdk, d, (b) => change(b, random)));

/** Another letter or digit in place of one: the length stays, and JSON and forms stay well formed. */
function otherCharacter(bytes, random) {
  const places = [...bytes.keys()].filter((n) => /[b-y1-8]/.test(String.fromCharCode(bytes[n])));
  const place = random.pick(places);
  const out = Buffer.from(bytes);
  out[place] += 1;
  return out;
}

function otherBit(bytes, random) {
  const out = Buffer.from(bytes);
  out[random.below(out.length)] ^= 1 << random.below(8);
  return out;
}

const windowed = (sdk) => sdk.window !== undefined;
const timed = (sdk) => sdk.time !== undefined;
const listed = (sdk) => sdk.signature.separator !== undefined;
const prefixed = (sdk) => sdk.signature.prefix !== '';
const HEX = (sdk) => sdk.signature.encoding === 'hex';
const padded = ({ signature: { encoding, sizeVaries } }) => encoding === 'base64' && !sizeVaries;

/** Between time and body there is no separator: what is signed stays the same when a byte crosses over. */
const joined = (sdk) => sdk.joined !== undefined;
const crossed = changed((d, { sdk }) => {
  const timeFirst = sdk.joined === 'time-then-body';
  const crossing = timeFirst ? d.body.subarray(0, 1) : d.body.subarray(-1);
  const rest = timeFirst ? d.body.subarray(1) : d.body.subarray(0, -1);
  return { ...changeTime(sdk, d, (time) => (timeFirst ? time + crossing : crossing + time)), body: rest };
});

const DAY = 86400;
/** Seconds between signing and receiving; negative: the sender's clock is ahead. */
const received = (kind, expect, shift) => ({ kind, expect, shift, make: genuine, when: windowed });

/** The current signature among others that do not match. */
const rotation = (order) => async ({ sdk, signed, keys }, draft) => {
  const good = await signed(draft, keys.current);
  const wrong = signatures(sdk, await signed(draft, keys.foreign))[0];
  const broken = `${sdk.signature.prefix}!`;
  return withSignatures(sdk, good, order({ good: signatures(sdk, good)[0], wrong, broken }));
};

/** Signs two drafts and puts the signature of the second on the first. */
const borrowed = (other) => async ({ sdk, signed, keys, random }, draft) => {
  const first = await signed(draft, keys.current);
  const second = await signed({ ...draft, ...other(draft, random) }, keys.current);
  return withSignatures(sdk, first, signatures(sdk, second));
};

const twoSecrets = (signer, second) => async ({ signed, keys }, draft) =>
  ({ ...await signed(draft, keys[signer]), secrets: [keys.current.verify, keys[second].verify] });

const query = (url, more) => url + (url.includes('?') ? '&' : '?') + more;

export default [
  accept('genuine/other-method', (c, draft) => genuine(c, { ...draft, method: 'PUT' }), { when: (sdk) => sdk.signsMethod }),
  accept('genuine/url-with-query', (c, draft) => genuine(c, { ...draft, url: query(draft.url, 'team=7&tag=a-b') }), { when: (sdk) => sdk.signsUrl }),
  accept('genuine/url-with-escapes', (c, draft) => genuine(c, { ...draft, url: query(draft.url, 'next=%2Fa%3Fb%40c&name=%C3%BC') }), { when: (sdk) => sdk.signsUrl }),
  received('genuine/oldest', 'accept', ({ past }) => past - 1),
  received('genuine/ahead', 'accept', ({ future }) => 2 - future),
  received('stale/two-seconds', 'refuse', ({ past }) => past + 2),
  received('stale/a-day', 'refuse', () => DAY),
  received('stale/years', 'refuse', () => 4 * 365 * DAY),
  received('future/three-seconds', 'refuse', ({ future }) => -future - 3),
  received('future/a-year', 'refuse', () => -365 * DAY),

  refuse('tampered-body/character-changed', body(otherCharacter)),
  refuse('tampered-body/character-added', body((b) => Buffer.concat([b, Buffer.from('x')]))),
  refuse('tampered-body/newline-added', body((b) => Buffer.concat([b, Buffer.from('\n')]))),
  refuse('tampered-body/last-byte-removed', body((b) => b.subarray(0, -1))),
  refuse('tampered-body/cut-in-half', body((b) => b.subarray(0, b.length >> 1))),
  refuse('tampered-body/emptied', body(() => Buffer.alloc(0))),
  refuse('tampered-body/of-another-delivery', async (c, draft) => {
    const other = await genuine(c, { ...draft, body: otherCharacter(Buffer.from(draft.body), c.random).toString() });
    return { ...await genuine(c, draft), body: other.body };
  }),

  refuse('tampered-signature/bit-changed', signatureBytes(otherBit)),
  refuse('tampered-signature/all-zero', signatureBytes((b) => Buffer.alloc(b.length))),
  refuse('tampered-signature/last-byte-removed', signatureBytes((b) => b.subarray(0, -1))),
  refuse('tampered-signature/cut-in-half', signature((text) => text.slice(0, text.length >> 1))),
  refuse('tampered-signature/emptied', signature(() => '')),
  either('tampered-signature/text-appended', signature((text) => `${text}zz`)),
  refuse('tampered-signature/prefix-missing', changed((d, { sdk }) =>
    withSignatures(sdk, d, signatures(sdk, d).map((item) => item.slice(sdk.signature.prefix.length)))), { when: prefixed }),
  refuse('tampered-signature/prefix-changed', changed((d, { sdk }) =>
    withSignatures(sdk, d, signatures(sdk, d).map((item) => `x${item}`))), { when: prefixed }),
  either('tampered-signature/upper-case-hex', signature((text) => text.toUpperCase()), { when: HEX }),
  either('tampered-signature/padding-removed', signature((text) => text.replace(/=+$/, '')), { when: padded }),
  refuse('wrong-key/foreign', ({ signed, keys }, draft) =>
    signed(draft, keys.foreign).then((d) => ({ ...d, secrets: [keys.current.verify] }))),

  refuse('tampered-time/one-second-later', borrowed((draft) => ({ at: draft.at - 1000 })), { when: timed }),
  refuse('tampered-time/no-number', changed((d, { sdk }) => changeTime(sdk, d, () => 'soon')), { when: timed }),
  either('tampered-time/letter-appended', changed((d, { sdk }) => changeTime(sdk, d, (text) => `${text}x`)), { when: timed }),
  refuse('tampered-time/byte-of-the-body-moved-in', crossed, { when: joined }),
  refuse('tampered-id', borrowed((draft, random) => ({ id: `msg_${random.text(20)}` })), { when: (sdk) => sdk.idHeader }),
  refuse('tampered-url/path-changed', changed((d) => ({ ...d, url: d.url.replace('/hooks/', '/hook/') })), { when: (sdk) => sdk.signsUrl }),
  refuse('tampered-url/query-added', changed((d) => ({ ...d, url: query(d.url, 'admin=1') })), { when: (sdk) => sdk.signsUrl }),
  refuse('tampered-method', changed((d) => ({ ...d, method: 'PUT' })), { when: (sdk) => sdk.signsMethod }),

  refuse('missing/signature', changed((d, { sdk }) => changeHeader(d, sdk.signature.header, () => null))),
  refuse('missing/signature-text', changed((d, { sdk }) => changeHeader(d, sdk.signature.header, () => ''))),
  refuse('missing/time', changed((d, { sdk }) => changeTime(sdk, d, () => null)), { when: timed }),
  refuse('missing/id', changed((d, { sdk }) => changeHeader(d, sdk.idHeader, () => null)), { when: (sdk) => sdk.idHeader }),

  // The receiver has two secrets for a while.
  accept('rotation/receiver-new', twoSecrets('current', 'previous')),
  accept('rotation/receiver-old', twoSecrets('previous', 'previous')),
  refuse('rotation/receiver-neither', twoSecrets('foreign', 'previous')),
  // The sender signs with two secrets for a while.
  accept('rotation/sender-good-first', rotation(({ good, wrong }) => [good, wrong]), { when: listed }),
  accept('rotation/sender-good-last', rotation(({ good, wrong }) => [wrong, good]), { when: listed }),
  accept('rotation/sender-broken-first', rotation(({ good, broken }) => [broken, good]), { when: listed }),
  refuse('rotation/sender-none-good', rotation(({ wrong, broken }) => [wrong, broken, wrong]), { when: listed }),
];

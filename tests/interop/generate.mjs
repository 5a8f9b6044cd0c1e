// Makes the deliveries of one provider: every kind of kinds.mjs, with bodies of every form.

import { FIELD_BODIES, FORM_BODIES, JSON_BODIES, REWRITTEN } from './bodies.mjs';
import KINDS from './kinds.mjs';
import { changeHeader, newKey, sign } from './signer.mjs';

const EPOCH = 1795521600; // 24 November 2026, 12:00 UTC: runs with one seed are equal on every day

const TARGETS = ['/hooks/in', '/hooks/a-b_c~d/in', '/hooks/in/7', '/hooks/in?team=7&tag=a-b'];

/** Body name -> maker of the text. */
function bodiesOf(sdk) {
  if (sdk.fieldForms) return FIELD_BODIES;
  return { ...JSON_BODIES, ...(sdk.forms ? FORM_BODIES : {}), ...sdk.bodies };
}

/** Everything that a signature covers, for one delivery. `age`: seconds from signing to receiving. */
export function newDraft(sdk, random, bodyName, age) {
  const now = EPOCH + random.below(30 * 86400);
  // Part of a second, so that times in milliseconds are met; it makes the delivery younger than `age`.
  const at = (now - age) * 1000 + random.below(1000);
  const isForm = sdk.fieldForms || bodyName in FORM_BODIES;
  return {
    now,
    at,
    body: bodiesOf(sdk)[bodyName](random, sdk.fields?.(at) ?? {}),
    contentType: isForm ? 'application/x-www-form-urlencoded' : 'application/json',
    id: `msg_${random.text(24)}`,
    method: 'POST',
    url: `https://hooks.example.test${random.pick(TARGETS)}`,
    lower: random.below(2) === 0,
  };
}

const youngest = (sdk, random) => 1 + random.below(Math.min(sdk.window?.past ?? 60, 60) - 2);

export const bodyNames = (sdk) => Object.keys(bodiesOf(sdk));

export const newDraftOfAge = (sdk, random, bodyName) => newDraft(sdk, random, bodyName, youngest(sdk, random));

/** At least `count` deliveries: `{ kind, expect, delivery }`. */
export async function deliveries(sdk, random, count) {
  const keys = { current: newKey(sdk, random), previous: newKey(sdk, random), foreign: newKey(sdk, random) };
  const context = {
    sdk,
    random,
    keys,
    changeHeader,
    signed: (draft, key) => sign(sdk, draft, key),
    signedBy: (draft, signWith) => sign(sdk, draft, keys.current, signWith),
  };
  const kinds = [...KINDS.filter(({ when }) => when === undefined || when(sdk)), ...(sdk.more ?? [])];
  // A changed delivery has a body that an SDK would write the same way: so the change alone decides.
  const usual = bodyNames(sdk).filter((name) => name in { ...JSON_BODIES, ...FORM_BODIES, ...FIELD_BODIES }
    && name !== 'empty-object' && name !== 'large' && !REWRITTEN.includes(name));
  const made = [];
  for (const bodyName of [...bodyNames(sdk), ...bodyNames(sdk)]) {
    const draft = newDraftOfAge(sdk, random, bodyName);
    made.push({ kind: `genuine/${bodyName}`, expect: 'accept', delivery: await context.signed(draft, keys.current) });
  }
  for (let n = 0; made.length < count || n % kinds.length !== 0; n += 1) {
    const { kind, expect, shift, make } = kinds[n % kinds.length];
    const bodyName = usual[(n + Math.floor(n / kinds.length)) % usual.length];
    const age = shift ? shift(sdk.window) : youngest(sdk, random);
    made.push({ kind, expect, delivery: await make(context, newDraft(sdk, random, bodyName, age)) });
  }
  return made;
}

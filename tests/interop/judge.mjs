// Asks an SDK, asks our engine, and compares.

import { at } from './clock.mjs';
import { bodyNames, deliveries, newDraftOfAge } from './generate.mjs';
import { seeded } from './random.mjs';
import { newKey } from './signer.mjs';

/** What the SDK says: with several secrets, any may match, as a caller would try them. */
async function ask(sdk, delivery) {
  let why = '';
  for (const secret of delivery.secrets) {
    try {
      if (await at(delivery.now, () => sdk.verify(delivery, secret)) === true) return { accepts: true, why: '' };
      why ||= 'refused';
    } catch (error) {
      why ||= error instanceof Error ? error.message : String(error);
    }
  }
  return { accepts: false, why };
}

const word = (accepts) => (accepts ? 'accepts' : 'refuses');

/** Deliveries signed by the SDK, or as the provider documents: our verdict beside the SDK's. */
export async function judgeVerifier(sdk, engine, seed, count) {
  const made = await deliveries(sdk, seeded(`${seed}:${sdk.id}`), count);
  const ours = made.map(({ delivery }) => engine.verify(sdk.id, delivery));
  ours.forEach((answer) => answer.catch(() => {})); // awaited below; not "unhandled" until then
  const results = [];
  for (const [n, { kind, expect, delivery }] of made.entries()) {
    const theirs = await ask(sdk, delivery);
    const answer = await ours[n];
    const our = answer.genuine === true;
    const answered = typeof answer.genuine === 'boolean' && answer.error === undefined;
    const wanted = expect === 'either' ? our : expect === 'accept';
    results.push({
      kind,
      agreed: answered && our === theirs.accepts && our === wanted,
      // A listed reason is about the SDK: it never excuses a wrong verdict of ours.
      oursIsRight: answered && our === wanted,
      sdk: word(theirs.accepts),
      text: `the SDK ${word(theirs.accepts)} it (${theirs.why}), we say ${answer.reason ?? answer.error ?? word(our)}, ${expect} was expected`,
    });
  }
  return results;
}

/** Deliveries signed by our signer: the SDK has to accept them. */
export async function judgeSigner(sdk, engine, seed, rounds) {
  const random = seeded(`${seed}:${sdk.id}:signer`);
  const results = [];
  for (let n = 0; n < rounds; n += 1) {
    for (const bodyName of bodyNames(sdk)) {
      const key = newKey(sdk, random);
      const draft = newDraftOfAge(sdk, random, bodyName);
      const answer = await engine.sign(sdk.id, key.sign, draft);
      const kind = `signed-by-us/${bodyName}`;
      if (answer.error !== undefined) {
        results.push({ kind, agreed: false, oursIsRight: false, sdk: 'refuses', text: `we cannot sign it: ${answer.error}` });
        continue;
      }
      const companions = { 'Content-Type': draft.contentType, ...sdk.companions };
      const theirs = await ask(sdk, {
        ...draft,
        body: Buffer.from(draft.body),
        url: answer.url ?? draft.url,
        headers: [...Object.entries(companions), ...answer.headers],
        secrets: [key.verify],
      });
      results.push({
        kind,
        agreed: theirs.accepts,
        oursIsRight: true,
        sdk: word(theirs.accepts),
        text: `the SDK ${word(theirs.accepts)} it (${theirs.why})`,
      });
    }
  }
  return results;
}

/** What `countersign trigger` sends of each sample event, and of its retry: the SDK has to accept it. */
export async function judgeSamples(sdk, engine, seed) {
  const random = seeded(`${seed}:${sdk.id}:samples`);
  const key = newKey(sdk, random);
  const draft = newDraftOfAge(sdk, random, bodyNames(sdk)[0]);
  const answer = await engine.samples(sdk.id, key.sign, draft, sdk.companions ?? {});
  if (answer.error !== undefined) {
    return [{ kind: 'sample', agreed: false, oursIsRight: false, sdk: 'refuses', text: `we cannot send it: ${answer.error}` }];
  }
  const results = [];
  for (const { kind, url, headers, body } of answer.requests) {
    const theirs = await ask(sdk, { ...draft, url, headers, body: Buffer.from(body, 'base64'), secrets: [key.verify] });
    results.push({
      kind: `sample/${kind}`,
      agreed: theirs.accepts,
      oursIsRight: true,
      sdk: word(theirs.accepts),
      text: `the SDK ${word(theirs.accepts)} it (${theirs.why})`,
    });
  }
  return results;
}

// Standard Webhooks and its relatives: `id.time.body`, a list of signatures, the time in seconds.

import Anthropic from '@anthropic-ai/sdk';
import { verifyWebhook } from '@clerk/backend/webhooks';
import { WebhookHandler } from '@liveblocks/node';
import { webhooks as polar } from '@polar-sh/sdk/2027-01';
import { SeamWebhook } from '@seamapi/webhook';
import { Finch } from '@tryfinch/finch-api';
import { verifyWebhookSignature } from 'creem/webhooks';
import DodoPayments from 'dodopayments';
import OpenAI from 'openai';
import { validateWebhook } from 'replicate';
import { Resend } from 'resend';
import { Webhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { header, headersOf, hmac, prefixedSecret, seconds, text } from './signing.mjs';

/** What all of them share. `family` starts the names of the three headers. */
const standard = (id, pkg, verify, { family = 'webhook', ...rest } = {}) => ({
  id,
  package: pkg,
  official: true,
  secret: prefixedSecret,
  window: { past: 300, future: 300 },
  signature: { header: `${family}-signature`, encoding: 'base64', prefix: 'v1,', separator: ' ' },
  time: { header: `${family}-timestamp` },
  idHeader: `${family}-id`,
  sign: ({ secret, body, at, id: eventId }) => ({
    headers: {
      [`${family}-id`]: eventId,
      [`${family}-timestamp`]: seconds(at),
      [`${family}-signature`]: new Webhook(secret).sign(eventId, new Date(at), body),
    },
  }),
  verify,
  ...rest,
});

const svix = (id, pkg, verify) => standard(id, pkg, verify, { family: 'svix' });

/** Providers without a verifier of their own: they name the reference library in their docs. */
const reference = (id, rest = {}) =>
  standard(id, 'standardwebhooks', (d, secret) => new Webhook(secret).verify(text(d), headersOf(d)) !== null, rest);

const bareSecret = (random) => random.bytes(24).toString('base64');
const withoutVersion = (secret) => secret.replace(/^v1,/, '');

const stainless = { apiKey: 'unused' };
const anthropic = new Anthropic(stainless);
const dodo = new DodoPayments({ bearerToken: 'unused' });
const finch = new Finch({ accessToken: 'unused' });
const openai = new OpenAI(stainless);
const resend = new Resend('re_unused');

export default [
  reference('standard-webhooks'),
  { ...reference('brex'), official: false, secret: bareSecret },
  { ...reference('gemini'), official: false },
  { ...reference('gitlab-signed'), official: false },
  {
    // The console shows `v1,` before the secret; the documentation tells the caller to strip it.
    ...reference('supabase-auth-hooks'),
    official: false,
    secret: (random) => `v1,${prefixedSecret(random)}`,
    sign: (draft) => standard('', '').sign({ ...draft, secret: withoutVersion(draft.secret) }),
    verify: (d, secret) => new Webhook(withoutVersion(secret)).verify(text(d), headersOf(d)) !== null,
  },

  standard('anthropic', '@anthropic-ai/sdk', (d, key) =>
    anthropic.beta.webhooks.unwrap(text(d), { headers: headersOf(d), key }) !== null),
  standard('dodo', 'dodopayments', (d, key) => dodo.webhooks.unwrap(text(d), { headers: headersOf(d), key }) !== null),
  standard('creem', 'creem', async (d, secret) => {
    await verifyWebhookSignature(text(d), headersOf(d), secret);
    return true;
  }),
  standard('openai', 'openai', async (d, secret) => {
    await openai.webhooks.verifySignature(text(d), headersOf(d), secret);
    return true;
  }),
  standard('replicate', 'replicate', (d, secret) =>
    validateWebhook({ headers: headersOf(d), body: text(d) }, secret)),
  standard('liveblocks', '@liveblocks/node', (d, secret) => {
    new WebhookHandler(secret).verifyRequest({ headers: headersOf(d), rawBody: text(d) });
    return true;
  }, { fields: () => ({ type: 'roomCreated' }) }), // the SDK refuses a body without a known type

  standard('polar', '@polar-sh/sdk', async (d, secret) => {
    await polar.validateEvent(text(d), headersOf(d), secret);
    return true;
  }, {
    fields: () => ({ type: 'order.paid' }), // as above
    // Polar read its secrets as text at first, and now as base64: the SDK takes both.
    sign: ({ secret, body, at, id }) => ({
      headers: {
        'webhook-id': id,
        'webhook-timestamp': seconds(at),
        'webhook-signature': `v1,${hmac(secret, `${id}.${seconds(at)}.${body}`, 'base64')}`,
      },
    }),
    more: [{
      kind: 'genuine/key-read-as-base64',
      expect: 'accept',
      make: ({ keys, signedBy }, draft) =>
        signedBy(draft, (d) => standard('', '').sign({ ...d, secret: keys.current.sign })),
    }],
  }),

  {
    ...standard('finch', '@tryfinch/finch-api', (d, secret) => {
      finch.webhooks.verifySignature(text(d), headersOf(d), secret);
      return true;
    }),
    secret: bareSecret,
    signature: { header: 'Finch-Signature', encoding: 'base64', prefix: 'v1,', separator: ' ' },
    time: { header: 'Finch-Timestamp' },
    idHeader: 'Finch-Event-Id',
    sign: ({ secret, body, at, id }) => ({
      headers: {
        'Finch-Event-Id': id,
        'Finch-Timestamp': seconds(at),
        'Finch-Signature': finch.webhooks.signPayload(body, {
          eventId: id,
          timestamp: new Date(Math.floor(at / 1000) * 1000),
          secret: Buffer.from(secret, 'base64'),
        }),
      },
    }),
  },

  svix('svix', 'svix', (d, secret) => new SvixWebhook(secret).verify(text(d), headersOf(d)) !== null),
  svix('seam', '@seamapi/webhook', (d, secret) => new SeamWebhook(secret).verify(text(d), headersOf(d)) !== null),
  svix('resend', 'resend', (d, webhookSecret) =>
    resend.webhooks.verify({
      payload: text(d),
      headers: { id: header(d, 'svix-id'), timestamp: header(d, 'svix-timestamp'), signature: header(d, 'svix-signature') },
      webhookSecret,
    }) !== null),
  svix('clerk', '@clerk/backend', async (d, signingSecret) => {
    const request = new Request(d.url, { method: d.method, headers: d.headers, body: d.body });
    await verifyWebhook(request, { signingSecret });
    return true;
  }),
];

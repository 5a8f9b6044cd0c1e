// An HMAC over a time and the body; the time has a header of its own.

import { verifyWebhookRequest } from '@lovable.dev/webhooks-js';
import bolt from '@slack/bolt';
import { WebhooksManager } from 'box-node-sdk/managers/webhooks';
import { Crisp } from 'crisp-api';
import { Orb } from 'orb-billing';
import { WebflowClient } from 'webflow-api';
import { header, headersOf, hmac, seconds, text, textSecret } from './signing.mjs';

const timed = (id, pkg, { past, future, name, time, prefix = '', encoding = 'hex', write = seconds, content }, verify, rest = {}) => ({
  id,
  package: pkg,
  official: true,
  secret: textSecret,
  window: { past, future },
  signature: { header: name, encoding, prefix },
  time: { header: time },
  sign: ({ secret, body, at }) => ({
    headers: { [time]: write(at), [name]: prefix + hmac(secret, content(write(at), body), encoding) },
  }),
  verify,
  ...rest,
});

const milliseconds = (at) => String(at);

const crisp = new Crisp();
const orb = new Orb({ apiKey: 'unused' });
const webflow = new WebflowClient({ accessToken: 'unused' });

const boxTime = (at) => new Date(at).toISOString().replace(/\.\d+Z$/, '-00:00');

export default [
  timed('slack', '@slack/bolt', {
    past: 300, future: 300, name: 'X-Slack-Signature', time: 'X-Slack-Request-Timestamp', prefix: 'v0=',
    content: (time, body) => `v0:${time}:${body}`,
  }, (d, signingSecret) => {
    bolt.verifySlackRequest({ signingSecret, headers: headersOf(d), body: text(d) });
    return true;
  }, { forms: true }),

  timed('crisp', 'crisp-api', {
    past: 300, future: 300, name: 'X-Crisp-Signature', time: 'X-Crisp-Request-Timestamp', write: milliseconds,
    content: (time, body) => `[${time};${body}]`,
  }, (d, secret) =>
    crisp.verifyWidget(secret, JSON.parse(text(d)), header(d, 'x-crisp-request-timestamp'), header(d, 'x-crisp-signature'))),

  timed('lovable', '@lovable.dev/webhooks-js', {
    past: 300, future: 300, name: 'x-lovable-signature', time: 'x-lovable-timestamp', prefix: 'sha256=',
    content: (time, body) => `${time}.${body}`,
  }, async (d, secret) => {
    const req = new Request(d.url, { method: d.method, headers: d.headers, body: d.body });
    return (await verifyWebhookRequest({ req, secret })).timestamp !== '';
  }),

  timed('orb', 'orb-billing', {
    past: 300, future: 300, name: 'X-Orb-Signature', time: 'X-Orb-Timestamp', prefix: 'v1=',
    write: (at) => new Date(at).toISOString().slice(0, -1), // without a zone: it is UTC
    content: (time, body) => `v1:${time}:${body}`,
  }, (d, secret) => {
    orb.webhooks.verifySignature(text(d), headersOf(d), secret);
    return true;
  }, { signature: { header: 'X-Orb-Signature', encoding: 'hex', prefix: 'v1=', separator: ' ' } }),

  timed('webflow', 'webflow-api', {
    past: 300, future: 300, name: 'x-webflow-signature', time: 'x-webflow-timestamp', write: milliseconds,
    content: (time, body) => `${time}:${body}`,
  }, (d, secret) => webflow.webhooks.verifySignature({ headers: headersOf(d), body: text(d), secret })),

  timed('box', 'box-node-sdk', {
    past: 600, future: 600, name: 'BOX-SIGNATURE-PRIMARY', time: 'BOX-DELIVERY-TIMESTAMP', encoding: 'base64',
    write: boxTime,
    content: (time, body) => body + time,
  }, (d, secret) => WebhooksManager.validateMessage(text(d), headersOf(d), secret, { secondaryKey: secret }), {
    joined: 'body-then-time',
    companions: { 'BOX-SIGNATURE-VERSION': '1', 'BOX-SIGNATURE-ALGORITHM': 'HmacSHA256' },
    more: [{
      // While keys rotate, each of the two keys signs into a header of its own.
      kind: 'rotation/second-header',
      expect: 'accept',
      make: async ({ keys, signed, changeHeader }, draft) => {
        const good = await signed(draft, keys.current);
        const other = await signed(draft, keys.foreign);
        const first = header(good, 'box-signature-primary');
        const moved = changeHeader(good, 'BOX-SIGNATURE-PRIMARY', () => header(other, 'box-signature-primary'));
        return { ...moved, headers: [...moved.headers, ['BOX-SIGNATURE-SECONDARY', first]] };
      },
    }],
  }),
];
